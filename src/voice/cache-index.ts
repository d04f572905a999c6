import { join, relative, resolve, sep } from 'node:path';
import type { Node } from 'jsonc-parser';
import { UserError } from '../errors.js';
import { liesWithin, readUserText } from '../files.js';
import { endOf, parseJson, placeOfValue } from '../json.js';

/** The list that the services of scenes read, in the output folder. */
export const INDEX_FILE = 'cache.json';
const CONFIG_FILE = 'voice_clone_config.json';
const DEFAULT_FOLDER = 'media/voiceovers/qwen';

/** An entry of the index as it was read: others write it too, so unknown fields stay. */
export type IndexEntry = Readonly<Record<string, unknown>>;

/** cache.json as it was found. */
export interface CacheIndex {
  /** `unreadable`: there is a file, and it does not hold a list; `fault` says why. */
  readonly found: 'list' | 'nothing' | 'unreadable';
  readonly fault: string;
  readonly entries: readonly IndexEntry[];
  /** Each entry as it stands in the file. */
  readonly texts: ReadonlyMap<IndexEntry, string>;
  /** What is not read, one sentence each. */
  readonly findings: readonly string[];
}

/**
 * The folder that holds a project's spoken lines: `output_dir` of voice_clone_config.json, else the usual one. Throws
 * UserError for a folder outside the repository, or a configuration that cannot be read.
 */
export async function voiceFolder(projectDir: string, repoRoot: string): Promise<string> {
  const path = join(projectDir, CONFIG_FILE);
  const text = await readUserText(path);
  const config = text === undefined ? undefined : parseJson(path, text);
  if (config && !isObject(config.value)) {
    throw new UserError(`${CONFIG_FILE} does not hold an object`, {
      place: { file: path, line: 1 },
      hint: `Write {"output_dir": "${DEFAULT_FOLDER}"}, or remove the file.`,
    });
  }
  const configured = isObject(config?.value) ? (config.value.output_dir ?? '') : '';
  const problem = (what: string): UserError =>
    new UserError(`${CONFIG_FILE}: output_dir: ${what}`, {
      place: config ? placeOfValue(config, ['output_dir']) : { file: path },
      hint: `Give a folder inside the repository, relative to the project: "${DEFAULT_FOLDER}".`,
    });
  if (typeof configured !== 'string') throw problem(`found ${JSON.stringify(configured)}, expected a text`);
  const folder = resolve(projectDir, configured || DEFAULT_FOLDER);
  if (/\p{Cc}/u.test(configured)) throw problem(`${JSON.stringify(configured)} holds a control character`);
  if (configured === '' && !(await liesWithin(folder, repoRoot))) {
    throw new UserError(`${DEFAULT_FOLDER} leads out of the repository through a link`, {
      place: { file: folder },
      hint: 'Replace the link by a folder.',
    });
  }
  // services expand a leading ~ to the home folder
  if (configured.startsWith('~') || !(await liesWithin(folder, repoRoot)))
    throw problem(`"${configured}" lies outside the repository`);
  if (relative(repoRoot, folder).split(sep)[0] === '.git') throw problem(`"${configured}" belongs to git`);
  return folder;
}

/** Reads the index of a folder. Never throws: what is wrong with it is told in the result. */
export async function readIndex(folder: string): Promise<CacheIndex> {
  const path = join(folder, INDEX_FILE);
  const none = { entries: [], texts: new Map(), findings: [] };
  try {
    const text = await readUserText(path);
    if (text === undefined) return { ...none, found: 'nothing', fault: '' };
    const file = parseJson(path, text);
    if (file.root.type !== 'array') return { ...none, found: 'unreadable', fault: `${path} does not hold a list` };
    const texts = new Map<IndexEntry, string>();
    const findings: string[] = [];
    for (const [at, value] of (file.value as unknown[]).entries()) {
      const node = file.root.children?.[at] as Node;
      if (isObject(value)) texts.set(value, text.slice(node.offset, endOf(node)));
      else findings.push(`${path}:${file.lineOf(node.offset)}: an entry is not an object; it is dropped`);
    }
    return { found: 'list', fault: '', entries: [...texts.keys()], texts, findings };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const line = error.place?.line === undefined ? '' : `:${error.place.line}`;
    return { ...none, found: 'unreadable', fault: `${path}${line}: ${error.message}` };
  }
}

/** An index as text. Entries that were in it keep their text: others write numbers and escapes in their own way. */
export function printIndex(entries: readonly IndexEntry[], { texts }: CacheIndex): string {
  if (entries.length === 0) return '[]\n';
  const printed = entries.map((entry) => texts.get(entry) ?? JSON.stringify(entry, null, 2).replaceAll('\n', '\n  '));
  return `[\n  ${printed.join(',\n  ')}\n]\n`;
}

/** What services read from an entry, under any of the names in use. */
export function readEntry(entry: IndexEntry): {
  readonly key: string | undefined;
  readonly text: string | undefined;
  readonly audio: string | undefined;
} {
  const input = isObject(entry.input_data) ? entry.input_data : {};
  return {
    key: firstText(entry.narration_key),
    text: firstText(entry.text, entry.input_text, input.text, input.input_text),
    audio: firstText(entry.audio_file, entry.final_audio, entry.original_audio),
  };
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value.trim() !== '');
}

function isObject(value: unknown): value is IndexEntry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
