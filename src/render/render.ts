import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { errorsOfScene, type UserError } from '../errors.js';
import type { Log } from '../log.js';
import { readNarration } from '../project/narration.js';
import type { Project } from '../project/project.js';
import { dependenciesOf } from '../project/project.js';
import { normalisedText } from '../project/python-source.js';
import { cut, readableLine } from '../report/text.js';
import type { Tools } from '../video/ffmpeg.js';
import { writeSceneVideo } from '../video/join.js';
import type { ProvidedLine } from '../voice/provide.js';
import { beyondSources } from './beyond.js';
import { openedToCover, writtenSince } from './content.js';
import type { RenderLimits } from './limits.js';
import { OutOfMemory } from './memory.js';
import type { Progress } from './progress.js';
import type { SceneResult } from './result.js';
import { completeScene, type FinishedScene, resultFolder, SCENE_VIDEO, type SceneStore, saveScene } from './reuse.js';
import { type RenderSettings, renderScene } from './scene.js';
import { longestFirst, type PlannedScene } from './schedule.js';

/** Characters of a failure that is told while other scenes go on. All of it comes at the end. */
const SHOWN_FAILURE = 200;

export interface RenderMany {
  readonly scenes: readonly PlannedScene[];
  readonly atOnce: number;
  readonly project: Project;
  /** The lines that scenes can speak. */
  readonly spoken: readonly ProvidedLine[];
  /** What the voice wrote for scenes to read: covered by the keys of lines. */
  readonly voiceFiles: ReadonlySet<string>;
  readonly limitsOf: (planned: PlannedScene) => RenderLimits;
  readonly settings: RenderSettings;
  readonly sceneStore: SceneStore;
  readonly tools: Tools;
  readonly progress: Progress;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Cancel the other renders when one fails. */
  readonly failFast?: boolean;
}

/** A scene rendered in this build. */
export interface RenderedScene {
  readonly finished: FinishedScene;
  /** Why it is not kept, or undefined where it is. */
  readonly notSaved: string | undefined;
}

/** How the renders of a build ended: scenes by id, and what failed in the order of the video. */
export interface Renders {
  readonly rendered: ReadonlyMap<string, RenderedScene>;
  readonly failures: readonly UserError[];
}

/**
 * Renders scenes side by side, the longest first, and saves each as soon as it is done, so that a later failure or
 * cancellation loses nothing. A failing scene does not stop the others: all failures come back together at the end. One
 * that ran out of memory is rendered once more by itself.
 */
export async function renderScenes(many: RenderMany): Promise<Renders> {
  const limit = pLimit(many.atOnce);
  const rendered = new Map<string, RenderedScene>();
  const failures: { index: number; error: UserError }[] = [];
  const outOfMemory: PlannedScene[] = [];
  const stop = new AbortController();
  const running = stoppedBy(stop.signal, many);
  const attempt = async (planned: PlannedScene, isRetry: boolean): Promise<void> => {
    const { id, index } = planned.scene;
    try {
      const fresh = await limit(() => {
        stop.signal.throwIfAborted();
        return renderOne(planned, running);
      });
      // saving needs no core: the next render starts meanwhile
      rendered.set(id, { finished: fresh.finished, notSaved: await saveOne(planned, fresh, many) });
    } catch (error) {
      if (stop.signal.aborted) return; // cancelled by a failure that is reported already
      if (error instanceof OutOfMemory && !isRetry) {
        outOfMemory.push(planned);
        many.log.warning(`${error.message}; it is rendered again by itself after the others`, error.place);
        return;
      }
      const errors = errorsOfScene(error, id, { file: planned.scene.file });
      many.log.info(`failed: ${cut(readableLine(errors[0]?.message ?? ''), SHOWN_FAILURE)}`);
      if (many.failFast) stop.abort();
      failures.push(...errors.map((userError) => ({ index, error: userError })));
    }
  };
  await Promise.all(longestFirst(many.scenes).map((planned) => attempt(planned, false)));
  // one after the other, each with all of the memory for itself
  for (const planned of outOfMemory) await attempt(planned, true);
  many.progress.stop();
  return { rendered, failures: failures.sort((a, b) => a.index - b.index).map(({ error }) => error) };
}

