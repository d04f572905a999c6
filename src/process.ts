import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { confining, onUnconfined } from './confinement.js';
import { guardProgram } from './guard.js';
import { eachLine, endOf, withCut } from './lines.js';
import { searchPath } from './search-path.js';

/** How a finished child ended. `signal` is set when it was killed, `reason` when we killed it ourselves. */
export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly reason: string | undefined;
  /** The limit that the child reached, where that is the reason. */
  readonly limit: 'wall' | 'idle' | undefined;
  /** The last megabyte or two of each stream. */
  readonly stdout: string;
  readonly stderr: string;
  /** Wall time in seconds. */
  readonly seconds: number;
  /** The most memory that the command had, in bytes; undefined where no guard told. */
  readonly peakBytes: number | undefined;
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; nothing is inherited beside it. */
  readonly env: NodeJS.ProcessEnv;
  /**
   * The Python that runs the guard, and confines the command; see docs/protocol.md. Without one the child is started bare:
   * short tools of the system, never code of the project or from the cache.
   */
  readonly guardPython?: string | undefined;
  /** Whether the command may read credentials in the home folder and the like, as installers need. */
  readonly credentials?: boolean;
  /** The socket of a server to offer the command to, through the guard; see docs/protocol.md. */
  readonly through?: string | undefined;
  /** Each JSON line that the child writes to descriptor 3. */
  readonly onEvent?: (event: Record<string, unknown>) => void;
  /** Each line of standard output and standard error; long ones are cut. */
  readonly onLine?: (line: string) => void;
  /** Seconds after which the child is killed, whatever it does. */
  readonly wallLimit?: number;
  /** Seconds without an event after which the child is killed. Output counts for nothing: it may be endless. */
  readonly idleLimit?: number;
  /** Whether an event shows progress; without this, each does. */
  readonly isProgress?: (event: Record<string, unknown>) => boolean;
  /** Sent to a guarded child that reached a limit, a while before it is killed: it can say where it stands. */
  readonly lastCall?: NodeJS.Signals;
  readonly signal?: AbortSignal;
  /** Ends the command, which is no longer needed: politely (SIGTERM), and a while later not. */
  readonly stop?: AbortSignal;
}

/** Characters of output kept of each stream, at least; the rest is dropped from the front. */
const KEPT_OUTPUT = 1_000_000;
/** Characters of a line of output, and of an event. A longer event is dropped. */
const LONGEST_LINE = 1_000_000;

/** Seconds that a command has to end by itself. */
const STOP_LIMIT = 3;
/** Seconds that it has to say where it stands. */
const LAST_CALL = 2;
/** Seconds that a guard has to kill everything. It gives up after 10 itself. */
const GUARD_LIMIT = 15;
/** Seconds in which output is still read when the child has ended and somebody else holds its pipes. */
const DRAIN_LIMIT = 1;

/** Running children, each with what kills it and what it started. */
const alive = new Map<ChildProcess, () => void>();

/** Kills every child and what it started; called when the action itself is told to stop. */
export function killAll(): void {
  for (const kill of alive.values()) kill();
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
 * command: look at `status`. Throws (ENOENT and the like) where the command cannot be started. Ends when the command
 * does, even where a process that it left behind holds its output open; a guard kills such processes.
 *
 * The one place in the project that starts processes.
 */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const { guardPython } = options;
  const through = options.through ? ['--through', options.through] : [];
  const flags = [...confining(options.credentials === true), ...through];
  const [file, argv] = guardPython
    ? [guardPython, ['-I', '-S', '-c', guardProgram(), ...flags, command, ...args]]
    : [command, [...args]];
  const started = performance.now();

  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const channel = child.stdio[3] as Duplex;
    const timers = new Set<NodeJS.Timeout>();
    const after = (seconds: number, work: () => void): NodeJS.Timeout => {
      const timer = setTimeout(work, seconds * 1000);
      timers.add(timer);
      return timer;
    };

    const killNow = (): void => {
      if (!guardPython) {
        killGroup(child);
        return;
      }
      channel.end(); // the guard then kills everything, also what left its process group
      after(GUARD_LIMIT, () => killGroup(child));
    };
    alive.set(child, killNow);
    let reason: string | undefined;
    let limit: Finished['limit'];
    const kill = (why: string): void => {
      reason ??= why;
      killNow();
    };
    const limitReached = (which: 'wall' | 'idle', why: string): void => {
      if (reason !== undefined) return;
      [limit, reason] = [which, why];
      if (!options.lastCall || !guardPython) {
        killNow();
        return;
      }
      child.kill(options.lastCall);
      after(LAST_CALL, killNow);
    };

    const { idleLimit, wallLimit } = options;
    let idleTimer: NodeJS.Timeout | undefined;
    const progressed = (): void => {
      if (idleLimit === undefined) return;
      if (idleTimer) idleTimer.refresh();
      else idleTimer = after(idleLimit, () => limitReached('idle', `no progress for ${idleLimit} s`));
    };
    progressed();
    if (wallLimit !== undefined) after(wallLimit, () => limitReached('wall', `not finished after ${wallLimit} s`));
    const onAbort = (): void => kill('cancelled');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    const onStop = (): void => {
      child.kill('SIGTERM');
      after(STOP_LIMIT, () => kill('not ended when asked to'));
    };
    options.stop?.addEventListener('abort', onStop, { once: true });
    if (options.stop?.aborted) onStop();

    const [stdout, stderr] = [child.stdout as Readable, child.stderr as Readable];
    const kept = [stdout, stderr].map((stream) => endOf(stream, KEPT_OUTPUT));
    const { onLine } = options;
    if (onLine) {
      for (const stream of [stdout, stderr]) eachLine(stream, LONGEST_LINE, (line, cut) => onLine(withCut(line, cut)));
    }
    let peakBytes: number | undefined;
    channel.on('error', () => {}); // the child may go before the channel does
    eachLine(channel, LONGEST_LINE, (line, cut) => {
      const event = cut > 0 ? undefined : parseEvent(line);
      if (event?.event === 'ended') peakBytes = Number(event.peak_rss_bytes) || undefined;
      else if (event?.event === 'unconfined') onUnconfined(event);
      else if (event) {
        if (options.isProgress?.(event) ?? true) progressed();
        options.onEvent?.(event);
      }
    });

    const settle = (): void => {
      alive.delete(child);
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      options.stop?.removeEventListener('abort', onStop);
    };
    child.on('error', (error) => {
      settle();
      reject(error);
    });
    child.on('exit', () => {
      if (!guardPython) killGroup(child); // what it started must not outlive it
      after(DRAIN_LIMIT, () => {
        for (const stream of [stdout, stderr, channel]) stream.destroy();
      });
    });
    child.on('close', (status, signal) => {
      settle();
      const seconds = (performance.now() - started) / 1000;
      const [out = '', err = ''] = kept.map((text) => text());
      resolve({ status, signal, reason, limit, stdout: out, stderr: err, seconds, peakBytes });
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
  if (from === process.env && env.PATH !== undefined) env.PATH = searchPath();
  return { ...env, ...extra };
}
