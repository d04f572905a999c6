import { rm } from 'node:fs/promises';
import type { Host } from './host.js';
import type { Options } from './inputs.js';
import { errorOf, type Finding } from './project/finding.js';
import { dependenciesOf, type Project, readProject } from './project/project.js';
import { type ReadScenes, type SceneFault, selectScenes } from './project/scenes.js';
import { readState } from './project/state.js';
import { type Ledger, readLedger } from './render/ledger.js';
import { isStored } from './render/reuse.js';
import type { PlannedScene } from './render/schedule.js';
import { expectRuntime } from './setup/runtime.js';
import { prepareEspeak } from './setup/voices.js';
import { findingsOf, pythonToAsk } from './steps/check.js';
import { type BuildContext, makeContext, sceneStoreOf, setupOf } from './steps/context.js';
import { ledgerPlaceOf, planBuild, reasonToRender } from './steps/plan.js';
import { makeTemporary } from './temporary.js';
import type { VoicePlan } from './voice/plan.js';

/** A scene as a build would find it now. */
export interface SurveyedScene {
  readonly planned: PlannedScene;
  readonly stored: boolean;
  /** Why it would be rendered; empty for a stored one. */
  readonly why: string;
}

/** What a build would find; nothing of the project is changed. */
export interface Survey {
  readonly project: Project;
  readonly context: BuildContext;
  readonly ledger: Ledger;
  readonly voice: VoicePlan;
  readonly scenes: readonly SurveyedScene[];
  /** Scenes that a build would leave out, and why. */
  readonly faults: readonly SceneFault[];
  /** What the checks found; errors of scenes are among the faults. */
  readonly findings: readonly Finding[];
}

/**
 * Looks at a project and its store, and tells `use` of it. Throws UserError(s) like a build for what is wrong with the
 * project. What the store gives lies in a folder of its own: a build of the same project may be running.
 */
export async function survey<T>(options: Options, host: Host, use: (survey: Survey) => Promise<T>): Promise<T> {
  const project = await readProject(await readState(options.project), host.checkout);
  const workDir = await makeTemporary();
  const context = await makeContext(project, options, host, undefined, workDir);
  try {
    return await use(await look(project, context));
  } finally {
    await context.store.settle();
    await rm(workDir, { recursive: true, force: true });
  }
}

async function look(project: Project, context: BuildContext): Promise<Survey> {
  const { options } = context;
  const selected = selectScenes(project, options.scenes);
  const latex = selected.scenes.some((scene) => dependenciesOf(project, scene).latex);
  const setup = { ...setupOf(context), latex };
  const [ledger, { versions, python }] = await Promise.all([readLedger(ledgerPlaceOf(context)), expectRuntime(setup)]);
  const findings = await findingsOf(selected, pythonToAsk(python), context);
  const faults = withFindings(selected, findings);
  const chosen = selected.scenes.filter(({ id }) => !faults.some((fault) => fault.id === id));
  const backend = options.voice === 'espeak' ? 'espeak' : 'piper';
  if (backend === 'espeak') await prepareEspeak(setup); // its version is part of how lines sound
  const plan = await planBuild(chosen, versions, backend, ledger, context);
  const sceneStore = sceneStoreOf(context);
  const scenes = await Promise.all(
    plan.scenes.map(async (planned): Promise<SurveyedScene> => {
      const stored = await isStored(planned.content, planned.opened, sceneStore);
      const why = stored ? '' : reasonToRender(planned, ledger, new Set());
      return { planned, stored, why };
    }),
  );
  return { project, context, ledger, voice: plan.voice, scenes, faults, findings };
}

/** The faults of these scenes, those that the checks found among them; in the order of the video. */
function withFindings({ scenes, faults }: ReadScenes, findings: readonly Finding[]): SceneFault[] {
  const found = scenes.flatMap(({ id, index }) => {
    const errors = findings.filter(({ severity, sceneId }) => severity === 'error' && sceneId === id).map(errorOf);
    return errors.length > 0 ? [{ id, index, errors }] : [];
  });
  return [...faults, ...found].sort((a, b) => a.index - b.index);
}
