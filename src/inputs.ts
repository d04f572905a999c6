import { statSync } from 'node:fs';
import { basename, isAbsolute, join, resolve, sep } from 'node:path';
import { UserError } from './errors.js';
import { isInside } from './files.js';
import { realPath } from './real-path.js';
import { problemOfOption } from './x264.js';

/** A picture size in pixels with its frame rate, as Manim's quality flags name them. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** Manim's own qualities (`manim render --quality`); null: as the scene files lock it. */
export const QUALITIES = {
  project: null,
  low: { width: 854, height: 480, fps: 15 },
  medium: { width: 1280, height: 720, fps: 30 },
  high: { width: 1920, height: 1080, fps: 60 },
  production: { width: 2560, height: 1440, fps: 60 },
  fourk: { width: 3840, height: 2160, fps: 60 },
} as const satisfies Record<string, PictureSize | null>;

const VOICES = ['auto', 'cached', 'piper', 'espeak'] as const;
const CACHE_MODES = ['read-write', 'read', 'off'] as const;
const GATES = ['strict', 'warn', 'off'] as const;
const VALIDATE_ONLY = ['false', 'true', 'deep'] as const;

/** What the user asked for, checked. Paths are absolute. */
export interface Options {
  readonly project: string;
  /** 0: as many as the machine carries; N: exactly N; -1: one after the other. */
  readonly parallelRenders: number;
  readonly voice: (typeof VOICES)[number];
  readonly quality: keyof typeof QUALITIES;
  /** Scene ids to build; empty: all. */
  readonly scenes: readonly string[];
  /** A Python to use, as given; empty: find one. */
  readonly python: string;
  readonly setup: 'auto' | 'never';
  readonly cache: (typeof CACHE_MODES)[number];
  readonly cachePrefix: string;
  /** Where the video goes; undefined: the project's own place for it. */
  readonly output: string | undefined;
  readonly encoder: 'fast' | 'stock';
  /** x264 options by name, over our own. */
  readonly encoderOptions: Readonly<Record<string, string>>;
  /** How long a scene may render, and how long without progress; undefined: told from its expected length. */
  readonly sceneTimeoutMinutes: number | undefined;
  readonly stallMinutes: number | undefined;
  /** Build this share of the scenes and stop before the video is joined; undefined: everything. */
  readonly shard: Shard | undefined;
  /** What findings of the checks do: see README, "Checks before work". */
  readonly gates: (typeof GATES)[number];
  /** Check and report only; `deep`: run each scene without drawing a video, too. */
  readonly validateOnly: (typeof VALIDATE_ONLY)[number];
  /** Stop at the first failing scene. */
  readonly failFast: boolean;
}

/** One of `count` shares, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** One input as action.yml, the command line and the README name it. */
export interface InputSpec {
  readonly default: string;
  readonly description: string;
}

/** Every input of the build action, with the default that action.yml gives it. */
export const INPUTS = {
  project: { default: '', description: 'Folder of the Flaming Horse project. Required.' },
  'parallel-renders': {
    default: '',
    description:
      'Scenes rendered at once: 0 sizes it to the runner, N is N, -1 is one after the other. Empty: the variable PARALLEL_RENDERS, else 0.',
  },
  voice: {
    default: 'auto',
    description:
      'Who speaks: auto (recordings in the project or the cache, then the first voice to be had), cached (never speak), piper, espeak.',
  },
  quality: {
    default: 'project',
    description: 'Picture size: project (as the scene files lock it), low, medium, high, production or fourk.',
  },
  scenes: {
    default: '',
    description: 'Build only these scenes (ids, comma or newline separated), into partial_video.mp4.',
  },
  python: { default: '', description: 'A Python with Manim and voiceover. Empty: find one, or make one.' },
  setup: { default: 'auto', description: 'auto installs what is missing; never says what is missing and stops.' },
  cache: {
    default: '',
    description:
      'read-write, read or off. Empty: read-write, but read for events that run code of strangers (pull requests from forks and the like).',
  },
  'cache-prefix': { default: 'flaming-horse', description: 'First part of every cache key.' },
  output: { default: '', description: 'Where the video goes, an .mp4. Empty: final_video.mp4 in the project folder.' },
  encoder: {
    default: 'fast',
    description: "fast (our frame path) or stock (Manim's own writer and encoder settings).",
  },
  'encoder-options': {
    default: '',
    description: 'x264 options for the fast encoder, as name=value separated by commas, colons or newlines.',
  },
  'scene-timeout-minutes': {
    default: '',
    description:
      'A scene that renders longer is stopped and reported. Empty: at least 60, and more for a scene that is expected to be long or slow.',
  },
  'stall-minutes': {
    default: '',
    description:
      'A scene without progress for so long is stopped and reported. Empty: 15 to 60, by its expected length.',
  },
  shard: { default: '', description: 'i/n: render only this share of the scenes into the cache, and join nothing.' },
  gates: {
    default: 'warn',
    description:
      'Checks before work: warn (errors stop their scene, the rest are warnings), strict (warnings count as errors) or off.',
  },
  'validate-only': {
    default: 'false',
    description: 'true: run the checks, report, and build nothing. deep: also run each scene without making a video.',
  },
  'fail-fast': {
    default: 'false',
    description: 'true: stop before any work if a check fails, and cancel the other renders when a scene fails.',
  },
} as const satisfies Record<string, InputSpec>;

