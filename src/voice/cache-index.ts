import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, UserError } from '../errors.js';
import { liesWithin } from './files.js';

/** The list that the services of scenes read, in the output folder. */
export const INDEX_FILE = 'cache.json';
const CONFIG_FILE = 'voice_clone_config.json';
const DEFAULT_FOLDER = 'media/voiceovers/qwen';

/** An entry of the index as it was read: others write it too, so unknown fields stay. */
export type IndexEntry = Readonly<Record<string, unknown>>;

/** cache.json as it was found. */
export interface CacheIndex {
  /** `unreadable`: there is a file, and it does not hold a list. */
  readonly found: 'list' | 'nothing' | 'unreadable';
  readonly entries: readonly IndexEntry[];
}

/**
 * The folder that holds a project's spoken lines: `output_dir` of voice_clone_config.json, else the usual one. Throws
 * UserError for a folder outside the repository, or a configuration that cannot be read.
 */
export async function voiceFolder(projectDir: string, repoRoot: string): Promise<string> {
  const config = join(projectDir, CONFIG_FILE);
  const text = await readFile(config, 'utf8').catch(() => '{}');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UserError(`${CONFIG_FILE} is not valid JSON: ${messageOf(error)}`, { place: { file: config } });
  }
  const configured = (value as { output_dir?: unknown } | null)?.output_dir ?? '';
  const problem = (what: string): UserError =>
    new UserError(`${CONFIG_FILE}: output_dir: ${what}`, {
      place: { file: config },
      hint: `Give a folder inside the repository, relative to the project: "${DEFAULT_FOLDER}".`,
    });
  if (typeof configured !== 'string') throw problem(`found ${JSON.stringify(configured)}, expected a text`);
  const folder = resolve(projectDir, configured || DEFAULT_FOLDER);
  // services expand a leading ~ to the home folder
  if (configured.startsWith('~') || !(await liesWithin(folder, repoRoot)))
    throw problem(`"${configured}" lies outside the repository`);
  return folder;
}

/** Reads the index of a folder; never throws. */
export async function readIndex(folder: string): Promise<CacheIndex> {
  const text = await readFile(join(folder, INDEX_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return { found: 'nothing', entries: [] };
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (Array.isArray(value)) return { found: 'list', entries: value.filter(isObject) };
  } catch {
    // reported by the caller
  }
  return { found: 'unreadable', entries: [] };
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
