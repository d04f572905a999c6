import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/store/entries.js';
import { folderBackend } from '../../src/store/folder.js';
import { noBackend, type SaveOutcome, type Store } from '../../src/store/store.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { folderStore } from '../support/store.js';

const newFolder = temporaryFolders();

/** Saves a text under a key. */
async function saveText(store: Store, key: string, text: string): Promise<SaveOutcome> {
  const path = await newFolder();
  await writeFile(join(path, 'file.txt'), text);
  return store.save({ key, path }).outcome;
}

/** Reads a text; one that begins with "bad" cannot be used. */
async function read(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'file.txt'), 'utf8');
  if (text.startsWith('bad')) throw new Error('it is bad');
  return text;
}

describe('an entry that is damaged', () => {
  test('is replaced beside, and what replaces it too, as often as it takes', async () => {
    const root = await newFolder();
    for (const [number, text] of ['bad 0', 'bad 1', 'bad 2', 'good'].entries()) {
      const store = folderStore(root); // another build
      const found = await store.restore({ key: 'k-1', path: join(await newFolder(), 'x') }, read, ['k-']);
      expect(found).toEqual(number === 0 ? { outcome: 'missing' } : { outcome: 'damaged', why: 'it is bad' });
      expect(await saveText(store, 'k-1', text)).toBe('saved');
    }
    expect((await readdir(root)).sort()).toEqual(['k-1', 'k-1-r1', 'k-1-r2', 'k-1-r3']);
    for (const [key, prefixes] of [
      ['k-1', []],
      ['other', ['k-']],
    ] as const) {
      const store = folderStore(root);
      const path = join(await newFolder(), 'x');
      expect(await store.restore({ key, path }, read, prefixes)).toEqual({
        outcome: 'found',
        key: 'k-1',
        value: 'good',
      });
      expect(await store.find(key, prefixes)).toBe('k-1');
      expect(await saveText(store, 'k-1', 'x')).toBe('exists');
    }
  });

  test('is passed over although the clock says that it is the newest', async () => {
    const root = await newFolder();
    const store = folderStore(root);
    await saveText(store, 'k-1-r1', 'good');
    await saveText(store, 'k-1', 'bad');
    const found = await folderStore(root).restore({ key: 'k-1', path: join(await newFolder(), 'x') }, read);
    expect(found).toMatchObject({ outcome: 'found', value: 'good' });
  });

  test('is not saved beside for ever', async () => {
    const root = await newFolder();
    for (let number = 0; number < 12; number++) {
      const store = folderStore(root);
      await store.restore({ key: 'k', path: join(await newFolder(), 'x') }, read);
      expect(await saveText(store, 'k', 'bad')).toBe(number < 10 ? 'saved' : 'failed');
    }
    expect(await readdir(root)).toHaveLength(10);
  });

  test('only turns out to be so later: it is not restored again, and replaced beside', async () => {
    const root = await newFolder();
    const store = folderStore(root);
    await saveText(store, 'k', 'looks good');
    const entry = { key: 'k', path: join(await newFolder(), 'x') };
    expect(await store.restore(entry, read)).toMatchObject({ outcome: 'found', key: 'k' });
    store.condemn('k');
    expect(await store.restore(entry, read)).toMatchObject({ outcome: 'damaged' });
    expect(await saveText(store, 'k', 'is good')).toBe('saved');
    expect(await folderStore(root).restore(entry, read)).toMatchObject({ outcome: 'found', value: 'is good' });
  });

  test.each<[string, (entry: string) => Promise<unknown>]>([
    ['a link out of it', (entry) => symlink('/etc/hostname', join(entry, 'extra'))],
    ['a link inside', (entry) => symlink('file.txt', join(entry, 'extra'))],
    ['a file through a link', (entry) => symlink('/etc', join(entry, 'folder'))],
  ])('because it holds %s is not used, and replaced beside', async (_, damage) => {
    const root = await newFolder();
    const store = folderStore(root);
    await saveText(store, 'k', 'one');
    await damage(join(root, 'k'));
    const path = join(await newFolder(), 'x');
    const again = folderStore(root);
    expect(await again.restore({ key: 'k', path }, read)).toMatchObject({
      outcome: 'damaged',
      why: expect.stringContaining('link'),
    });
    expect(await readdir(path)).toEqual([]);
    expect(await saveText(again, 'k', 'two')).toBe('saved');
    expect(await folderStore(root).restore({ key: 'k', path }, read)).toMatchObject({ value: 'two' });
  });
});

test('a restore leaves the entry and nothing else, or an empty folder', async () => {
  const store = folderStore(await newFolder());
  const path = join(await newFolder(), 'deep', 'entry');
  await writeFiles(path, { 'left.txt': 'left by another build' });
  expect(await store.restore({ key: 'k', path }, read)).toEqual({ outcome: 'missing' });
  expect(await readdir(path)).toEqual([]);
  await saveText(store, 'k', 'text');
  await writeFiles(path, { 'left.txt': 'left by another build' });
  await store.restore({ key: 'k', path }, read);
  expect(await readdir(path)).toEqual(['file.txt']);
  expect(await readdir(join(path, '..'))).toEqual(['entry']);
});

