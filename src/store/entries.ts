import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Backend, Brought, Restored, SaveOutcome, Saving, Store, StoreEntry } from './store.js';
import { checkTree, sizeOf } from './tree.js';

/*
 * Entries never change, so one that is damaged stays where it is. What replaces it lies beside it under the same key with
 * a number behind it. All are asked for at once, by their common beginning, and the newest comes back.
 */

/** The key of the nth entry beside the first; one digit, so that none is the beginning of another. */
function besideKey(key: string, number: number): string {
  return number === 0 ? key : `${key}-r${number}`;
}
const MOST_BESIDE = 9;

function numberOf(key: string): { readonly first: string; readonly number: number } {
  const match = /^(.*)-r(\d)$/s.exec(key);
  return { first: match?.[1] ?? key, number: Number(match?.[2] ?? 0) };
}

/** Names of folders that entries come back into, beside their place. */
const ASIDE = '.restoring-';
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/** Removes what killed builds left of their restores. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(ASIDE)) continue;
    const facts = await stat(join(folder, name)).catch(() => undefined);
    if (facts && Date.now() - facts.mtimeMs > ABANDONED_AFTER_MS)
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** How long the end of a build waits for saves, in ms: some time, and more for what is large. */
export interface Settling {
  readonly least: number;
  readonly bytesPerMs: number;
}

const SETTLING: Settling = { least: 15_000, bytesPerMs: 1024 };

/** A store on a backend; see Store. Everything that holds for all backends is here. */
export function openStore(backend: Backend, log: Log, settling: Settling = SETTLING): Store {
  /** The number of the last entry that came back of a key, and of the last that is known to be damaged. */
  const restored = new Map<string, number>();
  const damaged = new Map<string, number>();
  const saving = new Map<Promise<SaveOutcome>, StoreEntry>();

  const condemn = (first: string): void => {
    damaged.set(first, Math.max(damaged.get(first) ?? 0, restored.get(first) ?? 0));
  };

  /** Brings the entry into its place. */
  const bring = async (entry: StoreEntry, prefixes: readonly string[]): Promise<Brought | undefined> => {
    await sweep(dirname(entry.path));
    const aside = await mkdtemp(join(dirname(entry.path), ASIDE));
    try {
      await chmod(aside, 0o755);
      const found = await backend.restore({ ...entry, path: aside }, prefixes);
      if (found === undefined || found.fault !== undefined) return found;
      await rm(entry.path, { recursive: true, force: true });
      await rename(aside, entry.path);
      return found;
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  };

  const restore: Store['restore'] = async <T>(
    entry: StoreEntry,
    read: (folder: string) => Promise<T>,
    prefixes: readonly string[] = [],
  ): Promise<Restored<T>> => {
    let why: string | undefined;
    try {
      await mkdir(dirname(entry.path), { recursive: true });
      let found = await bring({ ...entry, key: `${entry.key}-newest` }, [entry.key, ...prefixes]);
      while (found !== undefined) {
        const { first, number } = numberOf(found.key);
        restored.set(first, number);
        try {
          if (found.fault !== undefined) throw new Error(found.fault);
          if (number <= (damaged.get(first) ?? -1)) throw new Error('it could not be used');
          return { outcome: 'found', key: first, value: await read(entry.path) };
        } catch (error) {
          why ??= messageOf(error);
          condemn(first);
        }
        // the newest by the clock need not be the last
        const next = besideKey(first, number + 1);
        found = number < MOST_BESIDE ? await bring({ ...entry, key: next }, []) : undefined;
        if (found?.key !== next) break;
      }
      await rm(entry.path, { recursive: true, force: true });
      await mkdir(entry.path, { recursive: true });
    } catch (error) {
      log.debug(`restoring ${entry.key} from ${backend.name}: ${messageOf(error)}`);
    }
    return why === undefined ? { outcome: 'missing' } : { outcome: 'damaged', why };
  };

  const save = (entry: StoreEntry): Saving => {
    const number = damaged.has(entry.key) ? (damaged.get(entry.key) ?? 0) + 1 : 0;
    let take = (): void => {};
    const taken = new Promise<void>((resolve) => {
      take = resolve;
    });
    const work = async (): Promise<SaveOutcome> => {
      try {
        if (number > MOST_BESIDE) throw new Error('too many entries of this key are damaged');
        await checkTree(entry.path, entry.linksTo);
        return await backend.save({ ...entry, key: besideKey(entry.key, number) }, take);
      } catch (error) {
        log.warning(`cannot save ${basename(entry.path)} in ${backend.name}: ${messageOf(error)}`);
        return 'failed';
      }
    };
    const outcome = work().finally(() => {
      take();
      saving.delete(outcome);
    });
    saving.set(outcome, entry);
    return { taken, outcome };
  };

  const end = async (): Promise<void> => {
    backend.hurry();
    if (saving.size > 0) {
      const bytes = await Promise.all([...saving.values()].map(({ path }) => sizeOf(path)));
      const limit = settling.least + bytes.reduce((sum, size) => sum + size, 0) / settling.bytesPerMs;
      const stop = new AbortController();
      const late = sleep(limit, 'late', { signal: stop.signal }).catch(() => undefined);
      const ended = await Promise.race([Promise.all(saving.keys()), late]);
      stop.abort();
      if (ended === 'late')
        log.warning(
          `${saving.size} results were still on their way to ${backend.name}: they are made again next time.`,
        );
    }
    await backend.close();
  };

  let ended: Promise<void> | undefined;
  return {
    name: backend.name,
    restore,
    find: async (key, prefixes = []) => {
      const found = await backend.find(`${key}-newest`, [key, ...prefixes]);
      return found === undefined ? undefined : numberOf(found).first;
    },
    condemn,
    save,
    settle: () => {
      ended ??= end();
      return ended;
    },
  };
}
