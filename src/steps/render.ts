import { join } from 'node:path';
import { QUALITIES } from '../inputs.js';
import { childEnvironment } from '../process.js';
import { dependenciesOf } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import { parallelism, readCapacity, renderMemory } from '../render/capacity.js';
import { expectedSeconds, type PlannedScene } from '../render/plan.js';
import { reportProgress } from '../render/progress.js';
import { renderScenes } from '../render/render.js';
import type { FinishedScene, SceneStore } from '../render/reuse.js';
import { count } from '../report/summary.js';
import type { Runtime } from '../setup/runtime.js';
import type { VoiceReport } from '../voice/provide.js';
import type { BuildContext } from './context.js';

/** Renders what is missing, as many scenes at once as the machine carries. */
export async function renderMissing(
  missing: readonly PlannedScene[],
  damaged: ReadonlySet<string>,
  spoken: VoiceReport,
  voiceFolder: string,
  runtime: Runtime,
  sceneStore: SceneStore,
  context: BuildContext,
): Promise<Map<string, FinishedScene>> {
  const { options, project, host } = context;
  const size = QUALITIES[options.quality];
  const sizeOf = (scene: Scene): { width: number; height: number; fps: number } =>
    size ?? dependenciesOf(project, scene).size;
  const memory = Math.max(...missing.map(({ scene }) => renderMemory(sizeOf(scene), options.encoder)));
  const { renders, reason } = parallelism(options.parallelRenders, missing.length, memory, readCapacity());
  host.log.info(`rendering ${count(missing.length, 'scene')}, ${renders} at a time (${reason})`);

  const secondsOf = new Map(spoken.lines.map(({ key, seconds }) => [key, seconds]));
  const lengthOf = (scene: Scene): number => {
    const { narrationKeys } = dependenciesOf(project, scene);
    const known = narrationKeys.reduce((sum, key) => sum + (secondsOf.get(key) ?? 0), 0);
    return known > 0 ? known : expectedSeconds(scene, project);
  };
  const expected = new Map(missing.map(({ scene }) => [scene.id, Math.round(lengthOf(scene) * sizeOf(scene).fps)]));
  const rendered = await renderScenes({
    scenes: missing,
    damaged,
    atOnce: renders,
    project,
    voiceFolder,
    settings: {
      python: runtime.python,
      projectDir: project.folder,
      repoRoot: project.repoRoot,
      size,
      encoder: options.encoder,
      encoderOptions: options.encoderOptions,
      workDir: context.workDir,
      logDir: join(project.folder, 'log'),
      env: childEnvironment(),
    },
    sceneStore,
    tools: { ...context.tools, guardPython: runtime.python },
    progress: reportProgress(expected, host.log),
    log: host.log,
    signal: context.signal,
  });
  // told on the log already, at the scene's file
  for (const [id, { finished, notSaved }] of rendered) {
    if (finished.result.facts.fallback)
      context.notes.push(`scene ${id} took the slow way: ${finished.result.facts.fallback}`);
    if (notSaved && notSaved !== 'off') context.notes.push(`scene ${id} is rendered every time: ${notSaved}`);
  }
  return new Map([...rendered].map(([id, { finished }]) => [id, finished]));
}
