import { join } from 'node:path';
import type { Scene } from '../project/scenes.js';
import {
  changesBetween,
  hashOpened,
  type Opened,
  type SceneContent,
  sceneContent,
  sharedIngredients,
} from '../render/content.js';
import type { Ledger, LedgerPlace } from '../render/ledger.js';
import { type PlannedScene, planScenes } from '../render/schedule.js';
import { sha256 } from '../store/keys.js';
import { planVoice, type VoicePlan } from '../voice/plan.js';
import { type BuildContext, type FinishedScenes, placeOf } from './context.js';

export interface Plan {
  readonly voice: VoicePlan;
  readonly contents: ReadonlyMap<string, SceneContent>;
  readonly scenes: readonly PlannedScene[];
}

/** What every scene is made from, under which key, at what cost; nothing is brought or made yet. */
export async function planBuild(
  scenes: readonly Scene[],
  versions: Readonly<Record<string, string>>,
  backend: 'piper' | 'espeak',
  ledger: Ledger,
  { project, options, host }: BuildContext,
): Promise<Plan> {
  const voice = await planVoice({
    projectDir: project.folder,
    repoRoot: project.repoRoot,
    narration: project.narration,
    backend,
    choice: options.voice,
    cachePrefix: options.cachePrefix,
    log: host.log,
  });
  const shared = await sharedIngredients(project);
  const contents = new Map(
    scenes.map((scene) => [scene.id, sceneContent(scene, { project, options, versions, voice, shared })]),
  );
  const opened = new Map<string, Opened>();
  for (const { id } of scenes) {
    const known = ledger.get(id);
    if (known) opened.set(id, await hashOpened(Object.keys(known.opened), project));
  }
  return { voice, contents, scenes: planScenes(scenes, contents, opened, project, ledger) };
}

/** Why a scene is not reused, in words. */
export function reasonToRender(
  { scene, content, opened }: PlannedScene,
  ledger: Ledger,
  damaged: ReadonlySet<string>,
): string {
  if (damaged.has(scene.id)) return 'its stored result is damaged';
  const before = ledger.get(scene.id);
  if (!before) return 'nothing stored yet';
  const changes = [
    ...changesBetween(before.ingredients, content.ingredients),
    ...changesBetween(before.opened, opened ?? {}),
  ];
  if (changes.length > 0) return changes.join(', ');
  return before.unsafe.length > 0 ? `every time: ${before.unsafe.join(', ')}` : 'no entry in the store';
}

/** What the next build may know of the scenes of this one. */
export function ledgerOf(finished: FinishedScenes, before: Ledger): Ledger {
  const ledger = new Map(before);
  for (const [id, { entry, result }] of finished) {
    const { ingredients, opened, unsafe, renderSeconds } = entry;
    ledger.set(id, { ingredients, opened, unsafe, renderSeconds, frames: result.facts.frames });
  }
  return ledger;
}

/** Where the ledger of this project is kept. */
export function ledgerPlaceOf({ store, options, workDir, project, host }: BuildContext): LedgerPlace {
  const projectName = `${host.repository}:${placeOf(project, host)}`;
  return { store, cachePrefix: options.cachePrefix, folder: join(workDir, 'ledger'), projectName };
}

/** Why a line had to be spoken, in words: what the last build knew of it against what it is now. */
export function reasonToSpeak(key: string, voice: VoicePlan, ledger: Ledger): string {
  const line = voice.lines.find((planned) => planned.key === key);
  const before = [...ledger.values()].find(({ ingredients }) => ingredients[`narration line ${key}`] !== undefined);
  if (!line || !before) return 'new';
  if (before.ingredients[`narration line ${key}`] !== sha256(line.text)) return 'its text changed';
  if (before.ingredients[`voice of narration line ${key}`] !== line.identity) return 'the voice changed';
  return 'no longer in the cache';
}
