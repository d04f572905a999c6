import { isUtf8 } from 'node:buffer';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError, UserErrors } from '../errors.js';
import { writeFile } from '../machine-errors.js';

export const PHASES = [
  'init',
  'plan',
  'review',
  'narration',
  'build_scenes',
  'scene_qc',
  'precache_voiceovers',
  'final_render',
  'assemble',
  'complete',
  'error',
] as const;
export type Phase = (typeof PHASES)[number];

const SCENE_STATUSES = ['pending', 'built', 'rendered', 'error'] as const;

/** One scene as project_state.json names it. */
export interface StateScene {
  readonly id: string;
  readonly title: string;
  readonly narrationKey: string | undefined;
  /** Path relative to the project folder; undefined where the state names none. */
  readonly file: string | undefined;
  readonly className: string | undefined;
  readonly status: (typeof SCENE_STATUSES)[number];
  /** What the author expected, in seconds. */
  readonly estimatedSeconds: number | undefined;
}

/** project_state.json, read once and never changed; `writeState` makes the next version. */
export interface ProjectState {
  readonly path: string;
  readonly projectName: string;
  readonly phase: Phase;
  readonly narrationFile: string;
  readonly voiceConfigFile: string | undefined;
  readonly scenes: readonly StateScene[];
  /** What is wrong with single scenes that are not among `scenes`. */
  readonly problems: readonly UserError[];
  /** What was put right while reading, one sentence each. */
  readonly repairs: readonly string[];
  /** The document as it was read, unknown fields and order included. */
  readonly document: JsonObject;
  readonly text: string;
}

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

/** What one finished scene adds to the state. */
export interface SceneOutcome {
  readonly id: string;
  readonly file: string;
  readonly className: string;
  /** Relative to the project folder. */
  readonly videoFile: string;
  readonly fileSizeBytes: number;
  readonly durationSeconds: number;
}

export type BuildOutcome =
  | { readonly ok: true; readonly scenes: readonly SceneOutcome[]; readonly summary: string; readonly whole: boolean }
  | { readonly ok: false; readonly errors: readonly string[]; readonly summary: string };

/** Reads project_state.json. Throws UserError(s) that name each wrong field, what was found and what is expected. */
export async function readState(projectDir: string): Promise<ProjectState> {
  const path = join(projectDir, 'project_state.json');
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UserError(`no project_state.json in ${projectDir}`, {
      hint: 'Give the folder of a Flaming Horse project as `project`.',
      cause: error,
    });
  }
  // replaced characters would be written back: what the author wrote would be lost
  if (!isUtf8(bytes)) {
    throw new UserError('project_state.json is not encoded as UTF-8', {
      place: { file: path },
      hint: 'Save it as UTF-8.',
    });
  }
  return parseState(path, bytes.toString('utf8'));
}

/** Reads state from a file's text; see readState. */
export function parseState(path: string, text: string): ProjectState {
  const repairs: string[] = [];
  const document = parseDocument(path, text, repairs);
  const problems: UserError[] = [];
  const field = new FieldReader(path, text, problems);

  const rawPhase = field.text(document, 'phase', '');
  const phase = rawPhase === 'training' ? 'build_scenes' : rawPhase === '' ? 'init' : rawPhase;
  if (!isOneOf(PHASES, phase)) field.wrong('phase', document.phase, `one of ${PHASES.join(', ')}`);
  field.count(document, 'run_count');
  field.count(document, 'current_scene_index');
  field.list(document, 'errors');
  field.list(document, 'history').forEach((entry, index) => {
    if (typeof entry !== 'string' && !isObject(entry)) field.wrong(`history[${index}]`, entry, 'a text or an object');
  });
  const flags = document.flags;
  if (flags !== undefined && !isObject(flags)) field.wrong('flags', flags, 'an object of true/false values');
  else
    for (const [name, flag] of Object.entries(flags ?? {})) {
      if (FLAGS.includes(name) && typeof flag !== 'boolean') field.wrong(`flags.${name}`, flag, 'true or false');
    }
  for (const name of ['created_at', 'updated_at']) field.text(document, name, '');

  const scenes = readScenes(document, field);
  const state: ProjectState = {
    path,
    projectName: field.text(document, 'project_name', '') || basename(dirname(path)),
    phase: phase as Phase,
    narrationFile: field.text(document, 'narration_file', 'narration_script.py') || 'narration_script.py',
    voiceConfigFile: field.text(document, 'voice_config_file', '') || undefined,
    scenes,
    problems: [],
    repairs,
    document,
    text,
  };
  if (problems.length > 0) throw new UserErrors(problems);
  return state;
}

