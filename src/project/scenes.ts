import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Place, UserError, UserErrors } from '../errors.js';
import {
  childrenOf,
  firstSyntaxError,
  nodesOf,
  type PythonSource,
  placeOf,
  readPython,
  textOf,
} from './python-source.js';
import { type ChosenClass, classesOf, findClass, kindOf, sceneClassOf } from './scene-class.js';
import { type ReachedSources, type SourceContext, type SourceReader, sourceReader } from './sources.js';
import { isClassName, type ProjectState, type StateScene } from './state.js';
import { placeOfScene } from './state-place.js';

/** A scene of the project, found and parsed. */
export interface Scene {
  readonly id: string;
  readonly title: string;
  /** Its place in the video, from 0. */
  readonly index: number;
  /** Absolute path of the scene file. */
  readonly file: string;
  /** The file as the state names it: relative to the project folder. */
  readonly fileName: string;
  readonly className: string;
  /** Other classes of the file that could be meant, where the state names none. */
  readonly otherClasses?: readonly string[];
  /** The folder under media/videos/ of its video, where Manim's own is that of another scene, too. */
  readonly videoFolder?: string;
  readonly narrationKey: string | undefined;
  readonly estimatedSeconds: number | undefined;
  readonly source: PythonSource;
}

/** A scene of the state that cannot be rendered as it is. */
export interface SceneFault {
  readonly id: string;
  /** Its place in the video, from 0. */
  readonly index: number;
  /** At least one. */
  readonly errors: readonly UserError[];
}

export interface ReadScenes {
  readonly scenes: readonly Scene[];
  readonly faults: readonly SceneFault[];
  /** What is wrong with scenes that cannot be told from the state, not even by their id. */
  readonly problems: readonly UserError[];
}

/**
 * Finds and parses the scene files that the state names. A missing file name is `<id>.py`; for a missing class name see
 * `sceneClassOf`. What is wrong with one scene is a fault of that scene. Throws UserError(s) where there are no scenes.
 */
export async function readScenes(
  state: ProjectState,
  context: SourceContext,
  read: SourceReader = sourceReader(context),
): Promise<ReadScenes> {
  if (state.scenes.length === 0) {
    if (state.problems.length > 0) throw new UserErrors(state.problems);
    throw new UserError('the project has no scenes', {
      place: { file: state.path },
      hint: 'List them under "scenes" in project_state.json.',
    });
  }
  const root = await realpath(context.repoRoot);
  const scenes: Scene[] = [];
  const faults: SceneFault[] = [];
  for (const [index, entry] of state.scenes.entries()) {
    const found = await readScene(entry, index, { state, context, root, read });
    if (Array.isArray(found)) faults.push({ id: entry.id, index, errors: found });
    else scenes.push(found);
  }
  return { scenes: withVideoFolders(scenes), faults, problems: state.problems };
}

/**
 * The scenes with these ids (all for none), in the order of the video; and those of them that cannot be rendered. Throws
 * UserError naming unknown ids.
 */
export function selectScenes({ scenes, faults, problems }: ReadScenes, ids: readonly string[]): ReadScenes {
  if (ids.length === 0) return { scenes, faults, problems };
  const there = [...scenes, ...faults].sort((a, b) => a.index - b.index).map(({ id }) => id);
  const unknown = ids.filter((id) => !there.includes(id));
  if (unknown.length > 0) {
    const error = new UserError(`scenes: no scene ${unknown.map((id) => `"${id}"`).join(', ')} in the project`, {
      hint: `The project has ${there.join(', ')}.`,
    });
    // it may be one of those that the state does not tell
    throw problems.length > 0 ? new UserErrors([error, ...problems]) : error;
  }
  return {
    scenes: scenes.filter(({ id }) => ids.includes(id)),
    faults: faults.filter(({ id }) => ids.includes(id)),
    problems: [],
  };
}

interface SceneContext {
  readonly state: ProjectState;
  readonly context: SourceContext;
  /** The repository's real path. */
  readonly root: string;
  readonly read: SourceReader;
}

