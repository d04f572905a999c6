import { homedir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { actionsCacheStore, type CacheService, cachePath } from '../../src/store/actions-cache.js';
import { recordingLog } from '../support/log.js';

/*
 * GitHub's service is not to be had in a test: here a service stands in for it that answers as @actions/cache does. The
 * package itself is tested under act, with act's cache server.
 */
type Call = readonly ['restore' | 'look' | 'save', ...unknown[]];

interface Service extends CacheService {
  readonly calls: Call[];
}

function serviceOf(answers: {
  restore?: (key: string, prefixes: readonly string[]) => string | undefined | Promise<string | undefined>;
  save?: (key: string) => number | Promise<number>;
}): Service {
  const calls: Call[] = [];
  return {
    calls,
    restoreCache: async (paths, key, prefixes = [], options = {}) => {
      calls.push([options.lookupOnly ? 'look' : 'restore', paths, key, prefixes]);
      return answers.restore?.(key, prefixes);
    },
    saveCache: async (paths, key) => {
      calls.push(['save', paths, key]);
      return (await answers.save?.(key)) ?? -1;
    },
  };
}

const ENTRY = { key: 'the-key', path: '/workspace/.flaming-horse/scenes/abc' };
const PATHS = ['.flaming-horse/scenes/abc'];
const storeOf = (service: CacheService, log = recordingLog(), deadAfter?: number) =>
  actionsCacheStore(service, '/workspace', log, deadAfter, 1);

describe('the cache service as store', () => {
  test('is asked with the key, the prefixes and a path that is the same in every job', async () => {
    const service = serviceOf({ restore: () => 'pre-older' });
    const store = storeOf(service);
    expect(await store.restore(ENTRY, ['pre-', 'p'])).toBe('pre-older');
    expect(await store.find(ENTRY)).toBe('pre-older');
    expect(service.calls).toEqual([
      ['restore', PATHS, 'the-key', ['pre-', 'p']],
      ['look', PATHS, 'the-key', []],
    ]);
  });

  test('says saved where the service gives a number', async () => {
    for (const number of [0, 1, 4711])
      expect(await storeOf(serviceOf({ save: () => number })).save(ENTRY)).toBe('saved');
  });

  test('says that an entry exists only where the service finds this very key', async () => {
    const there = serviceOf({ save: () => -1, restore: (key) => key });
    expect(await storeOf(there).save(ENTRY)).toBe('exists');
    expect(there.calls.map(([call]) => call)).toEqual(['save', 'look']);
    const longer = serviceOf({ save: () => -1, restore: (key) => `${key}-r` });
    expect(await storeOf(longer).save(ENTRY)).toBe('failed');
    expect(await storeOf(serviceOf({ save: () => -1 })).save(ENTRY)).toBe('failed');
  });

  test('tries a failed save once more, then goes on', async () => {
    let calls = 0;
    const fail = (): number => {
      calls += 1;
      throw new Error('Path Validation Error');
    };
    const store = storeOf(serviceOf({ save: fail }));
    expect(await store.save(ENTRY)).toBe('failed');
    expect(calls).toBe(2);
    expect(await store.save(ENTRY)).toBe('failed');
    expect(calls).toBe(4);
  });
});

describe('a service that is dead', () => {
  test('because it throws is told once and not asked again', async () => {
    const service = serviceOf({
      restore: () => {
        throw new Error('getaddrinfo ENOTFOUND');
      },
    });
    const log = recordingLog();
    const store = storeOf(service, log);
    expect(await store.restore(ENTRY)).toBeUndefined();
    expect(await store.find(ENTRY)).toBeUndefined();
    expect(await store.save(ENTRY)).toBe('failed');
    expect(service.calls).toHaveLength(1);
    expect(log.told).toEqual([
      'warning: the cache service does not answer (getaddrinfo ENOTFOUND): going on without it for a while',
    ]);
  });

  test('because it finds nothing after a long time is not asked again', async () => {
    const service = serviceOf({ restore: () => sleep(60, undefined) });
    const log = recordingLog();
    const store = storeOf(service, log, 0.05);
    expect(await store.restore(ENTRY)).toBeUndefined();
    expect(await store.restore(ENTRY)).toBeUndefined();
    expect(service.calls).toHaveLength(1);
    expect(log.told).toHaveLength(1);
  });

  test('is noticed while saving too', async () => {
    const service = serviceOf({ save: () => sleep(1, -1), restore: () => sleep(60, undefined) });
    const log = recordingLog();
    const store = storeOf(service, log, 0.05);
    expect(await store.save(ENTRY)).toBe('failed');
    expect(await store.save(ENTRY)).toBe('failed');
    expect(service.calls.map(([call]) => call)).toEqual(['save', 'look']);
    expect(log.told).toHaveLength(1);
  });

  test('costs no more than the calls that were on their way', async () => {
    const service = serviceOf({ restore: () => sleep(60, undefined) });
    const store = storeOf(service, recordingLog(), 0.05);
    await Promise.all(Array.from({ length: 50 }, () => store.restore(ENTRY)));
    expect(service.calls.length).toBeLessThanOrEqual(4);
  });

  test('is not one that takes long and finds something', async () => {
    const service = serviceOf({ restore: (key) => sleep(60, key) });
    const store = storeOf(service, recordingLog(), 0.05);
    for (let time = 0; time < 3; time++) expect(await store.restore(ENTRY)).toBe('the-key');
    expect(service.calls).toHaveLength(3);
  });
});

test.each([
  ['inside the workspace', '/w/a/b', '/w', 'a/b'],
  ['inside the workspace, with a name that begins with dots', '/w/..a/b', '/w', '..a/b'],
  ['the workspace with a slash at its end', '/w/a', '/w/', 'a'],
  ['inside the home folder', '/home/me/.cache/x', '/w', '~/.cache/x'],
  ['inside both', '/home/me/w/x', '/home/me/w', 'x'],
  ['beside the workspace', '/work/x', '/w', '/work/x'],
  ['above the workspace', '/', '/w', '/'],
  ['the workspace itself', '/w', '/w', '/w'],
  ['the home folder itself', '/home/me', '/w', '/home/me'],
])('the path of an entry is one that other jobs find: %s', (_, path, workspace, expected) => {
  expect(cachePath(path, workspace, '/home/me')).toBe(expected);
});

test('the home folder is that of the user', () => {
  expect(cachePath(`${homedir()}/x/y`, '/nowhere')).toBe('~/x/y');
});
