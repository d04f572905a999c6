import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSceneLog } from '../../src/render/scene-log.js';
import { temporaryFolders } from '../support/folder.js';

const newFolder = temporaryFolders();
const LIMITS = { head: 100, tail: 50 };

test('a short output is kept as it is', async () => {
  const path = join(await newFolder(), 'log');
  const log = openSceneLog(path, LIMITS);
  for (const line of ['one', '', 'three']) log.add(line);
  expect(log.last(2)).toEqual(['', 'three']);
  expect(await log.close()).toBeUndefined();
  expect(await readFile(path, 'utf8')).toBe('one\n\nthree\n');
});

test('of a long output, the start and the end are kept, and what is missing is counted', async () => {
  const path = join(await newFolder(), 'log');
  const log = openSceneLog(path, LIMITS);
  for (let number = 0; number < 1000; number++) log.add(`line ${String(number).padStart(4, '0')}`);
  expect(log.last(1)).toEqual(['line 0999']);
  await log.close();
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines.slice(0, 10).at(-1)).toBe('line 0009');
  const kept = lines.length - 1;
  expect(lines[10]).toBe(`[... ${1000 - kept} lines (${(1000 - kept) * 10} bytes) left out]`);
  expect(lines.at(-1)).toBe('line 0999');
  expect(kept).toBeLessThanOrEqual(20);
});

test('a log that cannot be written is told, and takes lines all the same', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, 'log'));
  const log = openSceneLog(join(folder, 'log'), LIMITS);
  for (let number = 0; number < 100; number++) log.add('some line');
  expect(await log.close()).toBe('EISDIR');
  expect(log.last(1)).toEqual(['some line']);
});
