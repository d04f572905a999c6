import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';

/**
 * Takes the project's `.build.lock`, so that no two builds write the same project. A lock whose process is gone is taken
 * over. Returns what gives it back. Throws UserError where another build is running.
 */
export async function lockProject(projectDir: string): Promise<() => Promise<void>> {
  const path = join(projectDir, '.build.lock');
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(path, `${process.pid}\n`, { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EEXIST') {
        throw new UserError(`cannot write to the project folder ${projectDir} (${code})`, {
          hint: 'The build writes media/, log/, project_state.json and final_video.mp4 there.',
          cause: error,
        });
      }
    }
    const holder = Number((await readFile(path, 'utf8').catch(() => '')).trim());
    if (attempt > 0 || (holder > 0 && isAlive(holder))) {
      throw new UserError(`another build of this project is running (process ${holder})`, {
        place: { file: path },
        hint: 'Wait for it to end. If there is none, remove .build.lock.',
      });
    }
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
