import { type InputName, readOptions } from '../../src/inputs.js';
import { silentLog } from '../../src/log.js';
import { type Project, readProject } from '../../src/project/project.js';
import type { Scene } from '../../src/project/scenes.js';
import { readState } from '../../src/project/state.js';
import { type SceneContent, sceneContent, sharedIngredients } from '../../src/render/content.js';
import { planVoice } from '../../src/voice/plan.js';

/** Versions as a set-up tells them. */
export const VERSIONS: Readonly<Record<string, string>> = { manim: '0.22.0', python: '3.11.7', numpy: '2.4.0' };

export interface ContentParts {
  readonly inputs?: Partial<Record<InputName, string>>;
  readonly versions?: Readonly<Record<string, string>>;
}

export interface Contents {
  readonly project: Project;
  readonly contents: ReadonlyMap<string, SceneContent>;
}

/** What the scenes of a project are made from, as a build would find it now; the voice is piper's. */
export async function contentsOf(
  folder: string,
  { inputs = {}, versions = VERSIONS }: ContentParts = {},
): Promise<Contents> {
  const project = await readProject(await readState(folder));
  const options = readOptions((name) => ({ project: folder, ...inputs })[name], {
    env: {},
    workspace: folder,
    lowTrust: false,
  });
  const voice = await planVoice({
    projectDir: project.folder,
    repoRoot: project.repoRoot,
    narration: project.narration,
    backend: options.voice === 'espeak' ? 'espeak' : 'piper',
    cachePrefix: options.cachePrefix,
    log: silentLog,
  });
  const shared = await sharedIngredients(project);
  const content = (scene: Scene): SceneContent => sceneContent(scene, { project, options, versions, voice, shared });
  return { project, contents: new Map(project.scenes.map((scene) => [scene.id, content(scene)])) };
}
