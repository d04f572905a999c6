import { readFile, rename } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readUserFile, readUserSound, writeIfChanged } from '../files.js';
import type { NarrationLine } from '../project/narration.js';
import { sha256 } from '../store/keys.js';
import { type CacheIndex, INDEX_FILE, type IndexEntry, printIndex, readEntry, readIndex } from './cache-index.js';
import { markOf } from './mp3.js';
import type { PlannedLine, VoicePlan } from './plan.js';
import { normalText } from './text.js';

/** A line with the sound that it gets. */
export interface ReadyLine {
  readonly line: PlannedLine;
  /** In the project or, for a spoken line, anywhere. */
  readonly sound: { readonly file: string; readonly seconds: number; readonly sha256: string };
}

/**
 * Puts sounds where scenes look for them, with the index, the hash and the stamp that existing projects' programs read.
 * Files that would not change are left untouched; recordings are never written over. Gives each line's file by key.
 */
export async function publish(plan: VoicePlan, ready: readonly ReadyLine[], now: Date): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const index = await readIndex(plan.folder); // as it is now: others write it, too
  if (index.found === 'unreadable' && ready.length > 0)
    await rename(join(plan.folder, INDEX_FILE), join(plan.folder, `${INDEX_FILE}.unreadable`));
  // read all before anything is written: two lines may have swapped their texts
  const sounds = await Promise.all(
    ready.map(({ line, sound }) => (line.origin === 'voice' ? readFile(sound.file) : undefined)),
  );
  for (const [index, { line, sound }] of ready.entries()) {
    const bytes = sounds[index];
    files.set(line.key, bytes ? await place(line, bytes, plan) : sound.file);
  }

  const entries = mergeIndex(index, plan, ready, files, now.getTime() / 1000);
  if (!isDeepStrictEqual(entries, index.entries))
    await writeIfChanged(join(plan.folder, INDEX_FILE), printIndex(entries, index), plan.folder);
  if (isComplete(plan.narration.lines, entries))
    await writeIfChanged(join(plan.folder, '.cache_hash'), await narrationFileHash(plan.narration.file), plan.folder);
  if (ready.some(({ line }) => line.origin === 'voice')) await stamp(plan, now);
  return files;
}

async function place(line: PlannedLine, bytes: Buffer, { folder, narration }: VoicePlan): Promise<string> {
  const name = fileNameFor(line.key, narration.lines);
  const before = await readUserSound(join(folder, `${name}.mp3`));
  const isOurs = before === undefined || before.length === 0 || markOf(before) !== undefined;
  const target = join(folder, isOurs ? `${name}.mp3` : `${name}.${line.identity.slice(0, 8)}.mp3`);
  await writeIfChanged(target, bytes, folder);
  return target;
}

/** File systems take 255 bytes; an ending comes behind the name. */
const MOST_BYTES = 200;

/** A line's file name: its key, where file systems take it and no other key's name may be taken for the same. */
export function fileNameFor(key: string, lines: readonly { readonly key: string }[]): string {
  const isPlain = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_. -]*$/u.test(key) && Buffer.byteLength(key) <= MOST_BYTES;
  const isAlone = lines.filter((line) => folded(line.key) === folded(key)).length <= 1;
  // a key that looks like the names made below could be one of them
  if (isPlain && isAlone && !/-[0-9a-f]{8}$/.test(key)) return key;
  const start = [...key.replaceAll(/[^\p{L}\p{N}_-]+/gu, '_')].slice(0, 40).join('');
  return `${start}-${sha256(key).slice(0, 8)}`;
}

/** Some file systems take names for the same that differ in case, or in how their accents are written. */
function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase();
}

/**
 * The index with one entry for each line: entries that say the right thing stay as they are, those of current lines with
 * an old text go, the rest is kept.
 */
