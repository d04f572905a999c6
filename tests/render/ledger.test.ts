import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Ledger,
  type LedgerPlace,
  type LedgerScene,
  readLedger,
  saveLedger as startSaving,
} from '../../src/render/ledger.js';
import { temporaryFolders } from '../support/folder.js';
import { folderStore, noStore, type TestStore } from '../support/store.js';

const newFolder = temporaryFolders();

const scene = (text: string, renderSeconds = 1): LedgerScene => ({
  ingredients: { 'a.py': text },
  opened: { 'logo.svg': 'h' },
  unsafe: [],
  renderSeconds,
  frames: 10,
});
const ledger = (text: string, renderSeconds = 1): Ledger => new Map([['a', scene(text, renderSeconds)]]);
const NONE: Ledger = new Map();

interface TestPlace extends LedgerPlace {
  readonly store: TestStore;
}

async function saveLedger(now: Ledger, before: Ledger, place: TestPlace): Promise<void> {
  await startSaving(now, before, place);
  await place.store.idle();
}

async function newPlace(): Promise<{ place: TestPlace; root: string }> {
  const root = join(await newFolder(), 'store');
  const folder = join(await newFolder(), 'ledger');
  return {
    root,
    place: { store: folderStore(root), cachePrefix: 'p', folder, projectName: 'me/repo:projects/a' },
  };
}

test('a project that was never built has an empty ledger', async () => {
  const { place } = await newPlace();
  expect(await readLedger(place)).toEqual(NONE);
  expect(await readLedger({ ...place, store: noStore })).toEqual(NONE);
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
  await saveLedger(ledger('one'), NONE, place);
  expect(await readLedger({ ...place, projectName: 'me/repo:projects/ab' })).toEqual(NONE);
  expect(await readLedger({ ...place, cachePrefix: 'other' })).toEqual(NONE);
});

test('nothing is saved where nothing changed but times', async () => {
  const { place, root } = await newPlace();
  await saveLedger(ledger('one', 1), NONE, place);
  await saveLedger(ledger('one', 99), await readLedger(place), place);
  expect(await readdir(root)).toHaveLength(1);
  await saveLedger(new Map([...ledger('one'), ['b', scene('x')]]), await readLedger(place), place);
  expect(await readdir(root)).toHaveLength(2);
});

test.each<[string, unknown]>([
  ['cut off', '{"format": 2, "scen'],
  ['empty', ''],
  ['binary', '\u0000\u0001\ufffd'],
  ['null', null],
  ['a list', []],
  ['a text', 'x'],
  ['of another format', { format: 1, scenes: {} }],
  ['without scenes', { format: 2 }],
  ['whose scenes are by name', { format: 2, scenes: { a: scene('one') } }],
  ['whose scenes are null', { format: 2, scenes: null }],
  ['with a scene that is null', { format: 2, scenes: [['a', null]] }],
  ['with a scene that is a number', { format: 2, scenes: [['a', 7]] }],
  ['with a scene that is no pair', { format: 2, scenes: ['a'] }],
  ['with a scene without a name', { format: 2, scenes: [[7, scene('one')]] }],
  ['with a scene that opened null', { format: 2, scenes: [['a', { ...scene('one'), opened: null }]] }],
  ['with a scene that opened a list', { format: 2, scenes: [['a', { ...scene('one'), opened: ['x'] }]] }],
  ['with a scene that opened numbers', { format: 2, scenes: [['a', { ...scene('one'), opened: { x: 1 } }]] }],
  ['with a scene without ingredients', { format: 2, scenes: [['a', { ...scene('one'), ingredients: undefined }]] }],
  ['with a scene of negative seconds', { format: 2, scenes: [['a', { ...scene('one'), renderSeconds: -1 }]] }],
  ['with a scene whose reasons are a text', { format: 2, scenes: [['a', { ...scene('one'), unsafe: 'x' }]] }],
])('a ledger that is %s counts as none, and the next save replaces it', async (_, content) => {
  const { place, root } = await newPlace();
  await saveLedger(ledger('one'), NONE, place);
  const [entry] = await readdir(root);
  const text = typeof content === 'string' && content !== 'x' ? content : JSON.stringify(content);
  await writeFile(join(root, entry as string, 'ledger.json'), text);
  // twice: what replaces it may be bad too
  for (const beside of ['-r1', '-r2']) {
    expect(await readLedger(place)).toEqual(NONE);
    await saveLedger(ledger('one'), NONE, place); // the same content, and so the same key
    expect(await readLedger(place)).toEqual(ledger('one'));
    await writeFile(join(root, `${entry}${beside}`, 'ledger.json'), text);
  }
});

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])(
  'a scene and files called %s are like any other',
  async (name) => {
    const { place } = await newPlace();
    expect((await readLedger(place)).get(name)).toBeUndefined();
    const texts = JSON.parse(`{${JSON.stringify(name)}: "h"}`);
    const odd: Ledger = new Map([[name, { ...scene('one'), ingredients: texts, opened: texts }]]);
    await saveLedger(odd, NONE, place);
    const back = await readLedger(place);
    expect([...back.keys()]).toEqual([name]);
    expect(Object.entries(back.get(name)?.opened ?? {})).toEqual([[name, 'h']]);
  },
);
