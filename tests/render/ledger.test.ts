import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../src/log.js';
import { type Ledger, type LedgerPlace, readLedger, saveLedger } from '../../src/render/ledger.js';
import { folderStore } from '../../src/store/folder.js';
import { noStore } from '../../src/store/store.js';
import { temporaryFolders } from '../support/folder.js';

const newFolder = temporaryFolders();

const ledger = (text: string, renderSeconds = 1): Ledger => ({
  a: { ingredients: { 'a.py': text }, opened: { 'logo.svg': 'h' }, unsafe: [], renderSeconds, frames: 10 },
});

async function newPlace(): Promise<{ place: LedgerPlace; root: string }> {
  const root = join(await newFolder(), 'store');
  const folder = join(await newFolder(), 'ledger');
  return {
    root,
    place: { store: folderStore(root, silentLog), cachePrefix: 'p', folder, projectName: 'me/repo:projects/a' },
  };
}

test('a project that was never built has an empty ledger', async () => {
  const { place } = await newPlace();
  expect(await readLedger(place)).toEqual({});
  expect(await readLedger({ ...place, store: noStore })).toEqual({});
});

test('the newest ledger is read', async () => {
  const { place } = await newPlace();
  for (const text of ['one', 'two', 'three']) {
    await saveLedger(ledger(text), await readLedger(place), place);
    await sleep(20);
  }
  expect(await readLedger(place)).toEqual(ledger('three'));
});

test('projects do not read each other’s ledgers, nor those of another prefix', async () => {
  const { place } = await newPlace();
  await saveLedger(ledger('one'), {}, place);
  expect(await readLedger({ ...place, projectName: 'me/repo:projects/ab' })).toEqual({});
  expect(await readLedger({ ...place, cachePrefix: 'other' })).toEqual({});
});

test('nothing is saved where nothing changed but times', async () => {
  const { place, root } = await newPlace();
  await saveLedger(ledger('one', 1), {}, place);
  await saveLedger(ledger('one', 99), await readLedger(place), place);
  expect(await readdir(root)).toHaveLength(1);
  await saveLedger({ ...ledger('one'), b: ledger('x').a } as Ledger, await readLedger(place), place);
  expect(await readdir(root)).toHaveLength(2);
});

test.each([
  ['cut off', '{"format": 1, "scen'],
  ['of another format', '{"format": 2, "scenes": {"a": 1}}'],
  ['without scenes', '{"format": 1}'],
  ['null', 'null'],
])('a ledger that is %s is as none', async (_, text) => {
  const { place, root } = await newPlace();
  await saveLedger(ledger('one'), {}, place);
  const [entry] = await readdir(root);
  await writeFile(join(root, entry as string, 'ledger.json'), text);
  expect(await readLedger(place)).toEqual({});
});
