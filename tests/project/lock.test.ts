import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
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
  expect(await readFile(join(folder, '.build.lock'), 'utf8')).toMatch(new RegExp(`^${process.pid}\\n`));
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

/** The lock of this process as it writes it: its number, then its start and where its number means something. */
async function ownLock(): Promise<[pid: string, start: string, space: string]> {
  const folder = await newFolder();
  const unlock = await lockProject(folder);
  const text = await readFile(join(folder, '.build.lock'), 'utf8');
  await unlock();
  return text.trim().split(/\s/) as [string, string, string];
}

const MINUTES_AGO = new Date(Date.now() - 600_000);
const YEARS_AGO = new Date('2001-01-01');
const ELSEWHERE = '0123456789';

test.each<[string, (folder: string) => Promise<unknown>]>([
  ['of a process that has ended', (lock) => writeFile(lock, `${endedProcess()}\n`)],
  ['of our own number, left by an earlier run in a container', (lock) => writeFile(lock, `${process.pid}\n`)],
  ['that names no process', (lock) => writeFile(lock, 'locked by build_video.sh\n')],
  ['of bytes', (lock) => writeFile(lock, Buffer.alloc(100_000, 0xff))],
  ['of a number that no process can have', (lock) => writeFile(lock, '4294967299\n')],
  [
    'of an ended process whose number another has by now',
    async (lock) => {
      const [, , space] = await ownLock();
      await writeFile(lock, `${process.ppid}\n1 ${space}\n`);
    },
  ],
  [
    'of an earlier version, whose number another process has by now',
    async (lock) => {
      await writeFile(lock, `${process.ppid}\n`);
      await utimes(lock, YEARS_AGO, YEARS_AGO);
    },
  ],
  [
    'of another container that has been silent for minutes',
    async (lock) => {
      await writeFile(lock, `${process.ppid}\n1 ${ELSEWHERE}\n`);
      await utimes(lock, MINUTES_AGO, MINUTES_AGO);
    },
  ],
  ['that is a link to nowhere', (lock) => symlink('/nowhere/at-all', lock)],
  [
    'that is a link to the lock of a running process',
    async (lock) => {
      await writeFile(`${lock}.target`, `${process.ppid}\n`);
      await symlink(`${lock}.target`, lock);
    },
  ],
])('a lock %s is taken over', async (_, make) => {
  const folder = await newFolder();
  const lock = join(folder, '.build.lock');
  await make(lock);
  const unlock = await lockProject(folder);
  expect(await readFile(lock, 'utf8')).toMatch(new RegExp(`^${process.pid}\\n\\S+ \\w{10}\\n$`));
  await unlock();
  // what a link leads to is not ours
  expect((await readdir(folder)).filter((name) => !name.endsWith('.target'))).toEqual([]);
  if (existsSync(`${lock}.target`)) expect(await readFile(`${lock}.target`, 'utf8')).toBe(`${process.ppid}\n`);
});

test.each<[string, (lock: string) => Promise<unknown>, RegExp]>([
  [
    'of another container that showed a sign of life just now',
    (lock) => writeFile(lock, `${process.ppid}\n1 ${ELSEWHERE}\n`),
    /another build.*in another container/,
  ],
  ['that is a folder', (lock) => mkdir(lock), /is not a file/],
  ['that is a pipe', async (lock) => spawnSync('mkfifo', [lock]), /is not a file/],
])('a lock %s is respected', async (_, make, message) => {
  const folder = await newFolder();
  const lock = join(folder, '.build.lock');
  await make(lock);
  expect((await userError(() => lockProject(folder))).message).toMatch(message);
  expect(await readdir(folder)).toEqual(['.build.lock']);
});

test('a lock that was removed by hand and taken by another build is not given back', async () => {
  const folder = await newFolder();
  const lock = join(folder, '.build.lock');
  const unlock = await lockProject(folder);
  spawnSync('rm', [lock]);
  await writeFile(lock, `${process.ppid}\n`);
  await unlock();
  expect(await readFile(lock, 'utf8')).toBe(`${process.ppid}\n`);
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
