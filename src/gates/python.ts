import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { writeFile } from '../machine-errors.js';
import { childEnvironment, run } from '../process.js';
import type { Finding } from '../project/finding.js';
import { importsOf } from '../project/imports.js';
import type { PythonSource } from '../project/python-source.js';
import { importRoots } from '../project/sources.js';
import { trustedPython } from '../setup/guard.js';
import { shippedFile } from '../shipped.js';
import { contentKey, sha256 } from '../store/keys.js';
import { findingAt, type SceneUnderCheck } from './check.js';
import { isGuarded } from './guarded.js';

/** The Python that would render, for questions about its grammar and its packages. */
export interface PythonToAsk {
  readonly executable: string;
  /** What decides its answers: its version and its packages. */
  readonly identity: string;
  /** Whether Manim is there. Without it, set-up makes an environment that has Manim and what it brings. */
  readonly hasManim: boolean;
}

/** Top-level modules of the environment that set-up makes, beside Python's own. */
const BROUGHT_BY_SETUP = new Set([
  ...['manim', 'manim_voiceover_plus', 'numpy', 'scipy', 'PIL', 'networkx', 'av', 'cairo', 'manimpango', 'moderngl'],
  ...['moderngl_window', 'pygments', 'pydub', 'rich', 'click', 'cloup', 'decorator', 'isosurfaces', 'mapbox_earcut'],
  ...['screeninfo', 'skia', 'pathops', 'srt', 'svgelements', 'tqdm', 'typing_extensions', 'watchdog', 'audioop'],
  ...['dotenv', 'humanhash', 'mutagen', 'sox', 'pkg_resources', 'setuptools', 'beautifulsoup4', 'bs4', 'glcontext'],
]);

/** Packages whose modules are all files of theirs; others may make modules as they please. */
const PLAIN_PACKAGES = /^manim(_voiceover(_plus)?)?\./;

const LIMIT_SECONDS = 60;
const FORMAT = 1;
/** An argument of a process holds 128 KiB on Linux. */
const FILES_AT_ONCE = 200;

const AnswerSchema = v.object({
  syntax: v.record(v.string(), v.object({ line: v.nullable(v.number()), message: v.string() })),
  missing: v.array(v.array(v.string())),
});
type Answer = v.InferOutput<typeof AnswerSchema>;

const MemorySchema = v.object({ format: v.literal(FORMAT), sound: v.array(v.string()) });

/** One question about one source of a scene. */
interface Question {
  readonly under: SceneUnderCheck;
  readonly source: PythonSource;
  readonly isSure: boolean;
  readonly modules: readonly { readonly module: string; readonly at: number }[];
  /** What the answer depends on. */
  readonly key: string;
}

/**
 * What only Python itself can tell: sources that it does not compile, and modules that it does not find. Sources that were
 * sound before, by content, are not asked about again (`memory`: the file that says so).
 */
export async function pythonFindings(
  scenes: readonly SceneUnderCheck[],
  python: PythonToAsk,
  memory: string,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const questions = scenes.flatMap((under) => questionsOf(under, python));
  const sound = await readMemory(memory);
  const open = questions.filter(({ key }) => !sound.has(key));
  if (open.length === 0) return [];
  const findings: Finding[] = [];
  const found = new Set<string>();
  for (let start = 0; start < open.length; start += FILES_AT_ONCE) {
    const some = open.slice(start, start + FILES_AT_ONCE);
    const answer = await ask(some, python, signal);
    for (const [index, question] of some.entries()) {
      const wrong = findingsOf(question, answer, answer.missing[index] ?? [], python);
      if (wrong.length > 0) found.add(question.key);
      findings.push(...wrong);
    }
  }
  await writeMemory(
    memory,
    questions.map(({ key }) => key).filter((key) => !found.has(key)),
  );
  return findings;
}

