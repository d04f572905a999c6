import { relative, resolve, sep } from 'node:path';
import { messageOf } from '../errors.js';
import { liesWithin, readUserSound } from '../files.js';
import type { Log } from '../log.js';
import type { Narration } from '../project/narration.js';
import { cacheKey, contentKey, sha256 } from '../store/keys.js';
import { type CacheIndex, INDEX_FILE, type IndexEntry, readEntry, readIndex, voiceFolder } from './cache-index.js';
import { markOf, readMp3 } from './mp3.js';
import { implausible, spokenText, tooShort } from './text.js';
import { type Backend, describeVoice, type Voice, type VoiceChoice, voiceIdentity } from './voices.js';

export type { Backend, VoiceChoice } from './voices.js';

/** A sound that lies in the project's output folder and is what a line needs. */
export interface ProjectSound {
  readonly file: string;
  readonly seconds: number;
  readonly sha256: string;
  /** Whether we spoke it, in this voice or another; else it is a recording. */
  readonly spoken: boolean;
}

/** One line and where its sound comes from. */
export interface PlannedLine {
  readonly key: string;
  readonly text: string;
  /** Its line in the narration file, from 1. */
  readonly line: number;
  /** `project`: a recording that lies in the project. `voice`: spoken by the plan's voice, now or earlier. */
  readonly origin: 'project' | 'voice';
  /**
   * What decides how the line sounds: SHA-256 of the recording, or of text and voice. The same sources give the same
   * identity whether or not the line was spoken already.
   */
  readonly identity: string;
  /** The sound, where the project folder holds it already; undefined: in the cache or still to be spoken. */
  readonly sound: ProjectSound | undefined;
}

/** Which sound each line gets, under which key the spoken ones are kept. */
export interface VoicePlan {
  readonly backend: Backend;
  readonly voice: Voice;
  /** The project's output folder, absolute. */
  readonly folder: string;
  readonly narration: Narration;
  /** The lines asked for, in the order of the narration. */
  readonly lines: readonly PlannedLine[];
  readonly cacheKey: string;
  readonly restorePrefix: string;
  /** With a line's identity behind it: the key of an entry that holds this line alone. */
  readonly linePrefix: string;
  /** What people should know about recordings that are not used, one sentence each. */
  readonly warnings: readonly string[];
}

export interface VoicePlanOptions {
  readonly projectDir: string;
  readonly repoRoot: string;
  readonly narration: Narration;
  /** Who speaks what is not there. */
  readonly backend: Backend;
  readonly cachePrefix: string;
  /** The lines that are needed; all where absent. */
  readonly lineKeys?: ReadonlySet<string>;
  /** With `cached`, lines that an earlier version of the voice or another voice spoke are good too. */
  readonly choice?: VoiceChoice;
  readonly log: Log;
}

/**
 * Decides for each line whether a recording in the project is its sound or the voice speaks it. Writes nothing, and starts
 * no program but `espeak-ng --version`. Throws UserError for a wrong output folder, VoiceUnavailable without espeak-ng.
 */
export async function planVoice(options: VoicePlanOptions): Promise<VoicePlan> {
  const { narration, lineKeys, log } = options;
  const voice = await describeVoice(options.backend);
  const folder = await voiceFolder(options.projectDir, options.repoRoot);
  const index = await readIndex(folder);
  const warnings: string[] = [];
  if (index.found === 'unreadable') warnings.push(`${index.fault}; it is set aside and written again`);
  warnings.push(...index.findings);

  const finder: Finder = { ...options, voice, folder, index, warnings };
  const needed = narration.lines.filter(({ key }) => lineKeys?.has(key) ?? true);
  const found: PlannedLine[] = [];
  for (const line of needed) found.push({ ...line, ...(await findSound(line, finder)) });
  const lines = found.map((line) => Object.freeze({ ...line, identity: sharedIdentity(line, found) }));

  const spoken = lines.filter(({ origin }) => origin === 'voice');
  const content = contentKey(Object.fromEntries(spoken.map(({ key, text }) => [key, text])));
  const restorePrefix = `${cacheKey(options.cachePrefix, 'voice', 'v1', voice.fingerprint.slice(0, 16))}-`;
  log.debug(`voice ${voice.model}, fingerprint ${voice.fingerprint}, lines ${content}`);
  return Object.freeze({
    backend: options.backend,
    voice,
    folder,
    narration,
    lines: Object.freeze(lines),
    cacheKey: `${restorePrefix}${content}`,
    restorePrefix,
    linePrefix: `${cacheKey(options.cachePrefix, 'line', 'v1', voice.fingerprint.slice(0, 16))}-`,
    warnings: Object.freeze(warnings),
  });
}

/** Services look lines up by their text: where several recordings share one, each scene may get any of them. */
function sharedIdentity(line: PlannedLine, all: readonly PlannedLine[]): string {
  if (line.origin === 'voice') return line.identity;
  const said = spokenText(line.text);
  const identities = new Set(all.filter(({ text }) => spokenText(text) === said).map(({ identity }) => identity));
  return identities.size === 1 ? line.identity : contentKey([...identities].sort());
}

