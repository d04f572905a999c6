import { mkdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { writeFile } from '../machine-errors.js';

/** Writes a file so that a reader sees the old one or the new one, and leaves it untouched where nothing changes. */
export async function writeIfChanged(path: string, content: string | Buffer): Promise<void> {
  const wanted = Buffer.from(content);
  const before = await readFile(path).catch(() => undefined);
  if (before?.equals(wanted)) return;
  await mkdir(dirname(path), { recursive: true });
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  try {
    await writeFile(partial, wanted);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/** Whether a path lies in a folder or is it, links followed as far as the path exists. */
export async function liesWithin(path: string, folder: string): Promise<boolean> {
  const way = relative(await realPathOf(folder), await realPathOf(path));
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function realPathOf(path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined) return real;
  const parent = dirname(path);
  return parent === path ? resolve(path) : join(await realPathOf(parent), basename(path));
}
