import { UserError } from '../errors.js';
import { contentKey } from '../store/keys.js';
import {
  type Origin,
  type OwnEnvironment,
  ownEnvironment,
  probeEnvironment,
  provideEnvironment,
  RECIPES,
  requirementsFile,
} from './environment.js';
import { type FoundPython, findPython } from './find.js';
import { installSystem } from './install.js';
import { type Machine, readMachine } from './machine.js';
import { missingError, NEEDS, type Need, pythonPart } from './needs.js';
import { cacheHome, isForgetful, type SetupOptions } from './options.js';
import { findOnPath } from './path.js';
import { lackingForScenes, type PythonFacts, probePython } from './probe.js';
import { recordedVersions, recordVersions, type SetupRecord } from './record.js';
import { ffmpegVersion, findLatex, fontsHash, type Latex, lackingToCompile } from './tools.js';

export interface RuntimeOptions extends SetupOptions {
  /** Whether Tex or MathTex is used. */
  readonly latex: boolean;
}

/** Versions by name: what decides a scene's pixels and sound beside its sources. */
export type Versions = Readonly<Record<string, string>>;

/** Everything that renders scenes, ready. */
export interface Runtime {
  /** Absolute path of the Python that has Manim and voiceover. */
  readonly python: string;
  /** Whose it is: given as input, found on PATH, or a virtual environment of ours. */
  readonly source: 'input' | 'path' | 'own';
  readonly versions: Versions;
  /** What was found or installed, and why. */
  readonly report: readonly string[];
  readonly seconds: number;
}

/** The versions that rendering will have, and the runtime itself where nothing is missing. */
export interface ExpectedRuntime {
  readonly versions: Versions;
  readonly runtime: Runtime | undefined;
  /** The Python that was found, with Manim or without: set-up makes an environment from one without. */
  readonly python: PythonFacts;
}

/** What is there now. Looking changes nothing. */
interface Look {
  readonly machine: Machine;
  readonly found: FoundPython;
  /** Our own environment for that Python. */
  readonly own: OwnEnvironment;
  /** A Python that has what scenes import. */
  readonly ready: Ready | undefined;
  readonly tools: Tools;
}

interface Ready {
  readonly facts: PythonFacts;
  readonly source: Runtime['source'];
}

interface Tools {
  readonly ffmpeg: string | undefined;
  readonly fonts: string | undefined;
  readonly latex: Latex | undefined;
}

/**
 * The versions that rendering will have, without installing anything: those that are here, or where something is missing
 * those that set-up brought the last time on such a machine. A guess in the latter case; prepareRuntime tells. Where
 * nothing is missing, the runtime itself comes with them.
 */
export async function expectRuntime(options: RuntimeOptions): Promise<ExpectedRuntime> {
  const started = performance.now();
  const seen = await look(options);
  if (isWhole(seen.ready) && missingTools(seen.tools, options.latex).length === 0) {
    const runtime = runtimeOf(seen.ready, seen.tools, seen, options, started);
    return { versions: runtime.versions, runtime, python: seen.ready.facts };
  }
  const here = versionsOf(seen.ready?.facts ?? seen.found.facts, seen.tools, options.latex);
  const expected = forgets(options) ? await recordedVersions(recordOf(seen, options)) : undefined;
  return { versions: expected ?? here, runtime: undefined, python: seen.ready?.facts ?? seen.found.facts };
}

/** Makes ready what renders scenes. Throws UserError where something is missing that may not or cannot be installed. */
export async function prepareRuntime(options: RuntimeOptions): Promise<Runtime> {
  const started = performance.now();
  const seen = await look(options);
  const report: string[] = [];
  const refusal = options.setup === 'never' ? 'setup is "never"' : seen.machine.obstacle;
  if (refusal !== undefined) await refuse(seen, options, refusal);

  const [ready, installed] = await settle(seen.ready ?? own(seen, options, report), installTools(seen, options));
  const whole = isWhole(ready) ? ready : await mendLibraries(ready, seen, options, report);
  // packages that compile, too, may bring fonts
  const tools = installed.length > 0 || whole !== seen.ready ? await findTools(options.latex) : seen.tools;
  const still = missingTools(tools, options.latex);
  if (still.length > 0) throw stillMissing(still, await findOnPath('ffmpeg'));

  const runtime = runtimeOf(whole, tools, seen, options, started, [...report, ...installed]);
  if (forgets(options) && (installed.length > 0 || !isWhole(seen.ready)))
    await recordVersions(runtime.versions, recordOf(seen, options));
  return runtime;
}

