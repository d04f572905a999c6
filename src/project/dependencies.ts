import type { Finding } from './finding.js';
import { narrationUses, speaks } from './narration-uses.js';
import { environmentUses, outsideUses } from './outside.js';
import type { PythonSource } from './python-source.js';
import { readPython } from './python-source.js';
import { alwaysRuns } from './reach.js';
import { lockedSize, needsLatex, type Scene } from './scenes.js';
import { nameOf, type ReachedSources, type SourceContext, type SourceReader, sourceReader } from './sources.js';

export { nameOf } from './sources.js';

/** What a scene is made from, as far as its sources tell without running them. */
export interface SceneDependencies {
  /**
   * The scene file and the project's modules that it imports, theirs too; by path relative to the repository root. The
   * narration file is among them only where more than its lines is used.
   */
  readonly sources: ReadonlyMap<string, PythonSource>;
  /** The names of those that are imported whatever happens. */
  readonly certain: ReadonlySet<string>;
  /** The narration keys it uses; every key of the script where a use cannot be read off the sources. */
  readonly narrationKeys: readonly string[];
  /** Why every line counts as used, in words; undefined where the uses are known. */
  readonly computedKeys: string | undefined;
  /** Every SCRIPT["key"] that the narration does not have. */
  readonly missingKeys: readonly MissingKey[];
  /** What its sources ask for beside files: another run may get other answers, so its result is not kept. */
  readonly outside: readonly string[];
  /** The variables of the environment that it asks for, by name where they are named. */
  readonly environment: readonly string[] | 'all';
  readonly latex: boolean;
  readonly size: { readonly width: number; readonly height: number; readonly fps: number };
}

/** A narration key that a source asks for and the narration lacks. */
export interface MissingKey {
  readonly key: string;
  readonly finding: Finding;
}

export interface DependencyContext extends SourceContext {
  readonly narrationKeys: readonly string[];
}

/** Manim's own size for `-qh`, which the pipeline renders with. */
const DEFAULT_SIZE = { width: 1920, height: 1080, fps: 60 };

/** Reads the dependencies of all scenes, by scene id. */
export async function readDependencies(
  scenes: readonly Scene[],
  context: DependencyContext,
  read: SourceReader = sourceReader(context),
): Promise<ReadonlyMap<string, SceneDependencies>> {
  const found = new Map<string, SceneDependencies>();
  const script = remembered(() => readPython(context.narrationFile).catch(() => undefined));
  for (const scene of scenes) {
    const reached = await read(scene.source);
    const { sources, certain } = reached;
    const narration = usedKeys(scene, reached, context);
    const whole = narration.wholeFile ? await script() : undefined;
    found.set(scene.id, {
      sources: whole ? new Map([...sources, [nameOf(whole.path, context), whole]]) : sources,
      certain,
      narrationKeys: narration.keys,
      computedKeys: narration.computed,
      missingKeys: narration.missing,
      outside: [...sources].flatMap(([name, source]) =>
        outsideUses(source).map(({ what, line }) => `${name}:${line} asks for ${what}`),
      ),
      environment: allEnvironmentUses([...sources.values()]),
      latex: [...sources.values()].some(needsLatex),
      size: { ...DEFAULT_SIZE, ...lockedSize(scene.source) },
    });
  }
  return found;
}

function remembered<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function allEnvironmentUses(sources: readonly PythonSource[]): readonly string[] | 'all' {
  const uses = sources.map(environmentUses);
  return uses.includes('all') ? 'all' : [...new Set(uses.flat())].sort();
}

interface UsedNarration {
  readonly keys: readonly string[];
  readonly computed: string | undefined;
  readonly wholeFile: boolean;
  readonly missing: readonly MissingKey[];
}

function usedKeys(scene: Scene, { sources, certain }: ReachedSources, context: DependencyContext): UsedNarration {
  const module = /([^/\\]+)\.py$/.exec(context.narrationFile)?.[1] ?? 'narration_script';
  const keys = new Set<string>();
  const missing: MissingKey[] = [];
  let computed: string | undefined;
  let wholeFile = false;
  for (const [name, source] of sources) {
    for (const use of narrationUses(source, module, source !== scene.source)) {
      if (use.of !== 'line') {
        computed ??= `${name}:${use.line} uses the narration in a way that is not SCRIPT["key"]`;
        wholeFile ||= use.of === 'file';
      } else if (context.narrationKeys.includes(use.key)) keys.add(use.key);
      else {
        const isSure = certain.has(name) && isSureUse(source, use.at, scene);
        missing.push({
          key: use.key,
          finding: {
            severity: isSure ? 'error' : 'warning',
            message: `no narration line "${use.key}"`,
            place: { file: source.path, line: use.line },
            hint: `${nameOf(context.narrationFile, context)} has ${context.narrationKeys.join(', ') || 'no lines'}.`,
            sceneId: scene.id,
          },
        });
      }
    }
  }
  if (keys.size === 0 && computed === undefined && [...sources.values()].some(speaks))
    computed = `${nameOf(scene.file, context)} speaks a text that is not SCRIPT["key"]`;
  const used = computed === undefined ? context.narrationKeys.filter((key) => keys.has(key)) : context.narrationKeys;
  return { keys: used, computed, wholeFile, missing };
}

/** Whether a use of the narration is sure to be reached: nothing that another scene of the file, or of a module, does. */
function isSureUse(source: PythonSource, at: number, scene: Scene): boolean {
  return alwaysRuns(source, at, source === scene.source ? scene.className : undefined);
}
