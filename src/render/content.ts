import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { type Options, QUALITIES } from '../inputs.js';
import { childEnvironment } from '../process.js';
import { nameOf } from '../project/dependencies.js';
import { dependenciesOf, type Project } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import { withoutLatex } from '../setup/runtime.js';
import { actionRoot, shippedFile } from '../shipped.js';
import { contentKey, sha256, sha256OfFile } from '../store/keys.js';
import type { VoicePlan } from '../voice/plan.js';
import { RESULT_FORMAT } from './result.js';
import { SEED } from './scene.js';

/**
 * Everything that decides a scene's pixels and sound and can be known before it is rendered, by names that a person
 * understands: a file, a narration line, a version.
 */
export type Ingredients = Readonly<Record<string, string>>;

/** Files that a render opened beside its sources, by name (see `openedName`), with the SHA-256 of their content. */
export type Opened = Readonly<Record<string, string>>;

export interface SceneContent {
  readonly ingredients: Ingredients;
  /** SHA-256 over the ingredients. */
  readonly key: string;
}

export interface ContentContext {
  readonly project: Project;
  readonly options: Options;
  readonly versions: Readonly<Record<string, string>>;
  readonly voice: VoicePlan;
  /** Hashes of what all scenes share; see sharedIngredients. */
  readonly shared: Ingredients;
}

/** The ingredients that all scenes of a build share. */
export async function sharedIngredients(project: Project): Promise<Ingredients> {
  const places = manimConfigs(project);
  const configs = await Promise.all(
    Object.entries(places).map(async ([name, file]) => [name, (await hashOf(file)) ?? 'none'] as const),
  );
  return { ...Object.fromEntries(configs), 'render driver': await driverHash() };
}

/** Where Manim looks for configuration beside its own defaults. */
function manimConfigs(project: Project): Readonly<Record<string, string>> {
  return {
    'manim.cfg': join(project.folder, 'manim.cfg'),
    'user-wide manim.cfg': join(homedir(), '.config', 'manim', 'manim.cfg'),
  };
}

/** The content of a scene before it is rendered: what it is made from and the key over that. */
export function sceneContent(scene: Scene, context: ContentContext): SceneContent {
  const { project, options, voice } = context;
  const { sources, narrationKeys, environment, latex } = dependenciesOf(project, scene);
  const lines = narrationKeys.flatMap((key) => {
    const line = voice.lines.find((planned) => planned.key === key);
    if (!line) throw new Error(`narration line ${key} is not in the voice plan`);
    return [
      [`narration line ${key}`, sha256(line.text)],
      [`voice of narration line ${key}`, line.identity],
    ];
  });
  const size = QUALITIES[options.quality];
  const ingredients: Ingredients = {
    ...Object.fromEntries([...sources].map(([name, source]) => [name, sha256(source.text)])),
    ...Object.fromEntries(lines),
    // a job that renders no LaTeX does not know its version, and must agree with one that does
    ...(latex ? context.versions : withoutLatex(context.versions)),
    ...context.shared,
    ...environmentIngredients(environment),
    // the result tells its id; two scenes of one file are two results
    scene: scene.id,
    class: scene.className,
    quality: size ? `${size.width}x${size.height} at ${size.fps}` : 'project',
    encoder: options.encoder,
    'encoder options': contentKey({ ...options.encoderOptions }),
    seed: String(SEED),
    'result format': String(RESULT_FORMAT),
  };
  return { ingredients, key: contentKey(ingredients) };
}

/** Variables that differ from machine to machine, or from job to job, and say nothing to a scene. */
const OF_THE_MACHINE =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TEMP|TMP|XDG_.*|RUNNER_TRACKING_ID|LD_LIBRARY_PATH|SSL_.*)$/;

/** What a scene sees of the environment variables that it asks for. */
function environmentIngredients(names: readonly string[] | 'all'): Record<string, string> {
  const seen = childEnvironment();
  if (names === 'all') {
    const telling = Object.entries(seen).filter(([name]) => !OF_THE_MACHINE.test(name));
    return { environment: contentKey(Object.fromEntries(telling.map(([name, value]) => [name, value ?? '']))) };
  }
  const found = (name: string): string => (Object.hasOwn(seen, name) ? seen[name] : undefined) ?? '(not set)';
  return Object.fromEntries(names.map((name) => [`variable ${name}`, found(name)]));
}

