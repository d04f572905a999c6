import { availableParallelism, totalmem } from 'node:os';
import { cpuQuota, parallelism, readCapacity, renderMemory } from '../../src/render/capacity.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();
const GIB = 2 ** 30;

describe('the CPU quota', () => {
  const quotaOf = async (files: Record<string, string>): Promise<number | undefined> => {
    const root = await newFolder();
    await writeFiles(root, files);
    return cpuQuota(root);
  };
  const V2 = 'sys/fs/cgroup';
  const V1 = 'sys/fs/cgroup/cpu';

  test.each<[string, Record<string, string>, number | undefined]>([
    ['none where there are no control groups', {}, undefined],
    ['version 2, none set', { 'proc/self/cgroup': '0::/a\n', [`${V2}/a/cpu.max`]: 'max 100000\n' }, undefined],
    [
      'version 2, set for the group',
      { 'proc/self/cgroup': '0::/a/b\n', [`${V2}/a/b/cpu.max`]: '150000 100000\n' },
      1.5,
    ],
    [
      'version 2, set for a group above',
      {
        'proc/self/cgroup': '0::/a/b\n',
        [`${V2}/a/b/cpu.max`]: 'max 100000\n',
        [`${V2}/a/cpu.max`]: '300000 100000\n',
      },
      3,
    ],
    [
      'version 2, the tightest of several',
      {
        'proc/self/cgroup': '0::/a/b\n',
        [`${V2}/a/b/cpu.max`]: '400000 100000\n',
        [`${V2}/a/cpu.max`]: '50000 100000\n',
      },
      0.5,
    ],
    [
      'version 2 in a container of its own name space',
      { 'proc/self/cgroup': '0::/\n', [`${V2}/cpu.max`]: '200000 100000\n' },
      2,
    ],
    [
      'version 2 where the group lies outside the name space',
      { 'proc/self/cgroup': '0::/../x\n', [`${V2}/cpu.max`]: '200000 100000\n' },
      2,
    ],
    [
      'version 1, none set',
      {
        'proc/self/cgroup': '4:cpu,cpuacct:/a\n',
        [`${V1}/a/cpu.cfs_quota_us`]: '-1\n',
        [`${V1}/a/cpu.cfs_period_us`]: '100000\n',
      },
      undefined,
    ],
    [
      'version 1, set for the group',
      {
        'proc/self/cgroup': '9:memory:/x\n4:cpu,cpuacct:/a\n',
        [`${V1}/a/cpu.cfs_quota_us`]: '250000\n',
        [`${V1}/a/cpu.cfs_period_us`]: '100000\n',
      },
      2.5,
    ],
    [
      'version 1, set for a group above',
      {
        'proc/self/cgroup': '4:cpuacct,cpu:/a/b\n',
        [`${V1}/a/b/cpu.cfs_quota_us`]: '-1\n',
        [`${V1}/a/b/cpu.cfs_period_us`]: '100000\n',
        [`${V1}/cpu.cfs_quota_us`]: '100000\n',
        [`${V1}/cpu.cfs_period_us`]: '50000\n',
      },
      2,
    ],
    [
      'version 1 in a container that sees the name of its group outside',
      {
        'proc/self/cgroup': '4:cpu:/docker/1f\n',
        [`${V1}/cpu.cfs_quota_us`]: '150000\n',
        [`${V1}/cpu.cfs_period_us`]: '100000\n',
      },
      1.5,
    ],
    [
      'version 1, not that of cpuset',
      {
        'proc/self/cgroup': '4:cpuset:/a\n',
        [`${V1}/a/cpu.cfs_quota_us`]: '100000\n',
        [`${V1}/a/cpu.cfs_period_us`]: '100000\n',
      },
      undefined,
    ],
    [
      'both, as on hosts between the two',
      {
        'proc/self/cgroup': '4:cpu:/a\n0::/b\n',
        [`${V1}/a/cpu.cfs_quota_us`]: '300000\n',
        [`${V1}/a/cpu.cfs_period_us`]: '100000\n',
        [`${V2}/b/cpu.max`]: 'max 100000\n',
      },
      3,
    ],
    [
      'none where the files say nothing sensible',
      { 'proc/self/cgroup': 'x\n0::/a\n', [`${V2}/a/cpu.max`]: 'lots\n' },
      undefined,
    ],
  ])('is read: %s', async (_, files, quota) => {
    expect(await quotaOf(files)).toBe(quota);
  });
});

test('this machine has at least a part of a core and some memory, and no more than there is', () => {
  const { cores, memoryBytes } = readCapacity();
  expect(cores).toBeGreaterThan(0);
  expect(cores).toBeLessThanOrEqual(availableParallelism());
  expect(memoryBytes).toBeGreaterThan(0);
  expect(memoryBytes).toBeLessThanOrEqual(totalmem());
});

test('a quota is seen in the capacity', async () => {
  const root = await newFolder();
  await writeFiles(root, { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' });
  expect(readCapacity(root).cores).toBe(0.5);
});

describe('renders at once', () => {
  const machine = (cores: number, memory: number) => ({ cores, memoryBytes: memory * GIB });

  test.each([
    ['one a core', 0, 10, machine(4, 100), 4],
    ['no more than scenes', 0, 3, machine(8, 100), 3],
    ['no more than memory carries', 0, 10, machine(8, 4), 3],
    ['one where memory carries none', 0, 10, machine(8, 0.1), 1],
    ['one where there is a part of a core', 0, 10, machine(0.3, 100), 1],
    ['a half core more is a render more', 0, 10, machine(1.5, 100), 2],
    ['less than a half core is not', 0, 10, machine(2.4, 100), 2],
    ['as many as asked', 6, 10, machine(2, 1), 6],
    ['no more than scenes, whatever is asked', 6, 2, machine(2, 1), 2],
    ['one after the other', -1, 10, machine(8, 100), 1],
    ['one where there is no scene', 0, 0, machine(8, 100), 1],
  ])('are %s', (_, wanted, scenes, capacity, renders) => {
    const found = parallelism(wanted, scenes, GIB, capacity);
    expect(found.renders).toBe(renders);
    expect(found.reason).toBeTruthy();
  });

  test('tell why', () => {
    expect(parallelism(0, 9, 512 * 2 ** 20, machine(1.5, 2)).reason).toBe(
      '1.5 cores, 2.0 GiB of memory at 512 MiB a render',
    );
  });
});

test('a larger picture takes more memory, and Manim’s own writer takes more than ours', () => {
  const sizes = [
    { width: 854, height: 480 },
    { width: 1920, height: 1080 },
    { width: 2560, height: 1440 },
    { width: 3840, height: 2160 },
  ];
  for (const encoder of ['fast', 'stock'] as const) {
    const needs = sizes.map((size) => renderMemory(size, encoder));
    expect(needs).toEqual([...needs].sort((a, b) => a - b));
    expect(needs[0]).toBeGreaterThan(100 * 2 ** 20);
    expect(needs.at(-1)).toBeLessThan(4 * GIB);
  }
  for (const size of sizes) expect(renderMemory(size, 'stock')).toBeGreaterThan(renderMemory(size, 'fast'));
});