/** What is ready as the runtime of a build. `done`: lines about what was installed. */
function runtimeOf(
  ready: Ready,
  tools: Tools,
  seen: Look,
  options: RuntimeOptions,
  started: number,
  done: readonly string[] = [],
): Runtime {
  const { facts, source } = ready;
  const programs = `ffmpeg ${tools.ffmpeg}${tools.latex ? `; ${tools.latex.version}` : ''}`;
  return {
    python: facts.executable,
    source,
    versions: versionsOf(facts, tools, options.latex),
    report: [describe(ready, seen), programs, ...done],
    seconds: (performance.now() - started) / 1000,
  };
}

/** Makes sure that ffmpeg is there, and nothing else: what joining stored scenes needs. Returns lines for the report. */
export async function prepareFfmpeg(options: SetupOptions): Promise<string[]> {
  const lacking = async (): Promise<Need[]> => ((await ffmpegVersion()) ? [] : [NEEDS.ffmpeg]);
  if ((await lacking()).length === 0) return [];
  const [machine, found] = await Promise.all([readMachine(), findPython(options.python, options.signal)]);
  const refusal = options.setup === 'never' ? 'setup is "never"' : machine.obstacle;
  if (refusal !== undefined) throw missingError([NEEDS.ffmpeg], machine, refusal, undefined);
  const installed = await installSystem(lacking, installContext({ machine, found }, options));
  if ((await lacking()).length > 0) throw stillMissing([NEEDS.ffmpeg], await findOnPath('ffmpeg'));
  return installed;
}

/** The versions that matter to a scene without Tex and MathTex. */
export function withoutLatex(versions: Versions): Versions {
  return Object.fromEntries(Object.entries(versions).filter(([name]) => !name.startsWith('latex')));
}

async function look(options: RuntimeOptions): Promise<Look> {
  const { python, cachePrefix, signal } = options;
  const looking = Promise.all([readMachine(), findTools(options.latex)]);
  const found = await findPython(python, signal);
  const [machine, tools] = await looking;
  const own = await ownEnvironment(RECIPES.render, found.facts, machine.system, homeOf(options), cachePrefix);
  if (lackingForScenes(found.facts).length === 0) return { machine, found, own, ready: found, tools };
  const facts = await probeEnvironment(own, signal);
  return { machine, found, own, ready: facts && { facts, source: 'own' }, tools };
}

async function findTools(latex: boolean): Promise<Tools> {
  const [ffmpeg, fonts, tex] = await Promise.all([ffmpegVersion(), fontsHash(), latex ? findLatex() : undefined]);
  return { ffmpeg, fonts, latex: tex };
}

/** Installs the programs that are missing. Returns lines for the report. */
async function installTools(seen: Look, options: RuntimeOptions): Promise<string[]> {
  if (missingTools(seen.tools, options.latex).length === 0) return [];
  const lacking = (latex: boolean) => async () => missingTools(await findTools(latex), latex);
  const context = installContext(seen, options);
  const small = await installSystem(lacking(false), context);
  // LaTeX takes a minute or two: what an environment waits for comes before it
  return options.latex ? [...small, ...(await installSystem(lacking(true), context))] : small;
}

function missingTools(tools: Tools, latex: boolean): Need[] {
  const needs: Need[] = [];
  if (!tools.ffmpeg) needs.push(NEEDS.ffmpeg);
  if (!tools.fonts) needs.push(NEEDS.fonts);
  if (latex && !tools.latex) needs.push(NEEDS.latex);
  return needs;
}

function isWhole(ready: Ready | undefined): ready is Ready {
  return ready !== undefined && ready.facts.broken.length === 0;
}

/** Throws one error that lists all that is missing; returns where nothing is. */
async function refuse(seen: Look, options: RuntimeOptions, why: string): Promise<void> {
  const { machine, found, ready, tools } = seen;
  const needs = missingTools(tools, options.latex);
  if (ready && !isWhole(ready)) needs.push(NEEDS.libraries);
  // without leave to install packages of the system we still make an environment, where it needs none
  const toMake = ready ? undefined : await neededToMake(found.facts, true);
  const mayMake = options.setup === 'auto' && toMake?.length === 0;
  if (ready || mayMake) {
    if (needs.length > 0) throw missingError(needs, machine, why, undefined);
    return;
  }
  const { executable } = found.facts;
  throw missingError([...needs, ...(toMake ?? [])], machine, why, {
    executable,
    lacking: lackingForScenes(found.facts),
    command: `${executable} -m pip install --require-hashes --requirement ${requirementsFile(RECIPES.render.name)}`,
  });
}

/** What of the system is missing for making an environment from this Python. */
export async function neededToMake(base: PythonFacts, compiles: boolean): Promise<Need[]> {
  const [uv, lacking] = await Promise.all([findOnPath('uv'), compiles ? lackingToCompile() : []]);
  const needs: Need[] = lacking.map((name) => NEEDS[name]);
  const isSystems = base.base_prefix === '/usr';
  if (isSystems && !uv && !base.modules.includes('ensurepip')) needs.push(pythonPart('venv', base.version));
  if (isSystems && compiles && !base.headers) needs.push(pythonPart('dev', base.version));
  return needs;
}

