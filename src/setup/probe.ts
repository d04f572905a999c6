import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { childEnvironment, run } from '../process.js';
import { shippedFile } from '../shipped.js';
import { trustedPython } from './guard.js';
import { findOnPath } from './path.js';

/** What a Python is and what it has, as python/environment.py tells. */
export interface PythonFacts {
  readonly executable: string;
  /** The Python that a virtual environment was made from; the same as `executable` elsewhere. Links resolved. */
  readonly base_executable: string;
  readonly base_prefix: string;
  readonly version: string;
  readonly implementation: string;
  /** As sysconfig names it, e.g. "linux-x86_64". */
  readonly platform: string;
  readonly machine: string;
  readonly libc: string;
  /** Those of the modules we look for that can be imported. */
  readonly modules: readonly string[];
  /** Versions of all installed distributions by normalised name. */
  readonly distributions: Readonly<Record<string, string>>;
  /** Versions of the drawing libraries in use: cairo, pango. */
  readonly libraries: Readonly<Record<string, string>>;
  /** Why drawing libraries that are installed cannot be loaded. */
  readonly broken: readonly string[];
  /** Whether C extensions can be compiled for it. */
  readonly headers: boolean;
}

const PROBE_LIMIT_SECONDS = 60;
const USABLE =
  'Look whether it can be started where it lies (a folder mounted noexec?), or give another Python as input "python".';

/** Asks a Python what it is and what it has. Throws UserError that says why it cannot be used. */
export async function probePython(python: string, signal?: AbortSignal): Promise<PythonFacts> {
  const cannotStart = (error: NodeJS.ErrnoException): never => {
    throw new UserError(`${python} cannot be started (${error.code ?? error.message})`, { hint: USABLE, cause: error });
  };
  const path = python.includes('/') ? python : ((await findOnPath(python)) ?? python);
  await access(path, constants.X_OK).catch(cannotStart);
  const finished = await run(python, [shippedFile('python/environment.py')], {
    env: childEnvironment(),
    guardPython: await trustedPython(), // an environment from the cache runs code of its own at every start
    wallLimit: PROBE_LIMIT_SECONDS,
    ...(signal && { signal }),
  }).catch(cannotStart);
  signal?.throwIfAborted();
  try {
    if (finished.status === 0) return JSON.parse(finished.stdout) as PythonFacts;
  } catch {
    // said below
  }
  const why = finished.reason ?? (finished.stderr.trim().split('\n').at(-1) || `it ended with ${finished.status}`);
  throw new UserError(`${python} does not work as a Python 3: ${why}`, { hint: USABLE });
}

/** The oldest Python that runs what the action ships and what it installs. */
export const OLDEST_PYTHON = '3.11';

/** Whether a version, as "3.11.7", is at least `least`. */
export function isAtLeast(version: string, least: string): boolean {
  const numbers = (text: string): number[] => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [a, b] = [numbers(version), numbers(least)];
  for (let index = 0; index < b.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** What a scene imports, with the distribution that brings it. */
const NEEDED_MODULES = {
  manim: 'manim',
  manim_voiceover_plus: 'manim-voiceover-plus',
  // manim-voiceover-plus imports it without saying so
  pkg_resources: 'setuptools<81',
} as const;

/** The distributions that a Python lacks for rendering; empty where it has all. */
export function lackingForScenes(facts: PythonFacts): string[] {
  return Object.entries(NEEDED_MODULES)
    .filter(([module]) => !facts.modules.includes(module))
    .map(([, distribution]) => distribution);
}
