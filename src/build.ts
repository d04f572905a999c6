import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { messageOf, UserError, userErrorsOf } from './errors.js';
import type { Host } from './host.js';
import { type Options, QUALITIES } from './inputs.js';
import { childEnvironment } from './process.js';
import { lockProject } from './project/lock.js';
import { dependenciesOf, type Project, readProject } from './project/project.js';
import { type Scene, sceneVideoPath, selectScenes } from './project/scenes.js';
import { nextDocument, writeState } from './project/state.js';
import { parallelism, readCapacity, renderMemory } from './render/capacity.js';
import { changesBetween, type SceneContent, sceneContent, sharedIngredients } from './render/content.js';
import { type Ledger, type LedgerPlace, readLedger, saveLedger } from './render/ledger.js';
import { expectedSeconds, isWhole, type PlannedScene, planScenes, scenesOfShard } from './render/plan.js';
import { reportProgress } from './render/progress.js';
import { renderScenes } from './render/render.js';
import { type FinishedScene, restoreScene, type SceneStore } from './render/reuse.js';
import {
  type BuildReport,
  buildSummary,
  count,
  failureSummary,
  humanSeconds,
  type SceneLine,
} from './report/summary.js';
import { expectRuntime, prepareRuntime, type Runtime } from './setup/runtime.js';
import { prepareEspeak, preparePiper } from './setup/voices.js';
import type { Store } from './store/store.js';
import { type AssembledVideo, assemble, place } from './video/assemble.js';
import type { Tools } from './video/ffmpeg.js';
import { planVoice, type VoicePlan } from './voice/plan.js';
import { provideVoice, type VoiceReport, VoiceUnavailable } from './voice/provide.js';

