import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.js';
import type { PictureSize } from '../inputs.js';
import type { Log } from '../log.js';
import { writeFile } from '../machine-errors.js';
import { type Finished, run } from '../process.js';
import type { Scene } from '../project/scenes.js';
import { shippedFile } from '../shipped.js';
import { memoryFacts } from './capacity.js';
import { duration, type RenderLimits } from './limits.js';
import { memoryFailure } from './memory.js';
import { withoutNoise } from './output.js';
import { readSceneResult, type SceneResult } from './result.js';
import { openSceneLog, type SceneLog } from './scene-log.js';
import { type Standpoint, standpoint } from './stack.js';

/** What is known of the renders of a build before it is known what to render. Paths are absolute. */
export interface RenderPlace {
  readonly python: string;
  readonly projectDir: string;
  readonly repoRoot: string;
  /** Private folders of renders are made here. */
  readonly workDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** The Python that guards renders: not one from the cache, which is code too. Without it, `python`. */
  readonly guardPython?: string | undefined;
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
  readonly limits: RenderLimits;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** The seed of every scene that sets none itself: without one, the same sources give other pictures each time. */
export const SEED = 0;
/** One thread, always: the number of threads decides the pixels. */
export const ENCODER_THREADS = 1;
const JOB_FORMAT = 1;
/** Lines of output kept for the report of a failure, noise included. */
const LAST_LINES = 100;
/** Characters of a line that is shown on the build's log. */
const SHOWN_LINE = 500;
/** Warnings of one scene that are passed on. */
const MOST_WARNINGS = 100;
/** Events that show that a scene goes on, beside frames. */
const SIGNS_OF_LIFE = new Set(['start', 'line', 'alive', 'done']);

/**
 * Renders one scene in a process of its own into `resultDir` (made, emptied). Throws UserError at the user's file and
 * line where the scene fails, OutOfMemory where it was killed for want of memory; the output is in the scene's log then.
 */
export async function renderScene(
  scene: Scene,
  resultDir: string,
  settings: RenderSettings,
  { onFrames, limits, log, signal }: RenderWatcher,
): Promise<SceneResult> {
  const media = join(settings.workDir, 'media', scene.id);
  const stackFile = join(settings.workDir, 'jobs', `${scene.id}.stack`);
  for (const path of [media, resultDir, stackFile]) await rm(path, { recursive: true, force: true });
  await mkdir(resultDir, { recursive: true });
  const jobFile = await writeJob(scene.id, jobOf(scene, media, resultDir, settings), settings);
  const output = await openLog(scene, settings);

  let frames = 0;
  let failure: UserError | undefined;
  let failureType = '';
  const warned = new Set<string>();
  const warn = (event: Record<string, unknown>, message: string): void => {
    if (warned.has(message) || warned.size > MOST_WARNINGS) return;
    warned.add(message);
    if (warned.size <= MOST_WARNINGS) log.warning(`scene ${scene.id}: ${message}`, placeOf(event));
    else log.warning(`scene ${scene.id}: more than ${MOST_WARNINGS} warnings, the rest is left out`);
  };
  const killsBefore = memoryFacts().kills;
  const finished = await run(settings.python, ['-P', '-m', 'flaming_horse_build.render', jobFile], {
    cwd: settings.projectDir,
    env: renderEnvironment(settings),
    guardPython: settings.guardPython ?? settings.python,
    through: settings.shared?.socket,
    idleLimit: limits.stallSeconds,
    wallLimit: limits.sceneSeconds,
    isProgress: ({ event, frames: now }) => SIGNS_OF_LIFE.has(String(event)) || Number(now) > frames,
    lastCall: 'SIGUSR1',
    ...(signal && { signal }),
    onLine: (line) => output.add(line.trimEnd()),
    onEvent: (event) => {
      if (event.event === 'frames' && typeof event.frames === 'number') {
        frames = event.frames;
        onFrames(frames);
      }
      if (event.event === 'error') {
        failure = failureOf(scene, event);
        failureType = String(event.type);
      }
      if (event.event === 'warning' && typeof event.message === 'string') warn(event, event.message);
    },
  });
  const stacks = await readFile(stackFile, 'utf8').catch(() => '');
  for (const line of stacks === '' ? [] : stacks.split('\n')) output.add(line);
  const last = withoutNoise(output.last(LAST_LINES)).map((line) => line.slice(0, SHOWN_LINE));
  const unwritten = await output.close();
  if (unwritten) log.warning(`cannot write log/${scene.id}.log (${unwritten}): the output of the scene is lost`);
  await rm(media, { recursive: true, force: true });
  const stood = standpoint(stacks, [settings.projectDir, settings.repoRoot], [shippedFile('python')]);
  if (finished.status === 0) {
    // it went on when it was asked where it stands: a stopped process is continued then
    if (finished.limit)
      log.warning(
        `${tooLong(scene, finished, limits, frames, stood).message}; it ended then, and its result is used`,
        stood,
      );
    if (existsSync(join(resultDir, 'result.json'))) {
      return readSceneResult(resultDir).catch((cause: unknown) => {
        throw new UserError(`scene ${scene.id}: its result is not what the render wrote: ${messageOf(cause)}`, {
          place: { file: scene.file },
          hint: 'Look for what the scene does to files when it ends.',
          cause,
        });
      });
    }
  }

  const memory = { ...memoryFacts(), killsBefore, peakBytes: finished.peakBytes };
  const error = finished.limit
    ? (failure ?? tooLong(scene, finished, limits, frames, stood))
    : (memoryFailure(scene, finished, failure && { type: failureType, error: failure }, last, memory) ??
      failure ??
      unexplained(scene, finished, stacks, stood));
  error.output = { lines: last, log: `log/${scene.id}.log` };
  throw error;
}

/** The log of a scene, which begins with what was said when Manim was imported for it. */
async function openLog(scene: Scene, { logDir, shared }: RenderSettings): Promise<SceneLog> {
  await mkdir(logDir, { recursive: true }).catch(() => {}); // told when the log is closed
  const output = openSceneLog(join(logDir, `${scene.id}.log`));
  for (const line of shared?.said ?? []) output.add(line);
  return output;
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

/** The error that a scene ended with, at its place. */
export function failureOf(scene: Scene, event: Record<string, unknown>): UserError {
  const hint = hintFor(String(event.type), String(event.message));
  return new UserError(`scene ${scene.id}: ${event.type}: ${event.message}`, {
    place: placeOf(event) ?? { file: scene.file },
    ...(hint && { hint }),
  });
}

function hintFor(type: string, message: string): string | undefined {
  if (type === 'ModuleNotFoundError') {
    return 'Add the module to the repository, or give a Python that has it as the input python.';
  }
  if (type === 'DiskError') return 'Make room there, or run the build in a folder on another disk.';
  if (/latex|dvisvgm/i.test(message))
    return 'If it says that a program or package is missing, install it; else correct the formula.';
  return undefined;
}

function unexplained(scene: Scene, finished: Finished, stacks: string, stood: Standpoint | undefined): UserError {
  const how = howEnded(finished, /^Fatal Python error: (.+)$/m.exec(stacks)?.[1]);
  return new UserError(`scene ${scene.id}: the render ended without a result (${how})${inWords(stood)}`, {
    place: stood ?? { file: scene.file },
  });
}

/** A limit was reached: which, when, and where the scene stood. */
function tooLong(
  scene: Scene,
  { limit, seconds }: Finished,
  { sceneSeconds, stallSeconds }: RenderLimits,
  frames: number,
  stood: Standpoint | undefined,
): UserError {
  const [input, why] =
    limit === 'wall'
      ? ['scene-timeout-minutes', `its limit is ${duration(sceneSeconds)}`]
      : ['stall-minutes', `there was no progress for ${duration(stallSeconds)}`];
  return new UserError(
    `scene ${scene.id}: stopped after ${duration(seconds)} and ${frames} frames, since ${why} (${input})${inWords(stood)}`,
    {
      place: stood ?? { file: scene.file },
      hint: `If the scene needs longer, raise ${input}. log/${scene.id}.log says where every thread stood.`,
    },
  );
}

function inWords(stood: Standpoint | undefined): string {
  return stood ? `; it was in ${stood.name}, line ${stood.line}` : '';
}

function howEnded({ status, signal, reason }: Finished, fatal: string | undefined): string {
  if (reason !== undefined) return reason;
  if (status === 0) return 'something in the scene ended the process or removed the result';
  const number = (status ?? 0) - 128; // as shells and the guard report it
  const name = signal ?? Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  if (name === undefined) return `status ${status}`;
  return fatal ? `it crashed: ${fatal}, ${name}` : `it was ended by the signal ${name}`;
}
