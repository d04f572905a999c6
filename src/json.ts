import { basename } from 'node:path';
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { type Place, UserError } from './errors.js';
import { lineIndex } from './files.js';

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}
/** The way to a value: names of fields and places in lists. */
export type JsonPath = readonly (string | number)[];

/** A JSON file, read strictly, with the place of every value. */
export interface JsonFile {
  readonly path: string;
  /** As it was read, a byte order mark included. */
  readonly text: string;
  readonly value: Json;
  readonly root: Node;
  /** The line of an offset, from 1. */
  lineOf(offset: number): number;
}

/** Python's own reader gives up at about a thousand. */
const MOST_LEVELS = 500;
const MARK = '\uFEFF';

/**
 * Reads JSON (RFC 8259; a byte order mark is skipped). With `trailing`, what follows the first value is left alone. Throws
 * UserError with the line for anything else.
 */
export function parseJson(path: string, text: string, options: { readonly trailing?: boolean } = {}): JsonFile {
  // a space in its place keeps all offsets
  const lineOf = lineIndex(text);
  const clean = text.startsWith(MARK) ? ` ${text.slice(1)}` : text;
  const fail = (what: string, offset: number, hint = 'Correct the file.'): never => {
    throw new UserError(`${basename(path)}: ${what}`, { place: { file: path, line: lineOf(offset) }, hint });
  };
  const mark = /^(<{7}|={7}|>{7}|\|{7})(?=[ \r\n]|$)/m.exec(clean);
  if (mark) return fail('it holds a merge conflict', mark.index, 'Resolve the conflict, and remove its marks.');
  const deep = offsetOfLevel(clean, MOST_LEVELS);
  if (deep !== undefined) return fail(`nested too deeply: more than ${MOST_LEVELS} levels`, deep);

  const errors: ParseError[] = [];
  const root = parseTree(clean, errors, { disallowComments: true, allowTrailingComma: false });
  const first = errors[0];
  const isWhole = !first || (options.trailing && root && first.offset >= endOf(root));
  if (root && isWhole) {
    try {
      return { path, text, root, lineOf, value: JSON.parse(clean.slice(root.offset, endOf(root))) as Json };
    } catch (error) {
      if (!first) return fail(`not valid JSON: ${(error as Error).message}`, root.offset);
    }
  }
  const [what, offset] = first && clean.trim() !== '' ? faultOf(clean, first) : ['the file is empty', 0];
  return fail(`not valid JSON: ${what}`, offset);
}

/** The offset just after a value. */
export function endOf(node: Node): number {
  return node.offset + node.length;
}

/** The members of an object as they stand in the file: in their order, names that come twice twice. */
export function membersOf(node: Node): { readonly name: string; readonly key: Node; readonly value: Node }[] {
  return (node.children ?? []).flatMap(({ children }) => {
    const [key, value] = children ?? [];
    return key && value ? [{ name: String(key.value), key, value }] : [];
  });
}

/** A value by its way; of fields with one name the last, which counts. */
export function nodeAt(root: Node, path: JsonPath): Node | undefined {
  return path.reduce<Node | undefined>((node, step) => {
    if (typeof step === 'number') return node?.type === 'array' ? node.children?.[step] : undefined;
    return node?.type === 'object' ? membersOf(node).findLast(({ name }) => name === step)?.value : undefined;
  }, root);
}

/** Where a value begins; where it is missing, the nearest value around it. */
export function placeOfValue({ path: file, root, lineOf }: JsonFile, path: JsonPath): Place {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(root, path.slice(0, length));
    // the line of a field is that of its name
    const from = node?.parent?.type === 'property' ? node.parent : node;
    if (from) return { file, line: lineOf(from.offset) };
  }
  return { file, line: lineOf(root.offset) };
}

/** A way as people write it: scenes[2].id */
export function nameOfPath(path: JsonPath): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');
}

