import { join } from 'node:path';
import type { Log } from '../../src/log.js';
import { actionRoot } from '../../src/shipped.js';
import { actionsCacheBackend, type Limits } from '../../src/store/actions-cache.js';
import { type CacheService, cacheClient, type Patience } from '../../src/store/cache-client.js';
import type { Backend } from '../../src/store/store.js';
import { type CacheServer, cacheServer } from './cache-server.js';

const support = join(actionRoot(), 'tests', 'support');
const COMMAND = [
  process.execPath,
  '--import',
  join(support, 'typescript-hooks.mjs'),
  join(support, 'cache-process.ts'),
];

/** For services that are well: never given up. */
export const PATIENT: Patience = { start: 120_000, answer: 120_000, stretch: 120_000, bytes: 1 };
/** For services that hang: given up soon, but not because the machine is busy. */
export const QUICK: Patience = { ...PATIENT, answer: 4000, stretch: 4000, bytes: 640 * 1024 };

/** A cache server, and the real client on it. */
export interface Bench {
  readonly server: CacheServer;
  readonly service: CacheService;
  backend(limits?: Limits, log?: Log): Backend;
}

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const each of open) await each.close();
});

export async function cacheBench(
  version: 'v1' | 'v2',
  log: Log,
  patience: Patience = PATIENT,
  change: (env: Record<string, string>) => Record<string, string> = (env) => env,
): Promise<Bench> {
  const server = await cacheServer();
  const { PATH = '', HOME = '' } = process.env;
  const service = cacheClient(COMMAND, change({ PATH, HOME, ...server.env(version) }), log, patience);
  open.push(service, server);
  return {
    server,
    service,
    // the service outlives the backends on it
    backend: (limits, told = log) => actionsCacheBackend({ ...service, close: async () => {} }, told, limits),
  };
}
