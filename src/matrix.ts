import { balance, type PlannedScene } from './render/schedule.js';

/** One job of the render matrix. */
export interface MatrixJob {
  /** "2/4": for the name of the job. */
  readonly shard: string;
  /** Scene ids, comma separated, as the input `scenes` takes them. */
  readonly scenes: string;
  /** What the scenes are expected to take, in seconds of wall time. */
  readonly seconds: number;
}

export interface MatrixLimits {
  readonly maxShards: number;
  /** How long a shard should render, in minutes: long enough to be worth its start-up. */
  readonly targetMinutes: number;
  /** Cores of the runners: how many scenes each renders at once. */
  readonly cores: number;
}

/**
 * The missing scenes dealt to jobs, so many that each has about its target's worth to do. Empty where one job would do:
 * the final job renders them itself, without waiting for another's start-up.
 */
export function planMatrix(missing: readonly PlannedScene[], limits: MatrixLimits): MatrixJob[] {
  const total = missing.reduce((sum, { cost }) => sum + cost, 0) / limits.cores;
  const wanted = Math.ceil(total / (limits.targetMinutes * 60));
  const count = Math.min(wanted, limits.maxShards, missing.length);
  if (count < 2) return [];
  return balance(missing, count).map((share, index) => ({
    shard: `${index + 1}/${count}`,
    scenes: [...share]
      .sort((a, b) => a.scene.index - b.scene.index)
      .map(({ scene }) => scene.id)
      .join(','),
    seconds: Math.round(share.reduce((sum, { cost }) => sum + cost, 0) / Math.min(limits.cores, share.length)),
  }));
}
