import type { SyntaxNode } from '@lezer/common';
import { importsOf } from './imports.js';
import { childrenOf, type PythonSource, textOf } from './python-source.js';

/** A class that a file defines when it is imported. */
export interface PythonClass {
  readonly name: string;
  /** Last names of its bases: "VoiceoverScene" for `voiceover.VoiceoverScene`; "" for one that is computed. */
  readonly bases: readonly string[];
  /** Whether it has a `construct` method of its own. */
  readonly constructs: boolean;
  readonly at: number;
}

/** What a class is, as far as its bases tell. `unknown`: a base comes from elsewhere. */
export type ClassKind = 'voiceover' | 'scene' | 'unknown' | 'other';

/** The scene of a file, and what else it could have been. */
export interface ChosenClass {
  readonly name: string;
  readonly others: readonly string[];
}

/** Classes of Manim and its plugins that are scenes by other names than ...Scene. */
const SCENE_NAMES = /(Scene|Slide)$/;

/** Bases of classes that are no scenes. */
const OTHER_BASES = new Set([
  ...['object', 'ABC', 'Protocol', 'Generic', 'NamedTuple', 'TypedDict', 'Enum', 'IntEnum', 'StrEnum', 'Flag'],
  ...['Exception', 'ValueError', 'RuntimeError', 'dict', 'list', 'tuple', 'set', 'str', 'int', 'float', 'Thread'],
  ...['Mobject', 'VMobject', 'Group', 'VGroup', 'VDict', 'Animation', 'AnimationGroup', 'Transform', 'Text', 'Tex'],
  ...['MathTex', 'SVGMobject', 'ImageMobject', 'Polygon', 'Rectangle', 'Square', 'Circle', 'Dot', 'Line', 'Arrow'],
  ...['ThreeDVMobject', 'Surface', 'Axes', 'NumberPlane', 'ValueTracker', 'Succession', 'LaggedStart'],
]);

const classes = new WeakMap<PythonSource, readonly PythonClass[]>();

/** The classes that a file defines when it is imported: at its top, also inside `if`, `try` and `with`. */
export function classesOf(source: PythonSource): readonly PythonClass[] {
  const before = classes.get(source);
  if (before) return before;
  const found = [...classesIn(source, source.tree.topNode, renamedImports(source))];
  classes.set(source, found);
  return found;
}

/**
 * The class to render of a scene file whose state names none: the one that derives from a Manim scene through the classes
 * of these sources (the scene file first), one that speaks before others. A class that another one of them extends is
 * taken for a base. Undefined where no class can be a scene.
 */
export function sceneClassOf(sources: readonly PythonSource[]): ChosenClass | undefined {
  const [file] = sources;
  if (!file) return undefined;
  const own = classesOf(file).map((found) => ({ ...found, kind: kindOf(found, sources) }));
  const isExtended = (name: string): boolean => own.some(({ bases, kind }) => kind !== 'other' && bases.includes(name));
  for (const kind of ['voiceover', 'scene', 'unknown'] as const) {
    const ofKind = own.filter((found) => found.kind === kind);
    const ends = ofKind.filter(({ name }) => !isExtended(name));
    // of classes that may be scenes, those that draw something
    const drawing = kind === 'unknown' ? ends.filter(({ constructs }) => constructs) : ends;
    const [first, ...others] = [drawing, ends, ofKind].find((list) => list.length > 0) ?? [];
    if (first) return { name: first.name, others: others.map(({ name }) => name) };
  }
  return undefined;
}

/** What a class is, told from its bases and theirs. */
export function kindOf(
  { name, bases }: PythonClass,
  sources: readonly PythonSource[],
  seen: ReadonlySet<string> = new Set(),
): ClassKind {
  const kinds = bases.map((base): ClassKind => {
    if (base === 'VoiceoverScene') return 'voiceover';
    const known = base === name || seen.has(base) ? undefined : findClass(base, sources);
    if (known) return kindOf(known, sources, new Set([...seen, name]));
    if (SCENE_NAMES.test(base)) return 'scene';
    return OTHER_BASES.has(base) ? 'other' : 'unknown';
  });
  return (['voiceover', 'scene', 'unknown'] as const).find((kind) => kinds.includes(kind)) ?? 'other';
}

/** The class of that name in the first of the sources that has one; the last of its definitions there. */
export function findClass(name: string, sources: readonly PythonSource[]): PythonClass | undefined {
  for (const source of sources) {
    const found = classesOf(source).findLast((candidate) => candidate.name === name);
    if (found) return found;
  }
  return undefined;
}

/** Statements whose bodies run when the file is imported. */
const RUN_AT_IMPORT = ['IfStatement', 'TryStatement', 'WithStatement', 'ForStatement', 'Body', 'StatementGroup'];

function* classesIn(
  source: PythonSource,
  parent: SyntaxNode,
  renamed: ReadonlyMap<string, string>,
): Generator<PythonClass> {
  for (const child of childrenOf(parent)) {
    const node = child.name === 'DecoratedStatement' ? (child.getChild('ClassDefinition') ?? child) : child;
    if (node.name === 'ClassDefinition') yield classAt(source, node, renamed);
    else if (RUN_AT_IMPORT.includes(node.name)) yield* classesIn(source, node, renamed);
  }
}

function classAt(source: PythonSource, node: SyntaxNode, renamed: ReadonlyMap<string, string>): PythonClass {
  const name = node.getChild('VariableName');
  const body = node.getChild('Body');
  const methods = body ? childrenOf(body).map((child) => child.getChild('FunctionDefinition') ?? child) : [];
  return {
    name: name ? textOf(source, name) : '',
    bases: basesOf(source, node).map((base) => renamed.get(base) ?? base),
    constructs: methods.some((method) => {
      const named = method.name === 'FunctionDefinition' && method.getChild('VariableName');
      return named && textOf(source, named) === 'construct';
    }),
    at: node.from,
  };
}

function basesOf(source: PythonSource, definition: SyntaxNode): string[] {
  const list = definition.getChild('ArgList');
  const words = list ? childrenOf(list).filter(({ name }) => !['(', ')', 'Comment'].includes(name)) : [];
  const bases: string[] = [];
  for (const [index, word] of words.entries()) {
    const isFirst = index === 0 || words[index - 1]?.name === ',';
    if (!isFirst || word.name === ',' || words[index + 1]?.name === 'AssignOp') continue; // metaclass=...
    // `module.Base`, `Base[int]`
    const text = textOf(source, word).replaceAll(/\s+/g, '');
    bases.push(/^(?:\w+\.)*(\w+)(?:\[.*\])?$/u.exec(text)?.[1] ?? '');
  }
  return bases;
}

/** Names of imported classes by the names that they have here, and of what simple assignments rename. */
function renamedImports(source: PythonSource): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  for (const { names } of importsOf(source)) for (const { name, as } of names ?? []) renamed.set(as, name);
  for (const statement of childrenOf(source.tree.topNode)) {
    if (statement.name !== 'AssignStatement') continue;
    const match = /^(\w+)\s*=\s*(?:\w+\.)*(\w+)$/u.exec(textOf(source, statement));
    if (match?.[1] && match[2]) renamed.set(match[1], renamed.get(match[2]) ?? match[2]);
  }
  return renamed;
}
