import { spawnSync } from 'node:child_process';
import { cp, mkdir, open, readdir, readFile, rename, stat, symlink, writeFile as writeBare } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { UserError, userErrorsOf } from '../src/errors.js';
import { machineProblem, naming, problemOfTool, writeFile } from '../src/machine-errors.js';
import { run } from '../src/process.js';
import { runFfmpeg } from '../src/video/ffmpeg.js';
import { userError } from './support/errors.js';
import { temporaryFolders, writeFiles } from './support/folder.js';
import { tools } from './support/scene-result.js';

const newFolder = temporaryFolders();
let folder: string;
beforeAll(async () => {
  folder = await newFolder();
  await writeFiles(folder, { file: 'x', 'full/a': 'x', 'other/b': 'x' });
  await symlink('loop', join(folder, 'loop'));
});

/** Calls that really fail, and what a person is told. FOLDER stands for the folder of the test. */
const CALLS: readonly (readonly [told: string, call: (at: (name: string) => string) => Promise<unknown>])[] = [
  ['cannot write /dev/full: no space left on the disk (ENOSPC)', () => writeFile('/dev/full', 'x')],
  ['cannot open FOLDER/gone: it does not exist (ENOENT)', (at) => readFile(at('gone'))],
  [
    'cannot open FOLDER/file/x: a part of the path is a file, not a folder (ENOTDIR)',
    (at) => writeFile(at('file/x'), 'x'),
  ],
  [
    'cannot write FOLDER/file: a part of the path is a file, not a folder (EEXIST)',
    (at) => mkdir(at('file'), { recursive: true }),
  ],
  ['cannot open FOLDER/full: there is a folder in its place (EISDIR)', (at) => writeFile(at('full'), 'x')],
  ['cannot read FOLDER/loop: links in a circle (ELOOP)', (at) => stat(at('loop'))],
  [
    `cannot open FOLDER/${'n'.repeat(300)}: the name is too long (ENAMETOOLONG)`,
    (at) => writeFile(at('n'.repeat(300)), 'x'),
  ],
  ['cannot write FOLDER/other: the folder is not empty (ENOTEMPTY)', (at) => rename(at('full'), at('other'))],
  ['cannot read FOLDER/file: a part of the path is a file, not a folder (ENOTDIR)', (at) => readdir(at('file'))],
  ['cannot write /sys/x: not permitted (EPERM)', () => mkdir('/sys/x')],
  ['cannot start FOLDER/gone: it does not exist (ENOENT)', (at) => run(at('gone'), [], { env: {} })],
  ['cannot start FOLDER/file: permission denied (EACCES)', (at) => run(at('file'), [], { env: {} })],
  [
    'cannot start a program: the arguments are too long (E2BIG)',
    () => run('cat', ['x'.repeat(1 << 21)], { env: { PATH: '/bin' } }),
  ],
];

