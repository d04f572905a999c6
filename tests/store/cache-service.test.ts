import { chmod, mkdir, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asZstd, type Member, writeArchives } from '../support/archives.js';
import { cacheBench, PATIENT } from '../support/cache-service.js';
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

    // what somebody else put there in its place
    const out = join(base, 'out');
    await mkdir(out);
    const hostile: Record<string, Member[]> = {
      absolute: [{ name: `${out}/evil`, content: 'x' }],
      up: [{ name: '../../../../../../../../../../tmp/../../evil', content: 'x' }],
      link: [
        { name: 'd', type: '2', link: out },
        { name: 'd/evil', content: 'x' },
      ],
      none: [],
    };
    const archives = Object.keys(hostile).map((name) => join(base, name));
    writeArchives(Object.fromEntries(Object.entries(hostile).map(([name, members]) => [join(base, name), members])));
    const stored = bench.server.entries.find(({ key }) => key === 'p-two');
    for (const archive of archives) {
      const isHostile = !archive.endsWith('none');
      if (stored) stored.data = asZstd(archive);
      const into = join(base, `into ${archive.length}`);
      await rm(into, { recursive: true, force: true });
      await mkdir(into);
      const found = await backend.restore({ ...entry, key: 'p-two', path: into }, []);
      expect(found).toEqual(
        isHostile ? { key: 'p-two', fault: expect.stringMatching(/absolute|leads out|link/) } : { key: 'p-two' },
      );
      expect(await readdir(out)).toEqual([]);
    }
  });
});

test('programs that the cache package starts get no secret, and none of them lies where a scene could change it', async () => {
  const base = await newFolder();
  const told = join(base, 'environment');
  // in place of the real tar: a witness that goes on as that
  await writeFiles(base, {
    'bin/tar': `#!/bin/sh\necho "$*" >> ${told}\nenv >> ${told}\nls -R "$FLAMING_HORSE_TEMP" >> ${told}\nPATH=/usr/bin:/bin exec tar "$@"\n`,
    'temp/file': '',
    'entry/a.txt': 'first',
    'back/file': '',
  });
  await chmod(join(base, 'bin', 'tar'), 0o755);
  const env = {
    PATH: `${join(base, 'bin')}:${process.env.PATH}`,
    RUNNER_TEMP: join(base, 'temp'),
    FLAMING_HORSE_TEMP: join(base, 'temp'),
    STEP_TOKEN: 'a-token-of-the-step',
  };
  const bench = await cacheBench('v2', recordingLog(), PATIENT, (usual) => ({ ...usual, ...env }));
  const backend = bench.backend();
  expect(await backend.save({ key: 'one', path: join(base, 'entry') }, () => {})).toBe('saved');
  expect(await backend.restore({ key: 'one', path: join(base, 'back') }, [])).toEqual({ key: 'one' });
  expect(await readFile(join(base, 'back', 'a.txt'), 'utf8')).toBe('first');
  const seen = await readFile(told, 'utf8');
  expect(seen).toContain(`PATH=${join(base, 'bin')}`);
  expect(seen).toMatch(/flaming-horse-/);
  expect(seen).not.toMatch(/a-token-of-the-step|ACTIONS_|^-xf/m);
  expect(seen).not.toMatch(/^(bin|tar)$/m);
});
