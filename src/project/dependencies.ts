import { join, relative, resolve, sep } from 'node:path';
import { UserError, UserErrors } from '../errors.js';
import { importsOf } from './imports.js';
import { narrationUses, speaks } from './narration-uses.js';
import { environmentUses, outsideUses } from './outside.js';
import { type PythonSource, readPython } from './python-source.js';
import { lockedSize, needsLatex, type Scene } from './scenes.js';

/** What a scene is made from, as far as its sources tell without running them. */
export interface SceneDependencies {
  /**
   * The scene file and the project's modules that it imports, theirs too; by path relative to the repository root. The
   * narration file is among them only where more than its lines is used.
   */
  readonly sources: ReadonlyMap<string, PythonSource>;
  /** The narration keys it uses; every key of the script where a use cannot be read off the sources. */
  readonly narrationKeys: readonly string[];
  /** Why every line counts as used, in words; undefined where the uses are known. */
  readonly computedKeys: string | undefined;
  /** What its sources ask for beside files: another run may get other answers, so its result is not kept. */
  readonly outside: readonly string[];
  /** The variables of the environment that it asks for, by name where they are named. */
  readonly environment: readonly string[] | 'all';
  readonly latex: boolean;
  readonly size: { readonly width: number; readonly height: number; readonly fps: number };
}

export interface DependencyContext {
  readonly projectDir: string;
  readonly repoRoot: string;
  readonly narrationFile: string;
  readonly narrationKeys: readonly string[];
}

/** Manim's own size for `-qh`, which the pipeline renders with. */
const DEFAULT_SIZE = { width: 1920, height: 1080, fps: 60 };

/**
 * Reads the dependencies of all scenes. Throws UserErrors for every SCRIPT["key"] that the narration does not have, at
 * its file and line.
 */
export async function readDependencies(
  scenes: readonly Scene[],
  context: DependencyContext,
): Promise<ReadonlyMap<string, SceneDependencies>> {
  const parsed = new Map<string, Promise<PythonSource | undefined>>();
  const read = (file: string): Promise<PythonSource | undefined> => {
    const known = parsed.get(file);
    if (known) return known;
    const fresh = readPython(file).catch(() => undefined);
    parsed.set(file, fresh);
    return fresh;
  };
  const found = new Map<string, SceneDependencies>();
  const problems: UserError[] = [];
  for (const scene of scenes) {
    const sources = await importedSources(scene.source, context, read);
    const narration = usedKeys(scene, sources, context);
    problems.push(...narration.problems);
    const script = narration.wholeFile ? await read(context.narrationFile) : undefined;
    found.set(scene.id, {
      sources: script ? new Map([...sources, [nameOf(script.path, context), script]]) : sources,
      narrationKeys: narration.keys,
      computedKeys: narration.computed,
      outside: [...sources].flatMap(([name, source]) =>
        outsideUses(source).map(({ what, line }) => `${name}:${line} asks for ${what}`),
      ),
      environment: allEnvironmentUses([...sources.values()]),
      latex: [...sources.values()].some(needsLatex),
      size: { ...DEFAULT_SIZE, ...lockedSize(scene.source) },
    });
  }
  if (problems.length > 0) throw new UserErrors(withoutRepeats(problems));
  return found;
}

function allEnvironmentUses(sources: readonly PythonSource[]): readonly string[] | 'all' {
  const uses = sources.map(environmentUses);
  return uses.includes('all') ? 'all' : [...new Set(uses.flat())].sort();
}

/** A module that several scenes import is wrong once, not once for each of them. */
function withoutRepeats(errors: readonly UserError[]): UserError[] {
  return [...new Map(errors.map((error) => [JSON.stringify([error.message, error.place]), error])).values()];
}

async function importedSources(
  scene: PythonSource,
  context: DependencyContext,
  read: (file: string) => Promise<PythonSource | undefined>,
): Promise<ReadonlyMap<string, PythonSource>> {
  const found = new Map<string, PythonSource>();
  const queue = [scene];
  for (let source = queue.pop(); source; source = queue.pop()) {
    const name = nameOf(source.path, context);
    if (found.has(name)) continue;
    found.set(name, source);
    for (const candidates of importCandidates(source, context)) {
      for (const file of candidates) {
        if (file === context.narrationFile) break;
        const module = await read(file);
        if (!module) continue;
        queue.push(module);
        break;
      }
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A path for content keys: relative to the repository root, with forward slashes. */
export function nameOf(file: string, context: { readonly repoRoot: string }): string {
  return relative(context.repoRoot, file).split(sep).join('/');
}

/** For each module that a source may import: the files it may be, in the order in which Python looks. */
function importCandidates(source: PythonSource, context: DependencyContext): string[][] {
  const candidates: string[][] = [];
  const folder = resolve(source.path, '..');
  const look = (roots: readonly string[], dotted: string): void => {
    const parts = dotted.split('.').filter((part) => part !== '');
    // importing a.b.c runs a/__init__.py and a/b/__init__.py too
    for (let length = 1; length <= parts.length; length++) {
      const path = parts.slice(0, length).join('/');
      candidates.push(roots.flatMap((root) => [join(root, path, '__init__.py'), join(root, `${path}.py`)]));
    }
  };
  const roots = [...new Set([folder, context.projectDir, context.repoRoot])];
  for (const { level, module, names } of importsOf(source)) {
    const start = level === 0 ? roots : [resolve(folder, ...Array<string>(level - 1).fill('..'))];
    if (module !== '') look(start, module);
    // `from package import name`: name may be a module of its own
    for (const { name } of names ?? []) if (name !== '*') look(start, module === '' ? name : `${module}.${name}`);
  }
  return candidates;
}

interface UsedNarration {
  readonly keys: readonly string[];
  readonly computed: string | undefined;
  readonly wholeFile: boolean;
  readonly problems: readonly UserError[];
}

function usedKeys(scene: Scene, sources: ReadonlyMap<string, PythonSource>, context: DependencyContext): UsedNarration {
  const module = /([^/\\]+)\.py$/.exec(context.narrationFile)?.[1] ?? 'narration_script';
  const keys = new Set<string>();
  const problems: UserError[] = [];
  let computed: string | undefined;
  let wholeFile = false;
  for (const [name, source] of sources) {
    for (const use of narrationUses(source, module, source !== scene.source)) {
      if (use.of !== 'line') {
        computed ??= `${name}:${use.line} uses the narration in a way that is not SCRIPT["key"]`;
        wholeFile ||= use.of === 'file';
      } else if (context.narrationKeys.includes(use.key)) keys.add(use.key);
      else {
        problems.push(
          new UserError(`no narration line "${use.key}"`, {
            place: { file: source.path, line: use.line },
            hint: `${nameOf(context.narrationFile, context)} has ${context.narrationKeys.join(', ') || 'no lines'}.`,
          }),
        );
      }
    }
  }
  if (keys.size === 0 && computed === undefined && [...sources.values()].some(speaks))
    computed = `${nameOf(scene.file, context)} speaks a text that is not SCRIPT["key"]`;
  const used = computed === undefined ? context.narrationKeys.filter((key) => keys.has(key)) : context.narrationKeys;
  return { keys: used, computed, wholeFile, problems };
}
