import { type FileHandle, lstat, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { existedAt, isRunning, type Owner, thisOwner } from '../owner.js';

/** A lock that names no process yet may be a moment old: its build is just about to write it. */
const UNWRITTEN_MS = 10_000;
/** How often a build shows that it lives, and after how long without a sign it counts as gone where nothing else tells. */
const SIGN_MS = 5_000;
const SILENT_MS = 120_000;
/** Bytes of a lock that are read. */
const READ_BYTES = 1000;

/** Locks that this process holds. */
const held = new Set<string>();

/** A lock that is there. */
interface Lock {
  /** The process that it names; 0: none. */
  readonly process: number;
  /** Whether the build that made it may still run. */
  readonly isAlive: boolean;
  /** Whether the process is one of this machine, and of this container. */
  readonly isHere: boolean;
}

/**
 * Takes the project's `.build.lock`, so that no two builds write the same project. A lock whose build is gone is taken
 * over: one of this machine by its process number and start time, one of another machine or container (a shared folder)
 * when it showed no sign of life for two minutes. Returns what gives it back. Throws UserError where another build is
 * running.
 */
export async function lockProject(projectDir: string): Promise<() => Promise<void>> {
  const path = join(projectDir, '.build.lock');
  const here = { process: process.pid, isAlive: true, isHere: true };
  if (held.has(path)) throw busy(path, here);
  held.add(path);
  try {
    const file = (await take(path, projectDir)) ?? (await takeOver(path, projectDir));
    return await keep(file, path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
}

/** Shows now and then that this build lives. Returns what gives the lock back. */
async function keep(file: FileHandle, path: string): Promise<() => Promise<void>> {
  // written, not touched: the time is then that of the machine that has the folder
  const timer = setInterval(() => file.write(lockText(), 0).catch(() => {}), SIGN_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    const ours = await file.stat().catch(() => undefined);
    const there = await lstat(path).catch(() => undefined);
    if (ours && there?.ino === ours.ino) await rm(path, { force: true });
    await file.close().catch(() => {});
    held.delete(path);
  };
}

/** The number first: that is what other programs and earlier versions read. */
function lockText(): string {
  const { pid, start, space } = thisOwner();
  return `${pid}\n${start || '-'} ${space}\n`;
}

function noProject(projectDir: string): UserError {
  return new UserError(`no project_state.json in ${projectDir}: there is no such folder`, {
    hint: 'Give the folder of a Flaming Horse project as `project`.',
  });
}

function unwritable(projectDir: string, cause: unknown): UserError {
  const code = (cause as NodeJS.ErrnoException).code;
  return new UserError(`cannot write to the project folder ${projectDir} (${code})`, {
    hint: 'The build writes media/, log/, project_state.json and final_video.mp4 there.',
    cause,
  });
}

function busy(path: string, lock: Lock | undefined): UserError {
  const who = lock?.process ? `process ${lock.process}` : 'process unknown';
  const where = lock && !lock.isHere ? ', on another machine or in another container' : '';
  return new UserError(`another build of this project is running (${who}${where})`, {
    place: { file: path },
    hint:
      where === ''
        ? 'Wait for it to end. If there is none, remove .build.lock.'
        : `Wait for it to end. If there is none, remove .build.lock, or try again in ${SILENT_MS / 60_000} minutes.`,
  });
}

/** Makes the lock; undefined where there is one. */
async function take(path: string, projectDir: string): Promise<FileHandle | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'wx');
    await file.write(lockText(), 0);
    return file;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (file) {
      await file.close().catch(() => {});
      await rm(path, { force: true });
    }
    if (code === 'EEXIST') return undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw noProject(projectDir);
    throw unwritable(projectDir, error);
  }
}

/** What the lock says at a time (ms); undefined where there is none. Throws UserError for what is no file. */
async function readLock(path: string, now: number): Promise<Lock | undefined> {
  const facts = await lstat(path).catch(() => undefined);
  if (facts === undefined) return undefined;
  const silent = now - facts.mtimeMs;
  const gone = { process: 0, isAlive: false, isHere: true };
  if (facts.isSymbolicLink()) return gone; // not followed: only the link itself will be removed
  if (!facts.isFile()) {
    throw new UserError(`${path} is not a file, so the project cannot be locked`, {
      hint: 'Remove it if no other program needs it.',
    });
  }
  const text = await start(path);
  if (text === undefined) return { ...gone, isAlive: silent < SILENT_MS, isHere: false };
  const [, number, begun, space] = /^\s*(\d{1,10})\s*(?:\n(\S+) (\S+)\s*)?$/.exec(text) ?? [];
  if (number === undefined) return { ...gone, isAlive: text === '' && silent < UNWRITTEN_MS };
  const pid = Number(number);
  if (begun === undefined || space === undefined)
    return { ...gone, process: pid, isAlive: pid !== process.pid && existedAt(pid, facts.mtimeMs) };
  const owner: Owner = { pid, start: begun === '-' ? '' : begun, space };
  const runs = isRunning(owner);
  // without a start time, the number may be that of a later process
  const isAlive = runs === undefined || owner.start === '' ? runs !== false && silent < SILENT_MS : runs;
  return { process: pid, isAlive, isHere: runs !== undefined };
}

/** The start of a file; undefined where it may not be read, empty where it is gone. */
async function start(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : undefined;
  }
}

/**
 * Takes over an abandoned lock. One build at a time may do so, since another would take the new lock of the first for the
 * abandoned one and remove it. Throws UserError where another build has it.
 */
async function takeOver(path: string, projectDir: string): Promise<FileHandle> {
  const found = await readLock(path, Date.now());
  if (found?.isAlive && found.isHere) throw busy(path, found);
  const guard = `${path}.removing`;
  const left = await lstat(guard).catch(() => undefined);
  if (left && Date.now() - left.mtimeMs > UNWRITTEN_MS) await rm(guard, { recursive: true, force: true });
  try {
    await mkdir(guard);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw busy(path, found);
    throw unwritable(projectDir, error);
  }
  try {
    // the clock of the machine that has the folder may be another
    const lock = await readLock(path, (await lstat(guard)).mtimeMs);
    if (lock?.isAlive) throw busy(path, lock);
    // without a lock there is nothing to remove: whatever appears there now is another's
    if (lock) {
      await rm(path, { force: true }).catch((error: unknown) => {
        throw unwritable(projectDir, error);
      });
    }
    const file = await take(path, projectDir);
    if (!file) throw busy(path, undefined);
    return file;
  } finally {
    await rm(guard, { recursive: true, force: true });
  }
}