const FLAGS = ['needs_human_review', 'dry_run', 'force_replan'];

function readScenes(document: JsonObject, field: FieldReader): StateScene[] {
  if (document.scenes === undefined) {
    field.wrong('scenes', undefined, 'a list of scenes');
    return [];
  }
  const seen = new Map<string, number>();
  return field.list(document, 'scenes').flatMap((entry, index) => {
    const where = `scenes[${index}]`;
    if (!isObject(entry)) {
      field.wrong(where, entry, 'an object');
      return [];
    }
    const id = field.text(entry, 'id', '', where);
    // what is there and no text was told by field.text
    if (entry.id === undefined || entry.id === null || entry.id === '') field.wrong(`${where}.id`, entry.id, 'a text');
    else if (id === '') return [];
    else if (!/^\w[\w.-]*$/.test(id)) field.wrong(`${where}.id`, id, 'letters, digits, "_", "-" and "." only');
    const earlier = seen.get(id);
    if (earlier !== undefined) field.wrong(`${where}.id`, id, `an id of its own (scenes[${earlier}] has this one)`);
    if (id !== '') seen.set(id, index);
    const status = field.text(entry, 'status', 'pending', where) || 'pending';
    if (!isOneOf(SCENE_STATUSES, status)) field.wrong(`${where}.status`, status, `one of ${SCENE_STATUSES.join(', ')}`);
    const seconds = entry.estimated_duration_seconds;
    return [
      {
        id,
        title: field.text(entry, 'title', '', where) || id,
        narrationKey: field.text(entry, 'narration_key', '', where) || undefined,
        file: field.text(entry, 'file', '', where) || undefined,
        className: field.text(entry, 'class_name', '', where) || undefined,
        status: status as StateScene['status'],
        estimatedSeconds: typeof seconds === 'number' ? seconds : secondsOf(entry.estimated_duration),
      },
    ];
  });
}

function secondsOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*(s|sec|seconds)?\s*$/.exec(value) : null;
  return match ? Number(match[1]) : undefined;
}

/** Reads typed fields and collects a problem for each that is of another kind. A missing field gives its default. */
class FieldReader {
  constructor(
    private readonly path: string,
    private readonly source: string,
    private readonly problems: UserError[],
  ) {}

  wrong(name: string, found: Json | undefined, expected: string): void {
    const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60);
    this.problems.push(
      new UserError(`project_state.json: ${name}: found ${shown}, expected ${expected}`, {
        place: { file: this.path, line: lineOfField(this.source, name) },
        hint: `Correct ${name} in project_state.json.`,
      }),
    );
  }

  text(object: JsonObject, name: string, fallback: string, where?: string): string {
    const value = object[name];
    if (value === undefined || value === null) return fallback;
    if (typeof value === 'string') return value;
    this.wrong(where ? `${where}.${name}` : name, value, 'a text');
    return fallback;
  }

  count(object: JsonObject, name: string): void {
    const value = object[name];
    if (value === undefined) return;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
      this.wrong(name, value, 'a whole number from 0');
  }

  list(object: JsonObject, name: string): Json[] {
    const value = object[name];
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.wrong(name, value, 'a list');
    return [];
  }
}

/** The line of a field like `scenes[2].id` in a JSON text; that of the nearest one around it where it is not there. */
function lineOfField(text: string, name: string): number {
  const wanted = name.split(/[.[\]]+/).filter((part) => part !== '');
  const here: (string | number)[] = [];
  let deepest = { depth: 0, at: 0 };
  for (const { 0: token, 1: key, index: at } of text.matchAll(
    /"((?:[^"\\]|\\[\s\S])*)"(?=\s*:)|"(?:[^"\\]|\\[\s\S])*"|[{}[\],]/g,
  )) {
    const last = here.length - 1;
    if (key !== undefined) here[last] = key;
    if (token === ',' && typeof here[last] === 'number') here[last] += 1;
    const isField = key !== undefined || token === '{';
    if (isField && here.length > deepest.depth && here.every((part, depth) => String(part) === wanted[depth]))
      deepest = { depth: here.length, at };
    if (token === '{') here.push('');
    if (token === '[') here.push(0);
    if (token === '}' || token === ']') here.pop();
  }
  return text.slice(0, deepest.at).split('\n').length;
}

