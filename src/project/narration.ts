import type { SyntaxNode } from '@lezer/common';
import { UserError } from '../errors.js';
import { contentKey } from '../store/keys.js';
import {
  childrenOf,
  firstSyntaxError,
  literalOf,
  nameOf,
  nodesOf,
  type PythonSource,
  parsePython,
  placeOf,
  readPython,
  textOf,
} from './python-source.js';

/** One spoken line of the script. */
export interface NarrationLine {
  readonly key: string;
  readonly text: string;
  /** The line of the narration file where its entry begins, from 1. */
  readonly line: number;
}

/** A line of the script that cannot be spoken as it stands; the other lines are good. */
export class LineProblem extends UserError {
  constructor(
    message: string,
    /** The key of the line; undefined where that cannot be told. */
    readonly key: string | undefined,
    options: ConstructorParameters<typeof UserError>[1],
  ) {
    super(message, options);
    this.name = 'LineProblem';
  }
}

/** The narration of a project: what `SCRIPT` holds, in its order. */
export interface Narration {
  readonly file: string;
  /** The lines that can be spoken. Of lines with one key it has the last, as Python does. */
  readonly lines: readonly NarrationLine[];
  /** What is wrong with single lines, each at its place: no words, a computed text, a key that is given twice. */
  readonly problems: readonly LineProblem[];
  /** SHA-256 over the keys and texts, and nothing else: comments, layout and the order of entries do not change it. */
  readonly sha256: string;
}

/**
 * Reads a narration file. Throws UserError where it is missing, not Python, or where SCRIPT as a whole cannot be told
 * without running it.
 */
export async function readNarration(file: string): Promise<Narration> {
  let source: PythonSource;
  try {
    source = await readPython(file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`narration file not found: ${file}`, {
      place: { file },
      hint: 'A project needs a narration_script.py with SCRIPT = {"key": "spoken text"}.',
      cause: error,
    });
  }
  return narrationOf(source);
}

/** Reads narration from a file's text; see readNarration. */
export function parseNarration(file: string, text: string): Narration {
  return narrationOf(parsePython(file, text));
}

function narrationOf(source: PythonSource): Narration {
  const broken = firstSyntaxError(source);
  if (broken) {
    throw new UserError(`the narration file is not valid Python: ${broken.what}`, {
      place: { file: broken.file, line: broken.line },
      hint: 'Look for a missing quote, comma or bracket at or just before this line.',
    });
  }
  const { lines, problems } = linesOf(source, scriptDictionary(source));
  const content = Object.fromEntries(lines.map((line) => [line.key, line.text]));
  return { file: source.path, lines, problems, sha256: contentKey(content) };
}

/**
 * The dictionary of the one plain assignment `SCRIPT = {...}` at the top of the file. Throws UserError where there is none,
 * and where anything else in the file may give SCRIPT another value.
 */
function scriptDictionary(source: PythonSource): SyntaxNode {
  let found: SyntaxNode | undefined;
  const fail = (message: string, node: { from: number }, hint: string): never => {
    throw new UserError(message, { place: placeOf(source, node), hint });
  };
  for (const node of nodesOf(source)) {
    if (isDynamic(source, node, found !== undefined) && !isInMainBlock(source, node)) {
      const what = textOf(source, node).replaceAll(/\s+/g, ' ');
      fail(`SCRIPT cannot be read: "${what}" may change it`, node, `${UNRUN} Remove "${what}" from this file.`);
    }
    if (node.name !== 'VariableName' || nameOf(source, node) !== 'SCRIPT') continue;
    if (isNameOfArgument(source, node) || isInMainBlock(source, node)) continue;
    const statement = topStatementOf(node);
    if (statement?.name !== 'AssignStatement' || statement.firstChild?.from !== node.from || found) {
      if (found && isRead(source, node)) continue;
      const what = found ? 'SCRIPT is used or changed after it is made' : NOT_PLAIN;
      fail(what, node, `${UNRUN} Give all lines in the one SCRIPT = {...}.`);
    }
    // nothing but SCRIPT, a type, `=` and the dictionary: no second target, no tuple
    const parts = partsOf(statement as SyntaxNode).slice(1);
    if (parts[0]?.name === 'TypeDef') parts.shift();
    const [equals, value, ...more] = parts;
    const dictionary = withoutParentheses(value);
    if (equals?.name !== 'AssignOp' || textOf(source, equals) !== '=' || dictionary?.name !== 'DictionaryExpression')
      fail('SCRIPT is not a literal dictionary', value ?? node, 'Write SCRIPT = {"key": "spoken text", ...}.');
    if (more[0]) fail(NOT_PLAIN, more[0], 'Write SCRIPT = {"key": "spoken text", ...} and nothing else.');
    found = dictionary;
  }
  if (found) return found;
  throw new UserError('no SCRIPT in the narration file', {
    place: { file: source.path, line: 1 },
    hint: 'Add SCRIPT = {"key": "spoken text"} at the top level.',
  });
}

const UNRUN = 'Narration is read without running it.';
const NOT_PLAIN = 'SCRIPT is not made by one plain assignment at the top level of the file';