/** The name under which an opened file is remembered: relative to the repository where it lies there. */
export function openedName(path: string, project: Project): string {
  const name = nameOf(path, project);
  return name.startsWith('../') || isAbsolute(name) ? path : name;
}

/**
 * The files that a render opened and that its key must cover: not the narration and the voice, whose content the key
 * has, not what the key has already, not ours.
 */
export function openedToCover(
  opened: readonly { readonly path: string }[],
  scene: Scene,
  project: Project,
  voiceFiles: ReadonlySet<string>,
  workDir: string,
): string[] {
  const { sources } = dependenciesOf(project, scene);
  const skipped = [workDir, join(actionRoot(), 'python')];
  const covered = new Set([project.narration.file, ...Object.values(manimConfigs(project)), ...voiceFiles]);
  const names = opened
    .map(({ path }) => resolve(path))
    .filter((path) => !covered.has(path) && !skipped.some((folder) => isWithin(path, folder)))
    .map((path) => openedName(path, project))
    .filter((name) => !sources.has(name));
  return [...new Set(names)].sort();
}

/** The content of opened files as it is now; a file that is gone has the hash "none". */
export async function hashOpened(names: readonly string[], project: Project): Promise<Opened> {
  const hashes = await Promise.all(
    names.map(async (name) => [name, (await hashOf(resolve(project.repoRoot, name))) ?? 'none'] as const),
  );
  return Object.fromEntries(hashes);
}

/**
 * The first of the opened files that was written after `time` (in ms): what the render saw of it may not be what lies
 * there now. Only a reason not to keep a result; keys never look at times.
 */
export async function writtenSince(
  names: readonly string[],
  time: number,
  project: Project,
): Promise<string | undefined> {
  for (const name of names) {
    const facts = await stat(resolve(project.repoRoot, name)).catch(() => undefined);
    if (facts && facts.mtimeMs > time) return name;
  }
  return undefined;
}

/** How one content differs from an earlier one of the same scene, for people; empty where it does not. */
export function changesBetween(before: Ingredients, after: Ingredients): string[] {
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => textOf(before, name) !== textOf(after, name))
    .sort();
  return changed
    .filter((name) => {
      // a line whose text changed is spoken anew in any case: one reason is enough
      const line = /^voice of (narration line .*)$/.exec(name)?.[1];
      return line === undefined || !changed.includes(line);
    })
    .map((name) => describeChange(name, textOf(before, name), textOf(after, name)));
}

/** A file may be called `constructor`. */
function textOf(values: Ingredients, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function describeChange(name: string, before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `${name} is new`;
  if (after === undefined) return `${name} is gone`;
  const isHash = /^[0-9a-f]{64}$/;
  if (isHash.test(before) || isHash.test(after)) return `${name} changed`;
  return `${name} ${before} -> ${after}`;
}

function isWithin(path: string, folder: string): boolean {
  const rest = relative(folder, path);
  return rest === '' || !(rest.startsWith('..') || isAbsolute(rest));
}

async function hashOf(path: string): Promise<string | undefined> {
  return sha256OfFile(path).catch(() => undefined);
}

/** SHA-256 over the programs of ours that render: a new driver may draw other pixels. */
async function driverHash(): Promise<string> {
  const folders = ['python/flaming_horse_build/render', 'python/provided'];
  const files = (await Promise.all(folders.map((folder) => pythonFiles(shippedFile(folder))))).flat().sort();
  const hashes = await Promise.all(
    files.map(
      async (file) => [relative(actionRoot(), file).split(sep).join('/'), sha256(await readFile(file))] as const,
    ),
  );
  return contentKey(Object.fromEntries(hashes));
}

async function pythonFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
    .map((entry) => join(entry.parentPath, entry.name));
}
