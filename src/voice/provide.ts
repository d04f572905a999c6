import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { messageOf, UserError, UserErrors, userErrorsOf } from '../errors.js';
import type { Log } from '../log.js';
import { contentKey } from '../store/keys.js';
import type { SaveOutcome, Store } from '../store/store.js';
import type { Tools } from '../video/ffmpeg.js';
import { decodingFaults, encodeLine } from './encode.js';
import { readStored, type StoredLine, soundPath, writeStored } from './entry.js';
import type { PlannedLine, VoicePlan } from './plan.js';
import { publish, type ReadyLine } from './publish.js';
import { type LineToSpeak, speak } from './speak.js';
import { type VoiceChoice, VoiceUnavailable, voiceIdentity } from './voices.js';

export { VoiceUnavailable } from './voices.js';

/** How the programs that speak are had; each is asked for only where a line must be spoken. */
export interface Backends {
  /** The Python that has piper; throws where it cannot be had. */
  piper(): Promise<string>;
  /** Any Python from 3.9: for espeak's program and the guard. */
  python(): Promise<string>;
  /** Makes sure that espeak-ng is there. */
  espeak(): Promise<void>;
}

export interface VoiceOptions {
  readonly choice: VoiceChoice;
  readonly store: Store;
  /** The build's own folder. The store finds an entry only under the path it was saved from. */
  readonly workDir: string;
  readonly backends: Backends;
  readonly tools: Tools;
  readonly concurrency: number;
  readonly log: Log;
  readonly signal?: AbortSignal;
}

/** A line that scenes can use now. */
export interface ProvidedLine {
  readonly key: string;
  /** Its mp3 in the project's output folder, absolute. */
  readonly file: string;
  readonly seconds: number;
  readonly source: 'project' | 'cache' | 'spoken';
}

export interface VoiceReport {
  /** Everything came from the project or the entry of exactly this content and voice. */
  readonly cacheHit: boolean;
  readonly restoredKey?: string;
  /** Keys of the lines that were spoken. */
  readonly synthesized: readonly string[];
  readonly lines: readonly ProvidedLine[];
  /** `not-needed`: nothing is new. */
  readonly saved: SaveOutcome | 'not-needed';
  readonly warnings: readonly string[];
}

/** A sound in the store entry's folder. */
type Sound = Pick<StoredLine, 'sha256' | 'seconds'> & { readonly source: ProvidedLine['source'] };

/**
 * Gets every line of the plan into the project folder: from there, from the store, or by speaking. Whatever was spoken is
 * saved and put in place even where other lines fail. Throws UserErrors for lines that fail or, with `cached`, are not
 * there; VoiceUnavailable where `auto` finds no piper.
 */
export async function provideVoice(plan: VoicePlan, options: VoiceOptions): Promise<VoiceReport> {
  const { store, log } = options;
  const warnings: string[] = [...plan.warnings];
  const folder = join(options.workDir, 'voice');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });

  const inProject = await usableInProject(plan, warnings, options);
  const isSpokenLine = ({ origin }: PlannedLine): boolean => origin === 'voice';
  const mustRestore = plan.lines.some((line) => isSpokenLine(line) && !inProject.has(line.identity));
  const restoredKey = mustRestore
    ? await store.restore({ key: plan.cacheKey, path: folder }, [plan.restorePrefix])
    : undefined;
  const sounds = restoredKey === undefined ? new Map() : await restored(plan, folder, restoredKey, warnings, options);
  for (const [identity, { file, ...sound }] of inProject) {
    await copyFile(file, soundPath(folder, identity));
    sounds.set(identity, sound);
  }

  const missing = plan.lines.filter((line) => isSpokenLine(line) && !sounds.has(line.identity));
  if (options.choice === 'cached' && missing.length > 0) throw missingLines(missing, plan);
  warnings.push(...mixedVoices(plan));
  for (const warning of warnings) log.warning(warning);
  const errors = await speakMissing(missing, plan, folder, sounds, options);

  const isOtherEntry = restoredKey !== undefined && restoredKey !== plan.cacheKey;
  const spoken = missing.filter(({ identity }) => sounds.has(identity));
  const saved = spoken.length > 0 || isOtherEntry ? await save(plan, folder, sounds, store) : 'not-needed';

  const ready = plan.lines.flatMap((line) => readyLine(line, folder, sounds));
  const files = await publish(plan, ready, new Date());
  if (errors.length > 0) throw new UserErrors(errors);
  return {
    cacheHit: missing.length === 0 && !isOtherEntry,
    ...(restoredKey === undefined ? {} : { restoredKey }),
    synthesized: spoken.map(({ key }) => key),
    lines: ready.map(({ line, file, seconds }) => ({
      key: line.key,
      file: files.get(line.key) ?? file,
      seconds,
      source: (isSpokenLine(line) ? sounds.get(line.identity)?.source : undefined) ?? 'project',
    })),
    saved,
    warnings,
  };
}

