import { basename } from 'node:path';
import { messageOf, type UserError, UserErrors, userErrorsOf } from './errors.js';
import type { Host } from './host.js';
import type { Options } from './inputs.js';
import { lockProject } from './project/lock.js';
import { dependenciesOf, readProject } from './project/project.js';
import { type ReadScenes, type Scene, selectScenes } from './project/scenes.js';
import { readState } from './project/state.js';
import { changesBetween, type SceneContent } from './render/content.js';
import { type Ledger, readLedger, saveLedger } from './render/ledger.js';
import { resultFolder } from './render/reuse.js';
import { scenesOfShard } from './render/schedule.js';
import { type BuildReport, count, type SceneLine } from './report/summary.js';
import { type ExpectedRuntime, expectRuntime, prepareRuntime } from './setup/runtime.js';
import { prepareEspeak } from './setup/voices.js';
import { checkBeforeWork, pythonToAsk } from './steps/check.js';
import {
  type BuildContext,
  type FinishedScenes,
  finishedOf,
  makeContext,
  note,
  prune,
  sceneStoreOf,
  setupOf,
  timed,
} from './steps/context.js';
import { joinVideo, outputOf } from './steps/join.js';
import { checkPlaces } from './steps/places.js';
import { ledgerOf, ledgerPlaceOf, planBuild, reasonToRender, reasonToSpeak } from './steps/plan.js';
import { recordFailure, recordSuccess, tell } from './steps/record.js';
import { renderMissing, startRenders } from './steps/render.js';
import { condemnUnusable, restoreScenes } from './steps/restore.js';
import { speakFor } from './steps/speak.js';
import { sweep } from './steps/sweep.js';
import type { AssembledVideo } from './video/assemble.js';
import type { Backend } from './voice/plan.js';
import { VoiceUnavailable } from './voice/provide.js';

/**
 * Builds a project: reads it, restores what is stored, speaks and renders what is missing, joins, and writes the state.
 * Throws UserError(s) for everything that the user can put right; the state then holds the errors, and what was done is
 * stored all the same.
 */
export async function build(options: Options, host: Host, signal?: AbortSignal): Promise<BuildReport> {
  await checkPlaces(options, host);
  const unlock = await lockProject(options.project);
  try {
    const state = await readState(options.project);
    for (const { message, place } of state.repairs) host.log.warning(message, place);
    try {
      const project = await readProject(state, host.checkout);
      const context = await makeContext(project, options, host, signal);
      const { workDir } = context;
      const swept = await sweep({ projectDir: project.folder, workDir, output: outputOf(options, project) });
      for (const path of swept) host.log.debug(`removed what an earlier build left: ${path}`);
      try {
        return await buildLocked(context);
      } finally {
        await context.store.settle();
      }
    } catch (error) {
      await recordFailure(state, error, host);
      throw error;
    }
  } finally {
    await unlock();
  }
}

async function buildLocked(context: BuildContext): Promise<BuildReport> {
  const { options, project, host } = context;
  const share = shareOf(selectScenes(project, options.scenes), context);
  const latex = share.scenes.some((scene) => dependenciesOf(project, scene).latex);
  const expected = await timed('look', context, () => expectRuntime({ ...setupOf(context), latex }));
  const { scenes, errors } = await timed('check', context, () =>
    checkBeforeWork(share, pythonToAsk(expected.python), context),
  );
  const ledgerPlace = ledgerPlaceOf(context);
  const ledger = await readLedger(ledgerPlace);

  let { finished, why, voice, failures, contents } = await finishScenes(scenes, expected, ledger, context).catch(
    (error) => {
      const found = userErrorsOf(error);
      // what stops the whole build does not hide what the checks found
      throw found && errors.length > 0 ? new UserErrors([...errors, ...found]) : error;
    },
  );
  await saveLedger(ledgerOf(finished, ledger), ledger, ledgerPlace);
  if (errors.length + failures.length > 0) throw new UserErrors([...errors, ...failures]);
  const report = (video?: AssembledVideo, output?: string): BuildReport => ({
    projectName: project.state.projectName || basename(project.folder),
    video: output,
    facts: video?.facts,
    captions: video?.captions.srt,
    scenes: sceneLines(scenes, finished, why),
    voice,
    store: context.store.name,
    needsHumanReview: project.state.needsHumanReview,
    notes: context.notes,
    seconds: context.seconds,
  });
  const saved = (): Promise<void> => timed('save', context, () => context.store.settle());
  if (options.shard) {
    await saved();
    return tell(report(), host);
  }

  const output = outputOf(options, project);
  const joined = (): Promise<AssembledVideo> =>
    timed('join', context, () => joinVideo(scenes, finished, output, context));
  const video = await joined().catch(async (error: unknown) => {
    const unusable = await condemnUnusable(error, scenes, finished, why, contents, context);
    if (unusable.length === 0) throw error;
    const again = await finishScenes(unusable, expected, ledger, context, finished);
    if (again.failures.length > 0) throw new UserErrors(again.failures);
    finished = new Map([...finished, ...again.finished]);
    why = new Map([...why, ...again.why]);
    const synthesized = [...voice.synthesized, ...again.voice.synthesized];
    voice = { ...voice, cacheHit: voice.cacheHit && again.voice.cacheHit, synthesized };
    return joined();
  });
  await recordSuccess(scenes, finished, video, context);
  await saved();
  return tell(report(video, output), host);
}

