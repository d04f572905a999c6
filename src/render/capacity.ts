import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** What a machine gives us: cores (may be a fraction under a quota) and bytes of memory. */
export interface Capacity {
  readonly cores: number;
  readonly memoryBytes: number;
}

/** How many renders run at once, and why not more. */
export interface Parallelism {
  readonly renders: number;
  readonly reason: string;
}

/** Share of the free memory that renders may take; the rest is for joining, the runner and the page cache. */
const MEMORY_SHARE = 0.85;
const MIB = 2 ** 20;

/**
 * Memory to set aside for one render, in bytes: half as much again as the peak of a full scene, measured from 854x480 to
 * 3840x2160 (docs/rendering.md): the interpreter with Manim, a few frames and the encoder's references.
 */
export function renderMemory(size: { width: number; height: number }, encoder: 'fast' | 'stock'): number {
  const pixels = size.width * size.height;
  return encoder === 'fast' ? 310 * MIB + pixels * 78 : 310 * MIB + pixels * 370;
}

/** How many of `scenes` renders fit the machine side by side. `wanted`: see Options.parallelRenders. */
export function parallelism(wanted: number, scenes: number, memoryPerRender: number, capacity: Capacity): Parallelism {
  if (wanted === -1) return { renders: 1, reason: 'one after the other, as asked' };
  if (wanted > 0) return { renders: Math.min(wanted, Math.max(1, scenes)), reason: `${wanted}, as asked` };
  const byCores = Math.max(1, Math.floor(capacity.cores + 0.5));
  const byMemory = Math.max(1, Math.floor((capacity.memoryBytes * MEMORY_SHARE) / memoryPerRender));
  const renders = Math.max(1, Math.min(byCores, byMemory, scenes));
  const cores = `${Number(capacity.cores.toFixed(2))} cores`;
  const memory = `${(capacity.memoryBytes / 2 ** 30).toFixed(1)} GiB of memory at ${Math.round(memoryPerRender / MIB)} MiB a render`;
  return { renders, reason: `${cores}, ${memory}` };
}

/** Reads what this machine, or the container around us, gives. */
export function readCapacity(root = '/'): Capacity {
  const quota = cpuQuota(root);
  const cores = Math.min(availableParallelism(), quota ?? Number.POSITIVE_INFINITY);
  const limit = process.constrainedMemory();
  const free = freemem();
  return { cores, memoryBytes: limit > 0 ? Math.min(limit, free) : free };
}

/** The CPU quota in cores that control groups set for this process (version 2, then 1), the tightest of all levels. */
export function cpuQuota(root = '/'): number | undefined {
  const quotas = groupFolders('cpu', root).flatMap(({ version, folder }) => {
    const [quota, period] =
      version === 2
        ? (/^(\d+) (\d+)$/.exec(read(join(folder, 'cpu.max')))?.slice(1) ?? []).map(Number)
        : ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => Number(read(join(folder, name)) || -1));
    return quota && period && quota > 0 && period > 0 ? [quota / period] : [];
  });
  return quotas.length > 0 ? Math.min(...quotas) : undefined;
}

/** The memory that processes of ours may have, and what the kernel did where there was too little. */
export interface MemoryFacts {
  readonly machineBytes: number;
  /** What control groups allow, the tightest of all levels; undefined where that is no less than the machine has. */
  readonly limitBytes: number | undefined;
  /** How many processes the kernel has ended for lack of memory: by itself of no meaning, but it grows. */
  readonly kills: number;
}

/** Reads the limits of memory of this machine, or of the container around us. */
export function memoryFacts(root = '/'): MemoryFacts {
  const groups = groupFolders('memory', root);
  const machineBytes = totalmem();
  const limits = groups
    .map(({ version, folder }) => Number(read(join(folder, version === 2 ? 'memory.max' : 'memory.limit_in_bytes'))))
    .filter((limit) => limit > 0 && limit < machineBytes);
  const counters = [
    read(join(root, 'proc/vmstat')),
    ...groups.map(({ version, folder }) => read(join(folder, version === 2 ? 'memory.events' : 'memory.oom_control'))),
  ];
  const kills = counters.reduce((sum, text) => sum + Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0), 0);
  return { machineBytes, limitBytes: limits.length > 0 ? Math.min(...limits) : undefined, kills };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The control groups of this process that a controller may work in, from the innermost to the outermost. */
function groupFolders(controller: string, root: string): { readonly version: 1 | 2; readonly folder: string }[] {
  const levels = (group: string): string[] => {
    const parent = dirname(group);
    return parent === group || group === '.' ? [group] : [group, ...levels(parent)];
  };
  return read(join(root, 'proc/self/cgroup'))
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (group === undefined) return [];
      const at = (version: 1 | 2, base: string) =>
        levels(group).map((level) => ({ version, folder: join(root, 'sys/fs/cgroup', base, level) }));
      if (controllers === '') return at(2, '');
      return controllers.split(',').includes(controller) ? at(1, controller) : [];
    });
}
