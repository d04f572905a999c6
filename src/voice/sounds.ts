import { UserError, UserErrors } from '../errors.js';
import type { Log } from '../log.js';
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

/** What a restored entry holds of the narration's lines. What is not as it should be is named in a warning. */
export async function soundsInEntry(
  plan: VoicePlan,
  folder: string,
  restoredKey: string,
  warnings: string[],
  { concurrency, tools, log }: Checking,
): Promise<Sounds> {
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
  for (const fault of wrong) warnings.push(`voice cache entry ${restoredKey}: ${fault}; it is spoken again if needed`);
  log.info(`voice: ${sounds.size} of ${current.size} lines restored from ${restoredKey}`);
  return sounds;
}
