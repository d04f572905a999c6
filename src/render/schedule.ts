import type { Options, Shard } from '../inputs.js';
import { dependenciesOf, type Project } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import type { Opened, SceneContent } from './content.js';
import type { Ledger } from './ledger.js';

/** A scene of a build: what it is made from and what it will cost. */
export interface PlannedScene {
  readonly scene: Scene;
  readonly content: SceneContent;
  /** Expected render time in seconds: recorded by an earlier build where there was one, else told from its length. */
  readonly cost: number;
  /** The files that its last render opened, as they are now; undefined where that is not known. */
  readonly opened: Opened | undefined;
}

/** Characters of narration spoken in a second, about: what a scene's length is told from before it is spoken. */
export const CHARACTERS_A_SECOND = 15;
/** Seconds of a scene that speaks nothing and says nothing of its length. */
const SILENT_SCENE_SECONDS = 10;

/** Seconds of rendering for a second of video where no build recorded any: 1440p60 on one core, see docs/rendering.md. */
const UNRECORDED_RATE = 1;

/** How long a scene will be, in seconds, as its sources tell: the same on every machine. */
export function expectedSeconds(scene: Scene, project: Project): number {
  const { narrationKeys } = dependenciesOf(project, scene);
  const characters = project.narration.lines
    .filter(({ key }) => narrationKeys.includes(key))
    .reduce((sum, { text }) => sum + text.length, 0);
  if (characters > 0) return characters / CHARACTERS_A_SECOND;
  return scene.estimatedSeconds ?? SILENT_SCENE_SECONDS;
}

/** The scenes of a build, each with its cost; in the order of the video. */
export function planScenes(
  scenes: readonly Scene[],
  contents: ReadonlyMap<string, SceneContent>,
  opened: ReadonlyMap<string, Opened>,
  project: Project,
  ledger: Ledger,
): PlannedScene[] {
  const contentOf = (scene: Scene): SceneContent => {
    const content = contents.get(scene.id);
    if (!content) throw new Error(`scene ${scene.id} has no content key`);
    return content;
  };
  const recordedSeconds = (scene: Scene): number | undefined => {
    const known = ledger.get(scene.id);
    return known?.ingredients.quality === contentOf(scene).ingredients.quality ? known?.renderSeconds : undefined;
  };
  const rates = scenes.flatMap((scene) => {
    const seconds = recordedSeconds(scene);
    return seconds === undefined ? [] : [seconds / expectedSeconds(scene, project)];
  });
  // a scene that was never rendered costs what the others cost for their length
  const rate = rates.length > 0 ? rates.reduce((sum, value) => sum + value, 0) / rates.length : UNRECORDED_RATE;
  return scenes.map((scene) => ({
    scene,
    content: contentOf(scene),
    cost: recordedSeconds(scene) ?? expectedSeconds(scene, project) * rate,
    opened: opened.get(scene.id),
  }));
}

/** The longest first: the last render to end is then a short one. */
export function longestFirst<T extends { readonly cost: number; readonly scene: Scene }>(scenes: readonly T[]): T[] {
  return [...scenes].sort((a, b) => b.cost - a.cost || a.scene.index - b.scene.index);
}

/**
 * The scenes of one share. Shares are cut over all scenes by their expected length alone, which every job reads off the
 * same sources: so all agree without talking, whatever is stored by then.
 */
export function scenesOfShard(scenes: readonly Scene[], shard: Shard, project: Project): Scene[] {
  const costs = scenes.map((scene) => ({ scene, cost: expectedSeconds(scene, project) }));
  const share = balance(costs, shard.count)[shard.index - 1] ?? [];
  return share.map(({ scene }) => scene).sort((a, b) => a.index - b.index);
}

/** Scenes dealt to `count` shares, the longest first and each to the share with the least so far. */
export function balance<T extends { readonly cost: number; readonly scene: Scene }>(
  scenes: readonly T[],
  count: number,
): T[][] {
  const shares = Array.from({ length: count }, () => ({ cost: 0, scenes: [] as T[] }));
  for (const scene of longestFirst(scenes)) {
    const least = shares.reduce((best, share) => (share.cost < best.cost ? share : best));
    least.scenes.push(scene);
    least.cost += scene.cost;
  }
  return shares.map((share) => share.scenes);
}

/** Whether a build makes the whole video at its own size: then it may call the project complete. */
export function isWhole(options: Options): boolean {
  return options.scenes.length === 0 && options.shard === undefined;
}
