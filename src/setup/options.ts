import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../log.js';
import type { Store } from '../store/store.js';

/** What set-up is asked for and may use. */
export interface SetupOptions {
  /** A Python to use, a path or a name on PATH; empty: find one. */
  readonly python: string;
  /** `auto` installs what is missing; `never` says what is missing and stops. */
  readonly setup: 'auto' | 'never';
  /** Where virtual environments outlive a machine that forgets everything. */
  readonly store: Store;
  /** First part of every cache key. */
  readonly cachePrefix: string;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** The folder of this project in the user's cache home. */
  readonly home?: string;
  /** Whether this machine forgets its cache home when the job ends, so that the store must keep what was made. */
  readonly forgetful?: boolean;
}

/** The folder of this project in the user's cache home. */
export function cacheHome(env: NodeJS.ProcessEnv = process.env): string {
  const usual = process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  return join(env.XDG_CACHE_HOME || usual, 'flaming-horse');
}

/** Hosted runners start empty each time; act works in the user's own home. */
export function isForgetful(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.GITHUB_ACTIONS === 'true' && env.ACT !== 'true';
}
