import { actionsCacheBackend, type Limits } from '../../src/store/actions-cache.js';
import type { Answer, CacheService } from '../../src/store/cache-client.js';
import type { Backend } from '../../src/store/store.js';
import { recordingLog } from '../support/log.js';

/* When the service is left alone. Its answers are made up here; tests/store/cache-faults.test.ts has the real package. */

type Work = 'find' | 'restore' | 'save';

interface Scripted extends CacheService {
  readonly calls: string[];
}

function serviceOf(answer: (work: Work, key: string) => Answer | Promise<Answer>, available = true): Scripted {
  const calls: string[] = [];
  const call = async (work: Work, key: string): Promise<Answer> => {
    calls.push(`${work} ${key}`);
    return answer(work, key);
  };
  return {
    calls,
    available: async () => available,
    find: (key) => call('find', key),
    restore: (key) => call('restore', key),
    save: (key) => call('save', key),
    close: async () => {},
  };
}

const LIMITS: Limits = { pause: 60_000, lost: 60_000, saveAgain: 600_000 };
const FAILED: Answer = { kind: 'failed', why: 'it responded with 500' };
const MISSING: Answer = { kind: 'missing' };

function bench(service: CacheService, limits: Partial<Limits> = {}): { backend: Backend; told: string[] } {
  const log = recordingLog();
  const backend = actionsCacheBackend(service, log, { ...LIMITS, ...limits });
  return { backend, told: log.told };
}
const restored = (backend: Backend, key: string) => backend.restore({ key, path: '/x' }, []);
const saved = (backend: Backend, key: string) => backend.save({ key, path: '/x' }, () => {});

test('answers are passed on: what was found, what is missing, what cannot be used', async () => {
  const service = serviceOf((_, key) =>
    key === 'a'
      ? { kind: 'found', key: 'a-1' }
      : key === 'b'
        ? { kind: 'unusable', key: 'b-1', why: 'a link' }
        : MISSING,
  );
  const { backend, told } = bench(service);
  expect(await restored(backend, 'a')).toEqual({ key: 'a-1' });
  expect(await backend.find('a', [])).toBe('a-1');
  expect(await restored(backend, 'b')).toEqual({ key: 'b-1', fault: 'a link' });
  for (let time = 0; time < 5; time++) expect(await restored(backend, 'c')).toBeUndefined();
  expect(await restored(backend, 'a')).toEqual({ key: 'a-1' });
  expect(told).toEqual([]);
});

test('a runner without a service is told once, and never asked', async () => {
  const service = serviceOf(() => FAILED, false);
  const { backend, told } = bench(service);
  expect(await restored(backend, 'a')).toBeUndefined();
  expect(await saved(backend, 'a')).toBe('off');
  expect(service.calls).toEqual([]);
  expect(told).toEqual(['warning: This runner has no cache service: everything is made again in each build.']);
});

describe('reading', () => {
  test.each<[string, Answer]>([
    ['hangs', { kind: 'stalled', why: 'no answer in 10 s' }],
    ['refuses', { kind: 'refused', why: '403' }],
  ])('from a service that %s once ends for good, and so does saving', async (_, answer) => {
    const service = serviceOf(() => answer);
    const { backend, told } = bench(service, { pause: 0 });
    for (const key of ['a', 'b', 'c']) expect(await restored(backend, key)).toBeUndefined();
    expect(await saved(backend, 'd')).toBe('failed');
    expect(service.calls).toEqual(['restore a']);
    expect(told).toEqual([
      expect.stringMatching(/^warning: The cache service fails \(.*\)\. The build goes on without it\.$/),
    ]);
  });

  test('pauses after two failures in a row, not after two failures', async () => {
    let answers: Answer[] = [FAILED, MISSING, FAILED, MISSING, FAILED, FAILED];
    const service = serviceOf(() => answers.shift() ?? MISSING);
    const { backend, told } = bench(service);
    for (let time = 0; time < 6; time++) await restored(backend, 'x');
    expect(service.calls).toHaveLength(6);
    await restored(backend, 'x');
    expect(service.calls).toHaveLength(6);
    expect(told).toEqual([expect.stringContaining('It is left alone for a while.')]);
    answers = [];
  });

  test('goes on after a pause', async () => {
    const answers: Answer[] = [FAILED, FAILED];
    const service = serviceOf(() => answers.shift() ?? { kind: 'found', key: 'k' });
    const { backend } = bench(service, { pause: 0 });
    await restored(backend, 'x');
    await restored(backend, 'x');
    expect(await restored(backend, 'x')).toEqual({ key: 'k' });
  });

  test('ends for good once failures have cost enough together', async () => {
    const service = serviceOf(() => FAILED);
    const { backend, told } = bench(service, { pause: 0, lost: -1 });
    await restored(backend, 'x');
    await restored(backend, 'x');
    expect(service.calls).toHaveLength(1);
    expect(told).toEqual([expect.stringContaining('The build goes on without it.')]);
  });

  test('of many entries at once costs no more than the calls that were on their way', async () => {
    const service = serviceOf(() => ({ kind: 'stalled', why: 'x' }));
    const { backend } = bench(service);
    await Promise.all(Array.from({ length: 50 }, () => restored(backend, 'x')));
    expect(service.calls.length).toBeLessThanOrEqual(4);
  });
});

describe('saving', () => {
  test('says that an entry exists only where the service finds this very key', async () => {
    const there = serviceOf((work, key) => (work === 'save' ? FAILED : { kind: 'found', key }));
    expect(await saved(bench(there).backend, 'k')).toBe('exists');
    expect(there.calls).toEqual(['save k', 'find k']);
    const longer = serviceOf((work, key) => (work === 'save' ? FAILED : { kind: 'found', key: `${key}-r1` }));
    expect(await saved(bench(longer, { saveAgain: 0 }).backend, 'k')).toBe('failed');
  });

  test('is tried once more in a while, then stops for good', async () => {
    const service = serviceOf((work) => (work === 'save' ? FAILED : MISSING));
    const { backend, told } = bench(service, { saveAgain: 0 });
    expect(await saved(backend, 'a')).toBe('failed');
    expect(await saved(backend, 'b')).toBe('failed');
    expect(service.calls.filter((call) => call.startsWith('save'))).toEqual(['save a', 'save a']);
    expect(told.filter((line) => line.startsWith('warning'))).toEqual([
      expect.stringMatching(
        /^warning: The cache service does not take what was made .* The build goes on without it\.$/,
      ),
    ]);
    expect(await restored(backend, 'c')).toBeUndefined();
    expect(service.calls.at(-1)).toBe('restore c');
  });

  test('at the end of a build is tried again at once', async () => {
    let works = false;
    const service = serviceOf((work) =>
      work === 'save' && works ? { kind: 'saved' } : work === 'save' ? FAILED : MISSING,
    );
    const { backend } = bench(service);
    const outcome = saved(backend, 'a');
    works = true;
    backend.hurry();
    expect(await outcome).toBe('saved');
  });

  test.each<[string, Answer]>([
    ['refused', { kind: 'refused', why: 'cache write denied' }],
    ['given up', { kind: 'stalled', why: '0 bytes in 10 s' }],
  ])('that is %s is not tried again, and reading goes on', async (_, answer) => {
    const service = serviceOf((work) => (work === 'save' ? answer : MISSING));
    const { backend } = bench(service, { saveAgain: 0 });
    expect(await saved(backend, 'a')).toBe('failed');
    expect(await saved(backend, 'b')).toBe('failed');
    expect(await restored(backend, 'c')).toBeUndefined();
    expect(service.calls).toEqual(['save a', 'restore c']);
  });
});
