import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { UserError } from '../errors.js';
import { QUALITIES } from '../inputs.js';
import { childEnvironment, run } from '../process.js';
import { dependenciesOf } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import { parallelism, readCapacity, renderMemory } from '../render/capacity.js';
import { failureOf, type RenderPlace, renderEnvironment, writeJob } from '../render/scene.js';
import { count } from '../report/summary.js';
import { prepareRuntime } from '../setup/runtime.js';
import { type BuildContext, setupOf } from './context.js';

/** Seconds without a word, and at all, after which a scene that is only run is given up. */
const IDLE_LIMIT = 900;
const WALL_LIMIT = 3600;

/**
 * Runs scenes as Manim's dry run does, without drawing: `validate-only: deep`. Installs what is missing, like a build, but
 * needs no voice: lines that are not spoken have an estimated length. Returns what failed, in the order of the video.
 */
export async function rehearse(scenes: readonly Scene[], context: BuildContext): Promise<UserError[]> {
  if (scenes.length === 0) return [];
  const { options, project, host, workDir } = context;
  const latex = scenes.some((scene) => dependenciesOf(project, scene).latex);
  const runtime = await prepareRuntime({ ...setupOf(context), latex });
  for (const line of runtime.report) host.log.info(line);
  const place = {
    python: runtime.python,
    guardPython: context.tools.guardPython,
    projectDir: project.folder,
    repoRoot: project.repoRoot,
    workDir,
    env: childEnvironment(),
  };
  const memory = Math.max(...scenes.map((scene) => renderMemory(dependenciesOf(project, scene).size, 'fast')));
  const { renders } = parallelism(options.parallelRenders, scenes.length, memory, readCapacity());
  host.log.info(`running ${count(scenes.length, 'scene')} without drawing, ${renders} at a time`);
  const limit = pLimit(renders);
  let failed = false;
  const errors = await Promise.all(
    scenes.map((scene) =>
      limit(async () => {
        if (failed && options.failFast) return undefined;
        const error = await rehearseOne(scene, place, context);
        failed ||= error !== undefined;
        return error;
      }),
    ),
  );
  return errors.filter((error) => error !== undefined);
}

async function rehearseOne(scene: Scene, place: RenderPlace, context: BuildContext): Promise<UserError | undefined> {
  const { options, host, signal } = context;
  const folder = join(place.workDir, 'rehearsal', scene.id);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const jobFile = await writeJob(
    `rehearsal-${scene.id}`,
    {
      scene_id: scene.id,
      scene_file: scene.file,
      class_name: scene.className,
      size: QUALITIES[options.quality],
      media_dir: join(folder, 'media'),
      result_dir: folder,
      encoder: 'fast',
      encoder_options: {},
      encoder_threads: 1,
      tex_cache_dir: null,
    },
    place,
  );
  let failure: UserError | undefined;
  const finished = await run(place.python, ['-P', '-m', 'flaming_horse_build.rehearsal', jobFile], {
    cwd: place.projectDir,
    env: renderEnvironment(place),
    guardPython: place.guardPython ?? place.python,
    idleLimit: IDLE_LIMIT,
    wallLimit: WALL_LIMIT,
    ...(signal && { signal }),
    onEvent: (event) => {
      if (event.event === 'error') failure = failureOf(scene, event);
    },
  });
  await rm(folder, { recursive: true, force: true });
  if (finished.status === 0) {
    host.log.info(`scene ${scene.id}: runs to its end, in ${finished.seconds.toFixed(1)} s`);
    return undefined;
  }
  const how = finished.reason ?? `status ${finished.status ?? finished.signal}`;
  return (
    failure ??
    new UserError(`scene ${scene.id}: it ended before its end (${how})`, {
      place: { file: scene.file },
      hint: finished.stderr.trim().split('\n').slice(-3).join('\n'),
    })
  );
}
