import type { SyntaxNode } from '@lezer/common';
import type { Finding } from '../project/finding.js';
import { textOf } from '../project/python-source.js';
import { type Check, findingAt } from './check.js';
import { constantOf, type Reading } from './reading.js';

/** A token that a template leaves to be filled: {{SCENE_TITLE}}, {{PLACEHOLDER}}. */
const TOKEN =
  /\{\{\s*(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PLACEHOLDER|TODO|TITLE|TEXT|CONTENT|TOPIC|NAME|scene_body|narration_key|class_name)\s*\}\}/;

/** What the scaffold of a scene holds until its author fills it. */
const SCAFFOLD: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  {
    pattern: /\bbox\s*=\s*Rectangle\(\s*width\s*=\s*4(?:\.0)?\s*,\s*height\s*=\s*2\.4\b/,
    what: "the scaffold's demo rectangle",
  },
];
const SCAFFOLD_COMMENT = /^#\s*(?:TODO: Add animations here|PROMPT: )/;

/** Tokens and texts of a template that nobody filled in. */
export const placeholders: Check = (under) =>
  under.sources.flatMap(({ reading }) => {
    const found: { at: number; what: string }[] = [];
    for (const { value, node } of reading.texts) {
      const token = TOKEN.exec(value)?.[0];
      // double braces group the parts of a formula, and stand for single ones in a format
      if (token && !isInside(node, reading, /^(MathTex|Tex|SingleStringMathTex|Title)$/) && !isFormatted(node, reading))
        found.push({ at: node.from, what: `the placeholder ${token}` });
    }
    for (const { pattern, what } of SCAFFOLD) {
      const at = pattern.exec(reading.source.text)?.index;
      if (at !== undefined) found.push({ at, what });
    }
    const comment = reading.comments.find((node) => SCAFFOLD_COMMENT.test(textOf(reading.source, node)));
    if (comment) found.push({ at: comment.from, what: 'an instruction of the scaffold' });
    const tokens = bareTokens(reading);
    return [
      ...found.map(({ at, what }) =>
        findingAt(
          under,
          'warning',
          reading.placeOf(at),
          `${what} is still in the scene`,
          'Put the real content there.',
        ),
      ),
      ...tokens.map(({ at, token }) =>
        findingAt(
          under,
          'warning',
          reading.placeOf(at),
          `the placeholder ${token} is still in the scene`,
          'Put the real content there.',
        ),
      ),
    ];
  });

/** Operators that a web page has escaped: a &lt; b. */
export const escapedOperators: Check = (under) =>
  under.sources.flatMap(({ reading, severityAt }): Finding[] => {
    const { text } = reading.source;
    return [...text.matchAll(/&(?:lt|gt|amp|quot|#39);/g)].flatMap(({ 0: escaped, index }) => {
      const node = reading.source.tree.resolveInner(index, 1);
      const inText = enclosing(node, ['String', 'FormatString', 'Comment', 'ContinuedString']);
      if (!inText) {
        return [
          findingAt(
            under,
            severityAt(index),
            reading.placeOf(index),
            `${escaped} is an operator escaped as HTML`,
            'Write < or > itself.',
          ),
        ];
      }
      if (inText.name === 'Comment' || !isInside(inText, reading, /^(Text|Tex|MathTex|Title)$/)) return [];
      return [
        findingAt(
          under,
          'warning',
          reading.placeOf(index),
          `this text shows ${escaped} as it stands`,
          'Write the character itself; only MarkupText takes HTML.',
        ),
      ];
    });
  });

/** {{TOKEN}} as code: a set in a set. */
function bareTokens(reading: Reading): { at: number; token: string }[] {
  return [...reading.source.text.matchAll(new RegExp(TOKEN, 'g'))].flatMap(({ 0: token, index }) => {
    const node = reading.source.tree.resolveInner(index, 1);
    return enclosing(node, ['String', 'FormatString', 'Comment']) ? [] : [{ at: index, token }];
  });
}

function enclosing(start: SyntaxNode, names: readonly string[]): SyntaxNode | undefined {
  for (let node: SyntaxNode | null = start; node; node = node.parent) if (names.includes(node.name)) return node;
  return undefined;
}

/** Whether a text is an argument of a call of that name. */
function isInside(node: SyntaxNode, { source }: Reading, name: RegExp): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (at.name === 'CallExpression' && at.firstChild) {
      const called = textOf(source, at.firstChild);
      if (name.test(called.split('.').at(-1)?.trim() ?? '')) return true;
    }
    if (at.name.endsWith('Statement') || at.name === 'Body') return false;
  }
  return false;
}

/** Whether `.format(...)` or a template of another kind is applied to a text. */
function isFormatted(node: SyntaxNode, { source }: Reading): boolean {
  return (
    /^\s*(\)\s*)?\.\s*(format|replace|render|substitute)\b/.test(source.text.slice(node.to, node.to + 40)) ||
    constantOf(source, node) === undefined
  );
}