/** What the steps of one build share. */
interface Build {
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

/**
 * Builds a project: reads it, restores what is stored, speaks and renders what is missing, joins, and writes the state.
 * Throws UserError(s) for everything that the user can put right; the state then holds the errors, and what was done is
 * stored all the same.
 */
export async function build(options: Options, host: Host, signal?: AbortSignal): Promise<BuildReport> {
  const project = await readProject(options.project);
  for (const repair of project.state.repairs) host.log.warning(repair, { file: project.state.path });
  const unlock = await lockProject(project.folder);
  try {
    const workDir = await makeWorkDir(host.workspace);
    const store = await host.openStore(options);
    const tools: Tools = { env: childEnvironment(), signal };
    const step: Build = { options, host, store, project, workDir, tools, signal, notes: [], seconds: {} };
    return await buildLocked(step);
  } catch (error) {
    await recordFailure(project, error, host);
    throw error;
  } finally {
    await unlock();
  }
}

async function buildLocked(step: Build): Promise<BuildReport> {
  const { options, project, host } = step;
  const chosen = selectScenes(project.scenes, options.scenes);
  const scenes = options.shard ? scenesOfShard(chosen, options.shard, project) : chosen;
  const ledgerPlace = ledgerPlaceOf(step);
  const ledger = await readLedger(ledgerPlace);

  const { finished, lines, voice } = await finishScenes(scenes, ledger, step);
  const report = (video: AssembledVideo | undefined, output: string | undefined): BuildReport => ({
    projectName: project.state.projectName || basename(project.folder),
    video: output,
    facts: video?.facts,
    captions: video?.captions.srt,
    scenes: lines,
    voice,
    store: step.store.name,
    notes: step.notes,
    seconds: step.seconds,
  });
  await saveLedger(ledgerOf(finished, ledger), ledger, ledgerPlace);
  if (options.shard) return tell(report(undefined, undefined), host);

  const output = outputOf(options, project);
  const video = await timed('join', step, () => assembleVideo(scenes, finished, output, step));
  await recordSuccess(scenes, finished, video, step);
  return tell(report(video, output), host);
}

interface FinishedScenes {
  readonly finished: ReadonlyMap<string, FinishedScene>;
  readonly lines: readonly SceneLine[];
  readonly voice: BuildReport['voice'];
}

/**
 * Every scene finished: restored where it is stored, else spoken for and rendered. Keys are made for the runtime and the
 * voice that are expected; where what is really there differs, they are made again.
 */
async function finishScenes(scenes: readonly Scene[], ledger: Ledger, step: Build): Promise<FinishedScenes> {
  const { options, project, host, store } = step;
  const latex = scenes.some((scene) => dependenciesOf(project, scene).latex);
  const setup = {
    python: options.python,
    setup: options.setup,
    latex,
    store,
    cachePrefix: options.cachePrefix,
    log: host.log,
    signal: step.signal,
  };
  const sceneStore: SceneStore = {
    store,
    cachePrefix: options.cachePrefix,
    folder: join(step.workDir, 'scenes'),
    project,
    log: host.log,
  };

  let { versions } = await timed('look', step, () => expectRuntime(setup));
  let backend: 'piper' | 'espeak' = options.voice === 'espeak' ? 'espeak' : 'piper';
  for (;;) {
    const plan = await planBuild(scenes, versions, backend, ledger, step);
    const { restored, missing, damaged } = await timed('restore', step, () => restoreScenes(plan.scenes, sceneStore));
    host.log.info(`${count(restored.size, 'scene')} of ${scenes.length} reused, ${missing.length} to render`);
    const voiceFacts = (report?: VoiceReport): BuildReport['voice'] => ({
      backend: plan.voice.backend,
      cacheKey: plan.voice.cacheKey,
      cacheHit: report?.cacheHit ?? true,
      synthesized: report?.synthesized ?? [],
    });
    if (missing.length === 0) {
      return {
        finished: restored,
        lines: sceneLines(scenes, restored, new Set(), plan.contents, ledger),
        voice: voiceFacts(),
      };
    }
    for (const { scene, content } of missing) {
      host.log.info(`  ${scene.id}: ${reasonToRender(scene.id, content, ledger, damaged)}`);
    }

    const runtime = await timed('set-up', step, () => prepareRuntime(setup));
    for (const line of runtime.report) host.log.info(line);
    if (JSON.stringify(runtime.versions) !== JSON.stringify(versions)) {
      const difference = changesBetween(versions, runtime.versions).join(', ');
      host.log.info(`after set-up the versions are not those expected (${difference}): looking again`);
      versions = runtime.versions;
      continue;
    }
    let spoken: VoiceReport;
    try {
      spoken = await timed('voice', step, () => speak(plan.voice, missing, runtime, step));
    } catch (error) {
      if (!(error instanceof VoiceUnavailable) || options.voice !== 'auto' || backend === 'espeak') throw error;
      note(step, `the voice piper cannot be had (${messageOf(error)}): espeak speaks instead`);
      backend = 'espeak';
      continue;
    }
    const fresh = await timed('render', step, () =>
      render(missing, damaged, spoken, plan.voice.folder, runtime, sceneStore, step),
    );
    const finished = new Map([...restored, ...fresh]);
    const rendered = new Set(fresh.keys());
    return {
      finished,
      lines: sceneLines(scenes, finished, rendered, plan.contents, ledger, damaged),
      voice: voiceFacts(spoken),
    };
  }
}

interface Plan {
  readonly voice: VoicePlan;
  readonly contents: ReadonlyMap<string, SceneContent>;
  readonly scenes: readonly PlannedScene[];
}

/** What every scene is made from, under which key, at what cost; nothing is brought or made yet. */
async function planBuild(
  scenes: readonly Scene[],
  versions: Readonly<Record<string, string>>,
  backend: 'piper' | 'espeak',
  ledger: Ledger,
  { project, options, host }: Build,
): Promise<Plan> {
  const voice = await planVoice({
    projectDir: project.folder,
    repoRoot: project.repoRoot,
    narration: project.narration,
    backend,
    cachePrefix: options.cachePrefix,
    log: host.log,
  });
  const shared = await sharedIngredients(project);
  const contents = new Map(
    scenes.map((scene) => [scene.id, sceneContent(scene, { project, options, versions, voice, shared })]),
  );
  return { voice, contents, scenes: planScenes(scenes, contents, project, ledger) };
}

async function restoreScenes(
  planned: readonly PlannedScene[],
  sceneStore: SceneStore,
): Promise<{ restored: Map<string, FinishedScene>; missing: PlannedScene[]; damaged: Set<string> }> {
  const restored = new Map<string, FinishedScene>();
  const missing: PlannedScene[] = [];
  const damaged = new Set<string>();
  const found = await Promise.all(
    planned.map(({ scene, content, opened }) => restoreScene(scene.id, content, opened, sceneStore)),
  );
  for (const [index, plannedScene] of planned.entries()) {
    const outcome = found[index];
    if (typeof outcome === 'object') restored.set(plannedScene.scene.id, outcome);
    else missing.push(plannedScene);
    if (outcome === 'damaged') damaged.add(plannedScene.scene.id);
  }
  return { restored, missing, damaged };
}

/** The narration lines of the scenes to render, spoken where they are not there; only those. */
async function speak(
  plan: VoicePlan,
  missing: readonly PlannedScene[],
  runtime: Runtime,
  step: Build,
): Promise<VoiceReport> {
  const { options, host, store, project } = step;
  const keys = new Set(missing.flatMap(({ scene }) => dependenciesOf(project, scene).narrationKeys));
  const setup = {
    python: runtime.python,
    setup: options.setup,
    store,
    cachePrefix: options.cachePrefix,
    log: host.log,
    signal: step.signal,
  };
  const report = await provideVoice(plan, {
    choice: options.voice,
    lineKeys: keys,
    store,
    workDir: join(step.workDir, 'voice'),
    backends: {
      piper: () => preparePiper(setup),
      python: async () => runtime.python,
      espeak: () => prepareEspeak(setup),
    },
    tools: { ...step.tools, guardPython: runtime.python },
    concurrency: Math.max(1, Math.floor(readCapacity().cores)),
    log: host.log,
    signal: step.signal,
  });
  for (const warning of report.warnings) note(step, warning);
  return report;
}

async function render(
  missing: readonly PlannedScene[],
  damaged: ReadonlySet<string>,
  spoken: VoiceReport,
  voiceFolder: string,
  runtime: Runtime,
  sceneStore: SceneStore,
  step: Build,
): Promise<Map<string, FinishedScene>> {
  const { options, project, host } = step;
  const size = QUALITIES[options.quality];
  const sizeOf = (scene: Scene): { width: number; height: number; fps: number } =>
    size ?? dependenciesOf(project, scene).size;
  const memory = Math.max(...missing.map(({ scene }) => renderMemory(sizeOf(scene), options.encoder)));
  const { renders, reason } = parallelism(options.parallelRenders, missing.length, memory, readCapacity());
  host.log.info(`rendering ${count(missing.length, 'scene')}, ${renders} at a time (${reason})`);

  const secondsOf = new Map(spoken.lines.map(({ key, seconds }) => [key, seconds]));
  const lengthOf = (scene: Scene): number => {
    const { narrationKeys } = dependenciesOf(project, scene);
    const known = narrationKeys.reduce((sum, key) => sum + (secondsOf.get(key) ?? 0), 0);
    return known > 0 ? known : expectedSeconds(scene, project);
  };
  const expected = new Map(missing.map(({ scene }) => [scene.id, Math.round(lengthOf(scene) * sizeOf(scene).fps)]));
  const rendered = await renderScenes({
    scenes: missing,
    damaged,
    atOnce: renders,
    project,
    voiceFolder,
    settings: {
      python: runtime.python,
      projectDir: project.folder,
      repoRoot: project.repoRoot,
      size,
      encoder: options.encoder,
      encoderOptions: options.encoderOptions,
      workDir: step.workDir,
      logDir: join(project.folder, 'log'),
      env: childEnvironment(),
    },
    sceneStore,
    tools: { ...step.tools, guardPython: runtime.python },
    progress: reportProgress(expected, host.log),
    log: host.log,
    signal: step.signal,
  });
  for (const [id, { finished, notSaved }] of rendered) {
    if (finished.result.facts.fallback) note(step, `scene ${id} took the slow way: ${finished.result.facts.fallback}`);
    if (notSaved && notSaved !== 'off') note(step, `scene ${id} is rendered every time: ${notSaved}`);
  }
  return new Map([...rendered].map(([id, { finished }]) => [id, finished]));
}

/** The video at its place, and the paths beside it that projects expect. */
async function assembleVideo(
  scenes: readonly Scene[],
  finished: ReadonlyMap<string, FinishedScene>,
  output: string,
  step: Build,
): Promise<AssembledVideo> {
  const { options, project, host, store } = step;
  const video = await assemble({
    scenes: scenes.map((scene) => ({ finished: finishedOf(finished, scene), title: scene.title })),
    output,
    store,
    cachePrefix: options.cachePrefix,
    folder: join(step.workDir, 'video'),
    tools: step.tools,
    log: host.log,
  });
  for (const scene of scenes) {
    const { result, sceneVideo } = finishedOf(finished, scene);
    await place(sceneVideo, join(project.folder, sceneVideoPath(scene, result.facts)));
  }
  if (isWhole(options)) {
    const list = scenes.map((scene) => `file '${sceneVideoPath(scene, finishedOf(finished, scene).result.facts)}'\n`);
    await writeFile(join(project.folder, 'scenes.txt'), list.join(''));
    const usual = join(project.folder, FINAL_VIDEO);
    if (output !== usual) await place(output, usual);
  }
  for (const { sceneId, why } of video.facts.reencoded)
    note(step, `scene ${sceneId} was encoded again to fit the others: ${why}`);
  for (const finding of findings(video)) note(step, finding);
  return video;
}

const FINAL_VIDEO = 'final_video.mp4';
const PARTIAL_VIDEO = 'partial_video.mp4';
/** Sound shorter than this share of the picture is a fault that the pipeline's own check rejects. */
const LEAST_SOUND = 0.9;

function outputOf(options: Options, project: Project): string {
  return options.output ?? join(project.folder, isWhole(options) ? FINAL_VIDEO : PARTIAL_VIDEO);
}

/** What the quality check finds in a joined video, in words. */
function findings({ facts: { inspection } }: AssembledVideo): string[] {
  const silences = inspection.silences.map(
    ({ start, end }) => `nothing is heard from ${start.toFixed(1)} s to ${end.toFixed(1)} s of the video`,
  );
  if (inspection.audioVideoRatio >= LEAST_SOUND) return silences;
  return [
    `the sound lasts only ${inspection.audioSeconds.toFixed(1)} s of ${inspection.videoSeconds.toFixed(1)} s`,
    ...silences,
  ];
}

async function recordSuccess(
  scenes: readonly Scene[],
  finished: ReadonlyMap<string, FinishedScene>,
  video: AssembledVideo,
  { project, options }: Build,
): Promise<void> {
  const outcomes = await Promise.all(
    scenes.map(async (scene) => {
      const { facts } = finishedOf(finished, scene).result;
      const videoFile = sceneVideoPath(scene, facts);
      return {
        id: scene.id,
        file: scene.fileName,
        className: scene.className,
        videoFile,
        fileSizeBytes: (await stat(join(project.folder, videoFile))).size,
        durationSeconds: facts.frames / facts.fps,
      };
    }),
  );
  const summary = `${count(scenes.length, 'scene')}, ${video.facts.durationSeconds.toFixed(3)} s`;
  const outcome = { ok: true as const, scenes: outcomes, summary, whole: isWhole(options) };
  await writeState(project.state, nextDocument(project.state, outcome, new Date()));
}

/** The errors into the state, and into the summary. What cannot be written is told, never thrown over the first error. */
async function recordFailure(project: Project, error: unknown, host: Host): Promise<void> {
  const errors = userErrorsOf(error) ?? [new UserError(messageOf(error))];
  const told = errors.map(({ message, place: at, hint }) => ({
    message,
    at: at ? `${relative(project.repoRoot, at.file)}${at.line === undefined ? '' : `:${at.line}`}` : '',
    hint,
  }));
  const lines = told.map(({ message, at }) => (at ? `${at}: ${message}` : message));
  host.summarise(failureSummary(project.state.projectName, told));
  try {
    const outcome = { ok: false as const, errors: lines, summary: `${count(lines.length, 'error')}` };
    await writeState(project.state, nextDocument(project.state, outcome, new Date()));
  } catch (second) {
    host.log.warning(`the errors could not be entered into project_state.json: ${messageOf(second)}`);
  }
}

/** Tells the story's end on the log and in the summary. */
function tell(report: BuildReport, host: Host): BuildReport {
  host.summarise(buildSummary(report));
  const rendered = report.scenes.filter(({ how }) => how === 'rendered').length;
  const made = `${count(rendered, 'scene')} rendered, ${report.scenes.length - rendered} reused, ${count(report.voice.synthesized.length, 'narration line')} spoken`;
  const times = Object.entries(report.seconds)
    .map(([name, seconds]) => `${name} ${humanSeconds(seconds)}`)
    .join(', ');
  if (report.facts)
    host.log.info(`${report.video}: ${humanSeconds(report.facts.durationSeconds)} of video; ${made}; ${times}`);
  else host.log.info(`${made}; ${times}`);
  return report;
}

function sceneLines(
  scenes: readonly Scene[],
  finished: ReadonlyMap<string, FinishedScene>,
  rendered: ReadonlySet<string>,
  contents: ReadonlyMap<string, SceneContent>,
  ledger: Ledger,
  damaged: ReadonlySet<string> = new Set(),
): SceneLine[] {
  return scenes.map((scene) => {
    const { entry, result } = finishedOf(finished, scene);
    const content = contents.get(scene.id);
    const fresh = rendered.has(scene.id);
    return {
      id: scene.id,
      title: scene.title,
      how: fresh ? 'rendered' : 'reused',
      why: fresh && content ? reasonToRender(scene.id, content, ledger, damaged) : '',
      seconds: result.facts.frames / result.facts.fps,
      renderSeconds: entry.renderSeconds,
    };
  });
}

/** Why a scene is not reused, in words. */
export function reasonToRender(
  id: string,
  content: SceneContent,
  ledger: Ledger,
  damaged: ReadonlySet<string>,
): string {
  if (damaged.has(id)) return 'its stored result is damaged';
  const before = ledger[id];
  if (!before) return 'nothing stored yet';
  const changes = changesBetween(before.ingredients, content.ingredients);
  if (changes.length > 0) return changes.join(', ');
  return before.opened.length > 0 ? `no entry, or one of ${before.opened.join(', ')} changed` : 'no entry in the store';
}

function ledgerOf(finished: ReadonlyMap<string, FinishedScene>, before: Ledger): Ledger {
  const now = [...finished].map(([id, { entry, result }]) => [
    id,
    {
      ingredients: entry.ingredients,
      opened: Object.keys(entry.opened),
      renderSeconds: entry.renderSeconds,
      frames: result.facts.frames,
    },
  ]);
  return { ...before, ...Object.fromEntries(now) };
}

function ledgerPlaceOf({ store, options, workDir, project, host }: Build): LedgerPlace {
  const projectName = `${host.repository}:${relative(project.repoRoot, project.folder)}`;
  return { store, cachePrefix: options.cachePrefix, folder: join(workDir, 'ledger'), projectName };
}

function finishedOf(finished: ReadonlyMap<string, FinishedScene>, scene: Scene): FinishedScene {
  const found = finished.get(scene.id);
  if (!found) throw new Error(`scene ${scene.id} is not finished`);
  return found;
}

function note(step: Build, text: string): void {
  step.notes.push(text);
  step.host.log.warning(text);
}

async function timed<T>(name: string, { seconds }: Build, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    seconds[name] = (seconds[name] ?? 0) + (performance.now() - started) / 1000;
  }
}

async function makeWorkDir(workspace: string): Promise<string> {
  const workDir = join(workspace, '.flaming-horse');
  await mkdir(workDir, { recursive: true });
  await writeFile(join(workDir, '.gitignore'), '*\n');
  return workDir;
}
