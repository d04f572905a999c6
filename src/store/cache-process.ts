import { AsyncLocalStorage } from 'node:async_hooks';
import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { childEnvironment } from '../process.js';
import { unpack } from './archive.js';
import { UnsafeEntry } from './tree.js';

/*
 * @actions/cache in a process of its own, which src/store/cache-client.ts starts and asks:
 *
 * - a service that hangs is ended with the process, whatever timers and sockets the package holds;
 * - the package takes its folders from the environment, and each call here gets its own: entries are archived relative to
 *   themselves, and what comes down is not unpacked by tar (see src/store/archive.ts);
 * - the package only logs why it failed: what it says is caught and read;
 * - the programs that it starts get none of the secrets that it has.
 */

/** The first message: the variables that the package reads, and a folder for all that is on its way. */
export interface CacheStart {
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** A call. `folder` is filled by a restore, read by a save. */
export interface CacheCall {
  readonly id: number;
  readonly work: 'find' | 'restore' | 'save';
  readonly key: string;
  readonly prefixes: readonly string[];
  readonly folder: string;
  readonly linksTo: string | undefined;
}

/** How a call ended. `refused`: asking again is of no use. `unusable`: the service is well, this entry is not. */
export type CacheAnswer =
  | { readonly kind: 'found'; readonly key: string }
  | { readonly kind: 'saved' }
  | { readonly kind: 'unusable'; readonly key: string; readonly why: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed' | 'refused'; readonly why: string };

export type CacheMessage =
  | { readonly about: 'available'; readonly available: boolean }
  | { readonly about: 'answer'; readonly id: number; readonly answer: CacheAnswer }
  /** The content of a save was read. */
  | { readonly about: 'taken'; readonly id: number }
  /** Bytes moved so far by all calls: over the network, into archives and out of them. */
  | { readonly about: 'moved'; readonly bytes: number };

/** A call while it runs. */
interface Running extends CacheCall {
  /** Where the package puts its archive. */
  readonly temporary: string;
  /** A name without blanks for `folder`: the package splits its commands at them. */
  readonly link: string;
  readonly said: string[];
  /** The status of the last answer. */
  status: number;
  /** The most bytes that its archive was seen to have. */
  archived: number;
}

type Service = typeof import('@actions/cache');

/** The path that entries are saved under: the folder of the call. The package mixes it into the identity of an entry. */
const PATHS = ['.'];
const REPORT_MS = 250;

/** Runs until its parent is gone. */
export async function cacheProcess(): Promise<void> {
  process.once('disconnect', endAll);
  const { env, folder } = await new Promise<CacheStart>((resolve) => process.once('message', resolve));
  const calls = new AsyncLocalStorage<Running>();
  const wire = countWire();
  let written = 0;
  const running = new Set<Running>();
  process.once('disconnect', () => {
    rmSync(folder, { recursive: true, force: true });
    endAll();
  });
  process.off('disconnect', endAll);
  setUp(env, folder, calls);
  subscribe('http.client.response.finish', (message) => {
    const call = calls.getStore();
    if (call) call.status = (message as { response: IncomingMessage }).response.statusCode ?? 0;
  });
  const service = await import('@actions/cache');

  process.on('message', (call: CacheCall) => {
    void (async () => {
      const temporary = join(folder, String(call.id));
      const state: Running = { ...call, temporary, link: join(temporary, 'entry'), said: [], status: 0, archived: 0 };
      running.add(state);
      const answer = await calls
        .run(state, () =>
          carryOut(state, service, (bytes) => {
            written += bytes;
          }),
        )
        .catch((error: unknown): CacheAnswer => ({ kind: 'failed', why: messageOf(error) }));
      running.delete(state);
      written += state.archived;
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      send({ about: 'answer', id: call.id, answer });
    })();
  });
  setInterval(() => {
    if (running.size === 0) return;
    for (const call of running) call.archived = Math.max(call.archived, archiveBytes(call.temporary));
    const archives = [...running].reduce((sum, { archived }) => sum + archived, 0);
    send({ about: 'moved', bytes: wire() + written + archives });
  }, REPORT_MS);
  send({ about: 'available', available: service.isFeatureAvailable() });
  await new Promise(() => {});
}

function send(message: CacheMessage): void {
  if (process.connected) process.send?.(message);
}

/** Ends with all that was started here, tar and zstd. */
function endAll(): void {
  process.kill(-process.pid, 'SIGKILL');
}

/** Gives the package an environment in which each call has its own folders, and catches what it prints. */
function setUp(env: CacheStart['env'], folder: string, calls: AsyncLocalStorage<Running>): void {
  const seen: NodeJS.ProcessEnv = { ...process.env, ...env };
  Object.defineProperty(seen, 'GITHUB_WORKSPACE', { get: () => calls.getStore()?.link, enumerable: true });
  Object.defineProperty(seen, 'RUNNER_TEMP', { get: () => calls.getStore()?.temporary, enumerable: true });
  process.env = seen;
  watchPrograms();
  process.cwd = () => calls.getStore()?.link ?? folder;
  process.stdout.write = (chunk: string | Uint8Array): boolean => {
    calls.getStore()?.said.push(String(chunk));
    const call = calls.getStore();
    // the archive is made
    if (call?.work === 'save' && String(chunk).includes('File Size: ')) send({ about: 'taken', id: call.id });
    return true;
  };
}

/**
 * Has the package's tar make archives, and keep those that it is asked to unpack: absolute paths and the like would be
 * unpacked as they are. Not by a tar of ours on PATH: a scene, which is of the same user, could change that file.
 */
function watchPrograms(): void {
  const { spawn } = childProcess;
  const watched = (program: string, args: readonly string[], options: SpawnOptions): ChildProcess => {
    const safe = { ...options, env: childEnvironment({}, 'tool', options.env) };
    const [option, archive] = args;
    return option === '-xf' && archive !== undefined
      ? spawn('mv', [archive, `${archive}.kept`], safe)
      : spawn(program, args, safe);
  };
  childProcess.spawn = watched as typeof spawn;
  syncBuiltinESMExports();
}

/** Counts the bytes that sockets move. The package tells of its progress only here and there. */
function countWire(): () => number {
  const open = new Set<net.Socket>();
  let closed = 0;
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    open.add(this);
    this.once('close', () => {
      open.delete(this);
      closed += this.bytesRead + this.bytesWritten;
    });
    return (connect as (...args: unknown[]) => net.Socket).apply(this, args);
  } as typeof connect;
  return () => [...open].reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, closed);
}

