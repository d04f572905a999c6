/**
 * How often a property is tried: the same cases at every run, so that no change fails by chance. With FUZZ=20, twenty
 * times as many, and new ones.
 */
export function fuzz(runs: number): { numRuns: number; seed?: number } {
  const times = Number(process.env.FUZZ ?? 0);
  return times > 0 ? { numRuns: runs * times } : { numRuns: runs, seed: 20260101 };
}
