import type { SyntaxNode } from '@lezer/common';
import type { Place } from '../errors.js';
import { childrenOf, constantText, type PythonSource, textOf } from '../project/python-source.js';

/** What the checks look at in a source, gathered in one pass over it. */
export interface Reading {
  readonly source: PythonSource;
  readonly calls: readonly Call[];
  /** Where names are used: no attributes, no definitions, no names of arguments. */
  readonly uses: readonly NameUse[];
  /** Every name that the source binds, anywhere in it. */
  readonly bound: ReadonlySet<string>;
  /** The values of all constant texts. */
  readonly texts: readonly Text[];
  readonly comments: readonly SyntaxNode[];
  /** Names of attributes, and of what `from ... import` takes. */
  readonly attributes: ReadonlySet<string>;
  placeOf(at: number): Place;
}

export interface Call {
  /** What is called, as it is written, without white space: "self.play", "Text". */
  readonly called: string;
  /** Its last name. */
  readonly name: string;
  readonly args: readonly Argument[];
  readonly node: SyntaxNode;
}

export interface Argument {
  /** undefined: by position. "*" and "**": unpacked. */
  readonly name: string | undefined;
  readonly value: SyntaxNode;
}

export interface NameUse {
  readonly name: string;
  readonly at: number;
}

export interface Text {
  readonly value: string;
  readonly node: SyntaxNode;
}

const readings = new WeakMap<PythonSource, Reading>();

/** The reading of a source; made once. */
export function readingOf(source: PythonSource): Reading {
  const before = readings.get(source);
  if (before) return before;
  const fresh = read(source);
  readings.set(source, fresh);
  return fresh;
}

/** The value of a constant text, or undefined for anything computed. */
export function constantOf(source: PythonSource, node: SyntaxNode | undefined): string | undefined {
  if (!node) return undefined;
  try {
    return constantText(source, node);
  } catch {
    return undefined;
  }
}

/** The value of an argument: by name, else the one at that position. */
export function argumentOf(call: Call, name: string, position: number): SyntaxNode | undefined {
  const named = call.args.find((argument) => argument.name === name);
  if (named) return named.value;
  const before = call.args.slice(0, position + 1);
  return before.every((argument) => argument.name === undefined) ? before[position]?.value : undefined;
}

function read(source: PythonSource): Reading {
  const calls: Call[] = [];
  const uses: NameUse[] = [];
  const bound = new Set<string>();
  const attributes = new Set<string>();
  const texts: Text[] = [];
  const comments: SyntaxNode[] = [];
  source.tree.iterate({
    enter: ({ name, node, from, to }) => {
      if (name === 'CallExpression') {
        const call = callOf(source, node);
        if (call) calls.push(call);
      } else if (name === 'VariableName') {
        const word = source.text.slice(from, to);
        const role = roleOf(node);
        if (role === 'bound') bound.add(word);
        else if (role === 'taken') attributes.add(word);
        else if (role === 'used') uses.push({ name: word, at: from });
      } else if (name === 'PropertyName') attributes.add(source.text.slice(from, to));
      else if (name === 'String') {
        const value = constantOf(source, node);
        if (value !== undefined) texts.push({ value, node });
      } else if (name === 'Comment') comments.push(node);
    },
  });
  const starts = lineStarts(source.text);
  const placeOf = (at: number): Place => ({ file: source.path, line: lineAt(starts, at) });
  return { source, calls, uses, bound, attributes, texts, comments, placeOf };
}

function callOf(source: PythonSource, node: SyntaxNode): Call | undefined {
  const callee = node.firstChild;
  const list = node.lastChild;
  if (!callee || list?.name !== 'ArgList') return undefined;
  const called = textOf(source, callee).replaceAll(/\s+/g, '');
  return { called, name: /(\w+)$/u.exec(called)?.[1] ?? '', args: argumentsOf(source, list), node };
}

function argumentsOf(source: PythonSource, list: SyntaxNode): Argument[] {
  const words = childrenOf(list).filter(({ name }) => !['(', ')', 'Comment'].includes(name));
  const args: Argument[] = [];
  for (let index = 0; index < words.length; index++) {
    const [word, next, value] = words.slice(index, index + 3);
    if (!word || word.name === ',') continue;
    if (next?.name === 'AssignOp' && value) {
      args.push({ name: textOf(source, word), value });
      index += 2;
    } else if ((word.name === '*' || word.name === '**') && next) {
      args.push({ name: word.name, value: next });
      index += 1;
    } else args.push({ name: undefined, value: word });
  }
  return args;
}

const BINDING_PARENTS = new Set([
  'FunctionDefinition',
  'ClassDefinition',
  'ParamList',
  'CapturePattern',
  'ScopeStatement',
  'TypeParam',
]);

/** What a name does where it stands. `taken`: it is what `from ... import` takes from another module. */
function roleOf(node: SyntaxNode): 'bound' | 'used' | 'taken' | 'argument' {
  const { parent, prevSibling, nextSibling } = node;
  if (!parent) return 'used';
  if (parent.name === 'ImportStatement') {
    const isRenamed = nextSibling?.name === 'as';
    return isRenamed ? 'taken' : 'bound';
  }
  if (parent.name === 'ArgList' && nextSibling?.name === 'AssignOp') return 'argument';
  if (parent.name === 'ParamList') {
    return prevSibling?.name === 'AssignOp' || prevSibling?.name === 'TypeDef' ? 'used' : 'bound';
  }
  if (BINDING_PARENTS.has(parent.name) || prevSibling?.name === 'as') return 'bound';
  let target = node;
  while (
    target.parent &&
    ['TupleExpression', 'ArrayExpression', 'ParenthesizedExpression'].includes(target.parent.name)
  )
    target = target.parent;
  const holder = target.parent;
  if (holder?.name === 'NamedExpression' && holder.firstChild?.from === node.from) return 'bound';
  if (holder?.name === 'AssignStatement' && comesBefore(target, 'AssignOp')) return 'bound';
  if (holder && /^(ForStatement|.*ComprehensionExpression)$/.test(holder.name) && isLoopTarget(target)) return 'bound';
  return 'used';
}

function comesBefore(node: SyntaxNode, name: string): boolean {
  for (let next = node.nextSibling; next; next = next.nextSibling) if (next.name === name) return true;
  return false;
}

function isLoopTarget(node: SyntaxNode): boolean {
  for (let before = node.prevSibling; before; before = before.prevSibling) {
    if (before.name === 'in') return false;
    if (before.name === 'for') return true;
  }
  return false;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The line of an offset, from 1. */
function lineAt(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low + 1;
}
