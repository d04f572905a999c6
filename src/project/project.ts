import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type UserError, UserErrors, userErrorsOf } from '../errors.js';
import { readDependencies, type SceneDependencies } from './dependencies.js';
import { type Narration, readNarration } from './narration.js';
import { readScenes, type Scene } from './scenes.js';
import type { ProjectState } from './state.js';

/** A Flaming Horse project, read whole and once. */
export interface Project {
  /** Absolute path of the project folder. */
  readonly folder: string;
  /** The repository it lies in: what scenes import from starts here. */
  readonly repoRoot: string;
  readonly state: ProjectState;
  readonly narration: Narration;
  readonly scenes: readonly Scene[];
  readonly dependencies: ReadonlyMap<string, SceneDependencies>;
}

/**
 * Reads the project of a state. `checkout`: the repository as the runner checked it out, for where there is no `.git`. Throws UserError(s): every problem of the scenes and the narration that can be found at once.
 */
export async function readProject(state: ProjectState, checkout?: string): Promise<Project> {
  const folder = dirname(state.path);
  const repoRoot = findRepoRoot(folder, checkout);
  const [narration, scenes] = await bothOrAllErrors(
    readNarration(resolve(folder, state.narrationFile)).then(withoutProblems),
    readScenes(withoutProblems(state), folder),
  );
  const dependencies = await readDependencies(scenes, {
    projectDir: folder,
    repoRoot,
    narrationFile: narration.file,
    narrationKeys: narration.lines.map(({ key }) => key),
  });
  return { folder, repoRoot, state, narration, scenes, dependencies };
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

function withoutProblems<T extends { readonly problems: readonly UserError[] }>(read: T): T {
  if (read.problems.length > 0) throw new UserErrors(read.problems);
  return read;
}

async function bothOrAllErrors<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value];
  const errors: UserError[] = [];
  for (const result of [first, second]) {
    if (result.status === 'fulfilled') continue;
    const found = userErrorsOf(result.reason);
    if (!found) throw result.reason;
    errors.push(...found);
  }
  throw new UserErrors(errors);
}
