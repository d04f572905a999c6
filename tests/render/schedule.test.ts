import type { Scene } from '../../src/project/scenes.js';
import type { Ledger } from '../../src/render/ledger.js';
import { balance, expectedSeconds, longestFirst, planScenes, scenesOfShard } from '../../src/render/schedule.js';
import { type Contents, contentsOf } from '../support/content.js';
import { temporaryFolders } from '../support/folder.js';
import { sceneSource, writeProject } from '../support/project.js';

const newFolder = temporaryFolders();

/** A project whose scenes speak so many characters each. */
async function projectOf(lengths: readonly number[], reversed = false): Promise<Contents> {
  const ids = lengths.map((_, index) => `scene_${index}`);
  const folder = await writeProject(await newFolder(), {
    scenes: (reversed ? [...ids].reverse() : ids).map((id) => ({ id, class_name: 'S', estimated_duration: '33s' })),
    narration: Object.fromEntries(lengths.map((length, index) => [`line_${index}`, 'x'.repeat(Math.max(length, 1))])),
    files: Object.fromEntries(
      ids.map((id, index) => [`${id}.py`, sceneSource('S', lengths[index] === 0 ? [] : [`line_${index}`])]),
    ),
  });
  return contentsOf(folder);
}

const item = (index: number, cost: number) => ({ cost, scene: { index, id: `s${index}` } as Scene });
const loadOf = (share: readonly { cost: number }[]): number => share.reduce((sum, { cost }) => sum + cost, 0);

describe('the expected length of a scene', () => {
  test('is told by its narration, else by its author, else it is a guess', async () => {
    const { project } = await projectOf([150, 0, 1500]);
    expect(project.scenes.map((scene) => expectedSeconds(scene, project))).toEqual([10, 33, 100]);
    const silent = { ...(project.scenes[1] as Scene), estimatedSeconds: undefined };
    expect(expectedSeconds(silent, project)).toBeGreaterThan(0);
  });
});

describe('shares', () => {
  const random = (seed: number): (() => number) => {
    let state = seed;
    return () => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return state / 2 ** 31;
    };
  };
  const cases = Array.from({ length: 200 }, (_, seed) => {
    const next = random(seed + 1);
    const costs = Array.from({ length: 1 + Math.floor(next() * 30) }, () => (next() < 0.2 ? 10 : 1 + next() * 100));
    return { items: costs.map((cost, index) => item(index, cost)), count: 1 + Math.floor(next() * 12) };
  });

  test('hold each scene once, and there are as many as asked', () => {
    for (const { items, count } of cases) {
      const shares = balance(items, count);
      expect(shares).toHaveLength(count);
      expect(shares.flat().sort((a, b) => a.scene.index - b.scene.index)).toEqual(items);
    }
  });

  test('are even: the largest is no more than a scene above the average', () => {
    for (const { items, count } of cases) {
      const loads = balance(items, count).map(loadOf);
      const [total, longest] = [loadOf(items), Math.max(...items.map(({ cost }) => cost))];
      expect(Math.max(...loads)).toBeLessThanOrEqual(total / count + longest + 1e-9);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(longest + 1e-9);
    }
    // the known worst case of longest-first: 4/3 - 1/9 of the best, which is 9
    const worst = [5, 5, 4, 4, 3, 3, 3].map((cost, index) => item(index, cost));
    expect(Math.max(...balance(worst, 3).map(loadOf))).toBeLessThanOrEqual(11);
  });

  test('are the same whatever order the scenes come in', () => {
    for (const { items, count } of cases) {
      const cut = (list: typeof items): number[][] =>
        balance(list, count).map((share) => share.map(({ scene }) => scene.index).sort((a, b) => a - b));
      expect(cut([...items].reverse())).toEqual(cut(items));
    }
  });

  test('are empty where there are more of them than scenes', () => {
    expect(
      balance([item(0, 1)], 3)
        .map((share) => share.length)
        .sort(),
    ).toEqual([0, 0, 1]);
    expect(balance([], 2)).toEqual([[], []]);
  });

  test.each([1, 2, 3, 4, 7, 12])('cut by %d jobs on their own make the whole project', async (count) => {
    const lengths = [300, 0, 20, 900, 450, 450, 120];
    // each job reads the sources by itself
    const jobs = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { project } = await projectOf(lengths);
        const shard = { index: index + 1, count };
        return scenesOfShard(project.scenes, shard, project).map((scene) => scene.index);
      }),
    );
    expect(jobs.flat().sort()).toEqual(lengths.map((_, index) => index));
    for (const job of jobs) expect(job).toEqual([...job].sort((a, b) => a - b));
  });
});

describe('the plan of a build', () => {
  const ledgerOf = ({ contents }: Contents, seconds: Record<string, number>, quality?: string): Ledger =>
    new Map(
      Object.entries(seconds).map(([id, renderSeconds]) => {
        const ingredients: Record<string, string> = { ...contents.get(id)?.ingredients, ...(quality && { quality }) };
        return [id, { ingredients, opened: { 'a.txt': 'x' }, unsafe: [], renderSeconds, frames: 1 }];
      }),
    );
  const costs = (built: Contents, ledger: Ledger, opened = new Map()): number[] =>
    planScenes(built.project.scenes, built.contents, opened, built.project, ledger).map(({ cost }) => cost);

  test('takes recorded times, and for the others what those were for their length', async () => {
    const built = await projectOf([150, 300, 600]);
    expect(costs(built, ledgerOf(built, { scene_0: 30, scene_1: 80 }))).toEqual([30, 80, 140]);
  });

  test('does not take times of another quality', async () => {
    const built = await projectOf([150, 300]);
    const [small, large] = [costs(built, ledgerOf(built, { scene_0: 1 }, '854x480 at 15')), costs(built, new Map())];
    expect(small).toEqual(large);
    expect(large[1]).toBe(2 * (large[0] as number));
  });

  test('keeps the order of the video, with the content and the opened files of each', async () => {
    const built = await projectOf([10, 20], true);
    const opened = new Map([['scene_1', { 'a.txt': 'now' }]]);
    const plan = planScenes(built.project.scenes, built.contents, opened, built.project, new Map());
    expect(plan.map(({ scene }) => scene.id)).toEqual(['scene_1', 'scene_0']);
    expect(plan.map((planned) => planned.opened)).toEqual([{ 'a.txt': 'now' }, undefined]);
    for (const { scene, content } of plan) expect(content).toBe(built.contents.get(scene.id));
  });

  test('begins with the longest, and with the first of two that are as long', () => {
    const scenes = [item(0, 5), item(1, 9), item(2, 5), item(3, 7)];
    expect(longestFirst(scenes).map(({ scene }) => scene.index)).toEqual([1, 3, 0, 2]);
    expect(scenes.map(({ scene }) => scene.index)).toEqual([0, 1, 2, 3]);
  });
});
