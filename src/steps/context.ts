import { realpathSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { tellUnconfined } from '../confinement.js';
import type { Place } from '../errors.js';
import type { Host } from '../host.js';
import type { Options } from '../inputs.js';
import { writeFile } from '../machine-errors.js';
import { childEnvironment } from '../process.js';
import type { Project } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import type { FinishedScene, SceneStore } from '../render/reuse.js';
import { trustedPython } from '../setup/guard.js';
import type { SetupOptions } from '../setup/options.js';
import type { Runtime } from '../setup/runtime.js';
import { sha256 } from '../store/keys.js';
import type { Store } from '../store/store.js';
import type { Tools } from '../video/ffmpeg.js';

/** What the steps of one build share. */
export interface BuildContext {
  readonly options: Options;
  readonly host: Host;
  readonly store: Store;
  readonly project: Project;
  /** Everything on its way lies here: `.flaming-horse` in the workspace, which ignores itself in git. */
  readonly workDir: string;
  readonly tools: Tools;
  readonly signal: AbortSignal | undefined;
  /** Notes for the summary: fallbacks and findings. */
  readonly notes: string[];
  /** Seconds of wall time by step. */
  readonly seconds: Record<string, number>;
}

/** Finished scenes by id. */
export type FinishedScenes = ReadonlyMap<string, FinishedScene>;

/** A scene that the story has finished by now. */
export function finishedOf(finished: FinishedScenes, scene: Scene): FinishedScene {
  const found = finished.get(scene.id);
  if (!found) throw new Error(`scene ${scene.id} is not finished`);
  return found;
}

/** Tells something the user should know of: on the log now, in the summary at the end. */
export function note(context: BuildContext, text: string, place?: Place): void {
  context.notes.push(text);
  context.host.log.warning(text, place);
}

/** Runs a step and adds its wall time to the report. */
export async function timed<T>(name: string, { seconds }: BuildContext, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    seconds[name] = (seconds[name] ?? 0) + (performance.now() - started) / 1000;
  }
}

/** What every step of a build of this project shares. */
export async function makeContext(
  project: Project,
  options: Options,
  host: Host,
  signal?: AbortSignal,
  workDir?: string,
): Promise<BuildContext> {
  const notes: string[] = [];
  tellUnconfined((text) => {
    notes.push(text);
    host.log.info(text);
  });
  return {
    options,
    host,
    project,
    store: await host.openStore(options),
    workDir: workDir ?? (await makeWorkDir(project, host)),
    tools: { env: childEnvironment(), guardPython: await trustedPython(), signal },
    signal,
    notes,
    seconds: {},
  };
}

/** Tools that run under the machine's own Python, else under the one that renders. */
export function guardedBy({ python }: Runtime, { tools }: BuildContext): Tools & { readonly guardPython: string } {
  return { ...tools, guardPython: tools.guardPython ?? python };
}

/** What set-up is asked for in a build. */
export function setupOf({ options, store, host, signal }: BuildContext): SetupOptions {
  const { python, setup, cachePrefix } = options;
  return { python, setup, store, cachePrefix, log: host.log, signal };
}

/** The store of scenes of a build. */
export function sceneStoreOf({ store, options, workDir, project, host }: BuildContext): SceneStore {
  return { store, cachePrefix: options.cachePrefix, folder: join(workDir, 'scenes'), project, log: host.log };
}

/**
 * The folder for everything on its way, `.flaming-horse/<hash of the project's place>`: no two projects share one, and the
 * lock of the project covers it. It ignores itself in git, so that a checkout stays clean.
 */
async function makeWorkDir(project: Project, host: Host): Promise<string> {
  const base = join(host.workspace, '.flaming-horse');
  const workDir = join(base, sha256(placeOf(project, host)).slice(0, 16));
  await mkdir(workDir, { recursive: true });
  await writeFile(join(base, '.gitignore'), '*\n');
  return workDir;
}

/** Where a project lies: from the checkout on a runner, the same in every job; elsewhere its absolute path. */
export function placeOf(project: Project, { checkout }: Pick<Host, 'checkout'>): string {
  const folder = realpathSync(project.folder);
  if (checkout === undefined) return folder;
  const inCheckout = relative(realpathSync(checkout), folder);
  const isInside = inCheckout !== '..' && !inCheckout.startsWith('../') && !isAbsolute(inCheckout);
  return isInside ? inCheckout || '.' : folder;
}

/** Removes folders of earlier contents: what is worth keeping is in the store. */
export async function prune(folder: string, keep: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!keep.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
