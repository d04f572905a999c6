import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Duplex, Readable } from 'node:stream';
import { shippedFile } from './shipped.js';

/** How a finished child ended. `signal` is set when it was killed, `reason` when we killed it ourselves. */
export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly reason: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall time in seconds. */
  readonly seconds: number;
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; nothing is inherited beside it. */
  readonly env: NodeJS.ProcessEnv;
  /** The Python that runs the guard; see docs/protocol.md. Without one the child is started bare (short tools). */
  readonly guardPython?: string;
  /** The socket of a server to offer the command to, through the guard; see docs/protocol.md. */
  readonly through?: string | undefined;
  /** Each JSON line that the child writes to descriptor 3. */
  readonly onEvent?: (event: Record<string, unknown>) => void;
  /** Each line of standard output and standard error. */
  readonly onLine?: (line: string) => void;
  /** Seconds after which the child is killed, whatever it does. */
  readonly wallLimit?: number;
  /** Seconds without an event or a line after which the child is killed. */
  readonly idleLimit?: number;
  readonly signal?: AbortSignal;
  /** Ends the command, which is no longer needed: politely (SIGTERM), and a while later not. */
  readonly stop?: AbortSignal;
}

/** Characters of output kept of each stream, at least; the rest is dropped from the front. */
const KEPT_OUTPUT = 1_000_000;

/** Seconds that a command has to end by itself. */
const STOP_LIMIT = 3;

const alive = new Set<ChildProcess>();

/** Kills every child and what it started; called when the action itself is told to stop. */
export function killAll(): void {
  for (const child of alive) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL'); // children are leaders of their own process group
  } catch {
    child.kill('SIGKILL');
  }
}

/**
 * Runs a command to its end, in a process group of its own, with standard input closed. Never throws for a failing
 * command: look at `status`. Throws (ENOENT and the like) where the command cannot be started.
 *
 * The one place in the project that starts processes.
 */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const through = options.through ? ['--through', options.through] : [];
  const [file, argv] = options.guardPython
    ? [options.guardPython, ['-I', '-S', shippedFile('python/guard.py'), ...through, command, ...args]]
    : [command, [...args]];
  const started = performance.now();

  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    alive.add(child);
    let reason: string | undefined;
    const kill = (why: string): void => {
      reason ??= why;
      killGroup(child);
    };

    let idleTimer: NodeJS.Timeout | undefined;
    const progressed = (): void => {
      if (options.idleLimit === undefined) return;
      clearTimeout(idleTimer);
      idleTimer = setTimeout(() => kill(`no progress for ${options.idleLimit} s`), options.idleLimit * 1000);
    };
    progressed();
    const wallTimer =
      options.wallLimit === undefined
        ? undefined
        : setTimeout(() => kill(`not finished after ${options.wallLimit} s`), options.wallLimit * 1000);
    const onAbort = (): void => kill('cancelled');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    let stopTimer: NodeJS.Timeout | undefined;
    const onStop = (): void => {
      child.kill('SIGTERM');
      stopTimer = setTimeout(() => kill('not ended when asked to'), STOP_LIMIT * 1000);
    };
    options.stop?.addEventListener('abort', onStop, { once: true });
    if (options.stop?.aborted) onStop();

    const kept = { stdout: '', stderr: '' };
    const collect = (stream: Readable, name: 'stdout' | 'stderr'): void => {
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
        kept[name] += `${line}\n`;
        // cut now and then, not at each line: each cut copies what is kept
        if (kept[name].length > 2 * KEPT_OUTPUT) kept[name] = kept[name].slice(-KEPT_OUTPUT);
        progressed();
        options.onLine?.(line);
      });
    };
    collect(child.stdout as Readable, 'stdout');
    collect(child.stderr as Readable, 'stderr');
    const channel = child.stdio[3] as Duplex;
    channel.on('error', () => {}); // the child may go before the channel does
    createInterface({ input: channel, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      progressed();
      const event = parseEvent(line);
      if (event) options.onEvent?.(event);
    });

    const settle = (): void => {
      alive.delete(child);
      clearTimeout(idleTimer);
      clearTimeout(wallTimer);
      clearTimeout(stopTimer);
      options.signal?.removeEventListener('abort', onAbort);
      options.stop?.removeEventListener('abort', onStop);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    // what it started must not outlive it, nor hold its output open for ever
    child.on('exit', () => killGroup(child));
    child.on('close', (status, signal) => {
      settle();
      resolve({ status, signal, reason, ...kept, seconds: (performance.now() - started) / 1000 });
    });
  });
}

function parseEvent(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // a torn last line of a killed child
  }
}

/** Variables that children may see. No token, no input, no service address of the runner is among them. */
const ALLOWED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'FONTCONFIG_FILE',
  'FONTCONFIG_PATH',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'TEXMFHOME',
  'TEXINPUTS',
  // lets the runner find and end what a cancelled job left behind
  'RUNNER_TRACKING_ID',
];

const ALLOWED_PREFIXES = ['LC_', 'FLAMING_HORSE_'];

/** Further variables that package installers need: proxies and mirrors as the user set them. */
const INSTALLER_PREFIXES = [
  'PIP_',
  'UV_',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HOMEBREW_',
];

/** The environment of a child: an allow-list of ours plus `extra`. `for: 'installer'` lets mirrors and proxies through. */
export function childEnvironment(
  extra: Readonly<Record<string, string>> = {},
  purpose: 'tool' | 'installer' = 'tool',
  from: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const prefixes = purpose === 'installer' ? [...ALLOWED_PREFIXES, ...INSTALLER_PREFIXES] : ALLOWED_PREFIXES;
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(from)) {
    if (ALLOWED.includes(name) || prefixes.some((prefix) => name.startsWith(prefix))) env[name] = value;
  }
  return { ...env, ...extra };
}