export function mergeIndex(
  index: CacheIndex,
  plan: Pick<VoicePlan, 'narration' | 'folder' | 'voice'>,
  ready: readonly ReadyLine[],
  files: ReadonlyMap<string, string>,
  now: number,
): IndexEntry[] {
  const textOf = new Map(plan.narration.lines.map(({ key, text }) => [key, normalText(text)]));
  const wanted = new Map(
    ready.map((one) => {
      const audio = relative(plan.folder, files.get(one.line.key) ?? one.sound.file)
        .split(sep)
        .join('/');
      return [one.line.key, { ...one, audio, text: normalText(one.line.text) }];
    }),
  );
  const audioOfText = new Map([...wanted.values()].map(({ text, audio }) => [text, audio]));

  const merged: IndexEntry[] = [];
  const done = new Set<string>();
  for (const entry of index.entries) {
    const { key, text: raw, audio } = readEntry(entry);
    const text = raw === undefined ? undefined : normalText(raw);
    const want = key === undefined ? undefined : wanted.get(key);
    if (key !== undefined && want) {
      const isRight = text === want.text && audio === want.audio && !done.has(key);
      if (!isRight) continue; // its new entry comes below
      done.add(key);
      merged.push(renewed(entry, want, plan, now));
    } else if (key !== undefined && textOf.has(key)) {
      if (text === textOf.get(key)) merged.push(entry); // a line that nobody asked for this time
    } else {
      // found by text alone: it must not give a current line another sound
      const current = text === undefined ? undefined : audioOfText.get(text);
      if (current === undefined || current === audio) merged.push(entry);
    }
  }
  for (const [key, want] of wanted) if (!done.has(key)) merged.push(entryFor(want, plan, now));
  return merged;
}

type Wanted = ReadyLine & { readonly audio: string };

function renewed(entry: IndexEntry, want: Wanted, plan: Pick<VoicePlan, 'voice'>, now: number): IndexEntry {
  const fresh = entryFor(want, plan, now);
  if (want.line.origin === 'voice') {
    const same = isDeepStrictEqual({ ...entry, created_at: 0 }, { ...fresh, created_at: 0 });
    return same ? entry : fresh;
  }
  // a recording that lies where we once spoke
  return typeof entry.audio_sha256 === 'string' && entry.audio_sha256 !== want.sound.sha256 ? fresh : entry;
}

function entryFor(want: Wanted, plan: Pick<VoicePlan, 'voice'>, now: number): IndexEntry {
  const isSpoken = want.line.origin === 'voice';
  const isOurs = isSpoken || want.line.sound?.spoken === true;
  return {
    narration_key: want.line.key,
    text: want.line.text,
    audio_file: want.audio,
    model_id: isSpoken ? plan.voice.model : isOurs ? 'an earlier voice' : 'recording',
    ref_audio: '',
    duration_seconds: Number(want.sound.seconds.toFixed(6)),
    created_at: now,
    ...(isOurs ? { audio_sha256: want.sound.sha256 } : {}),
  };
}

function isComplete(lines: readonly NarrationLine[], entries: readonly IndexEntry[]): boolean {
  const spoken = new Set(
    entries.map((entry) => {
      const { key, text } = readEntry(entry);
      return JSON.stringify([key, normalText(text ?? '')]);
    }),
  );
  return lines.every(({ key, text }) => spoken.has(JSON.stringify([key, normalText(text)])));
}

/** What the pipeline's check compares: SHA-256 of the narration file's text with `\n` as its line end. */
async function narrationFileHash(file: string): Promise<string> {
  return sha256(((await readUserFile(file)) ?? '').toString().replaceAll(/\r\n?/g, '\n'));
}

const STAMP = 'ready.json';

/** Says which voice is at hand. A stamp of the pipeline's own preparation is left alone: it compares the fingerprint. */
async function stamp({ folder, voice }: VoicePlan, now: Date): Promise<void> {
  const path = join(folder, STAMP);
  const before = (await readUserFile(path))?.toString() ?? '{}';
  let found: { prepared_by?: unknown; fingerprint?: unknown };
  try {
    found = JSON.parse(before) as typeof found;
  } catch {
    found = {}; // torn: the pipeline would prepare anew, too
  }
  const isOthers = found.fingerprint !== undefined && found.prepared_by !== 'flaming-horse-build';
  if (isOthers || found.fingerprint === voice.fingerprint) return;
  const content = {
    fingerprint: voice.fingerprint,
    model_id: voice.model,
    backend: voice.backend,
    offline: true,
    prepared_at: now.getTime() / 1000,
    prepared_by: 'flaming-horse-build',
  };
  await writeIfChanged(path, `${JSON.stringify(content, null, 2)}\n`, folder);
}