/** Fields that stand twice in one object, each with the place of the last one, which counts (in Python, too). */
export function repeatedFields(
  file: JsonFile,
): { readonly name: string; readonly place: Place; readonly first: number }[] {
  const found: { name: string; place: Place; first: number }[] = [];
  const nodes = [file.root];
  for (let node = nodes.pop(); node; node = nodes.pop()) {
    if (node.type !== 'object') {
      nodes.push(...(node.children ?? []));
      continue;
    }
    const seen = new Map<string, Node>();
    for (const { name, key, value } of membersOf(node)) {
      const before = seen.get(name);
      if (before) {
        const place = { file: file.path, line: file.lineOf(key.offset) };
        found.push({ name, place, first: file.lineOf(before.offset) });
      }
      seen.set(name, key);
      nodes.push(value);
    }
  }
  return found;
}

/** The brackets of a JSON text outside its texts, with their offsets; without recursion. */
function* bracketsOf(text: string): Generator<readonly [string, number]> {
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (inText && char === '\\') at++;
    else if (char === '"' || (inText && char === '\n')) inText = char === '"' && !inText;
    else if (!inText && (char === '{' || char === '[' || char === '}' || char === ']')) yield [char, at];
  }
}

/** Where a text first opens more brackets than so many. */
function offsetOfLevel(text: string, most: number): number | undefined {
  let level = 0;
  for (const [char, at] of bracketsOf(text)) {
    level += char === '{' || char === '[' ? 1 : -1;
    if (level > most) return at;
  }
  return undefined;
}

const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^-?(NaN|Infinity|inf|nan)\b/, 'is no JSON number: write null or a number'],
  [/^(True|False|None)\b/, 'is Python: write true, false or null'],
  [/^(undefined)\b/, 'is JavaScript: write null'],
  [/^(\/\/|\/\*|#)/, 'begins a comment, which JSON does not have'],
  [/^'/, 'is a single quote: JSON has double quotes only'],
  [/^[\u201c\u201d\u2018\u2019]/, 'is a curly quote: write "'],
  [/^[+.]?\d[\w.+-]*/, 'is no JSON number'],
];

const CODES = new Map([
  ['CommaExpected', 'a comma is missing before'],
  ['ColonExpected', 'a colon is missing before'],
  ['PropertyNameExpected', 'a field name in double quotes is missing before'],
  ['ValueExpected', 'a value is missing before'],
  ['EndOfFileExpected', 'the JSON has ended before'],
  ['InvalidCharacter', 'a control character inside'],
  ['InvalidEscapeCharacter', 'a wrong escape inside'],
  ['InvalidUnicode', 'a wrong escape inside'],
  ['UnexpectedEndOfString', 'a text is not closed:'],
  ['InvalidNumberFormat', 'a wrong number:'],
]);

/** What is wrong, in words, and where. */
function faultOf(text: string, { error, offset }: ParseError): [string, number] {
  const before = text.slice(0, offset).trimEnd();
  if (before.endsWith(',') && /^[}\]]/.test(text.slice(offset)))
    return ['a comma too many before a closing bracket', before.length - 1];
  const rest = text.slice(offset).trimStart();
  const at = text.length - rest.length;
  if (rest === '') return [`the file ends too early${openBracketIn(text)}`, before.length];
  for (const [spelling, what] of SPELLINGS) {
    const found = spelling.exec(rest)?.[0];
    if (found !== undefined) return [`${found} ${what}`, at];
  }
  const found = /^("[^"\r\n]{0,30}"?|[\w.-]{1,30}|.)/su.exec(rest)?.[0] ?? '';
  return [`${CODES.get(printParseErrorCode(error)) ?? 'unexpected'} ${found}`, at];
}

function openBracketIn(text: string): string {
  const open: number[] = [];
  for (const [char, at] of bracketsOf(text)) {
    if (char === '{' || char === '[') open.push(at);
    else open.pop();
  }
  const last = open.at(-1);
  return last === undefined ? '' : `: the ${text[last]} in line ${lineIndex(text)(last)} is not closed`;
}