async function own(seen: Look, options: RuntimeOptions, report: string[]): Promise<Ready> {
  const started = performance.now();
  const { facts, origin } = await provideEnvironment(seen.own, options, async () => {
    const needed = (): Promise<Need[]> => neededToMake(seen.found.facts, true);
    report.push(...(await installSystem(needed, installContext(seen, options))));
  });
  const how: Record<Origin, string> = { here: 'was there', restored: 'restored', made: 'made' };
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  report.push(
    `virtual environment ${how[origin]} in ${seconds} s: ${seen.found.facts.executable} has no ${lackingForScenes(seen.found.facts).join(', ')}`,
  );
  return { facts, source: 'own' };
}

/** A Python whose drawing libraries cannot be loaded, after they were installed. */
async function mendLibraries(ready: Ready, seen: Look, options: RuntimeOptions, report: string[]): Promise<Ready> {
  const { executable } = ready.facts;
  let { facts } = ready;
  const needed = async (): Promise<Need[]> => {
    facts = await probePython(executable, options.signal);
    return facts.broken.length > 0 ? [NEEDS.libraries] : [];
  };
  report.push(...(await installSystem(needed, installContext(seen, options))));
  if ((await needed()).length === 0) return { ...ready, facts };
  throw new UserError(`${executable} cannot load what draws: ${facts.broken.join('; ')}`, {
    hint:
      ready.source === 'own'
        ? `Remove ${seen.own.folder}; it is then made anew.`
        : 'Install Manim there again, or give another Python as input "python".',
  });
}

function stillMissing(needs: readonly Need[], ffmpeg: string | undefined): UserError {
  const aside =
    ffmpeg && needs.includes(NEEDS.ffmpeg) ? ` (${ffmpeg} may lack libx264 and come before another on PATH)` : '';
  return new UserError(`still missing after installation: ${needs.map(({ what }) => what).join('; ')}${aside}`);
}

/** Both results, once both works have ended: none goes on behind an error of the other. */
async function settle<A, B>(first: A | Promise<A>, second: B | Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}

function installContext({ machine, found }: Pick<Look, 'machine' | 'found'>, options: SetupOptions) {
  const { log, signal } = options;
  return { machine, python: found.facts.executable, home: homeOf(options), log, signal };
}

function homeOf(options: SetupOptions): string {
  return options.home ?? cacheHome();
}

function forgets(options: SetupOptions): boolean {
  return options.forgetful ?? isForgetful();
}

function recordOf({ machine, found, own, ready, tools }: Look, options: RuntimeOptions): SetupRecord {
  const { version, base_executable, platform, distributions, broken } = found.facts;
  const before = {
    python: { version, base_executable, platform, distributions, broken },
    own: own.key,
    ready: ready?.source ?? '',
    system: machine.system,
    fonts: tools.fonts ?? '',
    ffmpeg: tools.ffmpeg ?? '',
    latex: options.latex ? (tools.latex?.version ?? 'missing') : '',
  };
  return { before, store: options.store, cachePrefix: options.cachePrefix, home: homeOf(options) };
}

/** Distributions that decide nothing about a scene. */
const INSTALLERS = new Set(['pip', 'uv', 'wheel', 'setuptools']);

function versionsOf(facts: PythonFacts, tools: Tools, latex: boolean): Versions {
  const { distributions, libraries } = facts;
  const packages = Object.entries(distributions).filter(([name]) => !INSTALLERS.has(name));
  return {
    python: facts.version,
    manim: distributions.manim ?? '',
    voiceover: distributions['manim-voiceover-plus'] ?? '',
    av: distributions.av ?? '',
    numpy: distributions.numpy ?? '',
    pycairo: distributions.pycairo ?? '',
    manimpango: distributions.manimpango ?? '',
    cairo: libraries.cairo ?? '',
    pango: libraries.pango ?? '',
    // a scene may import any of them
    'Python packages': contentKey(Object.fromEntries(packages)),
    fonts: tools.fonts ?? '',
    latex: latex ? (tools.latex?.version ?? '') : '',
    'latex packages': latex ? (tools.latex?.packages ?? '') : '',
    architecture: facts.machine,
  };
}

function describe({ facts, source }: Ready, { own }: Look): string {
  const where = {
    input: `${facts.executable} (as given)`,
    path: `${facts.executable} (on PATH)`,
    own: own.folder,
  }[source];
  return `Python ${facts.version} with Manim ${facts.distributions.manim ?? '?'}: ${where}`;
}
