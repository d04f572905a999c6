import { writeFile as write } from 'node:fs/promises';
import { isNativeError } from 'node:util/types';

/** What a machine answered to a call, for the person who can change that. */
export interface MachineProblem {
  /** "cannot write /p/final_video.mp4: the disk is full (ENOSPC)" */
  readonly message: string;
  /** "the disk is full (ENOSPC)" */
  readonly meaning: string;
  readonly hint: string;
}

const FREE = 'Free some space there, or choose another place.';
const PERMIT = 'Give the user that builds the right to it, or choose another place.';
const SHORTEN = 'Shorten the names of folders, files or classes.';
const MOVE = 'Move away what is in the way.';
const RAISE = 'Raise the limit (ulimit), or render fewer scenes at once (parallel-renders).';

/** Answers that are no fault of ours, by errno: what they mean, and what to do. */
const PROBLEMS: Readonly<Record<string, readonly [meaning: string, hint: string]>> = {
  ENOSPC: ['no space left on the disk', FREE],
  EDQUOT: ['the disk quota is used up', FREE],
  EFBIG: ['the file would be larger than the machine allows', 'Raise the limit (ulimit -f), or choose another disk.'],
  EROFS: ['the file system is read-only', 'Make it writable, or choose another place.'],
  EACCES: ['permission denied', PERMIT],
  EPERM: ['not permitted', PERMIT],
  ENAMETOOLONG: ['the name is too long', SHORTEN],
  ENOTDIR: ['a part of the path is a file, not a folder', MOVE],
  EISDIR: ['there is a folder in its place', MOVE],
  EEXIST: ['a part of the path is a file, not a folder', MOVE],
  ENOTEMPTY: ['the folder is not empty', 'See that nothing else writes there during a build.'],
  ELOOP: ['links in a circle', 'Correct the links.'],
  EMLINK: ['too many links', MOVE],
  ENOENT: [
    'it does not exist',
    'If something removed it during the build, build again. If nothing did, please report this.',
  ],
  EBUSY: ['something else is using it', 'Build again.'],
  ETXTBSY: ['something else is using it', 'Build again.'],
  EXDEV: ['it lies on another file system', 'Choose another place.'],
  EMFILE: ['too many open files', RAISE],
  ENFILE: ['too many open files on the machine', RAISE],
  ENOMEM: ['not enough memory', RAISE],
  EAGAIN: ['too many processes', RAISE],
  E2BIG: ['the arguments are too long', SHORTEN],
  EIO: ['the disk reports an error', 'Check the disk.'],
  ESTALE: ['the network file system lost it', 'Build again.'],
  ENXIO: ['it is no ordinary file', MOVE],
  ENODEV: ['it is no ordinary file', MOVE],
  ERR_INVALID_ARG_VALUE: ['the name holds a null character', SHORTEN],
  ERR_FS_FILE_TOO_LARGE: ['the file is too large', 'A file of this kind should be small: check what it holds.'],
};

const READS = new Set(['read', 'scandir', 'opendir', 'stat', 'lstat', 'readlink', 'realpath', 'access', 'statfs']);
/** Calls whose error may be for either; every other call that has a path changes something. */
const OPENS = new Set(['open', 'fstat', 'close']);

/** Calls on open files. */
const WITHOUT_PATH = new Set(['read', 'write', 'writev', 'fsync', 'fdatasync', 'ftruncate', 'close', 'fstat']);

/** What the machine answered, where something thrown is such an answer, whatever it is wrapped in. */
export function machineProblem(thrown: unknown): MachineProblem | undefined {
  for (let error = thrown, depth = 0; isNativeError(error) && depth < 5; error = error.cause, depth++) {
    const { code, syscall, path, dest } = factsOf(error);
    const [meaning, hint] = PROBLEMS[code] ?? [];
    if (meaning === undefined || hint === undefined || syscall === undefined) continue;
    const place = dest ?? path ?? (syscall === 'spawn' ? 'a program' : undefined);
    if (place === undefined && !WITHOUT_PATH.has(syscall)) continue; // of a connection, or the like
    const verb = syscall.startsWith('spawn')
      ? 'start'
      : READS.has(syscall)
        ? 'read'
        : OPENS.has(syscall)
          ? 'open'
          : 'write';
    return problem(`cannot ${verb}${place === undefined ? '' : ` ${place}`}`, `${meaning} (${code})`, hint);
  }
  return undefined;
}

function problem(what: string, meaning: string, hint: string): MachineProblem {
  return { message: `${what}: ${meaning}`, meaning, hint };
}

/** What an error of a call means, in words; undefined for an error of another kind. */
export function meaningOf(thrown: unknown): string | undefined {
  return isNativeError(thrown) ? PROBLEMS[factsOf(thrown).code]?.[0] : undefined;
}

interface ErrnoFacts {
  readonly code: string;
  readonly syscall: string | undefined;
  readonly path: string | undefined;
  readonly dest: string | undefined;
}

function factsOf(error: Error): ErrnoFacts {
  const own = error as NodeJS.ErrnoException & { dest?: string; info?: NodeJS.ErrnoException & { dest?: string } };
  const facts = own.info?.code === undefined ? own : own.info; // cp tells it in there
  const code = facts.code ?? '';
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const syscall = text(facts.syscall) ?? (code === 'ERR_FS_FILE_TOO_LARGE' ? 'read' : undefined);
  // of two paths, the one that is written is in question, but for one that is missing
  return { code, syscall, path: text(facts.path), dest: code === 'ENOENT' ? undefined : text(facts.dest) };
}

/** Runs some work that writes a file, and names the file in an error that names none (a full disk, for one). */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const own = error as NodeJS.ErrnoException;
    if (isNativeError(own) && own.code !== undefined && own.path === undefined) own.path = path;
    throw error;
  }
}

/** writeFile of node:fs/promises, whose errors always name the file. */
export const writeFile: typeof write = (file, ...rest) =>
  typeof file === 'string' ? naming(file, () => write(file, ...rest)) : write(file, ...rest);

/** What tools say of a disk when they fail, as errno. */
const SAID: readonly (readonly [words: RegExp, code: string])[] = [
  [/no space left on device/i, 'ENOSPC'],
  [/disk quota exceeded/i, 'EDQUOT'],
  [/file too large/i, 'EFBIG'],
  [/read-only file system/i, 'EROFS'],
  [/input\/output error/i, 'EIO'],
  [/file name too long/i, 'ENAMETOOLONG'],
  [/too many open files/i, 'EMFILE'],
  [/cannot allocate memory/i, 'ENOMEM'],
  [/permission denied/i, 'EACCES'],
];

/** The same for a tool that failed, from what it said. `path`: what it was to make. */
export function problemOfTool(said: string, path: string): MachineProblem | undefined {
  const code = SAID.find(([words]) => words.test(said))?.[1] ?? '';
  const [meaning, hint] = PROBLEMS[code] ?? [];
  if (meaning === undefined || hint === undefined) return undefined;
  return problem(`cannot make ${path}`, `${meaning} (${code})`, hint);
}
