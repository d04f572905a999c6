import { randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Backend, Brought, SaveOutcome, StoreEntry } from './store.js';
import { copyTree, sizeOf } from './tree.js';

const DEFAULT_LIMIT_BYTES = 10 * 2 ** 30;
/** Names of folders that are on their way in or out; left ones are swept when they are this old. */
const TEMPORARY = '.tmp-';
const ABANDONED_AFTER_MS = 60 * 60 * 1000;
/** Times further ahead than this are of a clock that was wrong. */
const AHEAD_MS = 60_000;

interface Kept {
  readonly key: string;
  readonly folder: string;
  readonly used: number;
  readonly saved: number;
}

/**
 * A folder as a backend, one sub-folder an entry. Entries appear and go by a rename, so that several builds can use the
 * folder at once. When it grows past its limit, the entries that were not used for longest go first. A folder that cannot
 * be read or written is told once.
 */
export function folderBackend(root: string, log: Log, limitBytes = DEFAULT_LIMIT_BYTES): Backend {
  const told = new Set<string>();
  const tell = (what: 'read' | 'write to', error: unknown): void => {
    if (told.has(what)) return;
    told.add(what);
    log.warning(`Cannot ${what} the store ${root} (${messageOf(error)}). The build goes on without it.`);
  };

  const find = async (key: string, prefixes: readonly string[]): Promise<Kept | undefined> => {
    const kept = await entriesOf(root);
    const exact = kept.find((entry) => entry.key === key);
    if (exact) return exact;
    for (const prefix of prefixes) {
      const matches = kept.filter((entry) => entry.key.startsWith(prefix));
      const [newest] = matches.sort((a, b) => b.saved - a.saved || (a.key < b.key ? 1 : -1));
      if (newest) return newest;
    }
    return undefined;
  };

  const restore = async (entry: StoreEntry, prefixes: readonly string[]): Promise<Brought | undefined> => {
    try {
      const found = await find(entry.key, prefixes);
      if (!found) return undefined;
      try {
        await copyTree(found.folder, entry.path, entry.linksTo);
      } catch (error) {
        if (isOfTheMachine(error)) throw error;
        const isGone = (await lstat(found.folder).catch(() => undefined)) === undefined; // evicted meanwhile
        return isGone ? undefined : { key: found.key, fault: messageOf(error) };
      }
      const now = new Date();
      await utimes(found.folder, now, now).catch(() => {}); // evicted just now: the copy is whole all the same
      return { key: found.key };
    } catch (error) {
      tell('read', error);
      return undefined;
    }
  };

  const save = async ({ key, path, linksTo }: StoreEntry): Promise<SaveOutcome> => {
    let temporary: string | undefined;
    try {
      await mkdir(root, { recursive: true });
      temporary = await mkdtemp(join(root, TEMPORARY));
      await copyTree(path, temporary, linksTo);
      if (!(await takesName(temporary, join(root, nameOfKey(key))))) return 'exists';
    } catch (error) {
      tell('write to', error);
      return 'failed';
    } finally {
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true }).catch(() => {}); // swept later
    }
    await evict(root, limitBytes, key).catch((error) => log.debug(`making room in ${root}: ${messageOf(error)}`));
    return 'saved';
  };

  return {
    name: `the folder ${root}`,
    restore,
    find: async (key, prefixes) => {
      try {
        return (await find(key, prefixes))?.key;
      } catch (error) {
        tell('read', error);
        return undefined;
      }
    },
    save,
    hurry: () => {},
    close: async () => {},
  };
}

/** Errors that say nothing about the entry. */
function isOfTheMachine(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENAMETOOLONG'].includes(code);
}

/** Gives a folder its name; false where there is an entry of that name. A file, which nobody here made, goes. */
async function takesName(folder: string, name: string): Promise<boolean> {
  try {
    await rename(folder, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    if (code !== 'ENOTDIR') throw error;
    await rm(name);
    await rename(folder, name);
  }
  return true;
}

/** The name of an entry's folder. Names with a dot in front are kept for what is on its way. */
function nameOfKey(key: string): string {
  return encodeURIComponent(key).replace(/^\./, '%2E');
}

/** The key of an entry's folder, undefined for a folder of somebody else. */
function keyOfName(name: string): string | undefined {
  try {
    const key = decodeURIComponent(name);
    return nameOfKey(key) === name ? key : undefined;
  } catch {
    return undefined;
  }
}

/** All entries; none where there is no such folder yet. */
async function entriesOf(root: string): Promise<Kept[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const latest = Date.now() + AHEAD_MS;
  const read = async (name: string): Promise<Kept[]> => {
    const folder = join(root, name);
    const facts = name.startsWith('.') ? undefined : await lstat(folder).catch(() => undefined);
    const key = keyOfName(name);
    if (!facts?.isDirectory() || key === undefined) return [];
    const [used = 0, saved = 0] = [facts.mtimeMs, facts.birthtimeMs].map((time) => (time > latest ? 0 : time));
    return [{ key, folder, used, saved }];
  };
  return (await Promise.all(names.map(read))).flat();
}

async function evict(root: string, limitBytes: number, keep: string): Promise<void> {
  const kept = await entriesOf(root);
  const sized = await Promise.all(kept.map(async (entry) => ({ ...entry, bytes: await sizeOf(entry.folder) })));
  let total = sized.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const entry of sized.sort((a, b) => a.used - b.used)) {
    if (total <= limitBytes) break;
    if (entry.key === keep) continue;
    const doomed = join(root, `${TEMPORARY}${randomUUID()}`);
    const moved = await rename(entry.folder, doomed).then(
      () => true,
      () => false, // another build was first
    );
    if (moved) await rm(doomed, { recursive: true, force: true });
    total -= entry.bytes; // gone, by us or by another build
  }
  await sweep(root);
}

async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(TEMPORARY)) continue;
    const facts = await stat(join(root, name)).catch(() => undefined);
    if (facts && Date.now() - facts.mtimeMs > ABANDONED_AFTER_MS)
      await rm(join(root, name), { recursive: true, force: true });
  }
}
