import pLimit from 'p-limit';
import type { Log } from '../log.js';
import type { Answer, CacheService } from './cache-client.js';
import type { Backend, Brought, SaveOutcome } from './store.js';

/** GitHub takes 200 uploads and 1500 downloads a minute from a repository; we leave room for its other jobs. */
const UPLOADS_A_MINUTE = 120;
const DOWNLOADS_A_MINUTE = 900;
const AT_ONCE = 4;

/** How a service that fails is treated, in ms. */
export interface Limits {
  /** A service that failed twice is left alone this long: it may only have been busy. */
  readonly pause: number;
  /** Once calls that failed have taken this long together, it is left alone for good. */
  readonly lost: number;
  /** A save that failed is tried once more after this. */
  readonly saveAgain: number;
}

const LIMITS: Limits = { pause: 30_000, lost: 5_000, saveAgain: 20_000 };

/**
 * The cache service of a runner (GitHub's, or act's) as a backend. A service that fails is soon left alone: whatever it
 * does, it costs a build no more than one call that hangs.
 */
export function actionsCacheBackend(service: CacheService, log: Log, limits: Limits = LIMITS): Backend {
  const limit = pLimit(AT_ONCE);
  const uploads = rateLimit(UPLOADS_A_MINUTE);
  const downloads = rateLimit(DOWNLOADS_A_MINUTE);
  const available = service.available().then((is) => {
    if (!is) log.warning('This runner has no cache service: everything is made again in each build.');
    return is;
  });
  const reading = breaker(limits);
  const writing = breaker({ ...limits, pause: Number.POSITIVE_INFINITY });
  const hurried = new AbortController();

  const warn = (what: string, why: string, off: boolean): void =>
    log.warning(`${what} (${why}). ${off ? 'The build goes on without it.' : 'It is left alone for a while.'}`);

  /** Asks for an entry while the service is well. */
  const read = (ask: () => Promise<Answer>): Promise<Brought | undefined> =>
    limit(async () => {
      if (!(await available) || reading.isOpen()) return undefined;
      await downloads();
      if (reading.isOpen()) return undefined; // while this call waited for its turn
      const started = performance.now();
      const answer = await ask();
      if (answer.kind === 'failed' || answer.kind === 'refused' || answer.kind === 'stalled') {
        if (reading.failed(answer.kind, started)) warn('The cache service fails', answer.why, reading.isOff());
        return undefined;
      }
      reading.succeeded();
      if (answer.kind !== 'found' && answer.kind !== 'unusable') return undefined;
      return 'why' in answer ? { key: answer.key, fault: answer.why } : { key: answer.key };
    });

  const trySave = (key: string, folder: string, taken: () => void): Promise<SaveOutcome> =>
    limit(async () => {
      const isClosed = (): boolean => reading.isOff() || writing.isOpen();
      if (isClosed()) return 'failed';
      await uploads();
      if (isClosed()) return 'failed';
      const started = performance.now();
      const answer = await service.save(key, folder, taken);
      if (answer.kind === 'saved') return 'saved';
      // an entry that is there already is told like other failures, and only asking tells
      if (answer.kind === 'failed') {
        const found = await service.find(key, []);
        if (found.kind === 'found' && found.key === key) return 'exists';
      }
      const why = 'why' in answer ? answer.why : 'it did not say why';
      log.debug(`saving ${key}: ${why}`);
      if (writing.failed(answer.kind, started)) warn('The cache service does not take what was made', why, true);
      return 'failed';
    });

  return {
    name: 'the cache service of the runner',
    restore: ({ key, path, linksTo }, prefixes) => read(() => service.restore(key, prefixes, path, linksTo)),
    find: async (key, prefixes) => (await read(() => service.find(key, prefixes)))?.key,
    save: async ({ key, path }, taken) => {
      if (!(await available)) return 'off';
      const outcome = await trySave(key, path, taken);
      if (outcome !== 'failed' || writing.isOpen() || reading.isOff()) return outcome;
      await passed(limits.saveAgain, hurried.signal);
      return trySave(key, path, taken);
    },
    hurry: () => hurried.abort(),
    close: () => service.close(),
  };
}

interface Breaker {
  /** Whether to leave the service alone now. */
  isOpen(): boolean;
  /** Whether to leave it alone for good. */
  isOff(): boolean;
  succeeded(): void;
  /** Notes a failure; true where it opens the breaker. */
  failed(kind: Answer['kind'], started: number): boolean;
}

/** Two failures in a row make a pause; a refusal, a call that hung, or too much time lost make an end. */
function breaker({ pause, lost }: Pick<Limits, 'pause' | 'lost'>): Breaker {
  let [inARow, until, spent, counted] = [0, 0, 0, 0];
  const isOpen = (): boolean => performance.now() < until;
  return {
    isOpen,
    isOff: () => until === Number.POSITIVE_INFINITY,
    succeeded: () => {
      inARow = 0;
    },
    failed: (kind, started) => {
      const now = performance.now();
      // calls side by side lose the same seconds
      spent += now - Math.max(started, counted);
      counted = now;
      inARow += 1;
      const wasOpen = isOpen();
      if (kind === 'refused' || kind === 'stalled' || spent > lost) until = Number.POSITIVE_INFINITY;
      else if (inARow >= 2) until = now + pause;
      return !wasOpen && isOpen();
    },
  };
}

/** Waits, or until the signal. */
function passed(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
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
      await passed(60_000 - (now - (recent[0] ?? now)), NEVER);
    }
  };
}

const NEVER = new AbortController().signal;
