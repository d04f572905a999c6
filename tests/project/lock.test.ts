import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockProject } from '../../src/project/lock.js';
import { actionRoot } from '../../src/shipped.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { startTypeScript } from '../support/typescript.js';

const newFolder = temporaryFolders();

/** The number of a process that has ended. */
function endedProcess(): number {
  const { pid } = spawnSync('true');
  return pid;
}

test('a project is locked by one build and free again after it', async () => {
  const folder = await newFolder();
  const unlock = await lockProject(folder);
  expect(await readFile(join(folder, '.build.lock'), 'utf8')).toBe(`${process.pid}\n`);
  expect((await userError(() => lockProject(folder))).message).toContain(`process ${process.pid}`);
  await unlock();
  expect(await readdir(folder)).toEqual([]);
  await (await lockProject(folder))();
});

test('the lock of a running process is respected', async () => {
  const folder = await newFolder();
  const other = spawn('sleep', ['60']);
  await once(other, 'spawn');
  try {
    await writeFile(join(folder, '.build.lock'), `${other.pid}\n`);
    const error = await userError(() => lockProject(folder));
    expect(error.message).toContain(`process ${other.pid}`);
    expect(error.hint).toContain('.build.lock');
    expect(await readFile(join(folder, '.build.lock'), 'utf8')).toBe(`${other.pid}\n`);
  } finally {
    other.kill();
  }
});

test.each([
  ['of a process that has ended', () => `${endedProcess()}\n`],
  ['of our own number, left by an earlier run in a container', () => `${process.pid}\n`],
  ['that names no process', () => 'locked by build_video.sh\n'],
])('a lock %s is taken over', async (_, text) => {
  const folder = await newFolder();
  await writeFile(join(folder, '.build.lock'), text());
  const unlock = await lockProject(folder);
  expect(await readFile(join(folder, '.build.lock'), 'utf8')).toBe(`${process.pid}\n`);
  expect(await readdir(folder)).toEqual(['.build.lock']);
  await unlock();
});

test('an empty lock is another build that has just begun, unless it is old', async () => {
  const folder = await newFolder();
  const path = join(folder, '.build.lock');
  await writeFile(path, '');
  await userError(() => lockProject(folder));
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(path, longAgo, longAgo);
  await (await lockProject(folder))();
});

test('of many processes that come at once to an abandoned lock, one gets the project', async () => {
  const folder = await newFolder();
  const program = join(folder, 'take.ts');
  const source = join(actionRoot(), 'src', 'project', 'lock.ts');
  await writeFile(
    program,
    `import { existsSync } from 'node:fs';
     import { lockProject } from ${JSON.stringify(source)};
     process.stdout.write('ready\\n');
     while (!existsSync(process.argv[3])) {}
     const taken = await lockProject(process.argv[2]).then(() => true, () => false);
     process.stdout.write(String(taken));
     setTimeout(() => {}, 60_000);`,
  );
  for (let round = 0; round < 3; round++) {
    const project = await newFolder();
    const go = join(project, 'go');
    await writeFile(join(project, '.build.lock'), `${endedProcess()}\n`);
    const rivals = Array.from({ length: 4 }, () => startTypeScript(program, [project, go]));
    for (const rival of rivals) await rival.until('ready');
    await writeFile(go, '');
    const said = await Promise.all(rivals.map((rival) => rival.until(/true|false/)));
    for (const rival of rivals) rival.kill();
    expect(said.sort()).toEqual(['false', 'false', 'false', 'true']);
  }
});

test('a folder that cannot be written to is told', async () => {
  const error = await userError(() => lockProject('/sys'));
  expect(error.message).toContain('cannot write to the project folder');
});

test('a folder that is not there is told as what it is', async () => {
  const error = await userError(() => lockProject(join('/nowhere', 'at-all')));
  expect(error.message).toContain('no project_state.json in /nowhere/at-all');
});
