import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host.js';
import type { Options } from '../inputs.js';
import type { Project } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import type { FinishedScene } from '../render/reuse.js';
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
export function note(context: BuildContext, text: string): void {
  context.notes.push(text);
  context.host.log.warning(text);
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

/** The folder for everything on its way. It ignores itself in git, so that a checkout stays clean. */
export async function makeWorkDir(workspace: string): Promise<string> {
  const workDir = join(workspace, '.flaming-horse');
  await mkdir(workDir, { recursive: true });
  await writeFile(join(workDir, '.gitignore'), '*\n');
  return workDir;
}
