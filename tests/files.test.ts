import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, rename, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  copyFileInside,
  liesWithin,
  readUserFile,
  readUserText,
  writeFileInside,
  writeIfChanged,
} from '../src/files.js';
import { readNarration } from '../src/project/narration.js';
import { readState } from '../src/project/state.js';
import { readIndex, voiceFolder } from '../src/voice/cache-index.js';
import { userError } from './support/errors.js';
import { temporaryFolders } from './support/folder.js';

const newFolder = temporaryFolders();

/** Makes something at a path that is no file to read. */
const ODD: readonly (readonly [string, (path: string) => unknown, RegExp])[] = [
  ['a named pipe', (path) => execFileSync('mkfifo', [path]), /is a named pipe, not a file/],
  ['a folder', (path) => mkdir(path), /is a folder, not a file/],
  ['a device without end', (path) => symlink('/dev/zero', path), /is a device, not a file/],
  ['a device that is empty', (path) => symlink('/dev/null', path), /is a device, not a file/],
  ['a link to itself', (path) => symlink(path, path), /cannot be read: links in a circle/],
  ['a file of 1 GB', (path) => writeFile(path, '{').then(() => truncate(path, 1 << 30)), /is larger than 16 MiB/],
];

describe('files that somebody else made', () => {
  test.each(ODD)('are read at once or refused at once: %s', async (_, make, message) => {
    const folder = await newFolder();
    await Promise.all(
      ['project_state.json', 'narration_script.py', 'voice_clone_config.json', 'cache.json'].map((name) =>
        make(join(folder, name)),
      ),
    );
    for (const read of [
      () => readState(folder),
      () => readNarration(join(folder, 'narration_script.py')),
      () => voiceFolder(folder, folder),
    ]) {
      const error = await userError(read);
      expect(error.message).toMatch(message);
      expect(error.place?.file).toContain(folder);
      expect(error.hint).toBeTruthy();
    }
    expect(await readIndex(folder)).toMatchObject({ found: 'unreadable', fault: expect.stringMatching(message) });
  });

  test('that are sockets are refused', async () => {
    const path = join(await newFolder(), 'socket');
    const server = createServer();
    await new Promise<void>((done) => server.listen(path, done));
    try {
      expect((await userError(() => readUserFile(path))).message).toBe('socket is a socket, not a file');
    } finally {
      server.close();
    }
  });

  test('that are not there are undefined', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'file'), '');
    expect(await readUserFile(join(folder, 'none'))).toBeUndefined();
    expect(await readUserFile(join(folder, 'file', 'below'))).toBeUndefined();
  });

  test('with a name that no file can have are refused', async () => {
    for (const name of ['a\0b', 'x'.repeat(300)])
      expect((await userError(() => readUserFile(join('/tmp', name)))).message).toContain('cannot be read: the name');
  });

  test.each([
    ['UTF-16 with a mark', Buffer.from('\uFEFFhello\n', 'utf16le'), 'is encoded as UTF-16', 1],
    ['UTF-16 without one', Buffer.from('{"a": 1}', 'utf16le'), 'is encoded as UTF-16', 1],
    ['UTF-16, the other way', Buffer.from('\uFEFFhello', 'utf16le').swap16(), 'is encoded as UTF-16', 1],
    ['Latin-1', Buffer.from('a\r\nb\r\ncaf\xe9\r\n', 'latin1'), 'is not encoded as UTF-8', 3],
    ['Latin-1 after old Macintosh line ends', Buffer.from('a\rcaf\xe9', 'latin1'), 'is not encoded as UTF-8', 2],
  ])('that are not UTF-8 are refused at the line: %s', async (_, bytes, message, line) => {
    const path = join(await newFolder(), 'text');
    await writeFile(path, bytes);
    const error = await userError(() => readUserText(path));
    expect(error.message).toContain(message);
    expect(error.place).toEqual({ file: path, line });
  });
});