/**
 * The lines that the voice spoke earlier and that lie in the project, by identity. Everything there is decoded once: a
 * recording that cannot be is an error, since the plan already names it in the keys of scenes.
 */
async function usableInProject(
  plan: VoicePlan,
  warnings: string[],
  { concurrency, tools }: VoiceOptions,
): Promise<Map<string, Sound & { readonly file: string }>> {
  const there = plan.lines.flatMap((line) => (line.sound ? [{ line, sound: line.sound }] : []));
  const faults = await decodingFaults([...new Set(there.map(({ sound }) => sound.file))], concurrency, tools);
  const usable = new Map<string, Sound & { readonly file: string }>();
  const broken: UserError[] = [];
  for (const { line, sound } of there) {
    const fault = faults.get(sound.file);
    if (line.origin === 'voice') {
      if (fault === undefined) usable.set(line.identity, { ...sound, source: 'project' });
      else warnings.push(`${sound.file} ${fault}: the line "${line.key}" is spoken again`);
    } else if (fault !== undefined) {
      broken.push(
        new UserError(`the recording of narration line "${line.key}" ${fault}`, {
          place: { file: sound.file },
          hint: 'Record the line again, or delete the file: then the voice speaks it.',
        }),
      );
    }
  }
  if (broken.length > 0) throw new UserErrors(broken);
  return usable;
}

/** What a restored entry holds of the narration's lines, checked. What is not as it should be is named in a warning. */
async function restored(
  plan: VoicePlan,
  folder: string,
  restoredKey: string,
  warnings: string[],
  { concurrency, tools, log }: VoiceOptions,
): Promise<Map<string, Sound>> {
  const { lines, faults } = await readStored(folder, plan.voice.fingerprint);
  const current = new Set(plan.narration.lines.map(({ text }) => voiceIdentity(text, plan.voice.fingerprint)));
  const kept = lines.filter(({ identity }) => current.has(identity));
  const undecodable = await decodingFaults(
    kept.map(({ identity }) => soundPath(folder, identity)),
    concurrency,
    tools,
  );
  const wrong = [...faults];
  const sounds = new Map<string, Sound>();
  for (const { identity, key, seconds, sha256 } of kept) {
    const fault = undecodable.get(soundPath(folder, identity));
    if (fault === undefined) sounds.set(identity, { seconds, sha256, source: 'cache' });
    else wrong.push(`the line "${key}" ${fault}`);
  }
  for (const fault of wrong) warnings.push(`voice cache entry ${restoredKey}: ${fault}; it is spoken again if needed`);
  log.info(`voice: restored ${sounds.size} of ${current.size} lines from ${restoredKey}`);
  return sounds;
}

function missingLines(missing: readonly PlannedLine[], plan: VoicePlan): UserErrors {
  const keys = missing.map(({ key }) => key).join(', ');
  return new UserErrors(
    missing.map(
      ({ key, line }) =>
        new UserError(`narration line "${key}" has no recording, and voice "cached" speaks nothing`, {
          place: { file: plan.narration.file, line },
          hint: `Missing: ${keys}. Put recordings into ${plan.folder}, or choose the voice auto, piper or espeak.`,
        }),
    ),
  );
}

function mixedVoices({ lines, voice }: VoicePlan): string[] {
  const keysOf = (origin: PlannedLine['origin']): string =>
    lines
      .filter((line) => line.origin === origin)
      .map(({ key }) => key)
      .join(', ');
  const [recorded, spoken] = [keysOf('project'), keysOf('voice')];
  return recorded === '' || spoken === ''
    ? []
    : [`the video has several voices: recordings of ${recorded}; ${voice.backend} speaks ${spoken}`];
}

