import { join } from 'node:path';
import * as v from 'valibot';
import type { Log } from '../log.js';
import { writeFile } from '../machine-errors.js';
import type { Project } from '../project/project.js';
import { readJson, seconds, texts } from '../store/json.js';
import { cacheKey, contentKey, sha256OfFile } from '../store/keys.js';
import type { Saving, Store } from '../store/store.js';
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

const entrySchema: v.GenericSchema<unknown, SceneEntry> = v.object({
  format: v.literal(ENTRY_FORMAT),
  key: v.string(),
  ingredients: texts,
  opened: texts,
  unsafe: v.array(v.string()),
  renderSeconds: seconds,
  files: texts,
});

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
  return (await scenes.store.find(key, prefixes)) !== undefined;
}

/** What the store had for a scene. `damaged`: an entry that could not be used, and none in its place. */
export type RestoredScene = FinishedScene | 'missing' | 'damaged';

/**
 * Brings back a scene and verifies it: format, checksums, sample count, and that every file its render opened has the
 * same content now. A damaged entry is reported.
 */
export async function restoreScene(
  sceneId: string,
  content: SceneContent,
  lastOpened: Opened | undefined,
  scenes: SceneStore,
): Promise<RestoredScene> {
  const path = resultFolder(content, scenes);
  /** The scene, or else the files that the entry's render opened as they are now. */
  const read = async (folder: string): Promise<FinishedScene | { readonly now: Opened }> => {
    const entry = await readJson(join(folder, ENTRY_FILE), entrySchema);
    if (entry.key !== content.key) throw new Error('it is the result of another scene');
    const now = await hashOpened(Object.keys(entry.opened), scenes.project);
    return contentKey(now) === contentKey(entry.opened) ? finishedScene(folder, entry) : { now };
  };
  const key = entryKey(content, lastOpened ?? {}, scenes);
  let found = await scenes.store.restore({ key, path }, read, [entryPrefix(content, scenes)]);
  if (found.outcome === 'found' && 'now' in found.value)
    found = await scenes.store.restore({ key: entryKey(content, found.value.now, scenes), path }, read);
  if (found.outcome === 'found') return 'now' in found.value ? 'missing' : found.value;
  if (found.outcome === 'damaged')
    scenes.log.warning(`scene ${sceneId}: the stored result is damaged (${found.why}); it is not used`);
  return found.outcome;
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

/** Saves a finished scene. */
export function saveScene(finished: FinishedScene, content: SceneContent, scenes: SceneStore): Saving {
  return scenes.store.save({
    key: entryKey(content, finished.entry.opened, scenes),
    path: resultFolder(content, scenes),
  });
}

/** Says that a restored scene cannot be used after all: it is not restored again, and saved beside the old one. */
export function condemnScene(finished: FinishedScene, content: SceneContent, scenes: SceneStore): void {
  scenes.store.condemn(entryKey(content, finished.entry.opened, scenes));
}