test.each(CALLS)('%s', async (told, call) => {
  const error = await call((name) => join(folder, name)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const found = machineProblem(error);
  // who may do what depends on the user and the kernel that run the tests
  const words = (text: string): string =>
    text.replace(/: (?:not permitted|permission denied|it does not exist) \((?:EPERM|EACCES|ENOENT)\)$/, '');
  const isAboutRights = told.includes('/sys/x');
  const shown = found?.message.replaceAll(folder, 'FOLDER') ?? '';
  expect(isAboutRights ? words(shown) : shown).toBe(isAboutRights ? words(told) : told);
  expect(found?.hint).toMatch(/\.$/);
  expect(userErrorsOf(error)?.[0]).toBeInstanceOf(UserError);
  // wherever it is wrapped
  expect(machineProblem(new Error('saving failed', { cause: error }))).toEqual(found);
});

test('an error of cp, which has its facts elsewhere, says them too', async () => {
  const error = await cp(join(folder, 'full'), join(folder, 'file'), { recursive: true }).catch(
    (thrown: unknown) => thrown,
  );
  expect(machineProblem(error)?.message).toMatch(/^cannot write .*\/file: .*\((?:ENOTDIR|EISDIR|EEXIST)\)$/);
});

test('an error that names no file gets one; one that does keeps it', async () => {
  const bare = await writeBare('/dev/full', 'x').catch((thrown: unknown) => thrown);
  expect(machineProblem(bare)?.message).toBe('cannot write: no space left on the disk (ENOSPC)');
  await expect(naming('/other', () => readFile('/gone'))).rejects.toMatchObject({ path: '/gone' });
});

test('more open files than the limit allows', () => {
  const program = `import { machineProblem } from ${JSON.stringify(new URL('../src/machine-errors.ts', import.meta.url).href)};
    import { openSync } from 'node:fs';
    try { for (;;) openSync('/dev/null'); } catch (error) { process.stdout.write(machineProblem(error).message); }`;
  const hooks = new URL('support/typescript-hooks.mjs', import.meta.url).href;
  const { stdout } = spawnSync(
    'bash',
    ['-c', 'ulimit -n 60; exec "$@"', 'x', process.execPath, '--import', hooks, '--input-type=module', '-e', program],
    { encoding: 'utf8' },
  );
  expect(stdout).toBe('cannot open /dev/null: too many open files (EMFILE)');
});

test('a file larger than a limit allows, and ffmpeg that meets it', async () => {
  const output = join(folder, 'large.wav');
  const program = `import { runFfmpeg } from ${JSON.stringify(new URL('../src/video/ffmpeg.ts', import.meta.url).href)};
    await runFfmpeg(['-v', 'error', '-f', 'lavfi', '-i', 'sine=duration=60', '-y', ${JSON.stringify(output)}], { env: process.env }).catch((error) => process.stdout.write(error.name + ': ' + error.message));`;
  const hooks = new URL('support/typescript-hooks.mjs', import.meta.url).href;
  const { stdout } = spawnSync(
    'bash',
    [
      '-c',
      'ulimit -f 100; trap \'\' XFSZ; exec "$@"',
      'x',
      process.execPath,
      '--import',
      hooks,
      '--input-type=module',
      '-e',
      program,
    ],
    { encoding: 'utf8' },
  );
  expect(stdout).toBe(`UserError: cannot make ${output}: the file would be larger than the machine allows (EFBIG)`);
});

test('ffmpeg that cannot write says where, and why', async () => {
  const args = ['-v', 'error', '-f', 'lavfi', '-i', 'sine=duration=9', '-y'];
  const full = await userError(() => runFfmpeg([...args, '-f', 'wav', '/dev/full'], tools));
  expect(full.message).toBe('cannot make /dev/full: no space left on the disk (ENOSPC)');
});

test.each([
  ['av_interleaved_write_frame(): No space left on device', 'cannot make /v.mp4: no space left on the disk (ENOSPC)'],
  ['/v.mp4: Disk quota exceeded', 'cannot make /v.mp4: the disk quota is used up (EDQUOT)'],
  ['/v.mp4: Read-only file system', 'cannot make /v.mp4: the file system is read-only (EROFS)'],
  ['/v.mp4: Permission denied', 'cannot make /v.mp4: permission denied (EACCES)'],
  ['Invalid data found when processing input', undefined],
])('a tool that says "%s"', (said, message) => expect(problemOfTool(said, '/v.mp4')?.message).toBe(message));

test('what is no answer of the machine about files is not taken for one', async () => {
  const refused = await new Promise((resolve) => {
    const server = createServer().listen('/proc/nowhere/socket');
    server.on('error', resolve);
  });
  for (const thrown of [
    new TypeError('x is not a function'),
    new Error('ENOSPC'),
    'ENOSPC',
    undefined,
    { code: 'ENOSPC' },
    refused,
  ])
    expect(userErrorsOf(thrown)).toBeUndefined();
  const file = await open('/dev/null');
  await file.close();
  await expect(file.stat().catch((error: unknown) => userErrorsOf(error))).resolves.toBeUndefined(); // a fault of ours
});
