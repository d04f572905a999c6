import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Log, silentLog } from '../../src/log.js';
import { actionRoot } from '../../src/shipped.js';
import { folderBackend } from '../../src/store/folder.js';
import type { SaveOutcome, StoreEntry } from '../../src/store/store.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { startTypeScript } from '../support/typescript.js';

const newFolder = temporaryFolders();

interface Simple {
  save(entry: StoreEntry): Promise<SaveOutcome>;
  restore(entry: StoreEntry, prefixes?: readonly string[]): Promise<string | undefined>;
  find(entry: StoreEntry, prefixes?: readonly string[]): Promise<string | undefined>;
}

/** The backend of a folder with fewer parts to name. Its entries may hold links. */
function folderStore(root: string, log: Log = silentLog, limitBytes?: number): Simple {
  const backend = folderBackend(root, log, limitBytes);
  return {
    save: (entry) => backend.save({ linksTo: '/bin/sh', ...entry }, () => {}),
    restore: async (entry, prefixes = []) => (await backend.restore({ linksTo: '/bin/sh', ...entry }, prefixes))?.key,
    find: (entry, prefixes = []) => backend.find(entry.key, prefixes),
  };
}

/** A folder that holds one file. */
async function content(text: string): Promise<string> {
  const folder = await newFolder();
  await writeFile(join(folder, 'file.txt'), text);
  return folder;
}

async function readBack(
  store: ReturnType<typeof folderStore>,
  key: string,
  prefixes?: string[],
): Promise<string | undefined> {
  const path = await newFolder();
  const found = await store.restore({ key, path }, prefixes);
  return found === undefined ? undefined : `${found}: ${await readFile(join(path, 'file.txt'), 'utf8')}`;
}

