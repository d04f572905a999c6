import type { SyntaxNode } from '@lezer/common';
import { UserError } from '../errors.js';
import { contentKey } from '../store/keys.js';
import {
  childrenOf,
  constantText,
  firstSyntaxError,
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
  readonly lines: readonly NarrationLine[];
  /** SHA-256 over the keys and texts, and nothing else: comments, layout and the order of entries do not change it. */
  readonly sha256: string;
  /** What is wrong with single lines: these are not among `lines`. */
  readonly problems: readonly LineProblem[];
}

/** Reads a narration file. Throws UserError where it is missing, not Python, or computes anything. */
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
    throw new UserError('the narration file is not valid Python', {
      place: broken,
      hint: 'Look for a missing quote, comma or bracket at or just before this line.',
    });
  }
  const problems: LineProblem[] = [];
  const lines = linesOf(source, scriptDictionary(source), problems);
  const content = Object.fromEntries(lines.map((line) => [line.key, line.text]));
  return { file: source.path, lines, sha256: contentKey(content), problems };
}

function scriptDictionary(source: PythonSource): SyntaxNode {
  let found: SyntaxNode | undefined;
  for (const statement of statementsOf(source)) {
    for (const node of namesOf(source, statement)) {
      const isAssignment = statement.name === 'AssignStatement' && statement.firstChild?.from === node.from;
      if (!isAssignment || found) {
        throw new UserError('SCRIPT is used or changed after it is made', {
          place: placeOf(source, node),
          hint: 'Narration is read without running it: give all lines in the one SCRIPT = {...}.',
        });
      }
      const [, ...rest] = childrenOf(statement);
      const value = withoutParentheses(rest.findLast((child) => child.name !== 'Comment'));
      if (value?.name !== 'DictionaryExpression') {
        throw new UserError('SCRIPT is not a literal dictionary', {
          place: placeOf(source, value ?? statement),
          hint: 'Write SCRIPT = {"key": "spoken text", ...}.',
        });
      }
      found = value;
    }
  }
  if (found) return found;
  throw new UserError('no SCRIPT in the narration file', {
    place: { file: source.path, line: 1 },
    hint: 'Add SCRIPT = {"key": "spoken text"} at the top level.',
  });
}

/** The statements at the top of a file; those that semicolons put on one line one by one. */
function statementsOf(source: PythonSource): SyntaxNode[] {
  return childrenOf(source.tree.topNode).flatMap((node) =>
    node.name === 'StatementGroup' ? childrenOf(node) : [node],
  );
}

function withoutParentheses(node: SyntaxNode | undefined): SyntaxNode | undefined {
  if (node?.name !== 'ParenthesizedExpression') return node;
  return withoutParentheses(childrenOf(node).find((child) => !['(', 'Comment'].includes(child.name)));
}

function* namesOf(source: PythonSource, statement: SyntaxNode): Generator<SyntaxNode> {
  for (const node of nodesOf(source)) {
    if (node.from < statement.from || node.to > statement.to) continue;
    if (node.name === 'VariableName' && textOf(source, node) === 'SCRIPT') yield node;
  }
}

function linesOf(source: PythonSource, dictionary: SyntaxNode, problems: LineProblem[]): NarrationLine[] {
  const parts = childrenOf(dictionary).filter((node) => !['{', '}', 'Comment'].includes(node.name));
  const lines: NarrationLine[] = [];
  for (const entry of splitAt(parts, ',')) {
    const [key, colon, value] = entry;
    if (!key || colon?.name !== ':' || !value || entry.length !== 3) {
      const at = key ?? dictionary;
      throw new UserError('an entry of SCRIPT is not `"key": "text"`', {
        place: placeOf(source, at),
        hint: 'Write each line as a literal key and a literal text; ** and comprehensions are not read.',
      });
    }
    const line: NarrationLine = {
      key: constantText(source, key),
      text: constantText(source, value),
      line: placeOf(source, key).line ?? 1,
    };
    const problem = problemOf(line, lines);
    if (problem) {
      const hint = 'Each line needs its own key and words to speak.';
      problems.push(new LineProblem(problem, line.key, { place: placeOf(source, key), hint }));
    }
    lines.push(line);
  }
  return lines.filter(({ key }) => !problems.some((problem) => problem.key === key));
}

function problemOf(line: NarrationLine, before: readonly NarrationLine[]): string | undefined {
  if (line.key.trim() === '') return 'a narration line has an empty key';
  if (line.text.trim() === '') return `narration line "${line.key}" has no words`;
  const earlier = before.find((other) => other.key === line.key);
  return earlier && `narration line "${line.key}" is there twice (first in line ${earlier.line})`;
}

function splitAt(nodes: readonly SyntaxNode[], separator: string): SyntaxNode[][] {
  const groups: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    if (node.name === separator) groups.push([]);
    else groups.at(-1)?.push(node);
  }
  return groups.filter((group) => group.length > 0);
}