/** Speaks lines into the entry's folder and enters them in `sounds`. Gives an error for each line that failed. */
async function speakMissing(
  missing: readonly PlannedLine[],
  plan: VoicePlan,
  folder: string,
  sounds: Map<string, Sound>,
  options: VoiceOptions,
): Promise<UserError[]> {
  if (missing.length === 0) return [];
  const { concurrency, tools, log, signal } = options;
  const lines = [...new Map(missing.map((line) => [line.identity, line])).values()];
  const python = await pythonFor(plan, options);
  const failures = new Map<string, { readonly message: string; readonly hint?: string | undefined }>();
  const limit = pLimit(concurrency);
  const encodings: Promise<void>[] = [];
  const onSpoken = (line: LineToSpeak, wav: string, seconds: number): void => {
    const encode = async (): Promise<void> => {
      const mp3 = soundPath(folder, line.identity);
      try {
        const made = await encodeLine({ wav, mp3, identity: line.identity, seconds }, tools);
        sounds.set(line.identity, { ...made, source: 'spoken' });
        log.info(`voice: ${plan.backend} spoke "${line.key}" (${made.seconds.toFixed(1)} s)`);
      } catch (error) {
        failures.set(line.identity, { message: messageOf(error), hint: userErrorsOf(error)?.[0]?.hint });
      } finally {
        await rm(wav, { force: true });
      }
    };
    encodings.push(limit(encode));
  };
  log.info(`voice: ${plan.voice.model} speaks ${lines.length} of ${plan.lines.length} lines`);
  const jobs = join(options.workDir, 'voice-jobs');
  const { failures: unspoken, broken } = await speak(lines, {
    ...{
      voice: plan.voice,
      python: python.speaks,
      guardPython: python.guards,
      workDir: jobs,
      concurrency,
      onSpoken,
      log,
    },
    signal,
  });
  await Promise.all(encodings);
  await rm(jobs, { recursive: true, force: true });
  signal?.throwIfAborted();
  if (broken !== undefined && options.choice === 'auto' && plan.backend === 'piper')
    throw new VoiceUnavailable('piper', broken);
  for (const [line, message] of unspoken) failures.set(line.identity, { message });
  const spoken = lines
    .filter(({ identity }) => sounds.has(identity))
    .map(({ identity }) => soundPath(folder, identity));
  for (const [file, fault] of await decodingFaults(spoken, concurrency, tools)) {
    const line = lines.find(({ identity }) => soundPath(folder, identity) === file);
    if (line) failures.set(line.identity, { message: `its mp3 ${fault}` });
  }
  for (const identity of failures.keys()) sounds.delete(identity);
  return missing.flatMap(({ key, line, identity }) => {
    const failure = failures.get(identity);
    if (!failure) return [];
    return new UserError(`narration line "${key}" could not be spoken: ${failure.message}`, {
      place: { file: plan.narration.file, line },
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    });
  });
}

async function pythonFor(
  { backend }: VoicePlan,
  { backends, choice }: VoiceOptions,
): Promise<{ readonly speaks: string; readonly guards: string }> {
  const guards = await backends.python();
  if (backend === 'espeak') {
    await backends.espeak();
    return { speaks: guards, guards };
  }
  const speaks = await backends.piper().catch((cause: unknown) => {
    throw choice === 'auto' ? new VoiceUnavailable('piper', messageOf(cause), { cause }) : cause;
  });
  return { speaks, guards };
}

/** Keeps the current lines under the plan's key; what is not all of them gets a key of its own, found by the prefix. */
function save(plan: VoicePlan, folder: string, sounds: ReadonlyMap<string, Sound>, store: Store): Promise<SaveOutcome> {
  const stored = new Map<string, StoredLine>();
  for (const { key, text } of plan.narration.lines) {
    const identity = voiceIdentity(text, plan.voice.fingerprint);
    const sound = sounds.get(identity);
    if (!sound) continue;
    stored.set(identity, { key, text, identity, sha256: sound.sha256, seconds: Number(sound.seconds.toFixed(6)) });
  }
  const isWhole = plan.lines.every(({ origin, identity }) => origin === 'project' || stored.has(identity));
  const part = `${plan.restorePrefix}part-${contentKey([...stored.keys()].sort()).slice(0, 32)}`;
  return writeStored(folder, [...stored.values()]).then(() =>
    store.save({ key: isWhole ? plan.cacheKey : part, path: folder }),
  );
}

function readyLine(line: PlannedLine, folder: string, sounds: ReadonlyMap<string, Sound>): ReadyLine[] {
  if (line.origin === 'project') return line.sound ? [{ line, ...line.sound }] : [];
  const sound = sounds.get(line.identity);
  return sound ? [{ line, file: soundPath(folder, line.identity), seconds: sound.seconds, sha256: sound.sha256 }] : [];
}
