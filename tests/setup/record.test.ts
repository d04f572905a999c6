import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordedVersions, recordVersions, type SetupRecord } from '../../src/setup/record.js';
import { temporaryFolders } from '../support/folder.js';
import { folderStore } from '../support/store.js';

const newFolder = temporaryFolders();
const VERSIONS = { manim: '0.22.0', fonts: '' };

test.each<[string, string]>([
  ['cut off', '{"manim": "0.'],
  ['null', 'null'],
  ['a list', '["0.22.0"]'],
  ['numbers', '{"manim": 22}'],
  ['empty', ''],
])('a record of set-up that is %s counts as none, and the next one replaces it', async (_, content) => {
  const [root, home] = [await newFolder(), await newFolder()];
  const record = (): SetupRecord & { store: ReturnType<typeof folderStore> } => ({
    before: { system: 'debian-12' },
    store: folderStore(root),
    cachePrefix: 'p',
    home,
  });
  const keep = async (to: ReturnType<typeof record>): Promise<void> => {
    await recordVersions(VERSIONS, to);
    await to.store.idle();
  };
  expect(await recordedVersions(record())).toBeUndefined();
  await keep(record());
  expect(await recordedVersions(record())).toEqual(VERSIONS);
  await writeFile(join(root, (await readdir(root))[0] as string, 'versions.json'), content);
  const later = record();
  expect(await recordedVersions(later)).toBeUndefined();
  await keep(later); // the same versions, and so the same key
  expect(await recordedVersions(record())).toEqual(VERSIONS);
});

test('a cache home that cannot be written costs a record, not the build', async () => {
  const file = join(await newFolder(), 'file');
  await writeFile(file, '');
  const place = { before: {}, store: folderStore(await newFolder()), cachePrefix: 'p', home: join(file, 'home') };
  await recordVersions(VERSIONS, place);
  expect(await recordedVersions(place)).toBeUndefined();
});
