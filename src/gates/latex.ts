import type { Finding } from '../project/finding.js';
import { type Check, findingAt } from './check.js';
import { constantOf } from './reading.js';

/** What sets formulas, and whether its text starts in mathematics. */
const FORMULAS: Readonly<Record<string, 'math' | 'text'>> = {
  MathTex: 'math',
  SingleStringMathTex: 'math',
  Tex: 'text',
  Title: 'text',
};

/** LaTeX that cannot be set, as far as that is certain: Manim itself closes braces that are open. */
export const latex: Check = (under) => {
  // a template of the scene's own may define anything
  const hasTemplate = under.sources.some(
    ({ reading }) => reading.attributes.has('tex_template') || reading.bound.has('tex_template'),
  );
  return under.sources.flatMap(({ reading, severityAt }) =>
    reading.calls.flatMap((call): Finding[] => {
      const kind = Object.hasOwn(FORMULAS, call.name) ? FORMULAS[call.name] : undefined;
      if (!kind || reading.bound.has(call.name)) return [];
      const options = call.args.map(({ name }) => name);
      const isOrdinary = options.every(
        (name) => name !== 'tex_template' && name !== 'tex_environment' && name !== '*' && name !== '**',
      );
      const parts = call.args
        .filter(({ name }) => name === undefined)
        .map(({ value }) => constantOf(reading.source, value));
      if (!isOrdinary || parts.length === 0 || parts.includes(undefined)) return [];
      const problem = problemOf(parts.join(' '), kind);
      if (!problem) return [];
      return [
        findingAt(
          under,
          hasTemplate ? 'warning' : severityAt(call.node.from),
          reading.placeOf(call.node.from),
          `LaTeX cannot set this ${call.name}: ${problem}`,
          'Correct the formula.',
        ),
      ];
    }),
  );
};

function problemOf(tex: string, kind: 'math' | 'text'): string | undefined {
  // what a backslash escapes is a character like any other; "\\" is a new line
  const plain = tex.replaceAll(/\\\\|\\[{}$%&#_]/g, '  ');
  return environmentProblem(plain) ?? bracesProblem(plain) ?? dollarProblem(plain, kind);
}

/** \begin and \end that do not match. */
function environmentProblem(tex: string): string | undefined {
  const open: string[] = [];
  for (const { 1: word, 2: name = '' } of tex.matchAll(/\\(begin|end)\s*\{([^}]*)\}/g)) {
    if (word === 'begin') open.push(name);
    else {
      const last = open.pop();
      if (last === undefined) return `\\end{${name}} has no \\begin{${name}}`;
      if (last !== name) return `\\begin{${last}} ends with \\end{${name}}`;
    }
  }
  const left = open.at(-1);
  return left === undefined ? undefined : `\\begin{${left}} has no \\end{${left}}`;
}

/** Manim adds braces that are missing at either end; what closes before it opens is still wrong. */
function bracesProblem(tex: string): string | undefined {
  const count = (mark: string): number => tex.split(mark).length - 1;
  let depth = Math.max(0, count('}') - count('{'));
  for (const mark of tex) {
    if (mark === '{') depth++;
    if (mark === '}' && --depth < 0) return 'a brace closes before it opens';
  }
  return undefined;
}

function dollarProblem(tex: string, kind: 'math' | 'text'): string | undefined {
  const dollars = tex.split('$').length - 1;
  if (kind === 'text') return dollars % 2 === 0 ? undefined : 'a $ has no second one';
  // \text{...} may hold $...$
  return dollars > 0 && !/\\(text|mbox|hbox|parbox)/.test(tex)
    ? 'a MathTex is mathematics already: leave out the $'
    : undefined;
}
