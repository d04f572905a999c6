import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Workshop, workshop } from './support/cli.js';

const MIB = 2 ** 20;

/** A control group of our own with a limit of memory, and how to enter it; undefined where none can be made. */
function memoryGroup(bytes: number): { readonly procs: string; remove(): void } | undefined {
  const own = readFileSync('/proc/self/cgroup', 'utf8');
  const v1 = /^\d+:memory:(.*)$/m.exec(own)?.[1];
  const v2 = /^0::(.*)$/m.exec(own)?.[1];
  const base = v1 ? join('/sys/fs/cgroup/memory', v1) : join('/sys/fs/cgroup', v2 ?? '/');
  const folder = join(base, `flaming-horse-test-${process.pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, v1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes));
    return { procs: join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder) };
  } catch {
    if (existsSync(folder)) rmdirSync(folder);
    return undefined;
  }
}

const group = process.platform === 'linux' ? memoryGroup(1200 * MIB) : undefined;
let shop: Workshop;

beforeEach(() => {
  shop = workshop();
});
afterEach(() => shop.remove());
afterAll(() => group?.remove());

/** Lets a scene use so much memory, for so many seconds, before its first frame. */
function use(scene: string, mib: number, seconds: number): void {
  const marker = '    def construct(self):\n';
  const text = `        import time\n        much = bytearray(${mib} << 20)\n        much[::4096] = b"x" * len(much[::4096])\n        time.sleep(${seconds})\n`;
  shop.edit(`${scene}.py`, (source) => source.replace(marker, marker + text));
}

(group ? test : test.skip)(
  'scenes that do not fit side by side are rendered again alone; one that never fits is reported with figures',
  async () => {
    use('scene_01_opening', 600, 5);
    use('scene_02_middle', 600, 5);
    use('scene_03_ending', 3000, 0);
    const { status, stderr } = await shop.within(
      group?.procs as string,
      'build',
      shop.project,
      ...QUICK,
      '--parallel-renders',
      '3',
    );
    expect(status).toBe(1);
    // of the two, the kernel picks one or both
    expect(stderr).toMatch(/warning: scene scene_0[12]_\w+: the kernel killed the render, out of memory/);
    for (const id of ['scene_01_opening', 'scene_02_middle'])
      expect(stderr).toMatch(new RegExp(`^scene ${id}: \\d+ frames`, 'm'));
    const errors = stderr.split('\n').filter((line) => line.includes(' error: '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(
      /scene_03_ending.py: error: scene scene_03_ending: the kernel killed the render, out of memory: it used up to [\d.]+ [GM]iB; the machine has [\d.]+ GiB, of which this job may use 1.2 GiB/,
    );
  },
);
