import { join, relative, resolve, sep } from 'node:path';
import { type Import, importsOf } from './imports.js';
import { type PythonSource, readPython } from './python-source.js';
import { alwaysRuns } from './reach.js';

/** Where the modules of a project are looked for. Paths are absolute. */
export interface SourceContext {
  readonly projectDir: string;
  readonly repoRoot: string;
  readonly narrationFile: string;
}

/** A source and the project's modules that it imports, theirs too. */
export interface ReachedSources {
  /** By path relative to the repository root, in that order. The narration file is never among them. */
  readonly sources: ReadonlyMap<string, PythonSource>;
  /** Names of those that are imported whatever happens: by no import inside a function, `if` or `try`. */
  readonly certain: ReadonlySet<string>;
}

export type SourceReader = (source: PythonSource) => Promise<ReachedSources>;

/** Reads what sources import. Each module is read and parsed once, however many scenes import it. */
export function sourceReader(context: SourceContext): SourceReader {
  const parsed = new Map<string, Promise<PythonSource | undefined>>();
  const imported = new Map<PythonSource, Promise<readonly ImportedSource[]>>();
  const reached = new Map<PythonSource, Promise<ReachedSources>>();
  const read = (file: string): Promise<PythonSource | undefined> =>
    remembered(parsed, file, () => readPython(file).catch(() => undefined));
  const importsFrom = (source: PythonSource): Promise<readonly ImportedSource[]> =>
    remembered(imported, source, () => importedSources(source, context, read));
  return (source) => remembered(reached, source, () => reachedFrom(source, context, importsFrom));
}

/** A path for content keys: relative to the repository root, with forward slashes. */
export function nameOf(file: string, context: { readonly repoRoot: string }): string {
  return relative(context.repoRoot, file).split(sep).join('/');
}

/** The folders in which Python looks for what a file imports, in that order. */
export function importRoots(file: string, context: Pick<SourceContext, 'projectDir' | 'repoRoot'>): string[] {
  return [...new Set([resolve(file, '..'), context.repoRoot, context.projectDir])];
}

interface ImportedSource {
  readonly source: PythonSource;
  readonly certain: boolean;
}

async function reachedFrom(
  start: PythonSource,
  context: SourceContext,
  importsFrom: (source: PythonSource) => Promise<readonly ImportedSource[]>,
): Promise<ReachedSources> {
  const sources = new Map<string, PythonSource>();
  const certain = new Set<string>();
  const queue: ImportedSource[] = [{ source: start, certain: true }];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const name = nameOf(next.source.path, context);
    // a module that was reached on an uncertain way may be reached on a certain one, too
    if (certain.has(name) || (sources.has(name) && !next.certain)) continue;
    sources.set(name, next.source);
    if (next.certain) certain.add(name);
    for (const found of await importsFrom(next.source)) {
      queue.push({ source: found.source, certain: next.certain && found.certain });
    }
  }
  return { sources: new Map([...sources].sort(([a], [b]) => (a < b ? -1 : 1))), certain };
}

async function importedSources(
  source: PythonSource,
  context: SourceContext,
  read: (file: string) => Promise<PythonSource | undefined>,
): Promise<readonly ImportedSource[]> {
  const found: ImportedSource[] = [];
  for (const statement of importsOf(source)) {
    const certain = alwaysRuns(source, statement.at);
    for (const files of candidates(statement, source, context)) {
      for (const file of files) {
        if (file === context.narrationFile) break;
        const module = await read(file);
        if (!module) continue;
        found.push({ source: module, certain });
        break;
      }
    }
  }
  return found;
}

/** For each module that an import may name: the files it may be, in the order in which Python looks. */
function candidates({ level, module, names }: Import, source: PythonSource, context: SourceContext): string[][] {
  const found: string[][] = [];
  const folder = resolve(source.path, '..');
  const look = (roots: readonly string[], dotted: string): void => {
    const parts = dotted.split('.').filter((part) => part !== '');
    // importing a.b.c runs a/__init__.py and a/b/__init__.py too
    for (let length = 1; length <= parts.length; length++) {
      const path = parts.slice(0, length).join('/');
      found.push(roots.flatMap((root) => [join(root, path, '__init__.py'), join(root, `${path}.py`)]));
    }
  };
  const start =
    level === 0 ? importRoots(source.path, context) : [resolve(folder, ...Array<string>(level - 1).fill('..'))];
  if (module !== '') look(start, module);
  // `from package import name`: name may be a module of its own
  for (const { name } of names ?? []) if (name !== '*') look(start, module === '' ? name : `${module}.${name}`);
  return found;
}

function remembered<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const before = known.get(key);
  if (before !== undefined) return before;
  const fresh = make();
  known.set(key, fresh);
  return fresh;
}
