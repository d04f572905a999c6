import { folderBackend } from '../../src/store/folder.js';
import { readOnly } from '../../src/store/store.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { folderStore, noStore, testStore } from '../support/store.js';

const newFolder = temporaryFolders();
const nothing = async (): Promise<void> => {};

test('the store that is off has nothing and keeps nothing', async () => {
  const entry = { key: 'k', path: await newFolder() };
  expect(await noStore.save(entry).outcome).toBe('off');
  expect(await noStore.restore(entry, nothing, [''])).toEqual({ outcome: 'missing' });
  expect(await noStore.find('k', [''])).toBeUndefined();
});

test('a store that is only read gives what is there and takes nothing', async () => {
  const root = await newFolder();
  const path = await newFolder();
  await writeFiles(path, { 'a.txt': 'a' });
  await folderStore(root).save({ key: 'k', path }).outcome;
  const read = testStore(readOnly(folderBackend(root, recordingLog())));
  expect(await read.restore({ key: 'k', path: await newFolder() }, nothing)).toMatchObject({ outcome: 'found' });
  expect(await read.save({ key: 'other', path }).outcome).toBe('off');
  expect(await folderStore(root).find('other')).toBeUndefined();
  expect(read.name).toContain('read only');
});