/** The scene, or all that is wrong with it. */
async function readScene(entry: StateScene, index: number, where: SceneContext): Promise<Scene | UserError[]> {
  const { state, context, read } = where;
  const { id } = entry;
  const fileName = entry.file ?? `${id}.py`;
  const file = resolve(context.projectDir, fileName);
  const wrongFile = await problemOfFile(entry, file, fileName, where);
  if (wrongFile) return [wrongFile];
  const source = await readPython(file).catch((cause: unknown) => {
    if (cause instanceof UserError) return cause;
    return new UserError(`scene ${id}: ${fileName} cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      place: placeOfScene(state, id, 'file'),
      cause,
    });
  });
  if (source instanceof UserError) return [source];
  const broken = firstSyntaxError(source);
  if (broken) return [invalidPython(`scene ${id}: not valid Python`, broken, source)];
  const reached = await read(source);
  const errors = brokenModules(source, reached);
  const chosen = chooseClass(entry, source, reached, state);
  if (chosen instanceof UserError) errors.push(chosen);
  if (errors.length > 0 || chosen instanceof UserError) return errors;
  return {
    id,
    title: entry.title,
    index,
    file,
    fileName,
    className: chosen.name,
    ...(chosen.others.length > 0 && { otherClasses: chosen.others }),
    narrationKey: entry.narrationKey,
    estimatedSeconds: entry.estimatedSeconds,
    source,
  };
}

/** Why a scene's file may not or cannot be read. */
async function problemOfFile(
  { id }: StateScene,
  file: string,
  fileName: string,
  { state, context, root }: SceneContext,
): Promise<UserError | undefined> {
  const problem = (message: string, hint: string): UserError =>
    new UserError(`scene ${id}: ${message}`, { place: placeOfScene(state, id, 'file'), hint });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a name must not have
  if (/[\x00-\x1f\x7f]/.test(fileName)) {
    return problem(
      '"file" holds a line break or another control character',
      'Give the name of a Python file, relative to the project folder.',
    );
  }
  const outside = (real: string): UserError =>
    problem(
      `its file lies outside the repository: ${real}`,
      `Move it into the repository (${context.repoRoot}), and name it relative to the project folder.`,
    );
  if (!isWithin(file, context.repoRoot)) return outside(file);
  const real = await realpath(file).catch(() => undefined);
  const facts = real === undefined ? undefined : await lstat(real);
  if (real === undefined || facts?.isDirectory()) {
    return problem(
      `no file ${fileName} in the project`,
      `Write ${fileName}, or correct "file" of the scene in project_state.json.`,
    );
  }
  if (!isWithin(real, root)) return outside(real);
  if (facts?.isFile()) return undefined;
  return problem(`${fileName} is not a regular file`, 'Give a Python file.');
}

function isWithin(path: string, folder: string): boolean {
  const name = relative(folder, path);
  return name !== '..' && !name.startsWith('../') && resolve(folder, name) === path;
}

function invalidPython(message: string, place: Place, { text }: PythonSource): UserError {
  return new UserError(message, { place, hint: hintForLine(text.split('\n')[(place.line ?? 1) - 1] ?? '') });
}

/** What is usually wrong with a line that is not Python. */
function hintForLine(line: string): string {
  if (/^\s*(from|import)\s+[\w.]*-/.test(line))
    return 'Names of modules have underscores, no hyphens: manim_voiceover_plus.';
  if (/&(lt|gt|amp|quot|#39);/.test(line)) return 'This line was escaped as HTML: write <, >, & and quotes themselves.';
  if (/\{\{\s*\w+\s*\}\}/.test(line)) return 'Put the real code in place of the placeholder.';
  if (/^(<<<<<<<|=======|>>>>>>>)/.test(line)) return 'Resolve the merge conflict.';
  if (/^\s*```/.test(line)) return 'Remove the Markdown fence.';
  if (/^\s*print\s+["'\w]/.test(line)) return 'Write print(...): this is Python 3.';
  return 'Look for a missing bracket, quote or colon at or just before this line.';
}

/** Modules that the scene is sure to import and that are no Python. */
function brokenModules(scene: PythonSource, { sources, certain }: ReachedSources): UserError[] {
  return [...sources].flatMap(([name, source]) => {
    const broken = source === scene || !certain.has(name) ? undefined : firstSyntaxError(source);
    return broken ? [invalidPython(`${name}: not valid Python`, broken, source)] : [];
  });
}

function chooseClass(
  { id, className }: StateScene,
  source: PythonSource,
  { sources }: ReachedSources,
  state: ProjectState,
): ChosenClass | UserError {
  const file = basename(source.path);
  const all = [source, ...[...sources.values()].filter((other) => other !== source)];
  const scenesOfFile = classesOf(source).filter((found) => kindOf(found, all) !== 'other');
  const theScenes = scenesOfFile.map(({ name }) => name).join(', ') || 'no scene';
  if (className === undefined) {
    const chosen = sceneClassOf(all);
    if (chosen) return chosen;
    const [first] = classesOf(source);
    return new UserError(`scene ${id}: no scene class in ${file}`, {
      place: first ? placeOf(source, { from: first.at }) : { file: source.path, line: 1 },
      hint: 'Define class MyScene(VoiceoverScene) with a construct method.',
    });
  }
  const place = placeOfScene(state, id, 'class_name');
  if (!isClassName(className)) {
    return new UserError(
      `scene ${id}: class_name ${JSON.stringify(className).slice(0, 80)} is not the name of a class`,
      {
        place,
        hint: `${file} has ${theScenes}.`,
      },
    );
  }
  const found = findClass(className, [source]);
  if (found && kindOf(found, all) === 'other') {
    return new UserError(`scene ${id}: ${className} is not a scene`, {
      place: placeOf(source, { from: found.at }),
      hint: `Let it derive from VoiceoverScene, or correct "class_name". ${file} has ${theScenes}.`,
    });
  }
  if (found || mayDefine(source, className, all)) return { name: className, others: [] };
  return new UserError(`scene ${id}: no class ${className} in ${file}`, {
    place,
    hint: `${file} has ${theScenes}. Correct "class_name", or remove it to let the class be found.`,
  });
}

/** Whether a file may have a class that it does not define in the usual way: imported, assigned, made at run time. */
function mayDefine(source: PythonSource, className: string, all: readonly PythonSource[]): boolean {
  if (/\b(?:globals|exec|eval|setattr|vars|locals|__import__)\s*\(/.test(source.text)) return true;
  for (const node of nodesOf(source)) {
    if (node.name === 'VariableName' && textOf(source, node) === className) return true;
    // `from scenes import *`; Manim's own names are no scenes of a project
    if (node.name === 'ImportStatement' && /\*\s*$/.test(textOf(source, node))) {
      const from = /^from\s+([\w.]+)/.exec(textOf(source, node))?.[1] ?? '';
      const isManims = /^(manim|manim_voiceover(_plus)?|numpy|math)$/.test(from.split('.')[0] ?? '');
      if (!isManims && (findClass(className, all) || !all.some(({ path }) => isModule(path, from)))) return true;
    }
  }
  return false;
}

function isModule(path: string, dotted: string): boolean {
  const name = dotted.split('.').at(-1) ?? '';
  return path.endsWith(`/${name}.py`) || path.endsWith(`/${name}/__init__.py`);
}

/** Scenes of which several would have their video at Manim's own path get folders of their own. */
function withVideoFolders(scenes: readonly Scene[]): Scene[] {
  // names that differ in case only are the same file on some systems
  const keyOf = (folder: string, scene: Scene): string => `${folder}/${scene.className}`.toLowerCase();
  const isShared = (scene: Scene): boolean =>
    scenes.some((other) => other !== scene && keyOf(stemOf(other), other) === keyOf(stemOf(scene), scene));
  const taken = new Set(scenes.filter((scene) => !isShared(scene)).map((scene) => keyOf(stemOf(scene), scene)));
  return scenes.map((scene) => {
    if (!isShared(scene)) return scene;
    let videoFolder = nestedFolder(scene);
    // the same class of the same file twice
    if (taken.has(keyOf(videoFolder, scene))) videoFolder = join(videoFolder, scene.id);
    while (taken.has(keyOf(videoFolder, scene))) videoFolder += '_';
    taken.add(keyOf(videoFolder, scene));
    return { ...scene, videoFolder };
  });
}

function stemOf(scene: Scene): string {
  return basename(scene.fileName, '.py');
}

/** The place of a scene file inside the project folder; one beside the project gets a name that stays inside. */
function nestedFolder(scene: Scene): string {
  const folder = dirname(scene.fileName)
    .split('/')
    .map((part) => (part === '..' ? '_' : part));
  return join(...folder.filter((part) => part !== ''), stemOf(scene));
}

/** Where a file's sound copy of a scene lies for those who look for it there: relative to the project folder. */
export function sceneVideoPath(scene: Scene, picture: { height: number; fps: number }): string {
  const folder = scene.videoFolder ?? stemOf(scene);
  return join('media', 'videos', folder, `${picture.height}p${Math.round(picture.fps)}`, `${scene.className}.mp4`);
}

/** The size that a scene file sets with constants at its top, as far as it does. */
export function lockedSize(source: PythonSource): { width?: number; height?: number; fps?: number } {
  const names: Record<string, 'width' | 'height' | 'fps'> = {
    pixel_width: 'width',
    pixel_height: 'height',
    frame_rate: 'fps',
  };
  const size: { width?: number; height?: number; fps?: number } = {};
  for (const statement of childrenOf(source.tree.topNode)) {
    if (statement.name !== 'AssignStatement' || !statement.firstChild || !statement.lastChild) continue;
    const option = /^(?:\w+\.)?config(?:\.(\w+)|\[\s*["'](\w+)["']\s*\])$/.exec(textOf(source, statement.firstChild));
    const name = names[option?.[1] ?? option?.[2] ?? ''];
    const value = Number(textOf(source, statement.lastChild));
    if (name && value > 0) size[name] = value;
  }
  return size;
}

/** What Manim sets with LaTeX, directly or inside a mobject. */
const LATEX_NAMES = new Set([
  ...['Tex', 'MathTex', 'SingleStringMathTex', 'TexTemplate', 'TexTemplateLibrary', 'Title', 'BulletedList'],
  ...['Matrix', 'DecimalMatrix', 'IntegerMatrix', 'MathTable', 'DecimalTable', 'IntegerTable', 'BraceLabel'],
  ...['DecimalNumber', 'Integer', 'Variable', 'include_numbers', 'add_coordinates', 'add_numbers', 'get_axis_labels'],
  ...['get_x_axis_label', 'get_y_axis_label', 'get_z_axis_label', 'get_graph_label', 'get_det_text', 'BarChart'],
  ...['matrix_to_tex_string', 'matrix_to_mobject', 'get_tex', 'PolarPlane', 'ComplexPlane', 'SampleSpace'],
  ...['numbers_to_include', 'add_labels', 'get_number_mobject'],
  ...['LabeledDot', 'LabeledLine', 'LabeledArrow', 'LabeledPolygram', 'coordinate_label', 'get_T_label', 'dx_label'],
  ...['dy_label', 'get_vector_label', 'label_vector', 'add_vector_label', 'add_transformable_label'],
]);

/** Names that Manim sets with LaTeX only together. */
const LATEX_PAIRS = [
  ['Brace', 'get_text'],
  ['Graph', 'labels'],
  ['DiGraph', 'labels'],
] as const;

/**
 * Whether a source names anything that Manim sets with LaTeX, options in dictionaries ({"include_numbers": True})
 * included. A guess that leans towards yes.
 */
export function needsLatex(source: PythonSource): boolean {
  const names = new Set<string>();
  for (const node of nodesOf(source)) {
    if (node.name === 'VariableName' || node.name === 'PropertyName') names.add(textOf(source, node));
    const option = node.name === 'String' ? /^['"]([a-z]+_\w+)['"]$/.exec(textOf(source, node))?.[1] : undefined;
    if (option !== undefined) names.add(option);
  }
  return (
    [...names].some((name) => LATEX_NAMES.has(name)) ||
    LATEX_PAIRS.some((pair) => pair.every((name) => names.has(name)))
  );
}
