import { open, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UserError, UserErrors } from '../errors.js';
import type { Host } from '../host.js';
import type { Options } from '../inputs.js';
import { machineProblem, naming } from '../machine-errors.js';

/** A folder that a build writes to, under the name that people know it by. */
interface Place {
  readonly name: string;
  readonly path: string;
}

/** No build gets far with less. */
const LEAST_BYTES = 16 * 2 ** 20;

/**
 * Finds out before any work whether a build can write where it must: the project, the work folder, the folder of the
 * video, the runner's file for outputs. Throws UserErrors, one for each place that it cannot; warns of a temporary folder
 * that cannot be used, without which a build goes on.
 */
export async function checkPlaces({ project, output }: Options, host: Host): Promise<void> {
  if (!(await isFolder(project))) return; // told when it is read
  const places: Place[] = [
    { name: 'the project folder', path: project },
    { name: 'the folder for work', path: join(host.workspace, '.flaming-horse') },
    ...(output === undefined ? [] : [{ name: 'the folder of the output', path: dirname(output) }]),
  ];
  const problems = await Promise.all([...places.map(problemOf), ...host.writes.map(problemOfFile)]);
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new UserErrors(found);
  const temporary = await problemOf({ name: 'the temporary folder', path: tmpdir() });
  if (temporary) host.log.warning(`${temporary.message}; ${temporary.hint}`);
}

async function problemOf({ name, path }: Place): Promise<UserError | undefined> {
  const folder = await existing(path);
  const trial = join(folder, `.flaming-horse-${process.pid}.partial`);
  try {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < LEAST_BYTES) return tooFull(name, path, bavail * bsize);
    await naming(trial, async () => {
      const file = await open(trial, 'w');
      try {
        await file.writeFile('flaming horse\n');
      } finally {
        await file.close();
      }
    });
    return undefined;
  } catch (error) {
    return named(name, path, error);
  } finally {
    await rm(trial, { force: true }).catch(() => {});
  }
}

async function problemOfFile({ name, path }: Place): Promise<UserError | undefined> {
  try {
    await (await open(path, 'a')).close();
    return undefined;
  } catch (error) {
    return named(name, path, error);
  }
}

function named(name: string, path: string, error: unknown): UserError {
  const problem = machineProblem(error);
  if (!problem) throw error;
  return new UserError(`cannot write to ${name} ${path}: ${problem.meaning}`, { hint: problem.hint, cause: error });
}

function tooFull(name: string, path: string, free: number): UserError {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return new UserError(
    `cannot build: the disk of ${name} ${path} has ${mib(free)} left, and a build needs ${mib(LEAST_BYTES)} at the very least`,
    { hint: 'Free some space there, or choose another place.' },
  );
}

/** The folder itself, or the nearest one around it that is there. */
async function existing(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const there = await stat(folder).catch(() => undefined);
    if (there || dirname(folder) === folder) return folder;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
