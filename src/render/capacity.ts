import { readFileSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
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
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(join(root, path), 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  const groups = (read('proc/self/cgroup') ?? '').split('\n');
  const quotas: number[] = [];
  const climb = (base: string, group: string, quotaAt: (folder: string) => number | undefined): void => {
    for (let path = group; ; path = dirname(path)) {
      const quota = quotaAt(join(base, path));
      if (quota !== undefined) quotas.push(quota);
      if (path === '/' || path === '.') return;
    }
  };
  const v2 = groups.find((line) => line.startsWith('0::'))?.slice(3);
  if (v2 !== undefined) {
    climb('sys/fs/cgroup', v2, (folder) => {
      const match = /^(\d+) (\d+)$/.exec(read(join(folder, 'cpu.max')) ?? '');
      return match ? Number(match[1]) / Number(match[2]) : undefined;
    });
  }
  const v1 = groups
    .map((line) => /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/.exec(line)?.[1])
    .find((path) => path !== undefined);
  if (v1 !== undefined) {
    climb('sys/fs/cgroup/cpu', v1, (folder) => {
      const quota = Number(read(join(folder, 'cpu.cfs_quota_us')) ?? -1);
      const period = Number(read(join(folder, 'cpu.cfs_period_us')) ?? 0);
      return quota > 0 && period > 0 ? quota / period : undefined;
    });
  }
  return quotas.length > 0 ? Math.min(...quotas) : undefined;
}
