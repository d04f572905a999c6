import { basename } from 'node:path';
import { nameOf, type SceneDependencies } from '../project/dependencies.js';
import { narrationUses } from '../project/narration-uses.js';
import { environmentUses, outsideUses } from '../project/outside.js';
import { dependenciesOf, type Project } from '../project/project.js';
import { readPython } from '../project/python-source.js';
import type { Scene } from '../project/scenes.js';
import type { ProvidedLine } from '../voice/provide.js';
import type { SceneFacts } from './result.js';

/**
 * What a fresh result depends on beyond what its key covers, in words; empty where it may be kept. The key was made from
 * the sources alone; only the render shows what they really did.
 */
export async function beyondSources(
  scene: Scene,
  facts: SceneFacts,
  spoken: readonly ProvidedLine[],
  project: Project,
): Promise<string[]> {
  const dependencies = dependenciesOf(project, scene);
  return [
    ...dependencies.outside,
    ...facts.unsafe,
    ...strangeSounds(facts, dependencies, spoken),
    ...(await lateModules(facts, dependencies, project)),
    ...(facts.latex && !dependencies.latex ? ['it sets LaTeX, which its sources do not show'] : []),
  ];
}

/** Sounds that were played and are not those of the narration lines that the sources name. */
function strangeSounds(
  { lines }: SceneFacts,
  { narrationKeys }: SceneDependencies,
  spoken: readonly ProvidedLine[],
): string[] {
  const known = new Set(spoken.filter(({ key }) => narrationKeys.includes(key)).map(({ sha256 }) => sha256));
  return lines
    .filter(({ audio_sha256 }) => !known.has(audio_sha256))
    .map(({ audio_file }) => `it plays ${basename(audio_file)}, which is no sound of a line that its sources name`);
}

/** Modules that only the render found, where they use what the key would have to cover. */
async function lateModules(
  { opened }: SceneFacts,
  { sources }: SceneDependencies,
  project: Project,
): Promise<string[]> {
  const narration = basename(project.narration.file, '.py');
  const found: string[] = [];
  for (const { path, kind } of opened) {
    const name = nameOf(path, project);
    if (kind !== 'module' || name.startsWith('..') || sources.has(name) || path === project.narration.file) continue;
    const source = await readPython(path).catch(() => undefined);
    if (!source) continue;
    const isTelling =
      narrationUses(source, narration, true).length > 0 ||
      outsideUses(source).length > 0 ||
      environmentUses(source).length > 0;
    if (isTelling)
      found.push(`${name}, found only while it rendered, uses the narration, the clock or the environment`);
  }
  return found;
}
