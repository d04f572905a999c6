import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import type { SyntaxNode, Tree } from '@lezer/common';
import { parser } from '@lezer/python';
import { type Place, UserError } from '../errors.js';
import { forGrammar } from './python-grammar.js';

/** A Python file, parsed and never run. */
export interface PythonSource {
  readonly path: string;
  readonly text: string;
  readonly tree: Tree;
}

/** Parses a Python file's text. Never throws: look for error nodes where it matters. */
export function parsePython(path: string, text: string): PythonSource {
  const normalised = normalisedText(text);
  return { path, text: normalised, tree: parser.parse(forGrammar(normalised)) };
}

/**
 * Reads and parses a Python file. Throws what reading throws, and UserError where its bytes are not UTF-8: replaced
 * characters would be spoken, and different texts would look alike.
 */
export async function readPython(path: string): Promise<PythonSource> {
  const bytes = await readFile(path);
  try {
    return parsePython(path, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const lines = bytes.toString('latin1').split('\n');
    const line = lines.findIndex((text) => !isUtf8(Buffer.from(text, 'latin1'))) + 1;
    throw new UserError('the file is not encoded as UTF-8', {
      place: { file: path, line: Math.max(line, 1) },
      hint: 'Save it as UTF-8.',
      cause,
    });
  }
}

/** A text as Python reads it: without a byte order mark, lines ended by a newline. */
export function normalisedText(text: string): string {
  return text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n');
}

/** The source text of a node. */
export function textOf(source: PythonSource, node: SyntaxNode): string {
  return source.text.slice(node.from, node.to);
}

/** Where a node begins, for messages. */
export function placeOf(source: PythonSource, node: { readonly from: number }): Place {
  let line = 1;
  for (let at = source.text.indexOf('\n'); at !== -1 && at < node.from; at = source.text.indexOf('\n', at + 1)) line++;
  return { file: source.path, line };
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

/** Where the file stops being Python, or undefined where it is sound as far as the grammar tells. */
export function firstSyntaxError(source: PythonSource): Place | undefined {
  for (const node of nodesOf(source)) {
    if (node.type.isError) return placeOf(source, node);
    if (node.name === 'String' && !isClosed(textOf(source, node))) return placeOf(source, node);
  }
  return undefined;
}

/**
 * The value of a constant text: a string literal, adjacent literals, literals joined by `+`, all of it in parentheses or
 * not. Throws UserError with the place for anything that is computed (names, calls, f-strings with fields, bytes).
 */
export function constantText(source: PythonSource, node: SyntaxNode): string {
  switch (node.name) {
    case 'String':
      return stringLiteral(source, node);
    case 'ContinuedString':
      return childrenOf(node)
        .filter((child) => child.name !== 'Comment')
        .map((child) => constantText(source, child))
        .join('');
    case 'ParenthesizedExpression': {
      const inner = childrenOf(node).filter((child) => !['(', ')', 'Comment'].includes(child.name));
      if (inner.length === 1 && inner[0]) return constantText(source, inner[0]);
      break;
    }
    case 'BinaryExpression': {
      const [left, operator, right] = childrenOf(node).filter((child) => child.name !== 'Comment');
      if (left && right && operator && textOf(source, operator) === '+') {
        return constantText(source, left) + constantText(source, right);
      }
      break;
    }
  }
  throw new UserError(`not a literal text: ${shorten(textOf(source, node))}`, {
    place: placeOf(source, node),
    hint: 'Narration is read without running it. Write the text itself as a string: no names, calls, f-strings or bytes.',
  });
}

function isClosed(literal: string): boolean {
  const { quote, start } = openingOf(literal);
  if (literal.length < start + quote.length || !literal.endsWith(quote)) return false;
  let at = start;
  while (at < literal.length - quote.length) at += literal[at] === '\\' ? 2 : 1;
  return at === literal.length - quote.length;
}

function openingOf(literal: string): { prefix: string; quote: string; start: number } {
  const prefix = /^[a-zA-Z]*/.exec(literal)?.[0] ?? '';
  const mark = literal[prefix.length] ?? '';
  const quote =
    literal.startsWith(mark.repeat(3), prefix.length) && literal.length > prefix.length + 2 ? mark.repeat(3) : mark;
  return { prefix: prefix.toLowerCase(), quote, start: prefix.length + quote.length };
}

function stringLiteral(source: PythonSource, node: SyntaxNode): string {
  const literal = textOf(source, node);
  const { prefix, quote, start } = openingOf(literal);
  if (prefix.includes('b') || prefix.includes('f') || prefix.includes('t')) {
    throw new UserError(`not a plain text: ${shorten(literal)}`, {
      place: placeOf(source, node),
      hint: 'Use a plain string literal, without a b, f or t prefix.',
    });
  }
  if (!isClosed(literal)) {
    throw new UserError('a string is not closed', { place: placeOf(source, node), hint: `Add the closing ${quote}.` });
  }
  const body = literal.slice(start, literal.length - quote.length);
  return prefix.includes('r') ? body : decodeEscapes(source, node, body);
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Escapes as the Python language reference lists them ("String and Bytes literals"); unknown ones keep the backslash. */
function decodeEscapes(source: PythonSource, node: SyntaxNode, body: string): string {
  const fail = (what: string): never => {
    throw new UserError(`${what} in a string`, { place: placeOf(source, node), hint: 'Write the character itself.' });
  };
  return body.replaceAll(
    /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(N\{[^}]*\})|([\s\S]))/g,
    (whole, octal?: string, x?: string, u?: string, big?: string, name?: string, simple?: string) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const hex = x ?? u ?? big;
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16);
        const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
        return isCharacter ? String.fromCodePoint(code) : fail(`no character ${whole}`);
      }
      if (name !== undefined) return fail(`named character \\${name}`);
      if (simple !== undefined && 'xuUN'.includes(simple)) return fail(`incomplete escape ${whole}`);
      return SIMPLE_ESCAPES[simple ?? ''] ?? whole;
    },
  );
}

/** A text cut to one line of a message. */
export function shorten(text: string, length = 60): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 3)}...`;
}