/**
 * The scenes of this build's share. Scenes that cannot be rendered are dealt to none: the build that joins the shares fails
 * with them, and so does one whose input names them.
 */
function shareOf(chosen: ReadScenes, { options, project, host }: BuildContext): ReadScenes {
  if (!options.shard) return chosen;
  const scenes = scenesOfShard(chosen.scenes, options.shard, project);
  if (options.scenes.length > 0) return { ...chosen, scenes };
  for (const { id } of chosen.faults) host.log.info(`scene ${id} is in no share: it cannot be rendered as it is`);
  return { scenes, faults: [], problems: [] };
}

interface Finishing {
  readonly finished: FinishedScenes;
  /** Why scenes were rendered, by id. */
  readonly why: ReadonlyMap<string, string>;
  readonly voice: BuildReport['voice'];
  readonly failures: readonly UserError[];
  readonly contents: ReadonlyMap<string, SceneContent>;
}

/**
 * Every scene finished: restored where it is stored, else spoken for and rendered. Keys are made for the runtime and the
 * voice that are expected; where what is really there differs, they are made again. `beside`: scenes that are finished
 * already and whose results stay.
 */
async function finishScenes(
  scenes: readonly Scene[],
  expected: ExpectedRuntime,
  ledger: Ledger,
  context: BuildContext,
  beside: FinishedScenes = new Map(),
): Promise<Finishing> {
  const { options, project, host } = context;
  const { log } = host;
  const latex = scenes.some((scene) => dependenciesOf(project, scene).latex);
  const setup = { ...setupOf(context), latex };
  const sceneStore = sceneStoreOf(context);

  let { versions } = expected;
  let backend: Backend = options.voice === 'espeak' ? 'espeak' : 'piper';
  for (;;) {
    // its version is part of how lines sound, so it must be there before keys are made
    if (backend === 'espeak') await prepareEspeak(setup);
    const plan = await planBuild(scenes, versions, backend, ledger, context);
    const { restored, missing, damaged } = await timed('restore', context, () =>
      restoreScenes(plan.scenes, sceneStore),
    );
    log.info(`${restored.size} of ${count(scenes.length, 'scene')} reused, ${missing.length} to render`);
    const voice = { backend, cacheKey: plan.voice.cacheKey, cacheHit: true, synthesized: [] };
    const why = new Map(missing.map((planned) => [planned.scene.id, reasonToRender(planned, ledger, damaged)]));
    const folders = [
      ...plan.scenes.map(({ content }) => resultFolder(content, sceneStore)),
      ...[...beside.values()].map(({ result }) => result.folder),
    ];
    await prune(sceneStore.folder, new Set(folders.map((folder) => basename(folder))));
    const { contents } = plan;
    if (missing.length === 0) return { finished: restored, why, voice, failures: [], contents };
    for (const [id, reason] of why) log.info(`  ${id}: ${reason}`);

    const runtime = expected.runtime ?? (await timed('set-up', context, () => prepareRuntime(setup)));
    for (const line of runtime.report) log.info(line);
    const surprises = changesBetween(versions, runtime.versions);
    if (surprises.length > 0) {
      log.info(`after set-up, versions are other than expected (${surprises.join(', ')}): looking again`);
      versions = runtime.versions;
      continue;
    }
    const server = startRenders(runtime, context);
    try {
      const spoken = await timed('voice', context, () => speakFor(plan.voice, missing, runtime, context));
      const rendered = await timed('render', context, () =>
        renderMissing(missing, spoken, plan.voice, runtime, server, sceneStore, context),
      );
      const { cacheHit } = spoken;
      const synthesized = spoken.synthesized.map((key) => ({ key, why: reasonToSpeak(key, plan.voice, ledger) }));
      const finished = new Map([...restored, ...rendered.finished]);
      return { finished, why, voice: { ...voice, cacheHit, synthesized }, failures: rendered.failures, contents };
    } catch (error) {
      if (!(error instanceof VoiceUnavailable) || options.voice !== 'auto' || backend === 'espeak') throw error;
      note(context, `the voice piper is not available (${messageOf(error)}): espeak speaks instead`);
      backend = 'espeak';
    } finally {
      await server.stop();
    }
  }
}

/** A line of the report for each scene. `why`: the reason for each that was rendered. */
function sceneLines(scenes: readonly Scene[], finished: FinishedScenes, why: ReadonlyMap<string, string>): SceneLine[] {
  return scenes.map((scene) => {
    const { entry, result } = finishedOf(finished, scene);
    return {
      id: scene.id,
      title: scene.title,
      how: why.has(scene.id) ? 'rendered' : 'reused',
      why: why.get(scene.id) ?? '',
      seconds: result.facts.frames / result.facts.fps,
      renderSeconds: entry.renderSeconds,
    };
  });
}