/** The same renders, which end without a word once the signal is given. */
function stoppedBy(stop: AbortSignal, many: RenderMany): RenderMany {
  const signal = many.signal ? AbortSignal.any([many.signal, stop]) : stop;
  const group = (title: string, lines: readonly string[]): void => {
    if (!stop.aborted) many.log.group(title, lines);
  };
  return { ...many, signal, log: { ...many.log, group } };
}

interface Fresh {
  readonly finished: FinishedScene;
  /** When its modules began to be read, in ms of the clock that files have. */
  readonly begun: number;
}

async function renderOne(planned: PlannedScene, many: RenderMany): Promise<Fresh> {
  const { scene, content } = planned;
  const { log, progress, project, sceneStore } = many;
  progress.started(scene.id);
  const begun = many.settings.shared?.begun ?? Date.now();
  const started = performance.now();
  const result = await renderScene(scene, resultFolder(content, sceneStore), many.settings, {
    onFrames: (frames) => progress.frames(scene.id, frames),
    limits: many.limitsOf(planned),
    log,
    signal: many.signal,
  });
  const seconds = (performance.now() - started) / 1000;
  const { facts } = result;
  progress.frames(scene.id, facts.frames);
  await writeSceneVideo(result, join(result.folder, SCENE_VIDEO), many.tools);
  const opened = openedToCover(facts.opened, scene, project, many.voiceFiles, many.settings.workDir);
  const unsafe = await beyondSources(scene, facts, many.spoken, project);
  const finished = await completeScene(result, content, { opened, unsafe, renderSeconds: seconds }, project);
  progress.ended(scene.id);
  log.group(
    `scene ${scene.id}: ${facts.frames} frames at ${facts.width}x${facts.height}, ${facts.fps} a second, in ${seconds.toFixed(1)} s`,
    sceneDetails(result, opened),
  );
  if (facts.fallback)
    log.warning(`scene ${scene.id}: fell back to Manim's own writer (slower): ${facts.fallback}`, {
      file: scene.file,
    });
  return { finished, begun };
}

function sceneDetails({ facts }: SceneResult, opened: readonly string[]): string[] {
  const milliseconds = (facts.cpu_seconds * 1000) / facts.frames;
  return [
    `encoder ${facts.encoder}, ${facts.cpu_seconds.toFixed(1)} s of processor time (${milliseconds.toFixed(1)} ms a frame), ${Math.round(facts.peak_rss_bytes / 2 ** 20)} MiB at most`,
    ...facts.lines.map(
      (line) => `spoken at frame ${line.start_frame}: ${line.key ?? '(no key)'}, ${line.duration_seconds.toFixed(2)} s`,
    ),
    ...opened.map((name) => `read: ${name}`),
  ];
}

/** Saves a fresh scene where that is safe. Returns why it is not kept. */
async function saveOne(
  planned: PlannedScene,
  { finished, begun }: Fresh,
  many: RenderMany,
): Promise<string | undefined> {
  const { scene, content } = planned;
  const { unsafe } = finished.entry;
  if (unsafe.length > 0) {
    const why = `its result depends on more than its sources (${unsafe.join('; ')})`;
    many.log.warning(`scene ${scene.id} is rendered every time: ${why}`, { file: scene.file });
    return why;
  }
  const edited =
    (await editedSince(planned, many.project)) ??
    (await writtenSince(Object.keys(finished.entry.opened), begun, many.project));
  if (edited) {
    many.log.warning(`scene ${scene.id} is not kept: ${edited} was edited while it rendered`);
    return `${edited} was edited`;
  }
  saveScene(finished, content, many.sceneStore); // in the background; a store that fails says so itself
  return undefined;
}

/** A source of the scene that is no longer as it was read: its result would be kept under a key of other sources. */
async function editedSince({ scene }: PlannedScene, project: Project): Promise<string | undefined> {
  for (const [name, { path, text }] of dependenciesOf(project, scene).sources) {
    const now = await readFile(path, 'utf8').catch(() => '');
    if (normalisedText(now) !== text) return name;
  }
  const narration = await readNarration(project.narration.file).catch(() => undefined);
  return narration?.sha256 === project.narration.sha256 ? undefined : project.narration.file;
}