function parseDocument(path: string, text: string, repairs: string[]): JsonObject {
  const clean = text.replace(/^\uFEFF/, '');
  let value: Json;
  try {
    value = JSON.parse(clean) as Json;
  } catch (error) {
    const end = endOfFirstObject(clean);
    try {
      if (end === undefined) throw error;
      value = JSON.parse(clean.slice(0, end)) as Json;
    } catch {
      throw new UserError(`project_state.json is not valid JSON: ${(error as Error).message}`, {
        place: { file: path, line: lineOfJsonError(clean, error as Error) },
        hint: 'Correct the file, or restore it from .state_backup.json.',
      });
    }
    repairs.push(`project_state.json: ${clean.length - end} characters after the end of the JSON are ignored`);
  }
  if (!isObject(value)) {
    throw new UserError('project_state.json does not hold an object', { place: { file: path, line: 1 } });
  }
  return value;
}

function lineOfJsonError(text: string, error: Error): number {
  const position = /position (\d+)/.exec(error.message)?.[1];
  return text.slice(0, position === undefined ? text.length : Number(position)).split('\n').length;
}

/** The offset just after the first complete {...} of a text. */
function endOfFirstObject(text: string): number | undefined {
  let depth = 0;
  let inString = false;
  for (let at = text.indexOf('{'); at !== -1 && at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}

/**
 * The next version of the state: what the build found, entered into the document as it was read. Unknown fields and the
 * order of fields stay. A failure leaves the phase and earlier results as they were.
 */
export function nextDocument(state: ProjectState, outcome: BuildOutcome, now: Date): JsonObject {
  const document = structuredClone(state.document);
  const timestamp = now.toISOString().replace(/\.\d+Z$/, 'Z');
  for (const [name, value] of Object.entries(defaultsFor(state, timestamp))) document[name] ??= value;
  if (document.phase === 'training') document.phase = 'build_scenes';
  document.updated_at = timestamp;
  document.run_count = Number(document.run_count ?? 0) + 1;

  const history = document.history as Json[];
  if (!outcome.ok) {
    const known = document.errors as Json[];
    for (const error of outcome.errors) if (!known.includes(error)) known.push(error);
    history.push({ timestamp, phase: document.phase ?? 'error', action: 'Build failed', details: outcome.summary });
    return document;
  }
  for (const scene of outcome.scenes) enterScene(document, scene, timestamp);
  if (outcome.whole) {
    document.phase = 'complete';
    document.errors = [];
    document.current_scene_index = state.scenes.length;
  }
  history.push({
    timestamp,
    phase: document.phase ?? 'complete',
    action: 'Built the video',
    details: outcome.summary,
  });
  return document;
}

function defaultsFor(state: ProjectState, timestamp: string): JsonObject {
  return {
    project_name: state.projectName,
    phase: state.phase,
    created_at: timestamp,
    updated_at: timestamp,
    run_count: 0,
    scenes: [],
    current_scene_index: 0,
    errors: [],
    history: [],
    flags: Object.fromEntries(FLAGS.map((flag) => [flag, false])),
  };
}

function enterScene(document: JsonObject, outcome: SceneOutcome, timestamp: string): void {
  const scene = (document.scenes as Json[]).find((entry) => isObject(entry) && entry.id === outcome.id);
  if (!isObject(scene)) return;
  scene.status = 'rendered';
  scene.file ||= outcome.file;
  scene.class_name ||= outcome.className;
  scene.video_file = outcome.videoFile;
  const before = isObject(scene.verification) ? scene.verification : {};
  const { warning: _outdated, ...kept } = before;
  scene.verification = {
    ...kept,
    file_size_bytes: outcome.fileSizeBytes,
    duration_seconds: Number(outcome.durationSeconds.toFixed(6)),
    audio_present: true,
    verified_at: timestamp,
  };
}

/**
 * Writes the next version of the state: the old file to `.state_backup.json`, the new one beside it, flushed, renamed
 * over the old. Throws UserError where somebody else changed the file since it was read; nothing is lost then.
 */
export async function writeState(state: ProjectState, document: JsonObject): Promise<void> {
  const folder = dirname(state.path);
  const current = await readFile(state.path, 'utf8').catch(() => state.text);
  if (current !== state.text) {
    throw new UserError('project_state.json was changed by somebody else during the build; it was left as it is', {
      place: { file: state.path },
      hint: 'Build again.',
    });
  }
  const { mode } = await stat(state.path).catch(() => ({ mode: 0o644 }));
  const indent = /\n([ \t]+)"/.exec(state.text)?.[1] ?? '  ';
  const temporary = join(folder, `.project_state.${process.pid}.tmp`);
  try {
    await writeFile(join(folder, '.state_backup.json'), state.text);
    const file = await open(temporary, 'w');
    try {
      await file.chmod(mode);
      await file.writeFile(`${JSON.stringify(document, null, indent)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, state.path);
  } finally {
    await rm(temporary, { force: true });
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOneOf<T extends string>(values: readonly T[], value: string): value is T {
  return (values as readonly string[]).includes(value);
}
