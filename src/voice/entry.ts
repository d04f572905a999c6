import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeIfChanged } from '../files.js';
import { readJson, seconds } from '../store/json.js';
import { sha256 } from '../store/keys.js';
import { markOf, readMp3 } from './mp3.js';
import { implausible } from './text.js';
import { voiceIdentity } from './voices.js';

const FILE = 'lines.json';
const FORMAT = 1;

/** One spoken line of a store entry. */
export interface StoredLine {
  readonly key: string;
  readonly text: string;
  readonly identity: string;
  readonly sha256: string;
  readonly seconds: number;
}

const listSchema = v.object({
  format: v.literal(FORMAT),
  lines: v.array(v.object({ key: v.string(), text: v.string(), identity: v.string(), sha256: v.string(), seconds })),
});

/** Where a store entry's folder keeps the sound of an identity. */
export function soundPath(folder: string, identity: string): string {
  return join(folder, `${identity}.mp3`);
}

/**
 * Reads a restored entry. A line counts only when its sound is there and whole, has the checksum of its making, and can be
 * its text spoken by the voice; the others are named in `faults`, one sentence each. Throws an Error where the list of
 * lines cannot be read.
 */
export async function readStored(
  folder: string,
  fingerprint: string,
): Promise<{ readonly lines: readonly StoredLine[]; readonly faults: readonly string[] }> {
  const { lines: listed } = await readJson(join(folder, FILE), listSchema);
  const lines: StoredLine[] = [];
  const faults: string[] = [];
  for (const line of listed) {
    const fault = await faultOf(folder, line, fingerprint);
    if (fault === undefined) lines.push(line);
    else faults.push(`the line "${line.key}" ${fault}`);
  }
  return { lines, faults };
}

async function faultOf(folder: string, line: StoredLine, fingerprint: string): Promise<string | undefined> {
  // also keeps the name of its file to hexadecimal digits
  if (line.identity !== voiceIdentity(line.text, fingerprint)) return 'is not of this text and voice';
  const bytes = await readFile(soundPath(folder, line.identity)).catch(() => undefined);
  if (!bytes) return 'has no sound';
  if (sha256(bytes) !== line.sha256) return 'was damaged after it was spoken';
  const read = readMp3(bytes);
  if ('fault' in read) return read.fault;
  if (markOf(bytes) !== line.identity) return 'is the sound of another line';
  return implausible(line.text, read.seconds);
}

/** Makes an entry's folder hold these lines and nothing else. */
export async function saveStored(
  folder: string,
  lines: readonly (StoredLine & { readonly file: string })[],
): Promise<void> {
  const byIdentity = new Map(lines.map((line) => [line.identity, line]));
  const stored = [...byIdentity.values()].sort((a, b) => (a.identity < b.identity ? -1 : 1));
  for (const { identity, file } of stored) {
    const path = soundPath(folder, identity);
    if (file !== path) await copyFile(file, path);
  }
  const wanted = new Set([FILE, ...stored.map(({ identity }) => `${identity}.mp3`)]);
  for (const name of await readdir(folder)) {
    if (!wanted.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const listed = stored.map(({ key, text, identity, sha256, seconds }) => ({ key, text, identity, sha256, seconds }));
  await writeIfChanged(join(folder, FILE), `${JSON.stringify({ format: FORMAT, lines: listed }, null, 1)}\n`, folder);
}