export type InputName = keyof typeof INPUTS;

/** Where inputs come from: INPUT_* of a runner, flags of the command line. Empty or undefined: not given. */
export type RawInputs = (name: InputName) => string | undefined;

/** What besides the inputs decides options: the environment, the folder that paths start from, the level of trust. */
export interface InputContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workspace: string;
  /** Whether the event runs code of people who may not write to the repository. */
  readonly lowTrust: boolean;
}

/**
 * Reads and checks all inputs, once. Blanks around a value do not count, nor does the case of words that are listed. Throws
 * UserError naming the input, the value and what is allowed.
 */
export function readOptions(raw: RawInputs, context: InputContext): Options {
  const text = (name: InputName): string => plain(name, (raw(name) ?? '').trim()) || INPUTS[name].default;
  const path = (value: string): string => (isAbsolute(value) ? value : resolve(context.workspace, value));
  const project = text('project');
  if (project === '') {
    throw new UserError('input project is missing', {
      hint: 'Give the folder of the project: project: projects/my-video',
    });
  }
  const folder = path(project);
  checkProject(project, folder);
  const output = text('output');
  return Object.freeze({
    project: realPath(folder),
    parallelRenders: parallelRenders(text('parallel-renders'), context.env.PARALLEL_RENDERS ?? ''),
    voice: oneOf('voice', text('voice'), VOICES),
    quality: oneOf('quality', text('quality'), Object.keys(QUALITIES) as (keyof typeof QUALITIES)[]),
    scenes: Object.freeze(list(text('scenes'))),
    python: python(text('python'), path),
    setup: oneOf('setup', text('setup'), ['auto', 'never'] as const),
    cache: oneOf('cache', text('cache') || (context.lowTrust ? 'read' : 'read-write'), CACHE_MODES),
    cachePrefix: cachePrefix(text('cache-prefix')),
    output: output === '' ? undefined : video(output, path(output), folder),
    encoder: oneOf('encoder', text('encoder'), ['fast', 'stock'] as const),
    encoderOptions: Object.freeze(encoderOptions(text('encoder-options'))),
    sceneTimeoutMinutes: minutes('scene-timeout-minutes', text('scene-timeout-minutes')),
    stallMinutes: minutes('stall-minutes', text('stall-minutes')),
    shard: shard(text('shard')),
    gates: oneOf('gates', text('gates'), GATES),
    validateOnly: oneOf('validate-only', text('validate-only'), VALIDATE_ONLY),
    failFast: oneOf('fail-fast', text('fail-fast'), ['false', 'true'] as const) === 'true',
  });
}

/** Inputs that may have several lines. */
const LISTS: readonly InputName[] = ['scenes', 'encoder-options'];
/** Paths of Linux end here. */
const MOST_BYTES = 4096;

function plain(name: InputName, value: string): string {
  const control = LISTS.includes(name) ? /[^\P{Cc}\r\n\t]/u : /\p{Cc}/u;
  if (control.test(value)) throw invalid(name, value, 'a text without line breaks or control characters');
  if (!LISTS.includes(name) && Buffer.byteLength(value) > MOST_BYTES)
    throw invalid(name, value, `${MOST_BYTES} bytes at most`);
  return value;
}

