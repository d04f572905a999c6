import { relative } from 'node:path';
import { type Place, type UserError, UserErrors } from '../errors.js';
import { checkScenes } from '../gates/gates.js';
import type { PythonToAsk } from '../gates/python.js';
import { errorOf, type Finding, withoutRepeats } from '../project/finding.js';
import type { ReadScenes, Scene } from '../project/scenes.js';
import { isWhole } from '../render/schedule.js';
import { count } from '../report/summary.js';
import { lackingForScenes, type PythonFacts } from '../setup/probe.js';
import { contentKey } from '../store/keys.js';
import type { BuildContext } from './context.js';

/** What a build can go on with, and what it will fail with at its end. */
export interface CheckedScenes {
  readonly scenes: readonly Scene[];
  readonly errors: readonly UserError[];
}

/**
 * Looks at the chosen scenes before any work: tells all findings at once, and leaves out the scenes that cannot be
 * rendered. Throws UserErrors where nothing is left, or with `fail-fast` for any error.
 */
export async function checkBeforeWork(
  chosen: ReadScenes,
  python: PythonToAsk | undefined,
  context: BuildContext,
): Promise<CheckedScenes> {
  const findings = await findingsOf(chosen, python, context);
  const errors = findings.filter(({ severity }) => severity === 'error');
  const wrong = new Set(errors.map(({ sceneId }) => sceneId));
  const scenes = chosen.scenes.filter(({ id }) => !wrong.has(id));
  const all = errorsOf(chosen, errors);
  tellWarnings(findings, context);
  tellErrors(all, scenes.length, context);
  if (all.length > 0 && (scenes.length === 0 || context.options.failFast)) throw new UserErrors(all);
  return { scenes, errors: all };
}

/** All findings of the chosen scenes, and of the whole project where all of it is built. */
export async function findingsOf(
  { scenes }: ReadScenes,
  python: PythonToAsk | undefined,
  { project, options, workDir, signal }: BuildContext,
): Promise<readonly Finding[]> {
  return checkScenes(project, scenes, { options, python, workDir, isWhole: isWhole(options), signal });
}

/** What the checks and the reading of the chosen scenes found to be wrong, in the order of the video, each once. */
export function errorsOf({ scenes, faults, problems }: ReadScenes, errors: readonly Finding[]): UserError[] {
  const indexOf = new Map([...scenes, ...faults].map(({ id, index }) => [id, index]));
  const last = Number.POSITIVE_INFINITY;
  const byScene = [
    ...faults.flatMap((fault) => fault.errors.map((error) => ({ index: fault.index, error }))),
    ...errors.map((found) => ({ index: indexOf.get(found.sceneId ?? '') ?? last, error: errorOf(found) })),
  ];
  byScene.sort((a, b) => (a.index === b.index ? 0 : a.index - b.index));
  return withoutRepeats([...problems, ...byScene.map(({ error }) => error)]);
}

/** The Python that renders, as the checks ask it. */
export function pythonToAsk(facts: PythonFacts): PythonToAsk {
  const { executable, version, distributions } = facts;
  const identity = `${version} ${contentKey({ ...distributions })}`;
  return { executable, identity, hasManim: lackingForScenes(facts).length === 0 };
}

/** Tells each warning once at its place, and in the summary. */
export function tellWarnings(findings: readonly Finding[], { host, options, notes }: BuildContext): void {
  const warnings = withoutRepeats(findings.filter(({ severity }) => severity === 'warning'));
  for (const { message, place, hint } of warnings) {
    // the build that joins the shards tells them, too
    if (options.shard) host.log.info(`${placed(place, host.workspace)}${message}`);
    else {
      notes.push(`${placed(place, host.workspace)}${message}`);
      host.log.warning(hint ? `${message}\n${hint}` : message, place);
    }
  }
}

/** Tells all errors in one group; each becomes an annotation at the build's end. */
function tellErrors(errors: readonly UserError[], good: number, { host, options }: BuildContext): void {
  if (errors.length === 0) return;
  const next = good > 0 && !options.failFast ? `; building the other ${count(good, 'scene')} first` : '';
  host.log.group(
    `the checks found ${count(errors.length, 'error')}${next}`,
    errors.map(({ message, place }) => `${placed(place, host.workspace)}${message}`),
  );
}

/** A place in front of a message: "scene.py:3: ". */
export function placed(place: Place | undefined, workspace: string): string {
  if (!place) return '';
  return `${relative(workspace, place.file)}${place.line === undefined ? '' : `:${place.line}`}: `;
}
