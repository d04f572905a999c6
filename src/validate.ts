import { UserErrors, userErrorsOf } from './errors.js';
import type { Host } from './host.js';
import type { Options } from './inputs.js';
import { dependenciesOf, readProject } from './project/project.js';
import { selectScenes } from './project/scenes.js';
import { readState } from './project/state.js';
import { count } from './report/summary.js';
import { validationSummary } from './report/validation-summary.js';
import type { PythonFacts } from './setup/probe.js';
import { expectRuntime } from './setup/runtime.js';
import { errorsOf, findingsOf, placed, pythonToAsk, tellWarnings } from './steps/check.js';
import { type BuildContext, makeContext, setupOf } from './steps/context.js';
import { rehearse } from './steps/rehearse.js';

/**
 * Checks a project and makes nothing: no lock, no state, no video. Needs no Manim, no ffmpeg and no voice, unless
 * `validate-only` is `deep`: then each scene that passed the checks is run, too. Throws UserErrors with all that is wrong.
 */
export async function validate(options: Options, host: Host, signal?: AbortSignal): Promise<void> {
  const state = await readState(options.project);
  for (const { message, place } of state.repairs) host.log.warning(message, place);
  const project = await readProject(state, host.checkout);
  const context = await makeContext(project, { ...options, cache: 'off' }, host, signal);
  const chosen = selectScenes(project, options.scenes);
  const latex = chosen.scenes.some((scene) => dependenciesOf(project, scene).latex);
  const facts = await pythonFacts(latex, context);
  const findings = await findingsOf(chosen, facts && pythonToAsk(facts), context);
  tellWarnings(findings, context);
  const wrong = findings.filter(({ severity }) => severity === 'error');
  const errors = errorsOf(chosen, wrong);
  if (options.validateOnly === 'deep' && !(options.failFast && errors.length > 0)) {
    const sound = chosen.scenes.filter(({ id }) => !wrong.some(({ sceneId }) => sceneId === id));
    errors.push(...(await rehearse(sound, context)));
  }
  const scenes = chosen.scenes.length + chosen.faults.length;
  const at = (error: (typeof errors)[number]): string => placed(error.place, host.workspace);
  host.summarise(validationSummary(state.projectName, scenes, errors, context.notes, at));
  if (errors.length > 0) throw new UserErrors(errors);
  host.log.info(`${count(scenes, 'scene')} checked: no errors, ${count(context.notes.length, 'warning')}`);
}

/** The Python that a build would use, where there is one. */
async function pythonFacts(latex: boolean, context: BuildContext): Promise<PythonFacts | undefined> {
  try {
    return (await expectRuntime({ ...setupOf(context), latex })).python;
  } catch (error) {
    const [first] = userErrorsOf(error) ?? [];
    // one that was asked for must be there
    if (!first || context.options.python !== '') throw error;
    context.host.log.info(`${first.message}: imports were not checked, and syntax only by our own parser`);
    return undefined;
  }
}
