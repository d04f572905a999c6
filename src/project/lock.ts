import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';

/** A lock that names no process yet may be a moment old: its build is just about to write it. */
const UNWRITTEN_MS = 10_000;

/** Locks that this process holds. One that bears our number and is not among them was left in another container. */
const held = new Set<string>();

/** The process that a lock names (0: none), and whether the build that made it may still run. */
interface Lock {
  readonly process: number;
  readonly isAlive: boolean;
}

/**
 * Takes the project's `.build.lock`, so that no two builds write the same project. A lock whose process is gone is taken
 * over. Returns what gives it back. Throws UserError where another build is running.
 */
export async function lockProject(projectDir: string): Promise<() => Promise<void>> {
  const path = join(projectDir, '.build.lock');
  if (held.has(path)) throw busy(path, process.pid);
  held.add(path);
  try {
    await acquire(path, projectDir);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function acquire(path: string, projectDir: string): Promise<void> {
  if (await take(path, projectDir)) return;
  const found = await readLock(path);
  if (found?.isAlive || !(await takeOver(path, projectDir))) throw busy(path, found?.process ?? 0);
}

function noProject(projectDir: string): UserError {
  return new UserError(`no project_state.json in ${projectDir}: there is no such folder`, {
    hint: 'Give the folder of a Flaming Horse project as `project`.',
  });
}

function busy(path: string, holder: number): UserError {
  return new UserError(`another build of this project is running (process ${holder || 'unknown'})`, {
    place: { file: path },
    hint: 'Wait for it to end. If there is none, remove .build.lock.',
  });
}

async function take(path: string, projectDir: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return false;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw noProject(projectDir);
    throw new UserError(`cannot write to the project folder ${projectDir} (${code})`, {
      hint: 'The build writes media/, log/, project_state.json and final_video.mp4 there.',
      cause: error,
    });
  }
}

/** What the lock says; undefined where there is none. */
async function readLock(path: string): Promise<Lock | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const facts = await stat(path).catch(() => undefined);
  if (text === undefined || facts === undefined) return undefined;
  const number = Number(/^\s*(\d+)\s*$/.exec(text)?.[1] ?? 0);
  if (number > 0) return { process: number, isAlive: number !== process.pid && isAlive(number) };
  return { process: 0, isAlive: text === '' && Date.now() - facts.mtimeMs < UNWRITTEN_MS };
}

/**
 * Takes over an abandoned lock. One build at a time may do so, since another would take the new lock of the first for the
 * abandoned one and remove it. False where another build has it by now.
 */
async function takeOver(path: string, projectDir: string): Promise<boolean> {
  const guard = `${path}.removing`;
  const left = await stat(guard).catch(() => undefined);
  if (left && Date.now() - left.mtimeMs > UNWRITTEN_MS) await rm(guard, { recursive: true, force: true });
  try {
    await mkdir(guard);
  } catch {
    return false;
  }
  try {
    const lock = await readLock(path);
    if (lock?.isAlive) return false;
    // without a lock there is nothing to remove: whatever appears there now is another's
    if (lock) await rm(path, { force: true });
    return await take(path, projectDir);
  } finally {
    await rm(guard, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
