import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, userErrorsOf } from '../errors.js';
import { silentLog } from '../log.js';
import type { Scene } from '../project/scenes.js';
import type { SceneContent } from '../render/content.js';
import { condemnScene, type FinishedScene, restoreScene, type SceneStore } from '../render/reuse.js';
import type { PlannedScene } from '../render/schedule.js';
import { ToolError } from '../video/ffmpeg.js';
import { joinScenes } from '../video/join.js';
import { type BuildContext, type FinishedScenes, finishedOf, note, sceneStoreOf } from './context.js';

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

/**
 * After a join failed with this error: the scenes from the store that cannot even be joined alone. They are not restored any more, so that
 * they can be rendered again. `rendered`: ids of scenes that are fresh; rendering those again would change nothing.
 */
export async function condemnUnusable(
  error: unknown,
  scenes: readonly Scene[],
  finished: FinishedScenes,
  rendered: { has(id: string): boolean },
  contents: ReadonlyMap<string, SceneContent>,
  context: BuildContext,
): Promise<Scene[]> {
  const unusable: Scene[] = [];
  if (!mayBeOfScenes(error)) return unusable;
  for (const scene of scenes.filter(({ id }) => !rendered.has(id))) {
    const restored = finishedOf(finished, scene);
    const content = contents.get(scene.id);
    const why = await whyNotJoined(restored, context);
    if (why === undefined || !content) continue;
    note(context, `Scene ${scene.id} is rendered again, because its stored result cannot be joined: ${why}`);
    condemnScene(restored, content, sceneStoreOf(context));
    unusable.push(scene);
  }
  return unusable;
}

/** Whether an error of a join may come from its scenes: a missing tool, a full disk or a strict gate does not. */
function mayBeOfScenes(error: unknown): boolean {
  return userErrorsOf(error) === undefined || error instanceof ToolError;
}

/** Why a scene cannot be joined alone; undefined where it can, or where that is not the scene's fault. */
async function whyNotJoined({ result }: FinishedScene, { workDir, tools }: BuildContext): Promise<string | undefined> {
  const folder = join(workDir, 'check');
  try {
    await joinScenes({
      ...tools,
      scenes: [{ result, title: '' }],
      output: join(folder, 'video.mp4'),
      workDir: join(folder, 'work'),
      log: silentLog,
    });
    return undefined;
  } catch (error) {
    return mayBeOfScenes(error) && !tools.signal?.aborted ? messageOf(error).split('\n')[0] : undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
