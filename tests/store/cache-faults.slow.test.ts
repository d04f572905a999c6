import { join } from 'node:path';
import { openStore } from '../../src/store/entries.js';
import { testFaults } from '../support/cache-faults.js';
import { cacheBench, QUICK } from '../support/cache-service.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';

const newFolder = temporaryFolders();

describe('a cache service costs little however it fails', () => {
  testFaults('v1');
  testFaults('v2');
});

describe.each(['v1', 'v2'] as const)('with protocol %s', (version) => {
  test.each<[string, (address: string) => string]>([
    ['where nothing listens', () => 'http://127.0.0.1:9/'],
    ['that speaks no TLS', (address) => address.replace('http:', 'https:')],
    ['whose name is unknown', () => 'http://cache.invalid/'],
    ['whose address is none', () => 'x y'],
  ])('a service %s costs little, and never the build', async (_, addressOf) => {
    const log = recordingLog();
    const { server, backend } = await cacheBench(version, log, QUICK, (env) =>
      Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, value.startsWith('http') ? addressOf(value) : value]),
      ),
    );
    const store = openStore(backend(), log);
    const path = await newFolder();
    for (const key of ['a', 'b', 'c']) {
      const found = await store.restore({ key, path: join(path, key) }, async () => {});
      expect(found).toEqual({ outcome: 'missing' });
    }
    const { outcome } = store.save({ key: 'd', path: await newFolder() });
    await store.settle();
    expect(await outcome).toBe('failed');
    expect(server.asked.lookup).toBe(0);
    expect(log.told.filter((line) => line.startsWith('warning')).length).toBeGreaterThan(0);
    expect(log.told.filter((line) => line.startsWith('warning')).length).toBeLessThanOrEqual(2);
  });
});