describe('writing inside a folder', () => {
  test('a file appears whole or not at all, and nothing else', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'from'), 'new');
    const to = join(folder, 'deep', 'to');
    await copyFileInside(join(folder, 'from'), to, folder);
    await copyFileInside(join(folder, 'from'), to, undefined);
    await writeFileInside(to, 'newer', folder);
    await writeIfChanged(to, 'newer', folder);
    expect(await readFile(to, 'utf8')).toBe('newer');
    await expect(copyFileInside(join(folder, 'missing'), to, folder)).rejects.toThrow('ENOENT');
    expect(await readdir(join(folder, 'deep'))).toEqual(['to']);
  });

  test.each([
    ['the file', 'a/b.txt', (folder: string, out: string) => symlink(join(out, 'victim'), join(folder, 'a', 'b.txt'))],
    [
      'a file that is not there yet',
      'a/b.txt',
      (folder: string, out: string) => symlink(join(out, 'none'), join(folder, 'a', 'b.txt')),
    ],
    ['its folder', 'c/b.txt', (folder: string, out: string) => symlink(out, join(folder, 'c'))],
    [
      'a folder that is not there yet',
      'c/d/b.txt',
      (folder: string, out: string) => symlink(join(out, 'none'), join(folder, 'c')),
    ],
    ['a way up', 'c/b.txt', (folder: string) => symlink('..', join(folder, 'c'))],
    [
      'a link to a link',
      'c/b.txt',
      async (folder: string, out: string) => {
        await symlink(out, join(folder, 'l'));
        await symlink('l', join(folder, 'c'));
      },
    ],
  ])('links out of it are refused, and nothing is written: %s', async (_, name, link) => {
    const [base, out] = [await newFolder(), await newFolder()];
    const folder = join(base, 'project');
    await mkdir(join(folder, 'a'), { recursive: true });
    await writeFile(join(out, 'victim'), 'mine');
    await writeFile(join(out, 'from'), 'new');
    await link(folder, out);
    for (const write of [
      () => writeFileInside(join(folder, name), 'new', folder),
      () => writeIfChanged(join(folder, name), 'new', folder),
      () => copyFileInside(join(out, 'from'), join(folder, name), folder),
    ])
      expect((await userError(write)).message).toContain(`${name} leads out of ${folder} through a link, to `);
    expect((await readdir(out)).sort()).toEqual(['from', 'victim']);
    expect(await readFile(join(out, 'victim'), 'utf8')).toBe('mine');
    expect(await readdir(base)).toEqual(['project']);
  });

  test('links inside it are followed and stay, and the folder itself may be reached through one', async () => {
    const base = await newFolder();
    await mkdir(join(base, 'real', 'sub'), { recursive: true });
    await symlink('real', join(base, 'link'));
    await symlink('sub', join(base, 'real', 'other'));
    await writeFileInside(join(base, 'link', 'other', 'file'), 'x', join(base, 'link'));
    expect(await readFile(join(base, 'real', 'sub', 'file'), 'utf8')).toBe('x');
    expect((await lstat(join(base, 'real', 'other'))).isSymbolicLink()).toBe(true);
  });

  test('links in a circle, and links that multiply, are an error at once', async () => {
    const folder = await newFolder();
    await symlink('b', join(folder, 'a'));
    await symlink('a', join(folder, 'b'));
    expect((await userError(() => writeFileInside(join(folder, 'a'), 'x', folder))).message).toContain(
      'links in a circle',
    );
    await symlink('.', join(folder, 'l0'));
    for (let at = 1; at < 50; at++) await symlink(`l${at - 1}/l${at - 1}`, join(folder, `l${at}`));
    expect((await userError(() => liesWithin(join(folder, 'l49'), folder))).message).toContain('too many links');
  });

  test.each([
    ['a folder in its place', 'sub', 'there is a folder in its place'],
    ['a file in the place of its folder', 'file/x', 'a part of the path is a file'],
    ['a name too long', 'x'.repeat(300), 'the name is too long'],
    ['a null character in its name', 'a\0b', 'the name holds a null character'],
  ])('%s is an error that says so', async (_, name, why) => {
    const folder = await newFolder();
    await mkdir(join(folder, 'sub', 'full'), { recursive: true });
    await writeFile(join(folder, 'file'), '');
    const error = await userError(() => writeFileInside(join(folder, name), 'x', folder));
    expect(error.message).toContain(`could not be written: ${why}`);
    expect((await readdir(folder)).sort()).toEqual(['file', 'sub']);
  });

  test('a named pipe in the place of a file is replaced, not waited for', async () => {
    const folder = await newFolder();
    execFileSync('mkfifo', [join(folder, 'a')]);
    await writeIfChanged(join(folder, 'a'), 'x', folder);
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('x');
    await rename(join(folder, 'a'), join(folder, 'b'));
  });
});
