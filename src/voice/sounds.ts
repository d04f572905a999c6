import { UserError, UserErrors } from '../errors.js';
import type { Log } from '../log.js';
import type { Store, StoreEntry } from '../store/store.js';
import type { Tools } from '../video/ffmpeg.js';
import { decodingFaults } from './encode.js';
import { readStored, soundPath } from './entry.js';
import type { PlannedLine, VoicePlan } from './plan.js';
import { voiceIdentity } from './voices.js';

/** A spoken line's sound, whole and checked. */
export interface Sound {
  readonly file: string;
  readonly seconds: number;
  readonly sha256: string;
  readonly source: 'project' | 'cache' | 'spoken';
}

/** Spoken sounds by identity. */
export type Sounds = ReadonlyMap<string, Sound>;

/** How sounds are checked. */
export interface Checking {
  readonly concurrency: number;
  readonly tools: Tools;
  readonly log: Log;
}

/**
 * What the voice spoke earlier and still lies in the project. The sounds of the needed lines are decoded once: a recording
 * that cannot be is an error (UserErrors), since the plan already names it in the keys of scenes.
 */
export async function soundsInProject(
  plan: VoicePlan,
  needed: readonly PlannedLine[],
  warnings: string[],
  { concurrency, tools }: Checking,
): Promise<Sounds> {
  const files = needed.flatMap(({ sound }) => (sound ? [sound.file] : []));
  const faults = await decodingFaults([...new Set(files)], concurrency, tools);
  const sounds = new Map<string, Sound>();
  const broken: UserError[] = [];
  for (const { key, origin, identity, sound } of plan.lines) {
    if (!sound) continue;
    const fault = faults.get(sound.file);
    if (origin === 'voice' && fault === undefined) sounds.set(identity, { ...sound, source: 'project' });
    else if (origin === 'voice') warnings.push(`${sound.file} ${fault}: the line "${key}" is spoken again`);
    else if (fault !== undefined) {
      broken.push(
        new UserError(`the recording of narration line "${key}" ${fault}`, {
          place: { file: sound.file },
          hint: 'Record the line again, or delete the file: then the voice speaks it.',
        }),
      );
    }
  }
  if (broken.length > 0) throw new UserErrors(broken);
  return sounds;
}

/** What came back of a store entry. */
export interface StoredSounds {
  /** The key of the entry; undefined where there is none. */
  readonly key: string | undefined;
  readonly sounds: Sounds;
}

/**
 * Brings back the entry of a key, or else the newest of a prefix, with the narration's lines that it holds. What is not as
 * it should be is named in a warning, and the next save replaces the entry.
 */
export async function restoreSounds(
  plan: VoicePlan,
  entry: StoreEntry,
  prefixes: readonly string[],
  store: Store,
  warnings: string[],
  checking: Checking,
): Promise<StoredSounds> {
  const found = await store.restore(entry, (folder) => soundsInEntry(plan, folder, checking), prefixes);
  if (found.outcome === 'damaged') warnings.push(`voice cache entry ${entry.key} is damaged: ${found.why}`);
  if (found.outcome !== 'found') return { key: undefined, sounds: new Map() };
  const { key, value } = found;
  for (const fault of value.faults) warnings.push(`voice cache entry ${key}: ${fault}; it is spoken again if needed`);
  if (value.faults.length > 0) store.condemn(key);
  checking.log.info(`voice: ${value.sounds.size} of ${value.wanted} lines restored from ${key}`);
  return { key, sounds: value.sounds };
}

async function soundsInEntry(
  plan: VoicePlan,
  folder: string,
  { concurrency, tools }: Checking,
): Promise<{ readonly sounds: Sounds; readonly faults: readonly string[]; readonly wanted: number }> {
  const { lines, faults } = await readStored(folder, plan.voice.fingerprint);
  const current = new Set(plan.narration.lines.map(({ text }) => voiceIdentity(text, plan.voice.fingerprint)));
  const kept = lines.filter(({ identity }) => current.has(identity));
  const files = kept.map(({ identity }) => soundPath(folder, identity));
  const undecodable = await decodingFaults(files, concurrency, tools);
  const wrong = [...faults];
  const sounds = new Map<string, Sound>();
  for (const { identity, key, seconds, sha256 } of kept) {
    const file = soundPath(folder, identity);
    const fault = undecodable.get(file);
    if (fault === undefined) sounds.set(identity, { file, seconds, sha256, source: 'cache' });
    else wrong.push(`the line "${key}" ${fault}`);
  }
  return { sounds, faults: wrong, wanted: current.size };
}
