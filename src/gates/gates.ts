import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Options } from '../inputs.js';
import type { Finding } from '../project/finding.js';
import { dependenciesOf, type Project } from '../project/project.js';
import type { Scene } from '../project/scenes.js';
import { readEntry, readIndex, voiceFolder } from '../voice/cache-index.js';
import { assets } from './assets.js';
import { type Check, type SceneUnderCheck, sourcesUnderCheck } from './check.js';
import { latex } from './latex.js';
import { oldNames } from './old-names.js';
import { pictureSize } from './picture.js';
import { escapedOperators, placeholders } from './placeholders.js';
import { projectFindings } from './project-wide.js';
import { memoryOf, type PythonToAsk, pythonFindings } from './python.js';
import { severalScenes } from './scene-classes.js';
import { nestedVoiceovers, ownNarration, speechService } from './speech.js';

/** What the checks are for. */
export interface GateContext {
  readonly options: Pick<Options, 'gates' | 'quality'>;
  /** undefined: no Python was found, and what only Python can tell is left out. */
  readonly python: PythonToAsk | undefined;
  readonly workDir: string;
  /** Whether all scenes of the project are looked at, and the project as a whole with them. */
  readonly isWhole: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * All cheap checks of these scenes, and with `isWhole` of the project. `strict`: every finding is an error; `off`: nothing
 * is looked at. Scenes that cannot be rendered at all are faults of the project and not among them.
 */
export async function checkScenes(
  project: Project,
  scenes: readonly Scene[],
  context: GateContext,
): Promise<readonly Finding[]> {
  const { options, python, workDir, isWhole, signal } = context;
  if (options.gates === 'off') return [];
  const under = await scenesUnderCheck(project, scenes);
  const checks = checksOf(options);
  const [ofPython, ofProject] = await Promise.all([
    python ? pythonFindings(under, python, memoryOf(workDir), signal) : [],
    isWhole ? projectFindings(project) : [],
  ]);
  const ids = new Set(scenes.map(({ id }) => id));
  const doubts = project.doubts.filter(({ sceneId }) => (sceneId === undefined ? isWhole : ids.has(sceneId)));
  const found = [
    ...doubts,
    ...under.flatMap((scene) => checks.flatMap((check) => check(scene))),
    ...ofPython,
    ...ofProject,
  ];
  return options.gates === 'strict' ? found.map((finding) => ({ ...finding, severity: 'error' })) : found;
}

function checksOf({ quality }: Pick<Options, 'quality'>): Check[] {
  return [
    severalScenes,
    oldNames,
    speechService,
    nestedVoiceovers,
    ownNarration,
    placeholders,
    escapedOperators,
    pictureSize(quality === 'project'),
    assets,
    latex,
  ];
}

/** Scenes as checks look at them. */
export async function scenesUnderCheck(project: Project, scenes: readonly Scene[]): Promise<SceneUnderCheck[]> {
  const recorded = await recordedTexts(project);
  const exists = (path: string): boolean => existsSync(resolve(project.folder, path));
  return scenes.map((scene) => {
    const dependencies = dependenciesOf(project, scene);
    return { project, scene, dependencies, sources: sourcesUnderCheck(scene, dependencies), recorded, exists };
  });
}

/** The texts that recordings of the project speak. */
async function recordedTexts({ folder, repoRoot }: Project): Promise<ReadonlySet<string>> {
  // what is wrong with the folder is said where it is used
  const voices = await voiceFolder(folder, repoRoot).catch(() => undefined);
  const { entries } = voices === undefined ? { entries: [] } : await readIndex(voices);
  const texts = entries.flatMap((entry) => readEntry(entry).text ?? []);
  return new Set(texts.map((text) => text.split(/\s+/).filter(Boolean).join(' ')));
}
