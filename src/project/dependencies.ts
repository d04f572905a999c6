import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { UserError, UserErrors } from '../errors.js';
import { nodesOf, type PythonSource, parsePython, textOf } from './python-source.js';
import { lockedSize, narrationUses, needsLatex, type Scene } from './scenes.js';

/** What a scene is made from, as far as its sources tell without running them. */
export interface SceneDependencies {
  /** The scene file and the project's modules that it imports, theirs too; by path relative to the repository root. */
  readonly sources: ReadonlyMap<string, PythonSource>;
  /** The narration keys it uses; every key of the script where a use cannot be read off the sources. */
  readonly narrationKeys: readonly string[];
  /** Why every line counts as used, in words; undefined where the uses are known. */
  readonly computedKeys: string | undefined;
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
    const fresh = readFile(file, 'utf8').then(
      (text) => parsePython(file, text),
      () => undefined,
    );
    parsed.set(file, fresh);
    return fresh;
  };
  const found = new Map<string, SceneDependencies>();
  const problems: UserError[] = [];
  for (const scene of scenes) {
    const sources = await importedSources(scene.source, context, read);
    const narration = usedKeys(sources, context);
    problems.push(...narration.problems);
    found.set(scene.id, {
      sources,
      narrationKeys: narration.keys,
      computedKeys: narration.computed,
      latex: [...sources.values()].some(needsLatex),
      size: { ...DEFAULT_SIZE, ...lockedSize(scene.source) },
    });
  }
  if (problems.length > 0) throw new UserErrors(problems);
  return found;
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
  for (const node of nodesOf(source)) {
    if (node.name !== 'ImportStatement') continue;
    const statement = textOf(source, node)
      .replaceAll(/#[^\n]*/g, '')
      .replaceAll(/[\s()\\]+/g, ' ');
    const from = /^from ([.\w ]+) import (.*)$/.exec(statement);
    if (!from) {
      for (const item of statement.replace(/^import /, '').split(',')) look(roots, item.trim().split(' as ')[0] ?? '');
      continue;
    }
    const [, base = '', names = ''] = from;
    const compact = base.replaceAll(' ', '');
    const dots = /^\.*/.exec(compact)?.[0].length ?? 0;
    const module = compact.slice(dots);
    const start = dots === 0 ? roots : [resolve(folder, ...Array<string>(dots - 1).fill('..'))];
    if (module !== '') look(start, module);
    // `from package import name`: name may be a module of its own
    for (const name of names.split(',')) {
      const bare = name.trim().split(' as ')[0] ?? '';
      if (/^\w+$/.test(bare)) look(start, module === '' ? bare : `${module}.${bare}`);
    }
  }
  return candidates;
}

function usedKeys(
  sources: ReadonlyMap<string, PythonSource>,
  context: DependencyContext,
): { keys: readonly string[]; computed: string | undefined; problems: UserError[] } {
  const module = /([^/\\]+)\.py$/.exec(context.narrationFile)?.[1] ?? 'narration_script';
  const keys = new Set<string>();
  const problems: UserError[] = [];
  let computed: string | undefined;
  for (const [name, source] of sources) {
    for (const use of narrationUses(source, module)) {
      if (use.key === undefined) computed ??= `${name}:${use.line} uses SCRIPT in a way that is not SCRIPT["key"]`;
      else if (context.narrationKeys.includes(use.key)) keys.add(use.key);
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
  const used = computed === undefined ? context.narrationKeys.filter((key) => keys.has(key)) : context.narrationKeys;
  return { keys: used, computed, problems };
}
