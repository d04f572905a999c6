import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.js';
import { decodeText, readUserFile, writeFileInside } from '../files.js';
import {
  endOf,
  type Json,
  type JsonFile,
  type JsonObject,
  type JsonPath,
  membersOf,
  nameOfPath,
  nodeAt,
  parseJson,
  placeOfValue,
  repeatedFields,
} from '../json.js';
import { withValue } from '../json-edit.js';

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
  /** The line of project_state.json where its entry begins, from 1. */
  readonly line: number;
}

/** project_state.json, read once and never changed; `writeState` makes the next version. */
export interface ProjectState {
  readonly path: string;
  readonly projectName: string;
  readonly phase: Phase;
  readonly narrationFile: string;
  readonly voiceConfigFile: string | undefined;
  readonly needsHumanReview: boolean;
  /** The scenes that can be told from the state; `problems` has the others. */
  readonly scenes: readonly StateScene[];
  /** What was repaired while reading: a warning each. The next version of the state holds the repaired values. */
  readonly repairs: readonly UserError[];
  /** Scenes that no repair can save, an error each at its line; they are not among `scenes`. */
  readonly problems: readonly UserError[];
  /** The repaired document, unknown fields and order included. */
  readonly document: JsonObject;
  /** What the document was read from. */
  readonly source: JsonFile;
  /** The file as it was read. */
  readonly text: string;
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

/** Reads project_state.json. Throws UserError where it is missing, cannot be read or is not JSON. */
export async function readState(projectDir: string): Promise<ProjectState> {
  const path = join(projectDir, STATE_FILE);
  const bytes = await readUserFile(path);
  if (bytes) return parseState(path, decodeText(path, bytes));
  throw new UserError(`no ${STATE_FILE} in ${projectDir}`, {
    hint: 'Give the folder of a Flaming Horse project as `project`.',
  });
}

const STATE_FILE = 'project_state.json';
const BACKUP_FILE = '.state_backup.json';

/**
 * Reads state from a file's text; see readState. People and programs wrote it, so what has a clear meaning is read in that
 * meaning, with a warning each in `repairs`.
 */
export function parseState(path: string, text: string): ProjectState {
  const repairs: UserError[] = [];
  const source = readSource(path, text, repairs);
  const document = structuredClone(source.value) as JsonObject;
  for (const { name, place, first } of repeatedFields(source)) {
    repairs.push(
      new UserError(`${STATE_FILE}: "${name}" is given twice (first in line ${first}); the last one counts`, { place }),
    );
  }
  const problems: UserError[] = [];
  const fields = new Fields(source, document, repairs, problems);
  const scenes = readScenes(fields);
  const phase = readPhase(fields, scenes.length > 0);
  fields.count(['run_count']);
  fields.count(['current_scene_index']);
  fields.list(['errors']);
  readHistory(fields);
  readFlags(fields);
  for (const name of ['created_at', 'updated_at']) fields.text([name]);
  return {
    path,
    projectName: fields.text(['project_name']) || basename(dirname(path)),
    phase,
    narrationFile: fields.file(['narration_file']) ?? 'narration_script.py',
    voiceConfigFile: fields.file(['voice_config_file']),
    needsHumanReview: (document.flags as JsonObject | undefined)?.needs_human_review === true,
    scenes,
    // in the order of the file, whatever was read first
    repairs: [...repairs].sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0)),
    problems,
    document,
    source,
    text,
  };
}

function readSource(path: string, text: string, repairs: UserError[]): JsonFile {
  const read = (content: string): JsonFile => {
    try {
      return parseJson(path, content, { trailing: true });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const place = error.place ?? { file: path };
      throw new UserError(error.message, { place, hint: `${error.hint} Or restore it from ${BACKUP_FILE}.` });
    }
  };
  const file = read(text);
  if (!isObject(file.value)) {
    throw new UserError(`${STATE_FILE} does not hold an object`, {
      place: { file: path, line: 1 },
      hint: `Correct the file, or restore it from ${BACKUP_FILE}.`,
    });
  }
  const rest = text.slice(endOf(file.root));
  if (rest.trim() !== '') {
    repairs.push(
      new UserError(`${STATE_FILE}: ${rest.length} characters after the end of the JSON are ignored`, {
        place: { file: path, line: file.lineOf(endOf(file.root) + rest.length - rest.trimStart().length) },
      }),
    );
  }
  const listed = scenesAsList(file);
  if (listed === undefined) return file;
  repairs.push(
    new UserError(`${STATE_FILE}: scenes: found an object, expected a list; read in the order of the file`, {
      place: placeOfValue(file, ['scenes']),
    }),
  );
  return read(listed);
}

