import type { SyntaxNode, TreeCursor } from '@lezer/common';
import { childrenOf, type PythonSource, textOf } from './python-source.js';

/*
 * What of a source is sure to run when its scene is rendered. A fault there fails the scene; anywhere else it may not
 * matter.
 */

/** Statements and expressions whose parts may or may not run. */
const CONDITIONAL = new Set([
  ...['IfStatement', 'WhileStatement', 'TryStatement', 'MatchStatement'],
  ...['ConditionalExpression', 'LambdaExpression', 'ComprehensionExpression', 'ArrayComprehensionExpression'],
  ...['DictionaryComprehensionExpression', 'SetComprehensionExpression'],
]);

/** Methods of a scene that Manim calls by itself. */
const CALLED_BY_MANIM = ['setup', 'construct'];

/** Functions of a source that are sure to be called, by the offset of their definition. */
type CertainFunctions = ReadonlySet<number>;

const known = new WeakMap<PythonSource, Map<string, CertainFunctions>>();

/**
 * Whether the code at an offset runs whenever the file is imported, or the scene `className` of it rendered: no function
 * that may not be called, no `if`, `for` or `try` around it.
 */
export function alwaysRuns(source: PythonSource, at: number, className?: string): boolean {
  return runs(source, source.tree.resolveInner(at, 1), certainFunctions(source, className));
}

function certainFunctions(source: PythonSource, className: string | undefined): CertainFunctions {
  if (className === undefined) return new Set();
  const ofSource = known.get(source) ?? new Map<string, CertainFunctions>();
  known.set(source, ofSource);
  const before = ofSource.get(className);
  if (before) return before;
  const found = findCertainFunctions(source, className);
  ofSource.set(className, found);
  return found;
}

function findCertainFunctions(source: PythonSource, className: string): CertainFunctions {
  const top = functionsIn(source, source.tree.topNode);
  const scene = childrenOf(source.tree.topNode)
    .map(undecorated)
    .find((node) => node.name === 'ClassDefinition' && nameIn(source, node) === className);
  const body = scene?.getChild('Body');
  const methods = body ? functionsIn(source, body) : new Map<string, SyntaxNode>();
  const certain = new Set<number>();
  const queue = CALLED_BY_MANIM.flatMap((name) => methods.get(name) ?? []);
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (certain.has(next.from) || isGenerator(source, next)) continue;
    certain.add(next.from);
    for (const { called, at } of callsIn(source, next)) {
      const target = called.startsWith('self.') ? methods.get(called.slice(5)) : top.get(called);
      if (target && runs(source, at, certain)) queue.push(target);
    }
  }
  return certain;
}

function runs(source: PythonSource, start: SyntaxNode, certain: CertainFunctions): boolean {
  for (let node = start; node.parent; node = node.parent) {
    const { parent } = node;
    if (CONDITIONAL.has(parent.name)) return false;
    if (parent.name === 'ForStatement' && node.name === 'Body' && !loopsOnce(source, parent)) return false;
    if (parent.name === 'BinaryExpression' && parent.firstChild?.from !== node.from) {
      const operator = parent.firstChild?.nextSibling;
      if (operator?.name === 'and' || operator?.name === 'or') return false;
    }
    // contextlib.suppress and the like
    if (parent.name === 'WithStatement' && node.name === 'Body' && /suppress|raises/.test(headOf(source, parent)))
      return false;
    if (parent.name === 'FunctionDefinition') {
      if (node.name !== 'Body' || !certain.has(parent.from)) return false;
      if (returnsBefore(parent, start.from)) return false;
    }
  }
  return true;
}

/** Whether a loop is sure to run: over a literal list that is not empty, or `range(3)`. */
function loopsOnce(source: PythonSource, loop: SyntaxNode): boolean {
  return /\bin\s*(?:range\(\s*[1-9]\d*\s*\)|[[(]\s*[^\s\])*][^*]*)\s*$/.test(headOf(source, loop));
}

function headOf(source: PythonSource, statement: SyntaxNode): string {
  return source.text.slice(statement.from, statement.getChild('Body')?.from ?? statement.to);
}

function returnsBefore(definition: SyntaxNode, at: number): boolean {
  for (const { name, from } of cursorsIn(definition)) if (name === 'ReturnStatement' && from < at) return true;
  return false;
}

/** Whether calling a function only makes a generator. A guess that leans towards yes: strings and comments count, too. */
function isGenerator(source: PythonSource, definition: SyntaxNode): boolean {
  return /\byield\b/.test(textOf(source, definition));
}

/** The plain functions that a body defines: none with decorators, which may do anything with them. */
function functionsIn(source: PythonSource, body: SyntaxNode): Map<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>();
  for (const node of childrenOf(body)) {
    if (node.name === 'FunctionDefinition' && node.firstChild?.name !== 'async') found.set(nameIn(source, node), node);
  }
  return found;
}

function* callsIn(source: PythonSource, definition: SyntaxNode): Generator<{ called: string; at: SyntaxNode }> {
  for (const { name, node } of cursorsIn(definition)) {
    if (name !== 'CallExpression' || !node.firstChild) continue;
    const called = textOf(source, node.firstChild);
    if (/^(self\.)?\w+$/.test(called)) yield { called, at: node };
  }
}

/** The nodes of a function in document order, without those of functions inside it. */
function* cursorsIn(definition: SyntaxNode): Generator<TreeCursor> {
  const cursor = definition.cursor();
  for (let more = cursor.next(); more && cursor.from < definition.to; ) {
    yield cursor;
    more = cursor.next(cursor.name !== 'FunctionDefinition' && cursor.name !== 'LambdaExpression');
  }
}

function undecorated(node: SyntaxNode): SyntaxNode {
  return node.name === 'DecoratedStatement' ? (node.getChild('ClassDefinition') ?? node) : node;
}

function nameIn(source: PythonSource, definition: SyntaxNode): string {
  const name = definition.getChild('VariableName');
  return name ? textOf(source, name) : '';
}