describe('a folder as store', () => {
  test('gives back what was saved, with its folders, links and permissions', async () => {
    const store = folderStore(await newFolder(), silentLog);
    const path = await newFolder();
    await writeFiles(path, { 'a.txt': 'a', 'lib/deep/b.bin': Buffer.from([0, 255, 7]), 'bin/tool': '#!/bin/sh\n' });
    await chmod(join(path, 'bin', 'tool'), 0o755);
    await symlink('lib', join(path, 'lib64'));
    expect(await store.save({ key: 'k', path })).toBe('saved');

    const back = await newFolder();
    expect(await store.restore({ key: 'k', path: back })).toBe('k');
    expect((await readdir(back, { recursive: true })).sort()).toEqual(
      (await readdir(path, { recursive: true })).sort(),
    );
    expect(await readFile(join(back, 'lib64', 'deep', 'b.bin'))).toEqual(Buffer.from([0, 255, 7]));
    expect(await readlink(join(back, 'lib64'))).toBe('lib');
    expect((await stat(join(back, 'bin', 'tool'))).mode & 0o777).toBe(0o755);
  });

  test('has nothing before anything was saved, and makes no folder by being asked', async () => {
    const root = join(await newFolder(), 'store');
    const store = folderStore(root, silentLog);
    const entry = { key: 'k', path: await newFolder() };
    expect(await store.restore(entry, ['k'])).toBeUndefined();
    expect(await store.find(entry, ['k'])).toBeUndefined();
    await expect(stat(root)).rejects.toThrow('ENOENT');
  });

  test('never changes an entry', async () => {
    const store = folderStore(await newFolder(), silentLog);
    expect(await store.save({ key: 'k', path: await content('first') })).toBe('saved');
    expect(await store.save({ key: 'k', path: await content('second') })).toBe('exists');
    expect(await readBack(store, 'k')).toBe('k: first');
  });

  test('is not changed by what happens to a restored copy', async () => {
    const store = folderStore(await newFolder(), silentLog);
    await store.save({ key: 'k', path: await content('first') });
    const path = await newFolder();
    await store.restore({ key: 'k', path });
    await writeFile(join(path, 'file.txt'), 'changed');
    expect(await readBack(store, 'k')).toBe('k: first');
  });

  test.each(['a/b', 'a b', '.hidden', '..', '.tmp-x', 'ä%2F', 'x'.repeat(200), 'a*[1]?', 'A+b_c'])(
    'takes any key: %s',
    async (key) => {
      const root = await newFolder();
      const log = recordingLog();
      const store = folderStore(join(root, 'store'), log);
      expect(await store.save({ key, path: await content('x') })).toBe('saved');
      expect(await readBack(store, key)).toBe(`${key}: x`);
      expect(await readdir(root)).toEqual(['store']);
      expect(log.told).toEqual([]);
    },
  );

  test('knows the exact key before any prefix', async () => {
    const store = folderStore(await newFolder(), silentLog);
    for (const key of ['a-1', 'a-12', 'a-123']) await store.save({ key, path: await content(key) });
    expect(await readBack(store, 'a-1', ['a-'])).toBe('a-1: a-1');
    expect(await readBack(store, 'a-', [])).toBeUndefined();
  });

  test('gives the newest of a prefix, not the one used last', async () => {
    const store = folderStore(await newFolder(), silentLog);
    for (const key of ['z-old', 'a-new', 'b-other']) {
      await store.save({ key: `p-${key}`, path: await content(key) });
      await sleep(20); // times of files are not told apart more finely everywhere
    }
    await readBack(store, 'p-z-old');
    const other = folderStore(await newFolder(), silentLog);
    expect(await store.find({ key: 'x', path: '/' }, ['nothing', 'p-'])).toBe('p-b-other');
    expect(await readBack(store, 'x', ['nothing', 'p-'])).toBe('p-b-other: b-other');
    expect(await readBack(store, 'x', ['p-z', 'p-'])).toBe('p-z-old: z-old');
    expect(await readBack(other, 'x', ['p-'])).toBeUndefined();
  });

  test('lets go what was not used for longest when it grows too large', async () => {
    const root = await newFolder();
    const store = folderStore(root, silentLog, 3500);
    for (const key of ['a', 'b', 'c']) {
      await store.save({ key, path: await content('x'.repeat(1000)) });
      await sleep(20);
    }
    expect(await readBack(store, 'a')).toBeDefined(); // used: b is now the oldest
    await sleep(20);
    await store.save({ key: 'd', path: await content('x'.repeat(1000)) });
    expect((await readdir(root)).sort()).toEqual(['a', 'c', 'd']);
    await sleep(20);
    await store.save({ key: 'large', path: await content('x'.repeat(5000)) });
    expect(await readdir(root)).toEqual(['large']);
  });

  test('being asked for an entry is not using it', async () => {
    const root = await newFolder();
    const store = folderStore(root, silentLog, 2500);
    for (const key of ['a', 'b']) {
      await store.save({ key, path: await content('x'.repeat(1000)) });
      await sleep(20);
    }
    await store.find({ key: 'a', path: '/' });
    await store.save({ key: 'c', path: await content('x'.repeat(1000)) });
    expect((await readdir(root)).sort()).toEqual(['b', 'c']);
  });

  test('clears away what a crash left, but not what another build is just writing', async () => {
    const root = await newFolder();
    await writeFiles(root, { '.tmp-crashed/file.txt': 'half', '.tmp-fresh/file.txt': 'half' });
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    await utimes(join(root, '.tmp-crashed'), longAgo, longAgo);
    const store = folderStore(root, silentLog);
    expect(await store.find({ key: 'x', path: '/' }, ['', '.tmp'])).toBeUndefined();
    await store.save({ key: 'k', path: await content('x') });
    expect((await readdir(root)).sort()).toEqual(['.tmp-fresh', 'k']);
  });

  test('is not put off by files and folders of somebody else', async () => {
    const root = await newFolder();
    await writeFiles(root, { 'README.txt': 'x', '100%/x': 'x', 'with space/x': 'x', '.DS_Store': 'x' });
    const log = recordingLog();
    const store = folderStore(root, log);
    expect(await store.save({ key: 'k', path: await content('mine') })).toBe('saved');
    expect(await readBack(store, 'k')).toBe('k: mine');
    expect(await readBack(store, 'x', [''])).toBe('k: mine');
    expect(log.told).toEqual([]);
  });

  test('that cannot be written or read is empty and costs one warning each, however often it is asked', async () => {
    const file = join(await newFolder(), 'file');
    await writeFile(file, '');
    const log = recordingLog();
    const store = folderStore(join(file, 'store'), log);
    expect(await store.save({ key: 'k', path: await content('x') })).toBe('failed');
    expect(await store.save({ key: 'k', path: await content('x') })).toBe('failed');
    expect(await readBack(store, 'k')).toBeUndefined();
    expect(await readBack(store, 'k')).toBeUndefined();
    expect(log.told).toEqual([
      expect.stringMatching(/^warning: Cannot write to the store .*\(.*ENOTDIR.* The build goes on without it\.$/),
      expect.stringMatching(/^warning: Cannot read the store .*\(.*ENOTDIR/),
    ]);
  });

  test('saves nothing of a folder that is not there, and leaves nothing behind', async () => {
    const root = await newFolder();
    const store = folderStore(root, silentLog);
    expect(await store.save({ key: 'k', path: join(root, 'missing') })).toBe('failed');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('several builds at once', () => {
  test('may save one key: one saves, the others find it there, and the entry is whole', async () => {
    const folder = await newFolder();
    const root = join(folder, 'store');
    const program = join(folder, 'save.ts');
    await writeFile(
      program,
      `import { existsSync } from 'node:fs';
       import { mkdir, writeFile } from 'node:fs/promises';
       import { folderBackend } from ${JSON.stringify(join(actionRoot(), 'src', 'store', 'folder.ts'))};
       import { silentLog } from ${JSON.stringify(join(actionRoot(), 'src', 'log.ts'))};
       const [, , root, go, path, name] = process.argv;
       await mkdir(path, { recursive: true });
       for (let number = 0; number < 200; number++) await writeFile(path + '/' + number, name.repeat(1000));
       const store = folderBackend(root, silentLog);
       process.stdout.write('ready\\n');
       while (!existsSync(go)) {}
       process.stdout.write(await store.save({ key: 'the-key', path }, () => {}));`,
    );
    const go = join(folder, 'go');
    const rivals = ['a', 'b', 'c'].map((name) => startTypeScript(program, [root, go, join(folder, name), name]));
    for (const rival of rivals) await rival.until('ready');
    await writeFile(go, '');
    const outcomes = await Promise.all(rivals.map((rival) => rival.until(/saved|exists|failed/)));
    expect(outcomes.sort()).toEqual(['exists', 'exists', 'saved']);

    const back = await newFolder();
    expect(await folderStore(root, silentLog).restore({ key: 'the-key', path: back })).toBe('the-key');
    const texts = await Promise.all(
      Array.from({ length: 200 }, (_, number) => readFile(join(back, String(number)), 'utf8')),
    );
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toMatch(/^(a{1000}|b{1000}|c{1000})$/);
    expect(await readdir(root)).toEqual(['the-key']);
  });

  test('may save and restore while entries are let go: what is restored is whole, or not there', async () => {
    const root = await newFolder();
    const sources = await Promise.all(
      Array.from({ length: 6 }, async (_, number) => {
        const path = await newFolder();
        await mkdir(join(path, 'sub'));
        for (let file = 0; file < 20; file++)
          await writeFile(join(path, 'sub', String(file)), String(number).repeat(1000));
        return path;
      }),
    );
    const store = folderStore(root, silentLog, 50_000); // room for two entries
    let restored = 0;
    const saveAll = async (): Promise<void> => {
      for (let round = 0; round < 4; round++)
        for (const [number, path] of sources.entries()) await store.save({ key: `k${number}`, path });
    };
    const restoreAll = async (): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        for (const number of sources.keys()) {
          const path = await newFolder();
          if ((await store.restore({ key: `k${number}`, path })) === undefined) continue;
          restored += 1;
          const files = await readdir(join(path, 'sub'));
          expect(files).toHaveLength(20);
          for (const file of files)
            expect(await readFile(join(path, 'sub', file), 'utf8')).toBe(String(number).repeat(1000));
        }
      }
    };
    await Promise.all([saveAll(), saveAll(), restoreAll()]);
    expect(restored).toBeGreaterThan(0);
    expect((await readdir(root)).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