/**
 * The text of a state whose scenes are an object (`{"id": {...}, ...}`, or one scene alone) with a list of the same;
 * undefined for other states. Done on the text, since objects of JavaScript order names like "10" in their own way.
 */
function scenesAsList({ text, root }: JsonFile): string | undefined {
  const scenes = nodeAt(root, ['scenes']);
  if (scenes?.type !== 'object') return undefined;
  const members = membersOf(scenes);
  const isScene = members.length > 0 && members.some(({ value }) => value.type !== 'object');
  const raw = text.slice(scenes.offset, endOf(scenes));
  const at = (offset: number): number => offset - scenes.offset;
  let list = isScene ? `[${raw}]` : `[${raw.slice(1, -1)}]`;
  for (const { name, key, value } of isScene ? [] : members.toReversed()) {
    const fields = membersOf(value);
    const id = fields.some((field) => field.name === 'id')
      ? ''
      : `"id": ${JSON.stringify(name)}${fields.length > 0 ? ', ' : ''}`;
    list = `${list.slice(0, at(key.offset))}{${id}${list.slice(at(value.offset) + 1)}`;
  }
  return text.slice(0, scenes.offset) + list + text.slice(endOf(scenes));
}

function readPhase(fields: Fields, hasScenes: boolean): Phase {
  const given = fields.text(['phase']) ?? '';
  if (given === '') return 'init';
  const phase = wordOf(given);
  if (phase === given && isOneOf(PHASES, phase)) return phase;
  if (phase === 'training') return fields.set(['phase'], 'build_scenes');
  const known = isOneOf(PHASES, phase) ? phase : hasScenes ? 'build_scenes' : 'init';
  return fields.repair(['phase'], `one of ${PHASES.join(', ')}`, known);
}

function readHistory(fields: Fields): void {
  const history = fields.list(['history']);
  const isWrong = (entry: Json): boolean => typeof entry !== 'string' && !isObject(entry);
  if (!history.some(isWrong)) return;
  for (const [at, entry] of history.entries())
    if (isWrong(entry)) fields.tell(['history', at], 'a text or an object', 'read as such');
  const flat = (history as unknown[]).flat(Number.POSITIVE_INFINITY) as Json[];
  fields.set(
    ['history'],
    flat.filter((entry) => entry !== null).map((entry) => (isWrong(entry) ? String(entry) : entry)),
  );
}

const FLAGS = ['needs_human_review', 'dry_run', 'force_replan'];
const YES = ['true', 'yes', 'on', '1', 'y'];
const NO = ['false', 'no', 'off', '0', 'n', '', 'null', 'none'];

function readFlags(fields: Fields): void {
  const flags = fields.get(['flags']);
  if (flags === undefined) return;
  if (!isObject(flags)) {
    // a list of those that are set
    const set = Array.isArray(flags) ? flags : [flags];
    const read = Object.fromEntries(FLAGS.map((name) => [name, set.includes(name)]));
    fields.repair(['flags'], 'an object of true/false values', read);
    return;
  }
  for (const name of FLAGS) {
    const flag = fields.get(['flags', name]);
    if (flag === undefined || typeof flag === 'boolean') continue;
    const word = wordOf(String(flag));
    // what nobody can tell is not done, but a person looks at it
    const isSet = YES.includes(word) || (!NO.includes(word) && name === 'needs_human_review');
    fields.repair(['flags', name], 'true or false', isSet);
  }
}

