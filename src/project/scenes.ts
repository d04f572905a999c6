import { basename, join, resolve } from 'node:path';
import type { SyntaxNode } from '@lezer/common';
import { UserError, UserErrors } from '../errors.js';
import { childrenOf, firstSyntaxError, nodesOf, type PythonSource, readPython, textOf } from './python-source.js';
import type { ProjectState, StateScene } from './state.js';

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
  readonly narrationKey: string | undefined;
  readonly estimatedSeconds: number | undefined;
  readonly source: PythonSource;
}

/**
 * Finds and parses the scene files that the state names. A missing file name is `<id>.py`; a missing class name is the
 * first class that derives from VoiceoverScene, else the first class. Throws UserErrors for all scenes at once.
 */
export async function readScenes(state: ProjectState, projectDir: string): Promise<Scene[]> {
  if (state.scenes.length === 0) {
    throw new UserError('the project has no scenes', {
      place: { file: state.path },
      hint: 'List them under "scenes" in project_state.json.',
    });
  }
  const problems: UserError[] = [];
  const scenes: Scene[] = [];
  for (const [index, scene] of state.scenes.entries()) {
    try {
      scenes.push(await readScene(scene, index, state, projectDir));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
    }
  }
  if (problems.length > 0) throw new UserErrors(problems);
  return scenes;
}

/** The scenes with these ids (all for none), in the order of the video. Throws UserError naming unknown ids. */
export function selectScenes(scenes: readonly Scene[], ids: readonly string[]): readonly Scene[] {
  if (ids.length === 0) return scenes;
  const unknown = ids.filter((id) => !scenes.some((scene) => scene.id === id));
  if (unknown.length > 0) {
    throw new UserError(`scenes: no scene ${unknown.map((id) => `"${id}"`).join(', ')} in the project`, {
      hint: `The project has ${scenes.map(({ id }) => id).join(', ')}.`,
    });
  }
  return scenes.filter(({ id }) => ids.includes(id));
}

async function readScene(scene: StateScene, index: number, state: ProjectState, projectDir: string): Promise<Scene> {
  const fileName = scene.file ?? `${scene.id}.py`;
  const file = resolve(projectDir, fileName);
  const source = await readPython(file).catch((cause: unknown) => {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`scene ${scene.id}: no file ${fileName} in the project`, {
      place: { file: state.path },
      hint: `Write ${fileName}, or correct "file" of the scene in project_state.json.`,
      cause,
    });
  });
  const broken = firstSyntaxError(source);
  if (broken) {
    throw new UserError(`scene ${scene.id}: not valid Python`, {
      place: broken,
      hint: 'Look for a missing bracket, quote or colon at or just before this line.',
    });
  }
  return {
    id: scene.id,
    title: scene.title,
    index,
    file,
    fileName,
    className: scene.className ?? firstSceneClass(source, scene.id),
    narrationKey: scene.narrationKey,
    estimatedSeconds: scene.estimatedSeconds,
    source,
  };
}

function firstSceneClass(source: PythonSource, id: string): string {
  const classes = childrenOf(source.tree.topNode)
    .map((node) => (node.name === 'DecoratedStatement' ? node.getChild('ClassDefinition') : node))
    .filter((node): node is SyntaxNode => node?.name === 'ClassDefinition')
    .map((node) => ({
      name: textOf(source, node.getChild('VariableName') ?? node),
      bases: node.getChild('ArgList') ? textOf(source, node.getChild('ArgList') as SyntaxNode) : '',
    }));
  const found = classes.find(({ bases }) => /\bVoiceoverScene\b/.test(bases)) ?? classes[0];
  if (found) return found.name;
  throw new UserError(`scene ${id}: no class in its file`, {
    place: { file: source.path, line: 1 },
    hint: 'Define class MyScene(VoiceoverScene) with a construct method.',
  });
}

/** Where a file's sound copy of a scene lies for those who look for it there: relative to the project folder. */
export function sceneVideoPath(scene: Scene, picture: { height: number; fps: number }): string {
  const stem = basename(scene.fileName, '.py');
  return join('media', 'videos', stem, `${picture.height}p${Math.round(picture.fps)}`, `${scene.className}.mp4`);
}

/** The size that a scene file sets with constants at its top, as far as it does. */
export function lockedSize(source: PythonSource): { width?: number; height?: number; fps?: number } {
  const names: Record<string, 'width' | 'height' | 'fps'> = {
    'config.pixel_width': 'width',
    'config.pixel_height': 'height',
    'config.frame_rate': 'fps',
  };
  const size: { width?: number; height?: number; fps?: number } = {};
  for (const statement of childrenOf(source.tree.topNode)) {
    if (statement.name !== 'AssignStatement' || !statement.firstChild || !statement.lastChild) continue;
    const name = names[textOf(source, statement.firstChild)];
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
