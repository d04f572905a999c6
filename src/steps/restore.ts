import { type FinishedScene, restoreScene, type SceneStore } from '../render/reuse.js';
import type { PlannedScene } from '../render/schedule.js';

/** What the store had of a build's scenes. */
export interface RestoredScenes {
  readonly restored: Map<string, FinishedScene>;
  readonly missing: PlannedScene[];
  /** Ids of those missing because their entry is damaged. */
  readonly damaged: Set<string>;
}

/** Brings back every scene that the store has, verified. */
export async function restoreScenes(planned: readonly PlannedScene[], sceneStore: SceneStore): Promise<RestoredScenes> {
  const restored = new Map<string, FinishedScene>();
  const missing: PlannedScene[] = [];
  const damaged = new Set<string>();
  const found = await Promise.all(
    planned.map(({ scene, content, opened }) => restoreScene(scene.id, content, opened, sceneStore)),
  );
  for (const [index, plannedScene] of planned.entries()) {
    const outcome = found[index];
    if (typeof outcome === 'object') restored.set(plannedScene.scene.id, outcome);
    else missing.push(plannedScene);
    if (outcome === 'damaged') damaged.add(plannedScene.scene.id);
  }
  return { restored, missing, damaged };
}
