import { setTimeout as sleep } from 'node:timers/promises';
import { internalError, UserError, userErrorsOf } from './errors.js';
import type { Host } from './host.js';
import { killAll } from './process.js';
import { tellFailures } from './report/failures.js';

const FLUSH_LIMIT_MS = 5000;

/**
 * Runs an entry to its end and ends the process with the exit status: every user error is told once at its place, anything
 * else as an internal error with its stack. When the process is told to stop, children are killed first.
 */
export async function runAction(work: (host: Host, signal: AbortSignal) => Promise<void>, host: Host): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      stop.abort();
      killAll();
      host.log.error(`stopped by ${name}`);
      process.exit(name === 'SIGINT' ? 130 : 143);
    });
  }
  try {
    if (process.platform === 'win32') {
      throw new UserError('Windows is not supported', { hint: 'Use a Linux or macOS runner, or WSL.' });
    }
    await work(host, stop.signal);
  } catch (error) {
    process.exitCode = 1;
    tellFailures(userErrorsOf(error) ?? [internalError(error)], host.log, host.workspace);
  } finally {
    killAll();
  }
  await Promise.all([process.stdout, process.stderr].map(flushed));
  // not when the last socket or timer is gone: whatever a service or a library left open must not hold the job
  process.exit(process.exitCode ?? 0);
}

/** Waits until what was written is out, for a reader that reads. */
function flushed(stream: NodeJS.WriteStream): Promise<unknown> {
  const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
  return Promise.race([written, sleep(FLUSH_LIMIT_MS)]);
}
