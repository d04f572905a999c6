import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { writeFile } from '../machine-errors.js';
import type { Project } from '../project/project.js';
import { cacheKey, contentKey, sha256OfFile } from '../store/keys.js';
import type { SaveOutcome, Store } from '../store/store.js';
import { hashOpened, type Ingredients, type Opened, type SceneContent } from './content.js';
import { readSceneResult, type SceneResult } from './result.js';

const ENTRY_FORMAT = 1;
const ENTRY_FILE = 'entry.json';
/** A scene with picture and sound in one file, as projects expect it; made once and kept with the result. */
export const SCENE_VIDEO = 'scene.mp4';

/** What a stored scene says of itself beside its result. */
export interface SceneEntry {
  readonly format: number;
  readonly key: string;
  readonly ingredients: Ingredients;
  readonly opened: Opened;
  /** What it depends on beyond its sources; such a result is not kept. */
  readonly unsafe: readonly string[];
  /** What its render took, in seconds of wall time. */
  readonly renderSeconds: number;
  /** SHA-256 of what lies beside it and is not checked by the result itself. */
  readonly files: Readonly<Record<string, string>>;
}

/** A finished scene, rendered now or earlier. */
export interface FinishedScene {
  readonly result: SceneResult;
  readonly entry: SceneEntry;
  /** scene.mp4 beside the result. */
  readonly sceneVideo: string;
}

export interface SceneStore {
  readonly store: Store;
  readonly cachePrefix: string;
  /** Results lie here, each in a folder named by its content. */
  readonly folder: string;
  readonly project: Project;
  readonly log: Log;
}

/** The folder of a scene's result. The cache service finds an entry only under the path it was saved from. */
export function resultFolder(content: SceneContent, { folder }: SceneStore): string {
  return join(folder, content.key.slice(0, 24));
}

/*
 * The key of an entry is <prefix>-scene-v1-<content>-<opened>: what was known before the render, then what the render
 * turned out to open. Who does not know yet what it opens asks with the first part as a prefix, learns the names from
 * what comes back, and asks again where the files are not as they were.
 */
function entryPrefix(content: SceneContent, { cachePrefix }: SceneStore): string {
  return `${cacheKey(cachePrefix, 'scene', `v${ENTRY_FORMAT}`, content.key.slice(0, 40))}-`;
}

function entryKey(content: SceneContent, opened: Opened, scenes: SceneStore): string {
  return `${entryPrefix(content, scenes)}${contentKey(opened).slice(0, 20)}`;
}

/** Added to the key of an entry that replaces a damaged one: entries never change. */
const REPLACEMENT = '-r';

/**
 * Whether the store has the scene, without bringing it. `lastOpened`: the files its last render
 * opened, as they are now, where that is known; without it the answer may be a yes to an entry that turns out to be made with other files.
 */
export async function isStored(
  content: SceneContent,
  lastOpened: Opened | undefined,
  scenes: SceneStore,
): Promise<boolean> {
  const key = entryKey(content, lastOpened ?? {}, scenes);
  const prefixes = lastOpened === undefined ? [entryPrefix(content, scenes)] : [];
  return (await scenes.store.find({ key, path: resultFolder(content, scenes) }, prefixes)) !== undefined;
}

/** What the store had for a scene. `damaged`: an entry that could not be used, and none in its place. */
export type Restored = FinishedScene | 'missing' | 'damaged';

/**
 * Brings back a scene and verifies it: format, checksums, sample count, and that every file its render opened has the
 * same content now. A damaged entry is reported.
 */
export async function restoreScene(
  sceneId: string,
  content: SceneContent,
  lastOpened: Opened | undefined,
  scenes: SceneStore,
): Promise<Restored> {
  const { project, store } = scenes;
  const path = resultFolder(content, scenes);
  const bring = async (key: string, prefixes: readonly string[]): Promise<SceneEntry | undefined> => {
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true });
    return (await store.restore({ key, path }, prefixes)) === undefined ? undefined : readEntry(path, content);
  };
  const attempt = async (key: string, prefixes: readonly string[] = []): Promise<FinishedScene | undefined> => {
    let entry = await bring(key, prefixes);
    if (!entry) return undefined;
    const now = await hashOpened(Object.keys(entry.opened), project);
    if (contentKey(now) !== contentKey(entry.opened)) {
      entry = await bring(entryKey(content, now, scenes), []);
      if (!entry || contentKey(entry.opened) !== contentKey(now)) return undefined;
    }
    return finishedScene(path, entry);
  };

  const key = entryKey(content, lastOpened ?? {}, scenes);
  try {
    return (await attempt(key, [entryPrefix(content, scenes)])) ?? 'missing';
  } catch (error) {
    scenes.log.warning(`scene ${sceneId}: the stored result is damaged (${messageOf(error)}); it is not used`);
  }
  return (await attempt(`${key}${REPLACEMENT}`).catch(() => undefined)) ?? 'damaged';
}

async function readEntry(folder: string, content: SceneContent): Promise<SceneEntry> {
  const entry = JSON.parse(await readFile(join(folder, ENTRY_FILE), 'utf8')) as SceneEntry;
  if (entry.format !== ENTRY_FORMAT) throw new Error(`entry format ${entry.format}, expected ${ENTRY_FORMAT}`);
  if (entry.key !== content.key) throw new Error('it is the result of another scene');
  return entry;
}

async function finishedScene(folder: string, entry: SceneEntry): Promise<FinishedScene> {
  const result = await readSceneResult(folder);
  for (const [name, hash] of Object.entries(await hashesOf(folder))) {
    if (entry.files[name] !== hash) throw new Error(`${name} is not what was made`);
  }
  return { result, entry, sceneVideo: join(folder, SCENE_VIDEO) };
}

async function hashesOf(folder: string): Promise<Record<string, string>> {
  const names = [SCENE_VIDEO, 'result.json'];
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await sha256OfFile(join(folder, name))])),
  );
}

/** Completes a fresh result into an entry: what it is made from and what it opened. Its scene.mp4 must be there. */
export async function completeScene(
  result: SceneResult,
  content: SceneContent,
  found: { readonly opened: readonly string[]; readonly unsafe: readonly string[]; readonly renderSeconds: number },
  project: Project,
): Promise<FinishedScene> {
  const sceneVideo = join(result.folder, SCENE_VIDEO);
  const entry: SceneEntry = {
    format: ENTRY_FORMAT,
    key: content.key,
    ingredients: content.ingredients,
    opened: await hashOpened(found.opened, project),
    unsafe: found.unsafe,
    renderSeconds: Number(found.renderSeconds.toFixed(2)),
    files: await hashesOf(result.folder),
  };
  await writeFile(join(result.folder, ENTRY_FILE), JSON.stringify(entry, null, 2));
  return { result, entry, sceneVideo };
}

/** Saves a finished scene; `beside` a damaged entry of the same key, or in its own place. */
export function saveScene(
  finished: FinishedScene,
  content: SceneContent,
  beside: boolean,
  scenes: SceneStore,
): Promise<SaveOutcome> {
  const key = entryKey(content, finished.entry.opened, scenes);
  return scenes.store.save({ key: beside ? `${key}${REPLACEMENT}` : key, path: resultFolder(content, scenes) });
}
