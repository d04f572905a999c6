import { silentLog } from '../../src/log.js';
import { folderStore } from '../../src/store/folder.js';
import { noStore, readOnly } from '../../src/store/store.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();

test('the store that is off has nothing and keeps nothing', async () => {
  const entry = { key: 'k', path: await newFolder() };
  expect(await noStore.save(entry)).toBe('off');
  expect(await noStore.restore(entry, [''])).toBeUndefined();
  expect(await noStore.find(entry, [''])).toBeUndefined();
});

test('a store that is only read gives what is there and takes nothing', async () => {
  const store = folderStore(await newFolder(), silentLog);
  const path = await newFolder();
  await writeFiles(path, { 'a.txt': 'a' });
  await store.save({ key: 'k', path });
  const read = readOnly(store);
  expect(await read.restore({ key: 'k', path: await newFolder() })).toBe('k');
  expect(await read.save({ key: 'other', path })).toBe('off');
  expect(await store.find({ key: 'other', path })).toBeUndefined();
  expect(read.name).toContain('read only');
});
