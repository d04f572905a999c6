import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, realpath, symlink, utimes } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix } from 'node:path';

/** Thrown for what an entry must not hold. */
export class UnsafeEntry extends Error {}

/**
 * What is wrong with a link `name` (relative, with slashes) to `target` in an entry; undefined where it is allowed: see
 * StoreEntry. Folders above `name` must not be links themselves.
 */
export async function linkFault(
  name: string,
  target: string,
  linksTo: string | undefined,
): Promise<string | undefined> {
  if (linksTo === undefined) return 'is a link';
  if (isAbsolute(target)) {
    const isInterpreter = /^bin\/python[\d.]*$/.test(name) && (await sameFile(target, linksTo));
    return isInterpreter ? undefined : `is a link to ${target}`;
  }
  // ".." after another name starts from wherever that name leads to
  const steps = target.split('/').filter((step) => step !== '' && step !== '.');
  const climbs = steps.includes('..', steps.findIndex((step) => step !== '..') + 1 || steps.length);
  const place = posix.join(dirname(name), target);
  if (climbs || place === '..' || place.startsWith('../')) return 'is a link that leads out of the entry';
  return undefined;
}

async function sameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => realpath(path).catch(() => undefined)));
  return first !== undefined && first === second;
}

/** Everything in a folder by its relative name, folders before what they hold. Throws UnsafeEntry at what is not allowed. */
async function* walk(
  root: string,
  linksTo: string | undefined,
  below = '',
): AsyncGenerator<{ name: string; kind: Kind }> {
  for (const { name: last } of await readdir(join(root, below), { withFileTypes: true })) {
    const name = below === '' ? last : `${below}/${last}`;
    const facts = await lstat(join(root, name));
    if (facts.isDirectory()) {
      yield { name, kind: 'folder' };
      yield* walk(root, linksTo, name);
    } else if (facts.isSymbolicLink()) {
      const fault = await linkFault(name, await readlink(join(root, name)), linksTo);
      if (fault) throw new UnsafeEntry(`"${name}" ${fault}`);
      yield { name, kind: 'link' };
    } else if (facts.isFile()) yield { name, kind: 'file' };
    else throw new UnsafeEntry(`"${name}" is neither a file nor a folder`);
  }
}

type Kind = 'folder' | 'link' | 'file';

/** Throws UnsafeEntry where a folder holds anything that an entry must not hold. */
export async function checkTree(root: string, linksTo: string | undefined): Promise<void> {
  for await (const _ of walk(root, linksTo));
}

/** Copies the content of a folder into another, an empty one. Throws UnsafeEntry where it holds what an entry must not. */
export async function copyTree(from: string, to: string, linksTo: string | undefined): Promise<void> {
  for await (const { name, kind } of walk(from, linksTo)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (kind === 'folder') await mkdir(target);
    else if (kind === 'link') await symlink(await readlink(source), target);
    else {
      await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const { mode, atime, mtime } = await lstat(source);
      await chmod(target, (mode & 0o777) | 0o600);
      await utimes(target, atime, mtime);
    }
  }
}

/** Bytes of the files in a folder, as far as they can be seen. */
export async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    files.map(async (file) =>
      file.isFile() ? ((await lstat(join(file.parentPath, file.name)).catch(() => undefined))?.size ?? 0) : 0,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
