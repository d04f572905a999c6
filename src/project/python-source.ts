import type { SyntaxNode, Tree } from '@lezer/common';
import { parser } from '@lezer/python';
import { type Place, UserError } from '../errors.js';
import { lineIndex, readUserFile } from '../files.js';
import { decodePython } from './python-encoding.js';
import { forGrammar } from './python-grammar.js';
import { type Literal, readLiteral } from './python-literal.js';
import { type Fault, type Token, tokensOf } from './python-tokens.js';

/** A Python file, parsed and never run. */
export interface PythonSource {
  readonly path: string;
  readonly text: string;
  readonly tree: Tree;
  /** Why Python would not take it, as far as its tokens tell. */
  readonly fault: Fault | undefined;
  /** The line of an offset, from 1. */
  lineOf(offset: number): number;
}

/** Where a source stops being Python, and why. */
export interface SyntaxFault extends Place {
  readonly line: number;
  readonly what: string;
}

/** The grammar gives up on expressions of some 480 operators. */
const LONG_SUM = 100;
const DEEP = 400;

/** Parses a Python file's text. Never throws: ask firstSyntaxError where it matters. */
export function parsePython(path: string, text: string): PythonSource {
  const normalised = normalisedText(text);
  const { tokens, fault } = tokensOf(normalised);
  const source = { path, text: normalised, lineOf: lineIndex(normalised) };
  try {
    return { ...source, tree: parser.parse(withShortSums(forGrammar(normalised), tokens)), fault };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const tooDeep = { at: 0, what: 'an expression is nested too deeply to be read' };
    return { ...source, tree: parser.parse(''), fault: fault ?? tooDeep };
  }
}

/**
 * Reads and parses a Python file. Throws Error where there is none, and UserError where it cannot be read or decoded:
 * replaced characters would be spoken, and different texts would look alike.
 */
export async function readPython(path: string): Promise<PythonSource> {
  const bytes = await readUserFile(path);
  if (!bytes) throw new Error(`there is no file ${path}`);
  return parsePython(path, decodePython(path, bytes));
}

/** A text as Python reads it: without a byte order mark, lines ended by a newline. */
export function normalisedText(text: string): string {
  return text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n');
}

/**
 * A text in which a long sum of string literals is one string of blanks of the same extent, for the sake of the grammar.
 * Its value is read from the source.
 */
function withShortSums(text: string, tokens: readonly Token[]): string {
  let short = text;
  for (let first = 0; first < tokens.length; first++) {
    let last = first;
    const isString = (at: number): boolean => tokens[at]?.kind === 'string';
    const isPlus = (at: number): boolean => text[tokens[at]?.from ?? text.length] === '+';
    while (isString(last) && isPlus(last + 1) && isString(last + 2)) last += 2;
    const [from, to] = [tokens[first]?.from ?? 0, tokens[last]?.to ?? 0];
    if (last - first > LONG_SUM)
      short = `${short.slice(0, from)}"""${text.slice(from + 3, to - 3).replaceAll(/[^\n]/g, ' ')}"""${short.slice(to)}`;
    first = last;
  }
  return short;
}

/** The source text of a node. */
export function textOf(source: PythonSource, node: SyntaxNode): string {
  return source.text.slice(node.from, node.to);
}

/** Where a node begins, for messages. */
export function placeOf(source: PythonSource, node: { readonly from: number }): Place & { readonly line: number } {
  return { file: source.path, line: source.lineOf(node.from) };
}

/** The child nodes of a node, in order. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

/** Every node of a tree in document order. */
export function* nodesOf(source: PythonSource): Generator<SyntaxNode> {
  const cursor = source.tree.cursor();
  do yield cursor.node;
  while (cursor.next());
}

/** Where the file stops being Python, or undefined where it is sound as far as we can tell without running Python. */
export function firstSyntaxError(source: PythonSource): SyntaxFault | undefined {
  const at = (offset: number, what: string): SyntaxFault => ({ file: source.path, line: source.lineOf(offset), what });
  let depth = 0;
  let deepest = 0;
  let error: number | undefined;
  source.tree.iterate({
    enter: ({ type, from, to }) => {
      deepest = Math.max(deepest, ++depth);
      // something is missing after the last thing that is there
      if (type.isError) error ??= from < to ? from : source.text.slice(0, from).trimEnd().length;
    },
    leave: () => {
      depth--;
    },
  });
  const { fault } = source;
  if (fault && !(error !== undefined && error < fault.at)) return at(fault.at, fault.what);
  if (error === undefined) return undefined;
  return at(error, deepest > DEEP ? 'an expression is too long or nested too deeply to be read' : 'a syntax error');
}

/**
 * The value of a constant text: a string literal, adjacent literals, literals joined by `+`, all of it in parentheses or
 * not. Throws UserError with the place for anything that is computed (names, calls, f-strings with fields, bytes).
 */
export function constantText(source: PythonSource, node: SyntaxNode): string {
  const literal = literalOf(source, node);
  if ('text' in literal) return literal.text;
  throw new UserError(literal.what, { place: placeOf(source, node), hint: literal.hint });
}

/** The same without throwing. */
export function literalOf(source: PythonSource, node: SyntaxNode): Literal {
  return readLiteral(textOf(source, node));
}

/** The name of a variable as Python compares it: letters that look alike are one (NFKC). */
export function nameOf(source: PythonSource, node: SyntaxNode): string {
  return textOf(source, node).normalize('NFKC');
}