type Found = Pick<PlannedLine, 'origin' | 'identity' | 'sound'>;

interface Finder extends VoicePlanOptions {
  readonly voice: Voice;
  readonly folder: string;
  readonly index: CacheIndex;
  readonly warnings: string[];
}

interface Candidate {
  readonly audio: string;
  readonly entry: IndexEntry | undefined;
}

async function findSound(line: Narration['lines'][number], finder: Finder): Promise<Found> {
  const identity = voiceIdentity(line.text, finder.voice.fingerprint);
  const refused: string[] = [];
  const usable: Found[] = [];
  for (const candidate of candidatesFor(line, finder.index)) {
    const found = await examine(line, candidate, identity, finder, refused);
    if (found) usable.push(found);
  }
  // what somebody recorded for this text is worth more than what we spoke
  const best = usable.find(({ sound }) => sound?.spoken === false) ?? usable[0];
  if (best) return best;
  finder.warnings.push(...new Set(refused.length > 0 ? refused : await oldRecordings(line, finder)));
  return { origin: 'voice', identity, sound: undefined };
}

/** What may hold a line's sound: its own entry, entries with its text, and the file of its name. */
function candidatesFor(line: { readonly key: string; readonly text: string }, index: CacheIndex): Candidate[] {
  const said = spokenText(line.text);
  const withText = index.entries.flatMap((entry) => {
    const { key, text, audio } = readEntry(entry);
    return text !== undefined && audio !== undefined && spokenText(text) === said
      ? [{ entry, audio, own: key === line.key }]
      : [];
  });
  const named = `${line.key}.mp3`;
  const canBeNamed = !line.key.includes('\0') && named.split('/').every((part) => Buffer.byteLength(part) <= 255);
  return [
    ...withText.filter(({ own }) => own),
    ...withText.filter(({ own }) => !own),
    ...(canBeNamed && !withText.some(({ audio }) => audio === named) ? [{ audio: named, entry: undefined }] : []),
  ];
}

async function examine(
  line: { readonly key: string; readonly text: string },
  { audio, entry }: Candidate,
  identity: string,
  { folder, repoRoot, index, choice, warnings }: Finder,
  refused: string[],
): Promise<Found | undefined> {
  const file = resolve(folder, audio);
  const refuse = (why: string): undefined => {
    refused.push(notUsed(file, line.key, why, repoRoot));
    return undefined;
  };
  if (!(await liesWithin(file, repoRoot))) return refuse('lies outside the repository');
  let bytes: Buffer | undefined;
  try {
    bytes = await readUserSound(file);
  } catch (error) {
    return refuse(`cannot be used (${messageOf(error)})`);
  }
  const made = typeof entry?.audio_sha256 === 'string' ? entry.audio_sha256 : undefined;
  // what we spoke need not be committed; a recording that is named and not there is worth a word
  if (!bytes) return entry && made === undefined ? refuse('is not there') : undefined;
  const mark = markOf(bytes);
  // without an index, services take the file of a line's name, and so do we
  if (!entry && mark === undefined && index.found === 'list') return undefined;
  const read = readMp3(bytes);
  if ('fault' in read) return refuse(read.fault);
  const sound = { file, seconds: read.seconds, sha256: sha256(bytes), spoken: mark !== undefined };
  if (mark === undefined) {
    const wrong = tooShort(line.text, read.seconds);
    if (wrong !== undefined) return refuse(`is not the whole line: ${wrong}`);
    if (!entry)
      warnings.push(`${nameOf(file, repoRoot)} has no entry in ${INDEX_FILE}: taken for a recording of today's text`);
    return { origin: 'project', identity: sound.sha256, sound };
  }
  const isThisVoice = mark === identity;
  const isAnyVoice = choice === 'cached' && made === sound.sha256;
  if (!isThisVoice && !isAnyVoice) return undefined;
  if (made !== undefined && made !== sound.sha256) return refuse('was changed after it was spoken');
  const wrong = implausible(line.text, read.seconds);
  if (wrong !== undefined) return refuse(`cannot be this line: ${wrong}`);
  return { origin: isThisVoice ? 'voice' : 'project', identity: mark, sound };
}

/** Recordings under a line's key that say another text. */
async function oldRecordings(line: { readonly key: string }, { index, folder, repoRoot }: Finder): Promise<string[]> {
  const warnings: string[] = [];
  for (const entry of index.entries) {
    const { key, audio } = readEntry(entry);
    if (key !== line.key || audio === undefined) continue;
    const file = resolve(folder, audio);
    const bytes = await readUserSound(file).catch(() => undefined);
    if (bytes && markOf(bytes) === undefined && !('fault' in readMp3(bytes)))
      warnings.push(notUsed(file, line.key, 'is a recording of another text', repoRoot));
  }
  return warnings;
}

function notUsed(file: string, key: string, why: string, repoRoot: string): string {
  return `${nameOf(file, repoRoot)} is not used for the line "${key}": it ${why}`;
}

function nameOf(file: string, repoRoot: string): string {
  return relative(repoRoot, file).split(sep).join('/');
}
