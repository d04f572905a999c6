import { lstat, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { existedAt, isRunning } from '../owner.js';
import { ownerOfTemporary } from '../temporary.js';

export interface SweptPlace {
  readonly projectDir: string;
  readonly workDir: string;
  /** Where the video goes. */
  readonly output: string;
}

/** A file on its way to its place: `.NAME.PID.partial`, or `NAME.PID.partial`. */
const PARTIAL = /\.(\d+)\.partial$/;
/** Temporary folders of builds of which nothing is known here are swept when they are this old. */
const ABANDONED_MS = 2 * 24 * 3600 * 1000;

/**
 * Removes what builds of this project that were killed have left on their way: private folders of renders and joins,
 * unfinished files, temporary folders. To be called while the project is locked. Never throws: what cannot be removed
 * stays. Returns the paths that were removed.
 */
export async function sweep({ projectDir, workDir, output }: SweptPlace): Promise<string[]> {
  const videos = join(workDir, 'video');
  const found = [
    ...['jobs', 'media', 'voice/jobs'].map((name) => join(workDir, name)),
    ...(await namesIn(videos)).filter((name) => name.endsWith('.work')).map((name) => join(videos, name)),
    ...(await partials(projectDir, 0)),
    ...(await partials(join(projectDir, 'media', 'videos'), 2)),
    ...(await partials(join(projectDir, 'media', 'voiceovers'), 1)),
    ...(await partials(videos, 1)),
    ...(await partialsOf(output)),
    ...(await temporaries()),
  ];
  const removed: string[] = [];
  for (const path of new Set(found)) {
    if (!(await lstat(path).catch(() => undefined))) continue;
    await rm(path, { recursive: true, force: true }).then(
      () => removed.push(path),
      () => {},
    );
  }
  return removed;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** Unfinished files in a folder and, so many levels deep, in those below it; links are not followed. */
async function partials(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const nested = entries
    .filter((entry) => depth > 0 && entry.isDirectory() && entry.name !== 'partial_movie_files')
    .map((entry) => partials(join(folder, entry.name), depth - 1));
  const here = entries.filter((entry) => entry.isFile() && PARTIAL.test(entry.name));
  return [...here.map(({ name }) => join(folder, name)), ...(await Promise.all(nested)).flat()];
}

/** Unfinished files of a video and its captions, which may lie where other projects put theirs. */
async function partialsOf(output: string): Promise<string[]> {
  const folder = dirname(output);
  const stem = `.${basename(output).replace(/\.[^.]*$/, '')}.`;
  return (await namesIn(folder))
    .filter((name) => name.startsWith(stem) && !existedAt(Number(PARTIAL.exec(name)?.[1] ?? process.pid), Date.now()))
    .map((name) => join(folder, name));
}

/** Temporary folders of ended builds of this user. */
async function temporaries(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await namesIn(tmpdir())) {
    const owner = ownerOfTemporary(name);
    const path = join(tmpdir(), name);
    const facts = owner && (await lstat(path).catch(() => undefined));
    if (!owner || !facts?.isDirectory() || facts.uid !== process.getuid?.()) continue;
    if (!(isRunning(owner) ?? Date.now() - facts.mtimeMs < ABANDONED_MS)) found.push(path);
  }
  return found;
}
