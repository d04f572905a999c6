import type { SyntaxNode } from '@lezer/common';
import { importsOf } from './imports.js';
import {
  childrenOf,
  firstSyntaxError,
  literalOf,
  nameOf,
  nodesOf,
  type PythonSource,
  placeOf,
  textOf,
} from './python-source.js';

/**
 * One use of the narration in a source: of one line; of lines that cannot be told from the source; or of the narration
 * file as a whole, in which case more than its lines may matter (their order, other names).
 */
export type NarrationUse =
  | { readonly of: 'line'; readonly key: string; readonly line: number; readonly at: number }
  | { readonly of: 'lines' | 'file'; readonly line: number };

/**
 * How a source uses the narration: `SCRIPT["key"]` is one line, `SCRIPT[name]` may be each of them, anything else is the
 * file. A text of its own that a scene speaks may be each line too, since recordings are looked up by their text.
 * `module` is the name of the narration module. From a source that others import (`isShared`), SCRIPT may travel on.
 */
export function narrationUses(source: PythonSource, module: string, isShared: boolean): NarrationUse[] {
  const uses: NarrationUse[] = [];
  const names = new Set<string>();
  for (const { module: from, names: taken, line } of importsOf(source)) {
    const isNarration = from.split('.').at(-1) === module;
    if (taken === undefined && from.split('.').includes(module)) uses.push({ of: 'file', line });
    for (const { name, as } of taken ?? []) {
      if (isNarration && (name === 'SCRIPT' || name === '*')) names.add(name === '*' ? 'SCRIPT' : as);
      if (isNarration ? name !== 'SCRIPT' || isShared : name === module) uses.push({ of: 'file', line });
    }
  }
  const lineOf = (node: SyntaxNode): number => placeOf(source, node).line;
  // what cannot be parsed may use anything
  const broken = firstSyntaxError(source);
  if (broken) uses.push({ of: 'file', line: broken.line });
  for (const node of nodesOf(source)) {
    const isScript = node.name === 'VariableName' && names.has(nameOf(source, node));
    if (isScript && node.parent?.name !== 'ImportStatement') uses.push(useOf(source, node, lineOf(node)));
    if (namesModule(source, node, module)) uses.push({ of: 'file', line: lineOf(node) });
    if (speaksOwnText(source, node)) uses.push({ of: 'lines', line: lineOf(node) });
  }
  return uses;
}

/** Whether a source asks for a voiceover. */
export function speaks(source: PythonSource): boolean {
  for (const node of nodesOf(source)) {
    if (node.name === 'PropertyName' && textOf(source, node) === 'voiceover') return true;
  }
  return false;
}

/** What one mention of SCRIPT uses. */
function useOf(source: PythonSource, script: SyntaxNode, line: number): NarrationUse {
  const parent = script.parent;
  const [object, mark, index, close] = parent ? partsOf(parent) : [];
  if (parent?.name !== 'MemberExpression' || object?.from !== script.from) return { of: 'file', line };
  const isGet =
    mark?.name === '.' && index && textOf(source, index) === 'get' && parent.parent?.name === 'CallExpression';
  if (isGet) return { of: 'lines', line };
  if (mark?.name !== '[' || close?.name !== ']' || !index) return { of: 'file', line };
  const key = literalOf(source, index);
  return 'text' in key ? { of: 'line', key: key.text, line, at: script.from } : { of: 'lines', line };
}

/** Whether a text names the narration module, as for `importlib.import_module`; a docstring does not count. */
function namesModule(source: PythonSource, node: SyntaxNode, module: string): boolean {
  if (node.name !== 'String' && node.name !== 'FormatString') return false;
  if (node.parent?.name === 'ExpressionStatement') return false;
  const path = textOf(source, node).replaceAll(/^\w*['"]+|(\.py)?['"]+$/g, '');
  return path.split(/[\\/.]/).at(-1) === module;
}

/** Whether a node is a call like `self.voiceover("text")`. */
function speaksOwnText(source: PythonSource, node: SyntaxNode): boolean {
  if (node.name !== 'CallExpression' || !node.firstChild || !node.lastChild) return false;
  const callee = node.firstChild;
  if (callee.name !== 'MemberExpression' || !callee.lastChild || textOf(source, callee.lastChild) !== 'voiceover')
    return false;
  const words = partsOf(node.lastChild);
  const named = words.findIndex((word, at) => textOf(source, word) === 'text' && words[at + 1]?.name === 'AssignOp');
  const text = words[named === -1 ? 1 : named + 2];
  return text !== undefined && (text.name === 'FormatString' || 'text' in literalOf(source, text));
}

function partsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter(({ name }) => name !== 'Comment');
}
