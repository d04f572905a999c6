import { join } from 'node:path';
import type { UserError } from '../errors.js';
import { QUALITIES } from '../inputs.js';
import { childEnvironment } from '../process.js';
import { dependenciesOf } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import { parallelism, readCapacity, renderMemory } from '../render/capacity.js';
import { limitsFor } from '../render/limits.js';
import { reportProgress } from '../render/progress.js';
import { renderScenes } from '../render/render.js';
import type { FinishedScene, SceneStore } from '../render/reuse.js';
import { expectedSeconds, type PlannedScene } from '../render/schedule.js';
import { type RenderServer, startRenderServer } from '../render/server.js';
import { count } from '../report/summary.js';
import type { Runtime } from '../setup/runtime.js';
import { contentKey } from '../store/keys.js';
import type { VoicePlan } from '../voice/plan.js';
import type { VoiceReport } from '../voice/provide.js';
import { type BuildContext, guardedBy, note } from './context.js';

/** What the voice wrote for scenes to read; the keys of lines cover it. */
function voiceFiles({ folder }: VoicePlan, { lines }: VoiceReport): ReadonlySet<string> {
  const index = ['cache.json', '.cache_hash', 'ready.json'].map((name) => join(folder, name));
  return new Set([...index, ...lines.map(({ file }) => file)]);
}

/** Lets Manim be imported for the scenes that will be rendered. */
export function startRenders(runtime: Runtime, context: BuildContext): RenderServer {
  const { project, host, workDir, signal } = context;
  const { folder: projectDir, repoRoot } = project;
  const { guardPython } = context.tools;
  const place = { python: runtime.python, guardPython, projectDir, repoRoot, workDir, env: childEnvironment() };
  return startRenderServer(place, { ...host.log, warning: (text) => note(context, text) }, signal);
}

/** Renders what is missing, as many scenes at once as the machine carries. Failures come back beside what was finished. */
export async function renderMissing(
  missing: readonly PlannedScene[],
  spoken: VoiceReport,
  voice: VoicePlan,
  runtime: Runtime,
  server: RenderServer,
  sceneStore: SceneStore,
  context: BuildContext,
): Promise<{ finished: Map<string, FinishedScene>; failures: readonly UserError[] }> {
  const { options, project, host } = context;
  const size = QUALITIES[options.quality];
  const sizeOf = (scene: Scene): { width: number; height: number; fps: number } =>
    size ?? dependenciesOf(project, scene).size;
  const memory = Math.max(...missing.map(({ scene }) => renderMemory(sizeOf(scene), options.encoder)));
  const capacity = readCapacity();
  const { renders, reason } = parallelism(options.parallelRenders, missing.length, memory, capacity);
  host.log.info(`rendering ${count(missing.length, 'scene')}, ${renders} at a time (${reason})`);

  const secondsOf = new Map(spoken.lines.map(({ key, seconds }) => [key, seconds]));
  const lengthOf = (scene: Scene): number => {
    const { narrationKeys } = dependenciesOf(project, scene);
    const known = narrationKeys.reduce((sum, key) => sum + (secondsOf.get(key) ?? 0), 0);
    return known > 0 ? known : expectedSeconds(scene, project);
  };
  const expected = new Map(missing.map(({ scene }) => [scene.id, Math.round(lengthOf(scene) * sizeOf(scene).fps)]));
  const { rendered, failures } = await renderScenes({
    scenes: missing,
    atOnce: renders,
    project,
    spoken: spoken.lines,
    voiceFiles: voiceFiles(voice, spoken),
    limitsOf: ({ scene, cost }) =>
      limitsFor({ length: lengthOf(scene), render: cost }, renders / capacity.cores, options),
    settings: {
      ...server.place,
      shared: await server.shared,
      size,
      encoder: options.encoder,
      encoderOptions: options.encoderOptions,
      texDir: join(context.workDir, `tex-${texVersion(runtime.versions)}`),
      logDir: join(project.folder, 'log'),
    },
    sceneStore,
    tools: guardedBy(runtime, context),
    progress: reportProgress(expected, host.log),
    log: host.log,
    signal: context.signal,
    failFast: options.failFast,
  });
  // told on the log already, at the scene's file
  for (const [id, { finished, notSaved }] of rendered) {
    if (finished.result.facts.fallback)
      context.notes.push(`scene ${id} was rendered by Manim's own writer (slower): ${finished.result.facts.fallback}`);
    if (notSaved) context.notes.push(`scene ${id} is rendered every time: ${notSaved}`);
  }
  return { finished: new Map([...rendered].map(([id, { finished }]) => [id, finished])), failures };
}

/** Formulas set by one LaTeX are not those of another. */
function texVersion(versions: Runtime['versions']): string {
  return contentKey([versions.latex ?? '', versions['latex packages'] ?? '']).slice(0, 16);
}
