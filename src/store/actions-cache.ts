import { homedir } from 'node:os';
import { isAbsolute, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { SaveOutcome, Store, StoreEntry } from './store.js';

/** What we use of @actions/cache. */
export interface CacheService {
  restoreCache(
    paths: string[],
    key: string,
    restoreKeys?: string[],
    options?: { lookupOnly?: boolean },
  ): Promise<string | undefined>;
  saveCache(paths: string[], key: string): Promise<number>;
}

/** GitHub takes 200 uploads and 1500 downloads a minute from a repository; we leave room for its other jobs. */
const UPLOADS_A_MINUTE = 120;
const DOWNLOADS_A_MINUTE = 900;
const AT_ONCE = 4;

/**
 * A call that fails is answered by the package with a warning of its own and "nothing found". Only its time tells: a
 * service that is there answers a miss at once, one that is not costs several rounds of retries.
 */
const DEAD_AFTER_SECONDS = 8;
/** How long a service that did not answer is left alone; it may only have been busy. */
const LEFT_ALONE_MS = 90_000;
/** A save that failed for a reason unknown, a limit on uploads for one, is tried once more after this. */
const SAVE_AGAIN_MS = 20_000;

/** The cache service of a runner (GitHub's, or act's) as a store. */
export function actionsCacheStore(
  service: CacheService,
  workspace: string,
  log: Log,
  deadAfterSeconds = DEAD_AFTER_SECONDS,
  saveAgainMs = SAVE_AGAIN_MS,
): Store {
  const limit = pLimit(AT_ONCE);
  const uploads = rateLimit(UPLOADS_A_MINUTE);
  const downloads = rateLimit(DOWNLOADS_A_MINUTE);
  let deadUntil = 0;
  const isDead = (): boolean => performance.now() < deadUntil;

  const giveUp = (why: string): void => {
    if (!isDead()) log.warning(`the cache service does not answer (${why}): going on without it for a while`);
    deadUntil = performance.now() + LEFT_ALONE_MS;
  };

  /** Asks for an entry, and notes a service that took too long to find nothing. */
  const timed = async (look: () => Promise<string | undefined>): Promise<string | undefined> => {
    const started = performance.now();
    const found = await look();
    const seconds = (performance.now() - started) / 1000;
    if (found === undefined && seconds > deadAfterSeconds) giveUp(`no answer in ${seconds.toFixed(0)} s`);
    return found;
  };

  const ask = (
    { key, path }: StoreEntry,
    prefixes: readonly string[],
    lookupOnly: boolean,
  ): Promise<string | undefined> =>
    limit(async () => {
      if (isDead()) return undefined;
      await downloads();
      if (isDead()) return undefined; // found dead while this call waited for its turn
      try {
        return await timed(() =>
          service.restoreCache([cachePath(path, workspace)], key, [...prefixes], { lookupOnly }),
        );
      } catch (error) {
        giveUp(messageOf(error));
        return undefined;
      }
    });

  const trySave = (entry: StoreEntry): Promise<SaveOutcome> =>
    limit(async () => {
      if (isDead()) return 'failed';
      await uploads();
      if (isDead()) return 'failed';
      const paths = [cachePath(entry.path, workspace)];
      try {
        // a number is the proof; -1 is either an entry that is there already or a failure, and only asking tells
        if ((await service.saveCache(paths, entry.key)) !== -1) return 'saved';
        const found = await timed(() => service.restoreCache(paths, entry.key, [], { lookupOnly: true }));
        return found === entry.key ? 'exists' : 'failed';
      } catch (error) {
        log.debug(`saving ${entry.key}: ${messageOf(error)}`);
        return 'failed';
      }
    });

  const save = async (entry: StoreEntry): Promise<SaveOutcome> => {
    const outcome = await trySave(entry);
    if (outcome !== 'failed' || isDead()) return outcome;
    await sleep(saveAgainMs);
    return trySave(entry);
  };

  return {
    name: 'the cache service of the runner',
    restore: (entry, prefixes = []) => ask(entry, prefixes, false),
    find: (entry, prefixes = []) => ask(entry, prefixes, true),
    save,
  };
}

/**
 * The path under which an entry is known: relative to the workspace, else to the home folder, else absolute. The service
 * finds an entry only under the literal path it was saved with, and workspaces differ from job to job.
 */
export function cachePath(path: string, workspace: string, home = homedir()): string {
  const within = (folder: string): string | undefined => {
    const rest = relative(folder, path);
    const isInside = rest !== '' && rest.split(sep)[0] !== '..' && !isAbsolute(rest);
    return isInside ? rest.split(sep).join('/') : undefined;
  };
  const inHome = within(home);
  return within(workspace) ?? (inHome === undefined ? path : `~/${inHome}`);
}

/** Lets through at most `perMinute` calls in any 60 s; the others wait for their turn. */
function rateLimit(perMinute: number): () => Promise<void> {
  const recent: number[] = [];
  return async () => {
    for (;;) {
      const now = performance.now();
      while (recent[0] !== undefined && now - recent[0] >= 60_000) recent.shift();
      if (recent.length < perMinute) {
        recent.push(now);
        return;
      }
      await sleep(60_000 - (now - (recent[0] ?? now)));
    }
  };
}