function questionsOf(under: SceneUnderCheck, python: PythonToAsk): Question[] {
  const { project, scene, dependencies } = under;
  return under.sources.map(({ reading: { source } }) => {
    const modules = importsOf(source).flatMap(({ level, module, at }) =>
      level === 0 && module !== '' && !isGuarded(source, at) ? [{ module, at }] : [],
    );
    const roots = rootsOf(source, under);
    // a module of the project that comes or goes is among the sources, or its scene's finding is not remembered
    const key = contentKey([sha256(source.text), python.identity, roots, [...dependencies.sources.keys()]]);
    const name = [...dependencies.sources].find(([, other]) => other === source)?.[0] ?? '';
    const isSure = source === scene.source || dependencies.certain.has(name);
    return { under: { ...under, project }, source, isSure, modules, key };
  });
}

function rootsOf(source: PythonSource, { project, scene }: SceneUnderCheck): string[] {
  const context = { projectDir: project.folder, repoRoot: project.repoRoot };
  const own = [...importRoots(source.path, context), ...importRoots(scene.file, context)];
  return [...new Set([...own, shippedFile('python'), shippedFile('python/provided')])];
}

async function ask(questions: readonly Question[], python: PythonToAsk, signal?: AbortSignal): Promise<Answer> {
  const job = {
    files: [...new Set(questions.map(({ source }) => source.path))],
    imports: questions.map((question) => ({
      roots: rootsOf(question.source, question.under),
      modules: [...new Set(question.modules.flatMap(({ module }) => [topOf(module), module]))],
    })),
  };
  const finished = await run(python.executable, [shippedFile('python/check_sources.py'), JSON.stringify(job)], {
    env: childEnvironment(),
    guardPython: (await trustedPython()) ?? python.executable,
    wallLimit: LIMIT_SECONDS,
    ...(signal && { signal }),
  });
  if (finished.status !== 0) {
    throw new Error(`python/check_sources.py ended with ${finished.reason ?? finished.status}: ${finished.stderr}`);
  }
  return v.parse(AnswerSchema, JSON.parse(finished.stdout));
}

function findingsOf(
  { under, source, isSure, modules }: Question,
  answer: Answer,
  missing: readonly string[],
  python: PythonToAsk,
): Finding[] {
  const checked = under.sources.find(({ reading }) => reading.source === source);
  if (!checked) return [];
  const wrong = answer.syntax[source.path];
  if (wrong) {
    const place = { file: source.path, line: wrong.line ?? 1 };
    return [
      findingAt(under, isSure ? 'error' : 'warning', place, `not valid Python: ${wrong.message}`, 'Correct this line.'),
    ];
  }
  // the scene says itself where modules are
  const mayMove = under.sources.some(({ reading }) => /\bsys\.path\b|\bsite\.addsitedir\b/.test(reading.source.text));
  return modules.flatMap(({ module, at }) => {
    if (!missing.includes(module)) return [];
    const top = topOf(module);
    if (!missing.includes(top) && module !== top && !PLAIN_PACKAGES.test(module)) return [];
    if (!python.hasManim && BROUGHT_BY_SETUP.has(top)) return [];
    const isCertain = python.hasManim && !mayMove;
    return [
      findingAt(
        under,
        isCertain ? checked.severityAt(at) : 'warning',
        checked.reading.placeOf(at),
        `no module ${module}`,
        hintFor(module),
      ),
    ];
  });
}

function topOf(module: string): string {
  return module.split('.')[0] ?? module;
}

function hintFor(module: string): string {
  if (/^manim-?voiceover-?plus/i.test(module.replaceAll('_', ''))) return 'Write it as manim_voiceover_plus.';
  if (/^(manimlib|manimgl|big_ol_pile_of_manim_imports)/.test(module))
    return 'That is another Manim than Manim Community: write `from manim import *`.';
  return 'Add the module to the repository, or give a Python that has it as the input python.';
}

async function readMemory(file: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(v.parse(MemorySchema, JSON.parse(await readFile(file, 'utf8'))).sound);
  } catch {
    return new Set(); // nothing, or nothing valid: everything is asked again
  }
}

async function writeMemory(file: string, sound: readonly string[]): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify({ format: FORMAT, sound: [...new Set(sound)] }));
  } catch {
    // it only saves time
  }
}

/** Where a build remembers which sources were sound. */
export function memoryOf(workDir: string): string {
  return join(workDir, 'checked.json');
}
