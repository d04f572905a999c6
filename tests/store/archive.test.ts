import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { unpack } from '../../src/store/archive.js';
import { asZstd, type Member, writeArchives } from '../support/archives.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();

const ok: Member = { name: './ok.txt', content: 'ok' };
const WORDS = 'x'.repeat(300);

/** Archives that must be refused, with what is said. `OUT` stands for a folder outside. */
const HOSTILE: readonly [why: string, members: (out: string) => Member[], words: RegExp][] = [
  ['an absolute name', (out) => [ok, { name: `${out}/evil`, content: 'x' }], /is an absolute path/],
  ['an absolute folder', (out) => [{ name: `${out}/evil`, type: '5' }], /is an absolute path/],
  ['.. at the start', () => [ok, { name: '../evil', content: 'x' }], /leads out/],
  ['.. in the middle', () => [{ name: 'a/../../evil', content: 'x' }], /leads out/],
  ['.. at the end', () => [{ name: 'a/..', type: '5' }], /leads out/],
  ['.. after a dot', () => [{ name: './../evil', content: 'x' }], /leads out/],
  ['an absolute name in its attributes', (out) => [{ ...ok, pax: { path: `${out}/evil` } }], /is an absolute path/],
  ['.. in its attributes', () => [{ ...ok, pax: { path: '../evil' } }], /leads out/],
  ['an absolute link', (out) => [{ name: 'l', type: '2', link: out }], /is a link/],
  ['a link up', () => [{ name: 'l', type: '2', link: '..' }], /is a link/],
  ['a link up, deep', () => [{ name: 'a/b/l', type: '2', link: '../../../x' }], /is a link/],
  [
    'a link that climbs through a link',
    () => [
      { name: 'a/b/', type: '5' },
      { name: 'a/b/d', type: '2', link: '../..' },
      { name: 'l', type: '2', link: 'a/b/d/../evil' },
    ],
    /is a link/,
  ],
  [
    'a file through a link',
    (out) => [
      { name: 'd', type: '2', link: out },
      { name: 'd/evil', content: 'x' },
    ],
    /link/,
  ],
  [
    'a file through a link that stays inside',
    () => [
      { name: 'real', type: '5' },
      { name: 'd', type: '2', link: 'real' },
      { name: 'd/evil', content: 'x' },
    ],
    /leads through|link/,
  ],
  [
    'a folder in place of a link',
    () => [
      { name: 'd', type: '2', link: 'x' },
      { name: 'd', type: '5' },
    ],
    /twice|link/,
  ],
  [
    'a file over a link',
    (out) => [
      { name: 'l', type: '2', link: 'ok.txt' },
      { name: 'l', content: out },
    ],
    /twice|link/,
  ],
  ['a file twice', () => [ok, ok], /twice/],
  ['a file below a file', () => [ok, { name: 'ok.txt/x', content: 'x' }], /leads through/],
  ['a hard link', (out) => [{ name: 'h', type: '1', link: `${out}/secret` }], /neither a file nor a folder/],
  ['a hard link inside', () => [ok, { name: 'h', type: '1', link: 'ok.txt' }], /neither a file nor a folder/],
  ['a device', () => [{ name: 'null', type: '3' }], /neither a file nor a folder/],
  ['a block device', () => [{ name: 'disk', type: '4' }], /neither a file nor a folder/],
  ['a pipe', () => [{ name: 'pipe', type: '6' }], /neither a file nor a folder/],
  ['a type of nobody', () => [{ name: 'z', type: 'Z' }], /neither a file nor a folder/],
  ['a sparse file of old', () => [{ name: 's', type: 'S' }], /neither a file nor a folder/],
  [
    'a sparse file',
    () => [{ name: 's', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9999999999999' } }],
    /sparse/,
  ],
  ['a file of terabytes', () => [{ name: 'big', size: 5 * 2 ** 40 }], /more than \d+ bytes/],
  ['a size in its attributes', () => [{ name: 'big', pax: { size: String(2 ** 52) } }], /more than \d+ bytes/],
  ['a negative size in its attributes', () => [{ name: 'big', pax: { size: '-1' } }], /is no size/],
  ['a file instead of a folder', () => [{ name: '.', content: 'x' }], /is a file/],
  ['a longer file than it holds', () => [{ name: 'cut', size: 100_000 }], /cut off/],
  ['a NUL in a name', () => [{ ...ok, pax: { path: 'a\0b' } }], /NUL/],
];

/** Everything in a folder, and the content of files. */
async function contents(folder: string): Promise<string[]> {
  // with types: without them, node follows links
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

describe('an archive of a cache service', () => {
  let archives: string;
  let out: string;
  beforeAll(async () => {
    archives = await newFolder();
    out = await newFolder();
    writeArchives(Object.fromEntries(HOSTILE.map(([why, members]) => [join(archives, why), members(out)])));
  });

  test.each(HOSTILE)('with %s is refused, and nothing is written outside', async (why, _, words) => {
    const base = await newFolder();
    await writeFile(join(out, 'secret'), 'secret');
    const [archive, into] = [join(archives, why), join(base, 'in', 'to')];
    await mkdir(into, { recursive: true });
    // with links allowed as in an environment, and without
    for (const linksTo of ['/bin/sh', undefined]) {
      const folder = join(into, String(linksTo !== undefined));
      await mkdir(folder);
      await expect(unpack(archive, folder, linksTo)).rejects.toThrow(words);
    }
    expect(await contents(out)).toEqual(['secret']);
    expect(await readFile(join(out, 'secret'), 'utf8')).toBe('secret');
    expect((await contents(base)).filter((name) => name.includes('evil'))).toEqual([]);
    expect(await readdir(base)).toEqual(['in']);
  });

  test('of an environment may link inside, and to its interpreter alone', async () => {
    const base = await newFolder();
    await writeFiles(base, { 'usr/python3.11': '' });
    await symlink('python3.11', join(base, 'usr', 'python3'));
    const interpreter = join(base, 'usr', 'python3.11');
    const good: Member[] = [
      { name: 'lib/python/x.py', content: 'x' },
      { name: 'lib64', type: '2', link: 'lib' },
      { name: 'bin/python3', type: '2', link: 'python' },
      { name: 'bin/python', type: '2', link: join(base, 'usr', 'python3') },
      { name: 'a/b/up', type: '2', link: '../../lib/python' },
    ];
    const bad: Record<string, Member> = {
      elsewhere: { name: 'lib/python3', type: '2', link: interpreter },
      other: { name: 'bin/python', type: '2', link: '/bin/sh' },
      missing: { name: 'bin/python', type: '2', link: '/nowhere' },
      named: { name: 'bin/python-config', type: '2', link: interpreter },
    };
    writeArchives({
      [join(base, 'good')]: good,
      ...Object.fromEntries(Object.entries(bad).map(([name, member]) => [join(base, name), [member]])),
    });
    await mkdir(join(base, 'into'));
    await unpack(join(base, 'good'), join(base, 'into'), interpreter);
    expect(await readlink(join(base, 'into', 'bin', 'python'))).toBe(join(base, 'usr', 'python3'));
    expect(await readFile(join(base, 'into', 'a/b/up/x.py'), 'utf8')).toBe('x');
    for (const name of Object.keys(bad))
      await expect(unpack(join(base, name), join(base, 'into'), interpreter)).rejects.toThrow(/is a link to/);
  });

  test('as tar makes it comes back whole: long names, all modes, times, folders, nothing of users', async () => {
    const base = await newFolder();
    const long = `${'deep/'.repeat(30)}${'n'.repeat(180)}ä.txt`;
    await writeFiles(join(base, 'from'), {
      [long]: 'long',
      'a.bin': Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 251)),
      empty: '',
      'with space\nand line': WORDS,
    });
    await mkdir(join(base, 'from', 'empty folder'));
    await writeFile(join(base, 'from', 'run'), '', { mode: 0o755 });
    execFileSync('chmod', ['4711', join(base, 'from', 'empty')]);
    await truncate(join(base, 'from', 'empty'), 1_000_000); // with a hole
    for (const [name, format, compress] of [
      ['posix.tgz', '--posix', '-z'],
      ['gnu.tgz', '--format=gnu', '-z'],
      ['posix.tzst', '--posix', '--zstd'],
    ] as const) {
      const archive = join(base, name);
      execFileSync('tar', [format, compress, '-P', '-cf', archive, '-C', join(base, 'from'), '.']);
      const into = join(base, `into-${name}`);
      await mkdir(into);
      await unpack(archive, into, undefined);
      expect(await contents(into)).toEqual(await contents(join(base, 'from')));
      for (const file of [long, 'a.bin', 'with space\nand line', 'empty'])
        expect(await readFile(join(into, file))).toEqual(await readFile(join(base, 'from', file)));
      const [was, is] = await Promise.all(['from', `into-${name}`].map((folder) => stat(join(base, folder, 'run'))));
      expect(is?.mode).toBe(was?.mode);
      expect(Math.floor((is?.mtimeMs ?? 0) / 1000)).toBe(Math.floor((was?.mtimeMs ?? 1) / 1000));
      expect((await lstat(join(into, 'empty'))).mode & 0o7777).toBe(0o711); // neither set-user-id nor unreadable
    }
  });

  test('that is cut off anywhere, or is none, is refused', async () => {
    const base = await newFolder();
    const archive = join(base, 'a.tgz');
    writeArchives({ [archive]: [ok, { name: 'b.txt', content: WORDS.repeat(20) }] });
    for (const [name, whole] of [
      ['gzip', await readFile(archive)],
      ['zstd', asZstd(archive)],
    ] as const) {
      for (const length of [0, 3, 10, Math.floor(whole.length / 2), whole.length - 9, whole.length - 1]) {
        const cut = join(base, `${name}-${length}`);
        await writeFile(cut, whole.subarray(0, length));
        const into = join(base, `into-${name}-${length}`);
        await mkdir(into);
        await expect(unpack(cut, into, undefined)).rejects.toThrow();
      }
    }
    await writeFile(archive, '<html>Bad gateway</html>');
    await expect(unpack(archive, base, undefined)).rejects.toThrow('it is not an archive');
    writeArchives({ [archive]: [{ name: 'a', content: WORDS }] });
    await expect(unpack(archive, base, undefined, () => {}, 299)).rejects.toThrow('more than 299 bytes');
  });
});