function readScenes(fields: Fields): StateScene[] {
  const seen = new Map<string, number>();
  return fields.list(['scenes']).flatMap((entry, index) => {
    const at: JsonPath = ['scenes', index];
    if (typeof entry === 'string' && entry.trim() !== '') {
      const id = entry.trim().replace(/\.py$/, '');
      fields.repair(at, 'an object', id === entry.trim() ? { id } : { id, file: entry.trim() });
    } else if (!isObject(entry)) {
      fields.problem(at, entry, 'an object');
      return [];
    }
    const before = fields.problems.length;
    const raw = fields.text([...at, 'id'])?.trim() ?? '';
    const id = readId([...at, 'id'], raw, fields);
    const earlier = id === undefined ? undefined : seen.get(id);
    if (earlier !== undefined) fields.problem([...at, 'id'], raw, `an id of its own (scenes[${earlier}] has this one)`);
    else if (id !== undefined) seen.set(id, index);
    const scene = {
      title: fields.text([...at, 'title']) || raw,
      narrationKey: fields.text([...at, 'narration_key']) || undefined,
      file: fields.name([...at, 'file']) ?? (id === raw ? undefined : `${raw}.py`),
      className: fields.name([...at, 'class_name']),
      status: readStatus([...at, 'status'], fields),
      estimatedSeconds:
        secondsOf(fields.get([...at, 'estimated_duration_seconds'])) ??
        secondsOf(fields.get([...at, 'estimated_duration'])),
      line: fields.lineOf(at),
    };
    return id === undefined || fields.problems.length > before ? [] : [{ id, ...scene }];
  });
}

/** File systems take 255 bytes, and names of ours are made from these. */
const MOST_BYTES = 200;
const IDS = 'letters, digits, "_", "-" and "." only, 200 bytes at most';

/** An id is part of file names. Undefined, with a problem told, where none can be made of it. */
function readId(at: JsonPath, raw: string, fields: Fields): string | undefined {
  if (raw === '') {
    fields.problem(at, fields.get(at), 'a text');
    return undefined;
  }
  const id = raw.replace(/^[^\p{L}\p{N}_]/u, '_').replaceAll(/[^\p{L}\p{N}\p{M}_.-]/gu, '_');
  const isPath = /[\\/\p{Cc}]|\.\.|^\.+$/u.test(raw) || !/[\p{L}\p{N}_]/u.test(raw);
  if (isPath || Buffer.byteLength(id) > MOST_BYTES) {
    fields.problem(at, raw, IDS);
    return undefined;
  }
  return id === fields.get(at) ? id : fields.repair(at, IDS, id);
}

