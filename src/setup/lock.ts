import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../errors.js';
import { childEnvironment, run } from '../process.js';
import { shippedFile } from '../shipped.js';

export interface LockOptions {
  /** Any Python 3; it holds the lock. */
  readonly python: string;
  /** Called once when someone else holds the lock. */
  readonly onWait?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does some work while no other process on this machine holds the lock on `file`. The kernel keeps the lock for a child
 * of ours and gives it back when that child ends, however this process ends: there are no stale locks.
 */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const { python, onWait, signal } = options;
  await mkdir(dirname(file), { recursive: true });
  const release = new AbortController();
  let locked = (): void => {};
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const holder = run(python, ['-I', '-S', shippedFile('python/hold_lock.py'), file], {
    env: childEnvironment(),
    guardPython: python,
    signal: signal ? AbortSignal.any([signal, release.signal]) : release.signal,
    onEvent: ({ event }) => (event === 'locked' ? locked() : onWait?.()),
  });
  try {
    const ended = await Promise.race([isLocked, holder]);
    signal?.throwIfAborted();
    if (ended)
      throw new UserError(`cannot lock ${file}: ${ended.stderr.trim() || ended.reason || ended.status}`, {
        hint: 'The folder must be writable; HOME and XDG_CACHE_HOME say where it lies.',
      });
    return await work();
  } finally {
    release.abort();
    await holder.catch(() => {}); // thrown above already
  }
}
