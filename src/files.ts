import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readlink, rename, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { messageOf, UserError } from './errors.js';
import { meaningOf } from './machine-errors.js';

/** No text that people write is larger; what is, would take minutes to read and all memory. */
const MOST_TEXT = 16 << 20;
/** Ten hours of speech. */
const MOST_SOUND = 512 << 20;
const MOST_LINKS = 40;

/**
 * The bytes of a file that somebody else wrote, or undefined where there is none. Only regular files are read: a named
 * pipe would wait forever and a device may never end. Throws UserError for anything else that keeps it from being read.
 */
export async function readUserFile(path: string, most = MOST_TEXT): Promise<Buffer | undefined> {
  const refuse = (what: string, hint: string): never => {
    throw new UserError(`${basename(path)} ${what}`, { place: { file: path }, hint });
  };
  try {
    // without O_NONBLOCK, opening a named pipe waits for a writer
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile()) return refuse(`is ${kindOf(facts)}, not a file`, 'Put a regular file in its place.');
      // the size may be wrong (files in /proc) or change: count what is read
      const chunks: Buffer[] = [];
      let size = 0;
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(most + 1, 1 << 16)));
        if (bytesRead === 0) return Buffer.concat(chunks);
        chunks.push(buffer.subarray(0, bytesRead));
        size += bytesRead;
        if (size > most || facts.size > most)
          return refuse(`is larger than ${most >> 20} MiB`, 'Check that it is the right file.');
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ENXIO') return refuse('is a socket, not a file', 'Put a regular file in its place.');
    return refuse(`cannot be read: ${reasonOf(error)}`, 'Check its permissions and where its links lead.');
  }
}

/** The same for sound files, which may be larger. */
export function readUserSound(path: string): Promise<Buffer | undefined> {
  return readUserFile(path, MOST_SOUND);
}

/** The text of a file that somebody else wrote, undefined where there is none. Throws UserError like the two others. */
export async function readUserText(path: string): Promise<string | undefined> {
  const bytes = await readUserFile(path);
  return bytes && decodeText(path, bytes);
}

/**
 * Bytes as text. Throws UserError where they are not UTF-8, at the first such line: characters that were replaced would be
 * spoken or written back, and different texts would look alike. A byte order mark stays.
 */
export function decodeText(path: string, bytes: Buffer): string {
  if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString('utf8');
  const refuse = (what: string, line: number): never => {
    throw new UserError(`${basename(path)} ${what}`, { place: { file: path, line }, hint: 'Save it as UTF-8.' });
  };
  if (/^(\xff\xfe|\xfe\xff|\0[^\0]|[^\0]\0)/.test(bytes.toString('latin1', 0, 4)))
    return refuse('is encoded as UTF-16, not UTF-8', 1);
  const lines = bytes.toString('latin1').split(/\r\n?|\n/);
  const line = lines.findIndex((text) => !isUtf8(Buffer.from(text, 'latin1'))) + 1;
  if (line > 0) return refuse('is not encoded as UTF-8', line);
  return bytes.toString('utf8');
}

/** Whether a path lies in a folder or is it, links followed as far as the path exists. */
export async function liesWithin(path: string, folder: string): Promise<boolean> {
  return isInside(await realPathOf(path), await realPathOf(folder));
}

/** Whether a path lies in a folder or is it, by their names alone. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * Writes a file whole or not at all. `within`: links that lead out of this folder are an error, nothing is written then.
 * Throws UserError, also where the disk or a permission says no.
 */
export async function writeFileInside(
  path: string,
  content: string | Uint8Array,
  within: string | undefined,
  mode?: number,
): Promise<void> {
  await replace(path, within, async (partial) => {
    const file = await open(partial, 'wx');
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** The same, and leaves the file untouched where nothing changes. */
export async function writeIfChanged(path: string, content: string | Uint8Array, within: string): Promise<void> {
  const before = await readUserSound(path).catch(() => undefined);
  if (!before?.equals(Buffer.from(content))) await writeFileInside(path, content, within);
}

/** Copies a file to its place like writeFileInside. */
export async function copyFileInside(from: string, to: string, within: string | undefined): Promise<void> {
  await replace(to, within, (partial) => copyFile(from, partial, constants.COPYFILE_EXCL));
}

async function replace(
  path: string,
  within: string | undefined,
  fill: (partial: string) => Promise<void>,
): Promise<void> {
  const target = await realPathOf(path);
  if (within !== undefined && !isInside(target, await realPathOf(within))) throw leadsOut(path, target, within);
  // a new name: nobody can have put a link there
  const partial = join(dirname(target), `.${randomUUID()}.partial`);
  try {
    await mkdir(dirname(target), { recursive: true });
    await fill(partial);
    await rename(partial, target);
  } catch (error) {
    // the folder was made: what is missing is what should be copied, and no fault of the place
    const { code = 'ENOENT' } = error as NodeJS.ErrnoException;
    if (error instanceof UserError || code === 'ENOENT') throw error;
    throw new UserError(`${path} could not be written: ${reasonOf(error)}`, {
      place: { file: path },
      hint: `Check the folder ${dirname(target)}.`,
      cause: error,
    });
  } finally {
    await rm(partial, { force: true }).catch(() => {});
  }
}

function leadsOut(path: string, target: string, within: string): UserError {
  return new UserError(`${relative(within, path)} leads out of ${within} through a link, to ${target}`, {
    place: { file: path },
    hint: 'Nothing was written there. Replace the link by a file or folder of the project.',
  });
}

/** Where a path really lies; what does not exist yet, links to such places included, where it would be made. */
export function realPathOf(path: string): Promise<string> {
  return follow(resolve(path), { left: MOST_LINKS });
}

async function follow(path: string, links: { left: number }): Promise<string> {
  const parent = dirname(path);
  if (parent === path) return path;
  const place = join(await follow(parent, links), basename(path));
  const target = await readlink(place).catch(() => undefined);
  if (target === undefined) return place;
  if (links.left-- <= 0) {
    throw new UserError(`${path}: too many links, or links in a circle`, {
      place: { file: path },
      hint: 'Remove the links.',
    });
  }
  return follow(resolve(dirname(place), target), links);
}

function kindOf(facts: {
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}): 'a folder' | 'a named pipe' | 'a socket' | 'a device' {
  if (facts.isDirectory()) return 'a folder';
  if (facts.isFIFO()) return 'a named pipe';
  return facts.isSocket() ? 'a socket' : 'a device';
}

/** Why a file operation failed, in words. */
export function reasonOf(error: unknown): string {
  return meaningOf(error) ?? messageOf(error);
}

/** Tells the line of an offset in a text, from 1; line ends are those of any system. Made once for a text. */
export function lineIndex(text: string): (offset: number) => number {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= [0, ...Array.from(text.matchAll(/\r\n?|\n/g), ({ 0: end, index }) => index + end.length)];
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
