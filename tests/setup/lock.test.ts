import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from '../../src/setup/lock.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { startTypeScript } from '../support/typescript.js';

const newFolder = temporaryFolders();
const python = 'python3';

test('work under one lock is done one after the other', async () => {
  const folder = await newFolder();
  const journal = join(folder, 'journal');
  const work = (name: string) =>
    withLock(join(folder, 'made', 'lock'), { python }, async () => {
      await appendFile(journal, `${name} begins\n`);
      await sleep(100);
      await appendFile(journal, `${name} ends\n`);
    });
  await Promise.all(['a', 'b', 'c'].map(work));

  const lines = (await readFile(journal, 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(6);
  for (let index = 0; index < lines.length; index += 2)
    expect(lines[index + 1]).toBe(lines[index]?.replace('begins', 'ends'));
});

test('the lock is given back when the work throws', async () => {
  const lock = join(await newFolder(), 'lock');
  const failing = withLock(lock, { python }, async () => {
    throw new Error('no luck');
  });
  await expect(failing).rejects.toThrow('no luck');
  await expect(withLock(lock, { python }, async () => 'done')).resolves.toBe('done');
});

test('who waits is told so, and gets the lock of a holder that was killed', async () => {
  const folder = await newFolder();
  const lock = join(folder, 'lock');
  const source = join(import.meta.dirname, '..', '..', 'src', 'setup', 'lock.ts');
  const program = `
    import { withLock } from ${JSON.stringify(source)};
    await withLock(process.argv[2], { python: 'python3' }, async () => {
      console.log('holding');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });
  `;
  await writeFiles(folder, { 'holder.ts': program });
  const holder = startTypeScript(join(folder, 'holder.ts'), [lock]);
  await holder.until('holding');

  const done = join(folder, 'done');
  let told = (): void => {};
  const waits = new Promise<void>((resolve) => {
    told = resolve;
  });
  const waiting = withLock(lock, { python, onWait: told }, () => writeFile(done, ''));
  await waits;
  expect(existsSync(done)).toBe(false);

  holder.kill();
  await waiting;
  expect(existsSync(done)).toBe(true);
});

test('who waits can be told to stop', async () => {
  const lock = join(await newFolder(), 'lock');
  const stop = new AbortController();
  await withLock(lock, { python }, async () => {
    const waiting = withLock(lock, { python, signal: stop.signal, onWait: () => stop.abort() }, async () => {});
    await expect(waiting).rejects.toThrow(/abort/);
  });
});

test('a lock that cannot be taken is an error that says why', async () => {
  const folder = await newFolder();
  await expect(withLock(folder, { python }, async () => {})).rejects.toThrow(/cannot lock .*Is a directory/s);
});
