import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { SaveOutcome, Store, StoreEntry } from './store.js';

const DEFAULT_LIMIT_BYTES = 10 * 2 ** 30;
/** Names of folders that are on their way in or out; left ones are swept when they are this old. */
const TEMPORARY = '.tmp-';
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/** Links stay as they are: a virtual environment is full of relative ones. */
const COPY = { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE };

interface Kept {
  readonly key: string;
  readonly folder: string;
  readonly used: number;
  readonly saved: number;
}

/**
 * A folder as a store, one sub-folder an entry. Entries appear and go by a rename, so that several builds can use the
 * folder at once. When it grows past its limit, the entries that were not used for longest go first.
 */
export function folderStore(root: string, log: Log, limitBytes = DEFAULT_LIMIT_BYTES): Store {
  const folderOf = (key: string): string => join(root, nameOfKey(key));

  const find = async ({ key }: StoreEntry, prefixes: readonly string[] = []): Promise<Kept | undefined> => {
    const kept = await entriesOf(root);
    const exact = kept.find((entry) => entry.key === key);
    if (exact) return exact;
    for (const prefix of prefixes) {
      const matches = kept.filter((entry) => entry.key.startsWith(prefix));
      const [newest] = matches.sort((a, b) => b.saved - a.saved);
      if (newest) return newest;
    }
    return undefined;
  };

  const restore: Store['restore'] = async (entry, prefixes) => {
    try {
      const found = await find(entry, prefixes);
      if (!found) return undefined;
      await mkdir(entry.path, { recursive: true });
      await cp(found.folder, entry.path, COPY);
      const now = new Date();
      await utimes(found.folder, now, now).catch(() => {}); // evicted just now: the copy is whole all the same
      return found.key;
    } catch (error) {
      log.debug(`restoring ${entry.key} from ${root}: ${messageOf(error)}`);
      return undefined;
    }
  };

  const save = async ({ key, path }: StoreEntry): Promise<SaveOutcome> => {
    const temporary = await mkdir(root, { recursive: true })
      .then(() => mkdtemp(join(root, TEMPORARY)))
      .catch((error: unknown) => {
        log.warning(`cannot write to the store ${root}: ${messageOf(error)}`);
        return undefined;
      });
    if (temporary === undefined) return 'failed';
    try {
      await cp(path, temporary, COPY);
      await rename(temporary, folderOf(key));
      await evict(root, limitBytes, key);
      return 'saved';
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return 'exists';
      log.warning(`cannot save ${key} in the store ${root}: ${messageOf(error)}`);
      return 'failed';
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  };

  return {
    name: `the folder ${root}`,
    restore,
    find: async (entry, prefixes) => (await find(entry, prefixes).catch(() => undefined))?.key,
    save,
  };
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

async function entriesOf(root: string): Promise<Kept[]> {
  const names = await readdir(root).catch(() => []);
  const read = async (name: string): Promise<Kept[]> => {
    const folder = join(root, name);
    const facts = name.startsWith('.') ? undefined : await stat(folder).catch(() => undefined);
    const key = keyOfName(name);
    if (!facts?.isDirectory() || key === undefined) return [];
    return [{ key, folder, used: facts.mtimeMs, saved: facts.birthtimeMs }];
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
    const doomed = join(
      root,
      `${TEMPORARY}${process.pid}-${encodeURIComponent(entry.key)}`.slice(0, root.length + 200),
    );
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

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    files.map(async (file) =>
      file.isFile() ? ((await stat(join(file.parentPath, file.name)).catch(() => undefined))?.size ?? 0) : 0,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