function archiveBytes(temporary: string): number {
  try {
    const folders = readdirSync(temporary, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const files = folders.flatMap(({ name }) =>
      readdirSync(join(temporary, name)).map((file) => join(temporary, name, file)),
    );
    return files.reduce((sum, file) => sum + statSync(file).size, 0);
  } catch {
    return 0; // gone while it was looked at
  }
}

async function carryOut(call: Running, service: Service, progress: (bytes: number) => void): Promise<CacheAnswer> {
  const { work, key, prefixes, folder, link, temporary } = call;
  await mkdir(temporary, { recursive: true });
  await symlink(work === 'find' ? temporary : folder, link);
  if (work === 'save') {
    const id = await service.saveCache(PATHS, key);
    // with protocol v1, there is an id although the upload failed
    return id === -1 || failureOf(call, 'save') !== undefined ? whyFailed(call, 'save') : { kind: 'saved' };
  }
  const found = await service.restoreCache(PATHS, key, [...prefixes], { lookupOnly: work === 'find' });
  if (found === undefined) return whyFailed(call, 'restore');
  if (typeof found !== 'string' || ![key, ...prefixes].some((asked) => found.startsWith(asked)))
    return { kind: 'failed', why: 'it gave another entry than the one asked for' };
  if (work === 'restore') {
    try {
      await unpack(await archiveOf(temporary), folder, call.linksTo, progress);
    } catch (error) {
      // the package takes what comes with an error for the archive
      if (call.status >= 400) {
        const kind = call.status === 401 || call.status === 403 ? 'refused' : 'failed';
        return { kind, why: `it responded with ${call.status} to a download` };
      }
      const why = error instanceof UnsafeEntry ? error.message : `its archive is damaged: ${messageOf(error)}`;
      return { kind: 'unusable', key: found, why };
    }
  }
  return { kind: 'found', key: found };
}

/** The archive that was kept. */
async function archiveOf(temporary: string): Promise<string> {
  const entries = await readdir(temporary, { recursive: true, withFileTypes: true });
  const kept = entries.find(({ name }) => name.endsWith('.kept'));
  if (kept === undefined) throw new Error('nothing came down');
  return join(kept.parentPath, kept.name);
}

/** Words of a service that will say the same however often it is asked. */
const REFUSAL = /\b(401|403)\b|denied|unauthorized|forbidden|permission|insufficient usage|quota/i;

function textOf({ said }: Running): string {
  return said.join('').replaceAll('%0A', '\n').replaceAll('%0D', '').replaceAll('%25', '%');
}

/** Why a call failed, as the package logs it; undefined where it does not. */
function failureOf(call: Running, kind: 'save' | 'restore'): string | undefined {
  return new RegExp(`Failed to ${kind}: (.*)`).exec(textOf(call))?.[1];
}

/** How a call ended that brought nothing. */
function whyFailed(call: Running, kind: 'save' | 'restore'): CacheAnswer {
  const { work, key } = call;
  const failure = failureOf(call, kind);
  if (failure === undefined && work !== 'save') return { kind: 'missing' };
  const cause = /Failed to reserve cache: (?:Error: )?(.*)/.exec(textOf(call))?.[1] ?? failure ?? 'it did not say why';
  // addresses carry signatures
  const why = cause.replace(/\?\S*/g, '').replaceAll(key, 'the entry').slice(0, 200);
  return { kind: REFUSAL.test(why) ? 'refused' : 'failed', why };
}