const KEYWORDS = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if
  import in is lambda nonlocal not or pass raise return try while with yield`.split(/\s+/),
);

/** Whether a text can be the name of a class, and part of a file name. */
export function isClassName(name: string): boolean {
  const isName = /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(name) && !KEYWORDS.has(name);
  return isName && Buffer.byteLength(name) <= MOST_BYTES;
}

function readStatus(at: JsonPath, fields: Fields): StateScene['status'] {
  const given = fields.text(at) ?? '';
  const status = wordOf(given);
  if (status === '') return 'pending';
  const known = isOneOf(SCENE_STATUSES, status) ? status : 'pending';
  return known === given ? known : fields.repair(at, `one of ${SCENE_STATUSES.join(', ')}`, known);
}

/** "Final Render" is final_render. */
function wordOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
}

function secondsOf(value: Json | undefined): number | undefined {
  const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*(s|sec|seconds)?\s*$/.exec(value) : null;
  const seconds = match ? Number(match[1]) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

const MOST_COUNT = 1e9;

/** Reads typed fields of a document, repairs it as it goes, and says so. */
class Fields {
  constructor(
    private readonly source: JsonFile,
    private readonly document: JsonObject,
    private readonly repairs: UserError[],
    readonly problems: UserError[],
  ) {}

  get(at: JsonPath): Json | undefined {
    return at.reduce<Json | undefined>((value, step) => {
      if (typeof step === 'number') return Array.isArray(value) ? value[step] : undefined;
      return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    }, this.document);
  }

  set<T extends Json>(at: JsonPath, value: T): T {
    const holder = this.get(at.slice(0, -1)) as Record<string | number, Json>;
    holder[at.at(-1) as string | number] = value;
    return value;
  }

  lineOf(at: JsonPath): number {
    return placeOfValue(this.source, at).line ?? 1;
  }

  /** Puts a value right, with a warning. */
  repair<T extends Json>(at: JsonPath, expected: string, value: T): T {
    this.tell(at, expected, value === null ? 'ignored' : `read as ${shown(value)}`);
    return this.set(at, value);
  }

  tell(at: JsonPath, expected: string, done: string): void {
    this.repairs.push(this.finding(at, this.get(at), `${expected}; ${done}`));
  }

  /** An error: no meaning is left. */
  problem(at: JsonPath, found: Json | undefined, expected: string): void {
    this.problems.push(this.finding(at, found, expected));
  }

  /** A text; undefined where none is given. Numbers are read as written. */
  text(at: JsonPath, numbers: 'as text' | 'not a number' = 'as text'): string | undefined {
    const value = this.get(at);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    if (numbers === 'as text' && typeof value !== 'object') return this.repair(at, 'a text', this.spelling(at, value));
    this.repair(at, 'a text', null);
    return undefined;
  }

  /** A name that no blanks belong to; undefined where none is given. */
  name(at: JsonPath): string | undefined {
    const given = this.text(at, 'not a number');
    const name = given?.trim() ?? '';
    if (name === '') return undefined;
    return name === given ? name : this.repair(at, 'a name without blanks around it', name);
  }

  /** The name of a file that all scenes share; undefined where none is given. */
  file(at: JsonPath): string | undefined {
    const name = this.name(at);
    if (name === undefined || !/\p{Cc}/u.test(name)) return name;
    this.problem(at, name, 'the path of a file, without control characters');
    return undefined;
  }

  count(at: JsonPath): void {
    const value = this.get(at);
    if (value === undefined || (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_COUNT))
      return;
    const read = typeof value === 'string' ? Number(value.trim() || 'none') : value;
    const isNumber = typeof read === 'number' && Number.isFinite(read);
    const count = isNumber && read <= MOST_COUNT ? Math.max(0, Math.floor(read)) : 0;
    this.repair(at, 'a whole number from 0', count);
  }

  list(at: JsonPath): Json[] {
    const value = this.get(at);
    if (value === undefined || Array.isArray(value)) return value ?? [];
    return this.repair(at, 'a list', value === null || value === '' ? [] : [value]);
  }

  /** A number keeps its digits. */
  private spelling(at: JsonPath, value: Json): string {
    const node = nodeAt(this.source.root, at);
    return node ? this.source.text.slice(node.offset, endOf(node)) : String(value);
  }

  private finding(at: JsonPath, found: Json | undefined, expected: string): UserError {
    const name = nameOfPath(at);
    return new UserError(`${STATE_FILE}: ${name}: found ${shown(found)}, expected ${expected}`, {
      place: placeOfValue(this.source, at),
      hint: `Correct ${name} in ${STATE_FILE}.`,
    });
  }
}

function shown(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}

/**
 * The next version of the state: what the build found, entered into the document as it was read. Unknown fields and the
 * order of fields stay. A failure leaves the phase and earlier results as they were.
 */
export function nextDocument(state: ProjectState, outcome: BuildOutcome, now: Date): JsonObject {
  const document = structuredClone(state.document);
  const timestamp = now.toISOString().replace(/\.\d+Z$/, 'Z');
  for (const [name, value] of Object.entries(defaultsFor(state, timestamp))) document[name] ??= value;
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
 * over the old. What the two have in common stays byte for byte. Throws UserError where somebody else changed the file
 * since it was read, or where it cannot be written; nothing is lost then.
 */
export async function writeState(state: ProjectState, document: JsonObject): Promise<void> {
  const folder = dirname(state.path);
  const current = await readUserFile(state.path);
  if (current && !current.equals(Buffer.from(state.text))) {
    throw new UserError(`${STATE_FILE} was changed by somebody else during the build; it was left as it is`, {
      place: { file: state.path },
      hint: 'Build again.',
    });
  }
  const { mode } = await stat(state.path).catch(() => ({ mode: undefined }));
  await writeFileInside(join(folder, BACKUP_FILE), state.text, folder);
  await writeFileInside(state.path, withValue(state.source, document), folder, mode);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOneOf<T extends string>(values: readonly T[], value: string): value is T {
  return (values as readonly string[]).includes(value);
}
