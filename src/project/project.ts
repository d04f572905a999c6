import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError, UserErrors, userErrorsOf } from '../errors.js';
import { liesWithin } from '../files.js';
import { placeOfValue } from '../json.js';
import { readDependencies, type SceneDependencies } from './dependencies.js';
import { errorOf, type Finding, withoutRepeats } from './finding.js';
import { type Narration, readNarration } from './narration.js';
import { readScenes, type Scene, type SceneFault } from './scenes.js';
import { type SourceContext, sourceReader } from './sources.js';
import type { ProjectState } from './state.js';

/** A Flaming Horse project, read whole and once. */
export interface Project {
  /** Absolute path of the project folder. */
  readonly folder: string;
  /** The repository it lies in: what scenes import from starts here. */
  readonly repoRoot: string;
  readonly state: ProjectState;
  readonly narration: Narration;
  /** The scenes that can be rendered as far as reading them tells, in the order of the video. */
  readonly scenes: readonly Scene[];
  /** The other scenes of the state, with what is wrong with each. */
  readonly faults: readonly SceneFault[];
  /** What is wrong with scenes that cannot be told from the state. */
  readonly problems: readonly UserError[];
  /** What may be wrong beside that. */
  readonly doubts: readonly Finding[];
  /** Of the scenes that can be rendered, by id. */
  readonly dependencies: ReadonlyMap<string, SceneDependencies>;
}

/**
 * Reads the project of a state. What is wrong with one scene is a fault of that scene and does not stop the others. Throws
 * UserError(s) for what all scenes share: a narration that cannot be read, a state without scenes. `checkout`: the
 * repository as the runner checked it out, for where there is no `.git`.
 */
export async function readProject(state: ProjectState, checkout?: string): Promise<Project> {
  const folder = dirname(state.path);
  const repoRoot = findRepoRoot(folder, checkout);
  const place = { projectDir: folder, repoRoot, narrationFile: resolve(folder, state.narrationFile) };
  const read = sourceReader(place);
  const [found, narration] = await Promise.all([
    readScenes(state, place, read),
    readNarrationOf(state, place).catch((error: unknown) => userErrorsOf(error) ?? Promise.reject(error)),
  ]);
  if (!('lines' in narration)) {
    throw new UserErrors([...narration, ...found.problems, ...found.faults.flatMap(({ errors }) => errors)]);
  }
  const context = { ...place, narrationKeys: narration.lines.map(({ key }) => key) };
  const dependencies = await readDependencies(found.scenes, context, read);

  const faults = [...found.faults];
  const doubts: Finding[] = [];
  const scenes = found.scenes.filter(({ id, index }) => {
    const keys = dependencies.get(id)?.missingKeys ?? [];
    doubts.push(...keys.flatMap(({ finding }) => (finding.severity === 'warning' ? [finding] : [])));
    const sure = keys.filter(({ finding }) => finding.severity === 'error');
    if (sure.length === 0) return true;
    // a line that is there and cannot be spoken: its own place says more than that of its use
    const errors = sure.map(({ key, finding }) => problemOfLine(key, narration) ?? errorOf(finding));
    faults.push({ id, index, errors: withoutRepeats(errors) });
    return false;
  });
  faults.sort((a, b) => a.index - b.index);
  doubts.push(...doubtsOfLines(narration, faults));
  return { folder, repoRoot, state, narration, scenes, faults, problems: found.problems, doubts, dependencies };
}

/** The narration that the state names. A file outside the repository is not read: nobody meant it to be spoken. */
async function readNarrationOf(state: ProjectState, place: SourceContext): Promise<Narration> {
  if (await liesWithin(place.narrationFile, place.repoRoot)) return readNarration(place.narrationFile);
  throw new UserError(`narration_file: "${state.narrationFile}" lies outside the repository`, {
    place: placeOfValue(state.source, ['narration_file']),
    hint: `Move it into the repository (${place.repoRoot}).`,
  });
}

function problemOfLine(key: string, { problems }: Narration): UserError | undefined {
  return problems.find((problem) => problem.key === key);
}

/** Narration lines that cannot be spoken, and that no scene is sure to ask for. */
function doubtsOfLines({ problems, file }: Narration, faults: readonly SceneFault[]): Finding[] {
  const told = new Set(faults.flatMap(({ errors }) => errors));
  return problems
    .filter((problem) => !told.has(problem))
    .map(({ message, place, hint }) => ({ severity: 'warning', message, place: place ?? { file }, hint: hint ?? '' }));
}

/** The dependencies of a scene of the project. */
export function dependenciesOf(project: Project, scene: Scene): SceneDependencies {
  const found = project.dependencies.get(scene.id);
  if (!found) throw new Error(`scene ${scene.id} is not of this project`);
  return found;
}

/**
 * The repository that a project lies in: the nearest folder with a `.git`; without one (a checkout made without git), the
 * runner's checkout; else the folder that holds `projects/`, or the project itself.
 */
export function findRepoRoot(project: string, checkout?: string): string {
  for (let folder = project; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git')) || folder === checkout) return folder;
    if (dirname(folder) === folder) break;
  }
  return basename(dirname(project)) === 'projects' ? resolve(project, '..', '..') : project;
}