/** The statement that a node begins, where that stands at the top level of the file. */
function topStatementOf(node: SyntaxNode): SyntaxNode | undefined {
  const statement = node.parent;
  const above = statement?.parent?.name === 'StatementGroup' ? statement.parent.parent : statement?.parent;
  return above?.name === 'Script' ? (statement ?? undefined) : undefined;
}

/** What may change SCRIPT without naming it. `isMade`: whether SCRIPT was made before. */
function isDynamic(source: PythonSource, node: SyntaxNode, isMade: boolean): boolean {
  if (node.name === 'ImportStatement') return isMade && partsOf(node).some((part) => textOf(source, part) === '*');
  if (node.name !== 'VariableName' && node.name !== 'PropertyName') return false;
  const name = nameOf(source, node);
  if (node.name === 'PropertyName') return name === '__dict__' || (name === 'modules' && isMade);
  return ['exec', 'eval', 'globals', 'locals', 'vars', 'setattr', 'delattr', '__builtins__'].includes(name);
}

/** Whether a name is that of an argument: f(SCRIPT=1). */
function isNameOfArgument(source: PythonSource, node: SyntaxNode): boolean {
  const next = node.nextSibling;
  return node.parent?.name === 'ArgList' && next?.name === 'AssignOp' && textOf(source, next) === '=';
}

/** Whether a node stands in `if __name__ == "__main__":`, which does not run when scenes import the file. */
function isInMainBlock(source: PythonSource, node: SyntaxNode): boolean {
  for (let inner: SyntaxNode = node; inner.parent; inner = inner.parent) {
    if (inner.parent.name !== 'IfStatement' || inner.parent.parent?.name !== 'Script') continue;
    const [, condition, body] = partsOf(inner.parent);
    const asked = condition ? textOf(source, condition) : '';
    return inner.from === body?.from && /^__name__\s*==\s*(["'])__main__\1$/.test(asked);
  }
  return false;
}

const READING_METHODS = ['items', 'keys', 'values', 'get', 'copy'];
/** Where the value of SCRIPT["key"] is used and cannot be replaced. */
const READING_PLACES = ['ArgList', 'BinaryExpression', 'ReturnStatement', 'FormatReplacement'];

/** Whether a mention of SCRIPT only reads: SCRIPT.items(), SCRIPT["key"] in an expression, `key in SCRIPT`. */
function isRead(source: PythonSource, node: SyntaxNode): boolean {
  const { parent } = node;
  if (parent?.name === 'BinaryExpression') return node.prevSibling?.name === 'in';
  if (parent?.name !== 'MemberExpression' || parent.firstChild?.from !== node.from || !parent.parent) return false;
  const [, mark, name] = partsOf(parent);
  if (mark?.name === '[') return READING_PLACES.includes(parent.parent.name);
  return parent.parent.name === 'CallExpression' && !!name && READING_METHODS.includes(nameOf(source, name));
}

function withoutParentheses(node: SyntaxNode | undefined): SyntaxNode | undefined {
  let inner = node;
  while (inner?.name === 'ParenthesizedExpression') inner = partsOf(inner)[1];
  return inner;
}

function partsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter(({ name }) => name !== 'Comment');
}

function linesOf(source: PythonSource, dictionary: SyntaxNode): Pick<Narration, 'lines' | 'problems'> {
  const lines = new Map<string, NarrationLine>();
  const problems: LineProblem[] = [];
  const given = new Map<string, number>();
  for (const entry of splitAt(partsOf(dictionary).slice(1, -1), ',')) {
    const [key, colon, value] = entry;
    if (!key || colon?.name !== ':' || !value || entry.length !== 3) {
      throw new UserError('an entry of SCRIPT is not `"key": "text"`', {
        place: placeOf(source, key ?? dictionary),
        hint: 'Write each line as a literal key and a literal text; ** and comprehensions are not read.',
      });
    }
    const name = literalOf(source, key);
    // any key may be this one
    if (!('text' in name)) throw new UserError(name.what, { place: placeOf(source, key), hint: name.hint });
    const place = placeOf(source, key);
    const tell = (message: string, hint: string, at = place): void => {
      problems.push(new LineProblem(message, name.text, { place: at, hint }));
    };
    const earlier = given.get(name.text);
    if (earlier !== undefined) {
      const last = 'Python takes the last one. Give each line its own key.';
      tell(`narration line "${name.text}" is there twice (first in line ${earlier})`, last);
    }
    given.set(name.text, place.line);
    const text = literalOf(source, value);
    if (!('text' in text) && text.isBroken)
      throw new UserError(text.what, { place: placeOf(source, { from: value.from + text.at }), hint: text.hint });
    lines.delete(name.text);
    if (name.text.trim() === '') tell('a narration line has an empty key', 'Give each line a key.');
    else if (!('text' in text)) tell(text.what, text.hint, placeOf(source, { from: value.from + text.at }));
    else if (text.text.trim() === '')
      tell(`narration line "${name.text}" has no words`, 'Write the words to speak, or remove the line.');
    else lines.set(name.text, { key: name.text, text: text.text, line: place.line });
  }
  return { lines: [...lines.values()], problems };
}

function splitAt(nodes: readonly SyntaxNode[], separator: string): SyntaxNode[][] {
  const groups: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    if (node.name === separator) groups.push([]);
    else groups.at(-1)?.push(node);
  }
  return groups.filter((group) => group.length > 0);
}
