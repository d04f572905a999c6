import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../project/finding.js';
import type { Project } from '../project/project.js';
import { placeOf, readPython } from '../project/python-source.js';
import { classesOf, kindOf } from '../project/scene-class.js';
import { placeOfScene } from '../project/state-place.js';

/** What no single scene is to blame for. */
export async function projectFindings(project: Project): Promise<Finding[]> {
  return [
    ...unspokenLines(project),
    ...sceneTwice(project),
    ...placeholderLines(project),
    ...(await unnamedScenes(project)),
  ];
}

/** Narration lines that no scene speaks. */
export function unspokenLines({ narration, scenes, faults, dependencies, state }: Project): Finding[] {
  const used = new Set(scenes.flatMap(({ id }) => dependencies.get(id)?.narrationKeys ?? []));
  for (const { id } of faults) {
    const key = state.scenes.find((scene) => scene.id === id)?.narrationKey;
    if (key === undefined) return []; // it may be any line that a scene that cannot be read speaks
    used.add(key);
  }
  return narration.lines
    .filter(({ key }) => !used.has(key))
    .map(({ key, line }) => ({
      severity: 'warning',
      message: `no scene speaks narration line "${key}"`,
      place: { file: narration.file, line },
      hint: 'Speak it in a scene with self.voiceover(text=SCRIPT["..."]), or remove it.',
    }));
}

/** Two scenes of the state that are one and the same class. */
export function sceneTwice({ scenes, state }: Project): Finding[] {
  return scenes.flatMap((scene, index) => {
    const before = scenes
      .slice(0, index)
      .find(({ file, className }) => file === scene.file && className === scene.className);
    if (!before) return [];
    return [
      {
        severity: 'warning',
        message: `scenes ${before.id} and ${scene.id} are the same class of the same file: it is shown twice`,
        place: placeOfScene(state, scene.id, 'file'),
        hint: 'Give each its own class, unless the video is meant to show it twice.',
      },
    ];
  });
}

/** Narration that a template left to be filled, or that a web page has escaped. */
export function placeholderLines({ narration }: Project): Finding[] {
  return narration.lines.flatMap(({ key, text, line }) => {
    const found = /\{\{[^{}]*\}\}|&(?:lt|gt|amp|quot|#39);/.exec(text)?.[0];
    if (!found) return [];
    return [
      {
        severity: 'warning',
        message: `narration line "${key}" has ${found} in it, which is spoken as it stands`,
        place: { file: narration.file, line },
        hint: 'Write the words that are to be heard.',
      },
    ];
  });
}

/** Scene files of the project folder that the state does not name. */
export async function unnamedScenes(project: Project): Promise<Finding[]> {
  const { folder, scenes, faults, state, dependencies } = project;
  const named = new Set([
    ...scenes.flatMap(({ id }) => [...(dependencies.get(id)?.sources.values() ?? [])].map(({ path }) => path)),
    ...faults.map(({ id }) => join(folder, state.scenes.find((scene) => scene.id === id)?.file ?? `${id}.py`)),
    project.narration.file,
  ]);
  const names = await readdir(folder).catch(() => []);
  const findings: Finding[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (!/^scene.*\.py$/i.test(name) || named.has(path)) continue;
    const source = await readPython(path).catch(() => undefined);
    const scene = source && classesOf(source).find((found) => isScene(kindOf(found, [source])));
    if (!scene) continue;
    findings.push({
      severity: 'warning',
      message: `${name} has the scene ${scene.name}, but project_state.json does not name the file`,
      place: placeOf(source, { from: scene.at }),
      hint: 'Add it to "scenes" in project_state.json, or remove the file.',
    });
  }
  return findings;
}

function isScene(kind: ReturnType<typeof kindOf>): boolean {
  return kind === 'voiceover' || kind === 'scene';
}
