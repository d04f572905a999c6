import type { SyntaxNode } from '@lezer/common';
import { childrenOf, type PythonSource, textOf } from '../project/python-source.js';

/** Whether an import may fail without harm: inside `try` with an `except` for it, or for type checkers only. */
export function isGuarded(source: PythonSource, at: number): boolean {
  for (let node: SyntaxNode = source.tree.resolveInner(at, 1); node.parent; node = node.parent) {
    const { parent } = node;
    if (parent.name === 'TryStatement' && catchesImports(source, parent)) return true;
    if (parent.name === 'IfStatement' && /\bTYPE_CHECKING\b/.test(conditionOf(source, parent))) return true;
    if (parent.name === 'WithStatement' && /\bsuppress\b/.test(conditionOf(source, parent))) return true;
  }
  return false;
}

function conditionOf(source: PythonSource, statement: SyntaxNode): string {
  return source.text.slice(statement.from, statement.getChild('Body')?.from ?? statement.to);
}

function catchesImports(source: PythonSource, statement: SyntaxNode): boolean {
  const words = childrenOf(statement);
  return words.some((word, index) => {
    if (word.name !== 'except') return false;
    const caught = words[index + 1];
    if (!caught || caught.name === 'Body') return true;
    return /\b(ImportError|ModuleNotFoundError|Exception|BaseException)\b/.test(textOf(source, caught));
  });
}
