import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { childEnvironment } from '../process.js';
import { makeTemporary } from '../temporary.js';
import type { CacheAnswer, CacheCall, CacheMessage, CacheStart } from './cache-process.js';

/** How a call ended. `stalled`: it was given up; the service does not answer, or next to nothing moves. */
export type Answer = CacheAnswer | { readonly kind: 'stalled'; readonly why: string };

/** The cache service of a runner. No method throws. */
export interface CacheService {
  /** Whether the runner has one. */
  available(): Promise<boolean>;
  find(key: string, prefixes: readonly string[]): Promise<Answer>;
  restore(key: string, prefixes: readonly string[], folder: string, linksTo?: string): Promise<Answer>;
  save(key: string, folder: string, taken: () => void): Promise<Answer>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/** How long is waited, in ms. */
export interface Patience {
  /** For the process to be ready. */
  readonly start: number;
  /** For the answer to a question. */
  readonly answer: number;
  /** In any stretch of this length, a transfer must move at least `bytes`. Entries of 300 MB are usual. */
  readonly stretch: number;
  readonly bytes: number;
}

/** 64 KiB a second: what comes slower is sooner made again. */
export const PATIENCE: Patience = { start: 15_000, answer: 10_000, stretch: 10_000, bytes: 640 * 1024 };

const LOOK_MS = 250;

/** Variables that the package reads, beside those that every child may see. */
const OF_THE_PACKAGE =
  /^(PATH|ACTIONS_(CACHE|RESULTS|RUNTIME)_.*|GITHUB_(SERVER_URL|REF)|SEGMENT_DOWNLOAD_TIMEOUT_MINS|CACHE_UPLOAD_.*|(https?|no|all)_proxy)$/i;

interface Pending {
  readonly work: CacheCall['work'];
  readonly settle: (answer: Answer) => void;
  readonly taken: () => void;
  readonly since: number;
  /** When it last had moved enough, and how much had moved by then. */
  mark: { time: number; bytes: number };
}

/** A process of @actions/cache while it lives. */
interface Running {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly available: Promise<boolean>;
}

/**
 * Asks @actions/cache in a process of its own, which is started at once. `command`: the program and arguments that run
 * `cacheProcess`. A call that takes too long ends the process with all its calls; the next call starts another.
 */
export function cacheClient(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  log: Log,
  patience: Patience = PATIENCE,
): CacheService {
  const pending = new Map<number, Pending>();
  let calls = 0;
  let moved = 0;
  let running: Promise<Running> | undefined;

  const stop = async (why: string): Promise<void> => {
    const ended = running;
    running = undefined;
    for (const [id, { settle }] of pending) {
      pending.delete(id);
      settle({ kind: 'failed', why });
    }
    await ended?.then(endProcess, () => {});
  };

  const onMessage = (message: CacheMessage): void => {
    if (message.about === 'moved') moved = message.bytes;
    else if (message.about === 'taken') pending.get(message.id)?.taken();
    else if (message.about === 'answer') {
      const call = pending.get(message.id);
      pending.delete(message.id);
      call?.settle(message.answer);
    }
  };

  const giveUp = (id: number, why: string): void => {
    const call = pending.get(id);
    pending.delete(id);
    call?.settle({ kind: 'stalled', why });
    void stop('it was ended with a call that hung');
  };

  const look = setInterval(() => {
    const now = performance.now();
    for (const [id, call] of pending) {
      if (moved - call.mark.bytes >= patience.bytes) call.mark = { time: now, bytes: moved };
      const [limit, since] = call.work === 'find' ? [patience.answer, call.since] : [patience.stretch, call.mark.time];
      if (now - since <= limit) continue;
      const seconds = ((now - since) / 1000).toFixed(0);
      const bytes = moved - call.mark.bytes;
      giveUp(id, call.work === 'find' ? `no answer in ${seconds} s` : `${bytes} bytes in ${seconds} s`);
      break;
    }
  }, LOOK_MS);
  look.unref();

  const start = (): Promise<Running> => {
    moved = 0;
    const started = startProcess(command, env, patience.start, onMessage, (why) => {
      log.debug(`cache process: ${why}`);
      if (running === started) void stop(why);
    });
    running = started;
    return started;
  };
  void start().catch(() => {}); // told by the first call

  const ask = async (call: Omit<CacheCall, 'id'>, taken: () => void = () => {}): Promise<Answer> => {
    try {
      const { child, available } = await (running ?? start());
      await available;
      const id = ++calls;
      return await new Promise<Answer>((settle) => {
        const now = performance.now();
        pending.set(id, { work: call.work, settle, taken, since: now, mark: { time: now, bytes: moved } });
        child.send({ ...call, id }, (error) => error && giveUp(id, messageOf(error)));
      });
    } catch (error) {
      return { kind: 'failed', why: messageOf(error) };
    }
  };

  return {
    available: async () => {
      try {
        return await (await (running ?? start())).available;
      } catch (error) {
        log.warning(`the program for the cache service does not start: ${messageOf(error)}`);
        return false;
      }
    },
    find: (key, prefixes) => ask({ work: 'find', key, prefixes, folder: '', linksTo: undefined }),
    restore: (key, prefixes, folder, linksTo) => ask({ work: 'restore', key, prefixes, folder, linksTo }),
    save: (key, folder, taken) => ask({ work: 'save', key, prefixes: [], folder, linksTo: undefined }, taken),
    close: async () => {
      clearInterval(look);
      await stop('the build is over');
    },
  };
}

async function startProcess(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  limit: number,
  onMessage: (message: CacheMessage) => void,
  onEnd: (why: string) => void,
): Promise<Running> {
  const folder = await makeTemporary(temporaryFolder(env));
  try {
    const child = spawn(program, args, {
      // no secret in what other processes can read of it: it gets them by a message
      env: { ...childEnvironment({}, 'tool', env), NODE_EXTRA_CA_CERTS: env.NODE_EXTRA_CA_CERTS },
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let said = '';
    child.stderr?.on('data', (data) => {
      said = `${said}${data}`.slice(-1000);
    });
    const available = new Promise<boolean>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('it does not get ready')), limit);
      child.on('message', (message: CacheMessage) => {
        if (message.about === 'available') {
          clearTimeout(timer);
          resolve(message.available);
        } else onMessage(message);
      });
      child.on('error', reject);
      child.on('exit', (status, signal) => {
        clearTimeout(timer);
        const why = `it ended with ${status ?? signal}: ${said.trim().split('\n').at(-1)}`;
        reject(new Error(why));
        onEnd(why);
      });
    });
    available.catch(() => {}); // heard by whoever asks
    const variables = Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && OF_THE_PACKAGE.test(name) ? [[name, value]] : [],
    );
    const start: CacheStart = { env: Object.fromEntries(variables), folder };
    child.send(start, () => {});
    return { child, folder, available };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function endProcess({ child, folder }: Running): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      process.kill(-child.pid, 'SIGKILL'); // with tar and zstd
      await ended;
    } catch {
      // gone by itself
    }
  }
  await rm(folder, { recursive: true, force: true }).catch(() => {});
}

/** A folder whose name has no blank: the package does not quote it. */
function temporaryFolder(env: NodeJS.ProcessEnv): string {
  return [env.RUNNER_TEMP, tmpdir()].find((folder) => folder && !/\s/.test(folder)) ?? '/tmp';
}
