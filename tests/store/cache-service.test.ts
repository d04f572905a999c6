import { mkdir, readdir, readFile, readlink, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheBench } from '../support/cache-service.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { recordingLog } from '../support/log.js';

/* The real @actions/cache in its process, on a server that speaks GitHub's protocols. */

const newFolder = temporaryFolders();

describe.each(['v1', 'v2'] as const)('the cache service, protocol %s', (version) => {
  test('keeps entries, gives the exact one or the newest of a prefix, and says what is there already', async () => {
    const log = recordingLog();
    const bench = await cacheBench(version, log);
    const backend = bench.backend();
    const base = await newFolder();
    const folder = join(base, 'a folder [1]', 'entry');
    await writeFiles(folder, { 'a.txt': 'first', 'deep/er/b.bin': Buffer.alloc(200_000, 7), 'empty.txt': '' });
    await writeFile(join(folder, 'run'), '#!/bin/sh\n', { mode: 0o755 });
    await symlink('run', join(folder, 'link'));
    await utimes(join(folder, 'a.txt'), 1_600_000_000, 1_600_000_000);
    let taken = 0;
    const entry = { key: 'p-one', path: folder, linksTo: '/usr/bin/python3' };
    expect(await backend.save(entry, () => (taken += 1))).toBe('saved');
    expect(taken).toBe(1);
    expect(await backend.save(entry, () => {})).toBe('exists');
    await writeFile(join(folder, 'a.txt'), 'second');
    expect(await backend.save({ ...entry, key: 'p-two' }, () => {})).toBe('saved');

    expect(await backend.find('p-one', [])).toBe('p-one');
    expect(await backend.find('x', ['y', 'p-'])).toBe('p-two');
    expect(await backend.find('x', ['y'])).toBeUndefined();
    const back = join(base, 'other place');
    await mkdir(back);
    expect(await backend.restore({ ...entry, key: 'p-one', path: back }, ['p-'])).toEqual({ key: 'p-one' });
    expect((await readdir(back, { recursive: true })).sort()).toEqual(
      (await readdir(folder, { recursive: true })).sort(),
    );
    expect(await readFile(join(back, 'a.txt'), 'utf8')).toBe('first');
    expect((await stat(join(back, 'a.txt'))).mtimeMs).toBe(1_600_000_000_000);
    expect(await readFile(join(back, 'deep/er/b.bin'))).toEqual(Buffer.alloc(200_000, 7));
    expect((await stat(join(back, 'run'))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(back, 'link'))).toBe('run');
    expect(log.told.filter((line) => !line.startsWith('debug'))).toEqual([]);
  });
});
