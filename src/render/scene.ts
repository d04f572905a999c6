import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.js';
import type { PictureSize } from '../inputs.js';
import type { Log } from '../log.js';
import { type Finished, run } from '../process.js';
import type { Scene } from '../project/scenes.js';
import { shippedFile } from '../shipped.js';
import { stoodAt, withoutNoise } from './output.js';
import { readSceneResult, type SceneResult } from './result.js';

/** What is known of the renders of a build before it is known what to render. Paths are absolute. */
export interface RenderPlace {
  readonly python: string;
  readonly projectDir: string;
  readonly repoRoot: string;
  /** Private folders of renders are made here. */
  readonly workDir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What all renders of a build share. Paths are absolute. */
export interface RenderSettings extends RenderPlace {
  /** null: as the scene files lock it. */
  readonly size: PictureSize | null;
  readonly encoder: 'fast' | 'stock';
  readonly encoderOptions: Readonly<Record<string, string>>;
  /** Formulas that were set already, shared by renders with the same LaTeX. */
  readonly texDir: string;
  /** Scene logs go here, one file a scene. */
  readonly logDir: string;
  /** Where Manim is imported already; without it, each render does that itself. */
  readonly shared: SharedImport | undefined;
}

/** A server that imported Manim for all renders. */
export interface SharedImport {
  readonly socket: string;
  /** When the import began, in ms of the clock that files have. */
  readonly begun: number;
  /** What Manim said meanwhile. */
  readonly said: readonly string[];
}

export interface RenderWatcher {
  /** Frames so far. */
  readonly onFrames: (frames: number) => void;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** The seed of every scene that sets none itself: without one, the same sources give other pictures each time. */
export const SEED = 0;
/** One thread, always: the number of threads decides the pixels. */
export const ENCODER_THREADS = 1;
const JOB_FORMAT = 1;
/** Seconds; Manim before 0.21 hangs for ever on some errors. A long LaTeX run or a heavy frame must fit in. */
const IDLE_LIMIT = 900;
const WALL_LIMIT = 3 * 60 * 60;
const LAST_LINES = 15;

/**
 * Renders one scene in a process of its own into `resultDir` (made, emptied). Throws UserError at the user's file and
 * line where the scene fails; the whole output is in the scene's log then.
 */
export async function renderScene(
  scene: Scene,
  resultDir: string,
  settings: RenderSettings,
  { onFrames, log, signal }: RenderWatcher,
): Promise<SceneResult> {
  const media = join(settings.workDir, 'media', scene.id);
  for (const folder of [media, resultDir]) await rm(folder, { recursive: true, force: true });
  for (const folder of [resultDir, settings.logDir]) await mkdir(folder, { recursive: true });
  const jobFile = await writeJob(scene.id, jobOf(scene, media, resultDir, settings), settings);

  let failure: UserError | undefined;
  const warned = new Set<string>();
  const lines: string[] = [];
  const finished = await run(settings.python, ['-P', '-m', 'flaming_horse_build.render', jobFile], {
    cwd: settings.projectDir,
    env: renderEnvironment(settings),
    guardPython: settings.python,
    through: settings.shared?.socket,
    idleLimit: IDLE_LIMIT,
    wallLimit: WALL_LIMIT,
    ...(signal && { signal }),
    onLine: (line) => lines.push(line.trimEnd()),
    onEvent: (event) => {
      if (event.event === 'frames' && typeof event.frames === 'number') onFrames(event.frames);
      if (event.event === 'error') failure = failureOf(scene, event);
      if (event.event === 'warning' && typeof event.message === 'string' && !warned.has(event.message)) {
        warned.add(event.message);
        log.warning(`scene ${scene.id}: ${event.message}`, placeOf(event));
      }
    },
  });
  lines.unshift(...(settings.shared?.said ?? []));
  await writeFile(join(settings.logDir, `${scene.id}.log`), `${lines.join('\n')}\n`);
  await rm(media, { recursive: true, force: true });
  if (finished.status === 0 && existsSync(join(resultDir, 'result.json'))) {
    return readSceneResult(resultDir).catch((cause: unknown) => {
      throw new UserError(`scene ${scene.id}: its result is not what the render wrote: ${messageOf(cause)}`, {
        place: { file: scene.file },
        hint: 'Look for what the scene does to files when it ends.',
        cause,
      });
    });
  }
  const telling = withoutNoise(lines);
  if (telling.length > 0) log.group(`scene ${scene.id} failed: its last lines`, telling.slice(-LAST_LINES * 2));
  throw failure ?? unexplained(scene, finished, telling, settings);
}

/** Writes the job of a program of the driver and returns its path; see docs/protocol.md. */
export async function writeJob(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  { projectDir, repoRoot, workDir }: RenderPlace,
): Promise<string> {
  const folder = join(workDir, 'jobs');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  const job = { format: JOB_FORMAT, project_dir: projectDir, repo_root: repoRoot, seed: SEED, ...fields };
  await writeFile(file, JSON.stringify(job, null, 2));
  return file;
}

/** The variables of the contract. The driver starts with its own modules alone; it lets scenes find those of the repository. */
export function renderEnvironment({ env }: RenderPlace): NodeJS.ProcessEnv {
  return {
    ...env,
    PYTHONPATH: shippedFile('python'),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
    PYTHONUNBUFFERED: '1',
    COLUMNS: '160', // what Manim's log wraps at
    MANIM_VOICE_PROD: '1',
    HF_HUB_OFFLINE: '1',
    TRANSFORMERS_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    // one render a core: threads inside a render would only fight over the cores
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
  };
}

function jobOf(scene: Scene, media: string, resultDir: string, settings: RenderSettings): Record<string, unknown> {
  return {
    scene_id: scene.id,
    scene_file: scene.file,
    class_name: scene.className,
    size: settings.size,
    media_dir: media,
    result_dir: resultDir,
    encoder: settings.encoder,
    encoder_options: settings.encoderOptions,
    encoder_threads: ENCODER_THREADS,
    tex_cache_dir: settings.texDir,
  };
}

function placeOf(event: Record<string, unknown>): { file: string; line?: number } | undefined {
  if (typeof event.file !== 'string') return undefined;
  return typeof event.line === 'number' ? { file: event.file, line: event.line } : { file: event.file };
}

function failureOf(scene: Scene, event: Record<string, unknown>): UserError {
  return new UserError(`scene ${scene.id}: ${event.type}: ${event.message}`, {
    place: placeOf(event) ?? { file: scene.file },
    hint: hintFor(String(event.type), String(event.message)) ?? `The whole output is in log/${scene.id}.log.`,
  });
}

function hintFor(type: string, message: string): string | undefined {
  if (type === 'ModuleNotFoundError') {
    return 'Add the module to the repository, or give a Python that has it as the input python.';
  }
  if (/latex|dvisvgm/i.test(message))
    return 'If it says that a program or package is missing, install it; else correct the formula.';
  return undefined;
}

function unexplained(
  scene: Scene,
  finished: Finished,
  lines: readonly string[],
  { projectDir, repoRoot }: RenderPlace,
): UserError {
  const stood = stoodAt(lines, [projectDir, repoRoot]);
  return new UserError(`scene ${scene.id}: the render ended without a result (${howEnded(finished, stood?.fatal)})`, {
    place: stood?.place ?? { file: scene.file },
    hint:
      stood?.place || lines.length === 0
        ? `See log/${scene.id}.log.`
        : `Its last words: ${lines.slice(-LAST_LINES).join('\n')}`,
  });
}

function howEnded({ status, signal, reason }: Finished, fatal: string | undefined): string {
  if (reason !== undefined) return reason;
  if (status === 137) return 'killed, most likely for want of memory';
  if (status === 0) return 'something in the scene ended the process or removed the result';
  const number = (status ?? 0) - 128; // as shells and the guard tell it
  const name = signal ?? Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  if (name === undefined) return `status ${status}`;
  return fatal ? `it crashed: ${fatal}, ${name}` : `it was ended by the signal ${name}`;
}
