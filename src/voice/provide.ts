import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError, UserErrors } from '../errors.js';
import type { SaveOutcome, Store } from '../store/store.js';
import { saveStored } from './entry.js';
import { type MakeOptions, makeSounds } from './make.js';
import type { PlannedLine, VoicePlan } from './plan.js';
import { publish } from './publish.js';
import { type Sound, type Sounds, soundsInEntry, soundsInProject } from './sounds.js';
import { type Backend, voiceIdentity } from './voices.js';

export type { Backends } from './make.js';
export { VoiceUnavailable } from './voices.js';

export interface VoiceOptions extends MakeOptions {
  readonly store: Store;
  /** The lines of the plan that are needed now; all where absent. */
  readonly lineKeys?: ReadonlySet<string>;
  /** A folder of our own, the same in every build: the store finds an entry only under the path it was saved from. */
  readonly workDir: string;
}

/** A line that scenes can use now. */
export interface ProvidedLine {
  readonly key: string;
  /** Its mp3 in the project's output folder, absolute. */
  readonly file: string;
  readonly seconds: number;
  readonly source: Sound['source'];
}

export interface VoiceReport {
  /** Everything came from the project or the entry of exactly this content and voice. */
  readonly cacheHit: boolean;
  readonly restoredKey?: string;
  /** Keys of the lines that were spoken. */
  readonly synthesized: readonly string[];
  readonly lines: readonly ProvidedLine[];
  /** `not-needed`: there is nothing new. */
  readonly saved: SaveOutcome | 'not-needed';
  readonly warnings: readonly string[];
}

/**
 * Gets the plan's lines into the project folder: from there, from the store, or by speaking. What was spoken is saved and
 * put in place even where other lines fail. Throws UserErrors for lines that fail or, with `cached`, are not there;
 * VoiceUnavailable where `auto` has no piper.
 */
export async function provideVoice(plan: VoicePlan, options: VoiceOptions): Promise<VoiceReport> {
  const { store, log, lineKeys } = options;
  const warnings = [...plan.warnings];
  const folder = join(options.workDir, 'entry');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });

  const needed = plan.lines.filter(({ key }) => lineKeys?.has(key) ?? true);
  const there = await soundsInProject(plan, needed, warnings, options);
  const restoredKey = needed.every(isIn(there))
    ? undefined
    : await store.restore({ key: plan.cacheKey, path: folder }, [plan.restorePrefix]);
  const stored = restoredKey === undefined ? [] : await soundsInEntry(plan, folder, restoredKey, warnings, options);
  const reused: Sounds = new Map([...stored, ...there]);

  const missing = needed.filter((line) => !isIn(reused)(line));
  if (options.choice === 'cached' && missing.length > 0) throw missingLines(missing, plan);
  warnings.push(...mixedVoices(needed, plan.backend));
  for (const warning of warnings) log.warning(warning);
  const made = await makeSounds(missing, plan, folder, { ...options, workDir: join(options.workDir, 'jobs') });

  const sounds: Sounds = new Map([...reused, ...made.sounds]);
  const isWhole = plan.lines.every(isIn(sounds));
  const isOtherEntry = restoredKey !== undefined && restoredKey !== plan.cacheKey;
  const isNew = made.sounds.size > 0 || (isOtherEntry && isWhole);
  const saved = isNew ? await save(plan, isWhole, folder, sounds, store) : 'not-needed';

  const ready = needed.flatMap((line) => {
    const sound = line.origin === 'project' ? line.sound : sounds.get(line.identity);
    return sound ? [{ line, sound }] : [];
  });
  const files = await publish(plan, ready, new Date());
  if (made.errors.length > 0) throw new UserErrors(made.errors);
  return {
    cacheHit: missing.length === 0 && !isOtherEntry,
    ...(restoredKey === undefined ? {} : { restoredKey }),
    synthesized: missing.map(({ key }) => key),
    lines: ready.map(({ line: { key, identity, origin }, sound }) => ({
      key,
      file: files.get(key) ?? sound.file,
      seconds: sound.seconds,
      source: (origin === 'voice' ? sounds.get(identity)?.source : undefined) ?? 'project',
    })),
    saved,
    warnings,
  };
}

/** Whether a line has its sound: a recording, or one of these. */
function isIn(sounds: Sounds): (line: PlannedLine) => boolean {
  return ({ origin, identity }) => origin === 'project' || sounds.has(identity);
}

function missingLines(missing: readonly PlannedLine[], { narration, folder }: VoicePlan): UserErrors {
  const keys = missing.map(({ key }) => key).join(', ');
  return new UserErrors(
    missing.map(
      ({ key, line }) =>
        new UserError(`narration line "${key}" has no recording, and voice "cached" speaks nothing`, {
          place: { file: narration.file, line },
          hint: `Missing: ${keys}. Put recordings into ${folder}, or choose the voice auto, piper or espeak.`,
        }),
    ),
  );
}

function mixedVoices(lines: readonly PlannedLine[], backend: Backend): string[] {
  const keysOf = (origin: PlannedLine['origin']): string =>
    lines.flatMap((line) => (line.origin === origin ? [line.key] : [])).join(', ');
  const [recorded, spoken] = [keysOf('project'), keysOf('voice')];
  if (recorded === '' || spoken === '') return [];
  return [`the video has several voices: recordings of ${recorded}; ${backend} speaks ${spoken}`];
}

/** Keeps the current lines under the plan's key; what is not all of them gets a key of its own, found by the prefix. */
async function save(
  plan: VoicePlan,
  isWhole: boolean,
  folder: string,
  sounds: Sounds,
  store: Store,
): Promise<SaveOutcome> {
  const lines = plan.narration.lines.flatMap(({ key, text }) => {
    const identity = voiceIdentity(text, plan.voice.fingerprint);
    const sound = sounds.get(identity);
    return sound ? [{ ...sound, key, text, identity }] : [];
  });
  const content = await saveStored(folder, lines);
  const key = isWhole ? plan.cacheKey : `${plan.restorePrefix}part-${content}`;
  return store.save({ key, path: folder });
}