function oneOf<T extends string>(name: InputName, value: string, allowed: readonly T[]): T {
  const word = value.toLowerCase();
  if ((allowed as readonly string[]).includes(word)) return word as T;
  throw invalid(name, value, `one of ${allowed.join(', ')}`);
}

function invalid(name: string, value: string, allowed: string): UserError {
  const shown = JSON.stringify(value.length <= 100 ? value : `${value.slice(0, 100)}...`);
  return new UserError(`${name}: ${shown} is not allowed; expected ${allowed}`);
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined; // told where it is used
  }
}

function checkProject(value: string, folder: string): void {
  if (kindOf(folder) !== 'file') return;
  throw new UserError(`project: ${JSON.stringify(value)} is a file`, {
    hint: 'Give the folder that holds project_state.json.',
  });
}

/** A program by its path or by its name. */
function python(value: string, path: (value: string) => string): string {
  if (!value.includes(sep) || kindOf(path(value)) !== 'folder') return value;
  throw new UserError(`python: ${JSON.stringify(value)} is a folder`, {
    hint: `Give the program itself. In a virtual environment that is ${join(value, 'bin', 'python')}.`,
  });
}

function parallelRenders(input: string, variable: string): number {
  const [name, value] = input === '' ? ['PARALLEL_RENDERS', variable.trim() || '0'] : ['parallel-renders', input];
  if (!/^(-1|0|[1-9]\d{0,2})$/.test(value))
    throw invalid(name, value, '0 (sized to the runner), a number of renders, or -1');
  return Number(value);
}

function minutes(name: InputName, value: string): number | undefined {
  if (value === '') return undefined;
  if (/^\d{1,5}(\.\d{1,3})?$/.test(value) && Number(value) > 0) return Number(value);
  throw invalid(name, value, 'a number of minutes above 0, like 30');
}

function list(value: string): string[] {
  return [...new Set(value.split(/[,\r\n]/).map((word) => word.trim()))].filter((word) => word !== '');
}

function cachePrefix(value: string): string {
  if (/^[\w.-]{1,64}$/.test(value)) return value.toLowerCase();
  throw invalid('cache-prefix', value, 'up to 64 letters, digits, "_", "-" and "."');
}

/**
 * The place of the video. Another ending would promise another format, or be that of the captions beside it. Where the
 * project keeps its sources and its scenes' own videos, it would replace one of them.
 */
function video(value: string, path: string, project: string): string {
  const allowed = 'the path of a file that ends in .mp4';
  if (!/[^/\\]\.mp4$/i.test(value)) throw invalid('output', value, allowed);
  if (kindOf(path) === 'folder') throw invalid('output', value, `${allowed}; this is a folder`);
  if (path.split(sep).includes('.git')) throw invalid('output', value, `${allowed}; this folder belongs to git`);
  for (const taken of ['assets', 'media'].map((name) => join(project, name)))
    if (isInside(path, taken))
      throw invalid('output', value, `${allowed} outside the project's ${basename(taken)} folder`);
  return path;
}

function encoderOptions(value: string): Record<string, string> {
  const options = new Map<string, string>();
  for (const word of value.split(/[,:\r\n]/).map((part) => part.trim())) {
    if (word === '') continue;
    const [, name, given] = /^([\w-]+)=(\S+)$/.exec(word) ?? [];
    if (name === undefined || given === undefined) throw invalid('encoder-options', word, 'x264 options as name=value');
    const problem = problemOfOption(name, given);
    if (problem !== undefined) throw new UserError(`encoder-options: ${word}: ${problem}`, { hint: ABOUT_X264 });
    if (options.has(name)) throw invalid('encoder-options', word, `each option once; "${name}" is given twice`);
    options.set(name, given);
  }
  return Object.fromEntries(options);
}

const ABOUT_X264 = 'The options are those of x264 as `x264 --fullhelp` lists them, without the dashes.';

function shard(value: string): Shard | undefined {
  if (value === '') return undefined;
  const match = /^(\d{1,3})\/(\d{1,3})$/.exec(value);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index < 1 || index > count) throw invalid('shard', value, 'i/n with 1 <= i <= n, like 2/4');
  return { index, count };
}
