import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError, UserErrors } from '../errors.js';
import type { SaveOutcome, Store, StoreEntry } from '../store/store.js';
import { saveStored } from './entry.js';
import { type MakeOptions, makeSounds } from './make.js';
import type { PlannedLine, VoicePlan } from './plan.js';
import { publish } from './publish.js';
import { restoreSounds, type Sound, type Sounds, soundsInProject } from './sounds.js';
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
  /** SHA-256 of the mp3. */
  readonly sha256: string;
  readonly source: Sound['source'];
}

export interface VoiceReport {
  /** Everything came from the project or the entry of exactly this content and voice. */
  readonly cacheHit: boolean;
  readonly restoredKey?: string;
  /** Keys of the lines that were spoken. */
  readonly synthesized: readonly string[];
  readonly lines: readonly ProvidedLine[];
  /** How the save ends that goes on in the background; never rejects. `not-needed`: there is nothing new. */
  readonly saving: Promise<SaveOutcome | 'not-needed'>;
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

  const needed = plan.lines.filter(({ key }) => lineKeys?.has(key) ?? true);
  const there = await soundsInProject(plan, needed, warnings, options);
  const { key: restoredKey, sounds: stored } = needed.every(isIn(there))
    ? { key: undefined, sounds: new Map() }
    : await restoreSounds(plan, { key: plan.cacheKey, path: folder }, [plan.restorePrefix], store, warnings, options);
  const known: Sounds = new Map([...stored, ...there]);
  const alone = await restoreAlone(
    needed.filter((line) => !isIn(known)(line)),
    plan,
    warnings,
    options,
  );
  const reused: Sounds = new Map([...known, ...alone]);

  const missing = needed.filter((line) => !isIn(reused)(line));
  if (options.choice === 'cached' && missing.length > 0) throw missingLines(missing, plan);
  warnings.push(...mixedVoices(needed, plan.backend));
  for (const warning of warnings) log.warning(warning);
  const made = await makeSounds(missing, plan, folder, { ...options, workDir: join(options.workDir, 'jobs') });

  const sounds: Sounds = new Map([...reused, ...made.sounds]);
  const isWhole = plan.lines.every(isIn(sounds));
  const isOtherEntry = restoredKey !== undefined && restoredKey !== plan.cacheKey;
  const isNew = made.sounds.size > 0 || (isWhole && (isOtherEntry || alone.size > 0));
  const saving = !isNew
    ? { outcome: Promise.resolve('not-needed' as const) }
    : isWhole
      ? await save(plan, folder, sounds, store)
      : await saveAlone(plan, made.sounds, options);

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
      sha256: sound.sha256,
      source: (origin === 'voice' ? sounds.get(identity)?.source : undefined) ?? 'project',
    })),
    saving: saving.outcome,
    warnings,
  };
}

/** Whether a line has its sound: a recording, or one of these. */
function isIn(sounds: Sounds): (line: PlannedLine) => boolean {
  return ({ origin, identity }) => origin === 'project' || sounds.has(identity);
}

function missingLines(missing: readonly PlannedLine[], { narration, folder }: VoicePlan): UserErrors {
  return new UserErrors(
    missing.map(
      ({ key, line }) =>
        new UserError(`narration line "${key}" has no recording, and voice "cached" speaks nothing`, {
          place: { file: narration.file, line },
          hint: `Put recordings into ${folder}, or choose the voice auto, piper or espeak.`,
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

/** Keeps all lines of the narration under the plan's key. */
async function save(
  plan: VoicePlan,
  folder: string,
  sounds: Sounds,
  store: Store,
): Promise<{ readonly outcome: Promise<SaveOutcome> }> {
  await mkdir(folder, { recursive: true });
  await saveStored(folder, storedLines(plan, sounds));
  return store.save({ key: plan.cacheKey, path: folder });
}

function storedLines(
  plan: VoicePlan,
  sounds: Sounds,
): (Sound & { readonly key: string; readonly text: string; readonly identity: string })[] {
  return plan.narration.lines.flatMap(({ key, text }) => {
    const identity = voiceIdentity(text, plan.voice.fingerprint);
    const sound = sounds.get(identity);
    return sound ? [{ ...sound, key, text, identity }] : [];
  });
}

/*
 * Who speaks only some of the lines, a shard of a build, keeps each in an entry of its own: entries never change, so the
 * lines of several shards cannot come together in one.
 */

function aloneEntry(plan: VoicePlan, identity: string, workDir: string): StoreEntry {
  const name = identity.slice(0, 40);
  return { key: `${plan.linePrefix}${name}`, path: join(workDir, 'lines', name) };
}

async function saveAlone(
  plan: VoicePlan,
  spoken: Sounds,
  { store, workDir }: VoiceOptions,
): Promise<{ readonly outcome: Promise<SaveOutcome> }> {
  const saves = await Promise.all(
    storedLines(plan, spoken).map(async (line) => {
      const entry = aloneEntry(plan, line.identity, workDir);
      await mkdir(entry.path, { recursive: true });
      await saveStored(entry.path, [line]);
      return store.save(entry).outcome;
    }),
  );
  return { outcome: Promise.all(saves).then((all) => all.find((one) => one === 'failed') ?? all[0] ?? 'off') };
}

async function restoreAlone(
  lines: readonly PlannedLine[],
  plan: VoicePlan,
  warnings: string[],
  options: VoiceOptions,
): Promise<Sounds> {
  const { store, workDir } = options;
  const restored = await Promise.all(
    lines.map(({ identity }) => restoreSounds(plan, aloneEntry(plan, identity, workDir), [], store, warnings, options)),
  );
  return new Map(restored.flatMap(({ sounds }) => [...sounds]));
}