test('what a killed build left of a restore is swept, and not what another one is just bringing', async () => {
  const store = folderStore(await newFolder());
  const folder = await newFolder();
  await writeFiles(folder, { '.restoring-old/x': 'x', '.restoring-new/x': 'x' });
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  await utimes(join(folder, '.restoring-old'), longAgo, longAgo);
  await store.restore({ key: 'k', path: join(folder, 'entry') }, read);
  expect((await readdir(folder)).sort()).toEqual(['.restoring-new', 'entry']);
});

test('a folder that holds more than files is not saved, with a warning', async () => {
  const [root, path, log] = [await newFolder(), await newFolder(), recordingLog()];
  await symlink('/etc/passwd', join(path, 'video.mp4'));
  expect(await folderStore(root, log).save({ key: 'k', path }).outcome).toBe('failed');
  expect(log.told).toEqual([expect.stringMatching(/^warning: cannot save .*: "video.mp4" is a link/)]);
  expect(await readdir(root)).toEqual([]);
});

describe('the end of a build', () => {
  test('waits for saves, and not for one that never ends', async () => {
    const log = recordingLog();
    let ended = false;
    let hurried = 0;
    const backend = {
      ...noBackend,
      name: 'the test',
      hurry: () => {
        hurried += 1;
      },
      save: ({ key }: { key: string }): Promise<SaveOutcome> =>
        key === 'hangs' ? new Promise(() => {}) : new Promise((resolve) => setTimeout(resolve, 50, 'saved')),
      close: async () => {
        ended = true;
      },
    };
    const store = openStore(backend, log, { least: 200, bytesPerMs: 1 });
    const path = await newFolder();
    const { outcome } = store.save({ key: 'slow', path });
    store.save({ key: 'hangs', path });
    await store.settle();
    await store.settle();
    expect([await outcome, ended, hurried]).toEqual(['saved', true, 1]);
    expect(log.told).toEqual([
      'warning: 1 results were still on their way to the test: they are made again next time.',
    ]);
  });
});

describe('a store that cannot be used', () => {
  test('because a file lies where its folder should be costs a warning, never the build', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'store'), 'x');
    const log = recordingLog();
    const store = folderStore(join(folder, 'store'), log);
    const path = join(await newFolder(), 'x');
    for (let time = 0; time < 3; time++) {
      expect(await store.restore({ key: 'k', path }, read)).toEqual({ outcome: 'missing' });
      expect(await saveText(store, 'k', 'x')).toBe('failed');
    }
    expect(log.told).toHaveLength(2);
  });

  test('because its names are too long for the file system costs a warning', async () => {
    const log = recordingLog();
    const store = folderStore(await newFolder(), log);
    expect(await saveText(store, 'k'.repeat(300), 'x')).toBe('failed');
    expect(await store.restore({ key: 'k'.repeat(300), path: join(await newFolder(), 'x') }, read)).toMatchObject({
      outcome: 'missing',
    });
    expect(log.told).toEqual([expect.stringContaining('ENAMETOOLONG')]);
  });

  test('with a file in place of an entry puts the entry there', async () => {
    const root = await newFolder();
    await writeFile(join(root, 'k'), 'a file');
    const store = folderStore(root);
    const path = join(await newFolder(), 'x');
    expect(await store.restore({ key: 'k', path }, read)).toMatchObject({ outcome: 'missing' });
    expect(await saveText(store, 'k', 'text')).toBe('saved');
    expect(await store.restore({ key: 'k', path }, read)).toMatchObject({ value: 'text' });
  });

  test('with an entry that is half removed replaces it', async () => {
    const root = await newFolder();
    await mkdir(join(root, 'k', 'left'), { recursive: true });
    const store = folderStore(root);
    const path = join(await newFolder(), 'x');
    expect(await store.restore({ key: 'k', path }, read)).toMatchObject({ outcome: 'damaged' });
    expect(await saveText(store, 'k', 'text')).toBe('saved');
    expect(await folderStore(root).restore({ key: 'k', path }, read)).toMatchObject({ value: 'text' });
  });

  test('whose clock was wrong once neither keeps the old for ever nor throws away the new', async () => {
    const root = await newFolder();
    const store = openStore(folderBackend(root, recordingLog(), 2500), recordingLog());
    for (const key of ['future-1', 'future-2']) {
      await saveText(store, key, 'x'.repeat(1000));
      await utimes(join(root, key), new Date('2040-01-01'), new Date('2040-01-01'));
    }
    await saveText(store, 'now', 'x'.repeat(1000));
    await saveText(store, 'later', 'x'.repeat(1000));
    expect((await readdir(root)).sort()).toEqual(['later', 'now']);
  });
});
