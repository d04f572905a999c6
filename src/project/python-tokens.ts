/** A token of Python source; offsets are those of the text. `newline` ends a logical line. */
export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'mark' | 'newline';
  readonly from: number;
  readonly to: number;
}

/** Why a text is not Python, and where. */
export interface Fault {
  readonly at: number;
  readonly what: string;
}

export interface Tokens {
  readonly tokens: readonly Token[];
  /** The first fault; tokens end there. */
  readonly fault: Fault | undefined;
}

/** Python's own limits. */
const MOST_BRACKETS = 200;
const MOST_INDENTS = 100;
const MOST_NESTED_STRINGS = 100;
/** How far the end of a string with fields is sought before it is read as a plain one. */
const MOST_FIELDS = 50_000;

const CLOSING = new Map([
  [')', '('],
  [']', '['],
  ['}', '{'],
]);
const NAME = /[\p{ID_Start}_]\p{ID_Continue}*/uy;
const NUMBER = /\.?\d[\w.]*/y;
const MARK = /[+\-*/%@&|^~<>()[\]{},:.;=]|!=|!/y;
const PREFIX = /^(r|u|b|br|rb|f|fr|rf|t|tr|rt)$/i;

/**
 * Takes Python source apart as Python's own tokenizer does: strings of every kind, brackets, continued lines, indentation
 * by blanks, tabs and form feeds. Lines must end in `\n`. `inBrackets`: the text stands between brackets, where line ends
 * and indentation mean nothing.
 */
export function tokensOf(text: string, inBrackets = false): Tokens {
  const tokens: Token[] = [];
  const brackets: number[] = [];
  const indents = [{ column: 0, tabless: 0 }];
  let at = 0;
  let isLineStart = !inBrackets;
  const end = (fault?: Fault): Tokens => ({ tokens, fault });
  const nul = text.indexOf('\0');
  if (nul !== -1) return end({ at: nul, what: 'a null character' });
  const isFree = (): boolean => brackets.length === 0 && !inBrackets;

  while (at < text.length) {
    if (isLineStart) {
      const indent = indentAt(text, at);
      at = indent.end;
      const char = text[at];
      if (char === undefined && text.endsWith('\\\n'))
        return end({ at: at - 2, what: 'the file ends after a backslash' });
      if (char === '\n' || char === '#' || char === undefined) {
        at = lineEnd(text, at) + 1; // an empty line
        continue;
      }
      const fault = indentFault(indent, indents, opensBlock(text, tokens), at);
      if (fault) return end(fault);
      isLineStart = false;
    }
    const char = text.charAt(at);
    if (char === ' ' || char === '\t' || char === '\f') at++;
    else if (char === '#') at = lineEnd(text, at);
    else if (char === '\n') {
      if (isFree()) {
        tokens.push({ kind: 'newline', from: at, to: at + 1 });
        isLineStart = true;
      }
      at++;
    } else if (char === '\\') {
      if (text[at + 1] !== '\n') return end({ at, what: 'something follows the backslash that continues a line' });
      at += 2;
      if (at >= text.length) return end({ at: at - 2, what: 'the file ends after a backslash' });
    } else {
      const token = tokenAt(text, at);
      if ('what' in token) return end(token);
      const mark = token.kind === 'mark' ? text.slice(token.from, token.to) : '';
      if (mark === '(' || mark === '[' || mark === '{') {
        if (brackets.length >= MOST_BRACKETS)
          return end({ at, what: `brackets are nested too deeply (more than ${MOST_BRACKETS}, which Python refuses)` });
        brackets.push(at);
      } else if (CLOSING.has(mark)) {
        const open = brackets.pop();
        if (open === undefined) return end({ at, what: `there is no bracket for this ${mark} to close` });
        if (text[open] !== CLOSING.get(mark)) return end({ at, what: `${mark} does not close ${text[open]}` });
      }
      tokens.push(token);
      at = token.to;
    }
  }
  const open = brackets.at(-1);
  if (open !== undefined) return end({ at: open, what: `${text[open]} is never closed` });
  if (opensBlock(text, tokens))
    return end({ at: text.length, what: 'an indented block is missing after the last line' });
  return end();
}

/** Where a string ends that begins at its first quote, or undefined where it is not closed. */
export function stringEnd(text: string, quoteAt: number, hasFields: boolean): number | undefined {
  const quote = quoteOf(text, quoteAt);
  const plain = plainEnd(text, quoteAt + quote.length, quote);
  if (!hasFields) return plain;
  // since Python 3.12 the fields of an f-string may hold the quote of the string itself
  return fieldsEnd(text, quoteAt + quote.length, quote, MOST_NESTED_STRINGS) ?? plain;
}

/** The quote of a string: one character or three. */
export function quoteOf(text: string, at: number): string {
  const mark = text.charAt(at);
  return text.startsWith(mark.repeat(3), at) ? mark.repeat(3) : mark;
}

function tokenAt(text: string, at: number): Token | Fault {
  const name = matchAt(NAME, text, at) ?? '';
  const quoteAt = at + name.length;
  const isString = (name === '' || PREFIX.test(name)) && (text[quoteAt] === '"' || text[quoteAt] === "'");
  if (isString) {
    const to = stringEnd(text, quoteAt, /[ft]/i.test(name));
    return to === undefined ? { at, what: 'a string is not closed' } : { kind: 'string', from: at, to };
  }
  if (name !== '') return { kind: 'name', from: at, to: quoteAt };
  const number = matchAt(NUMBER, text, at);
  if (number !== undefined) return { kind: 'number', from: at, to: at + number.length };
  const mark = matchAt(MARK, text, at);
  if (mark !== undefined) return { kind: 'mark', from: at, to: at + mark.length };
  const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return { at, what: `the character U+${code} has no meaning in Python` };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

function plainEnd(text: string, from: number, quote: string): number | undefined {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text.startsWith(quote, at)) return at + quote.length;
    else if (text[at] === '\n' && quote.length === 1) return undefined;
  }
  return undefined;
}

/** The end of a string with fields, read as since Python 3.12; undefined where it is none of these. */
function fieldsEnd(text: string, from: number, quote: string, levels: number): number | undefined {
  // what stands around: the brackets of a field's expression, and `:` for what formats it
  const around: string[] = [];
  const to = levels > 0 ? Math.min(text.length, from + MOST_FIELDS) : 0;
  for (let at = from; at < to; at++) {
    const char = text.charAt(at);
    const inner = around.at(-1);
    const isText = inner === undefined || inner === ':';
    if (char === '\n' && quote.length === 1) return undefined;
    if (isText) {
      if (text.startsWith(quote, at)) return inner === undefined ? at + quote.length : undefined;
      if (char === '\\' && text[at + 1] !== '{' && text[at + 1] !== '}') {
        if (text.startsWith('\\N{', at)) at = Math.max(at, text.indexOf('}', at));
        else at++;
      } else if (inner === undefined && (text.startsWith('{{', at) || text.startsWith('}}', at))) at++;
      else if (char === '{') around.push('{');
      else if (char === '}' && inner === ':') around.splice(-2); // the format and its field
    } else if (char === '"' || char === "'") {
      const prefix = /[a-z]*$/i.exec(text.slice(Math.max(from, at - 2), at))?.[0] ?? '';
      const mark = quoteOf(text, at);
      const start = at + mark.length;
      const end = /[ft]/i.test(prefix) ? fieldsEnd(text, start, mark, levels - 1) : plainEnd(text, start, mark);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (char === '(' || char === '[' || char === '{') around.push(char);
    else if (char === ')' || char === ']' || char === '}') around.pop();
    else if (char === ':' && inner === '{' && !isInDictionary(around)) around.push(':');
    else if (char === '#' && quote.length === 3) at = lineEnd(text, at) - 1;
    if (around.length > MOST_BRACKETS) return undefined;
  }
  return undefined;
}

/** Whether the innermost brace is one of a dictionary inside a field, not the field's own. */
function isInDictionary(around: readonly string[]): boolean {
  return around.length > 1 && around.at(-2) !== ':';
}

interface Indent {
  readonly end: number;
  /** Tabs go to the next multiple of eight. */
  readonly column: number;
  /** Tabs count as one. The two must agree, so that a line has one meaning whatever a tab's width is. */
  readonly tabless: number;
}

function indentAt(text: string, from: number): Indent {
  let [column, tabless, at] = [0, 0, from];
  for (; ; at++) {
    const char = text[at];
    if (char === ' ') [column, tabless] = [column + 1, tabless + 1];
    else if (char === '\t') [column, tabless] = [(Math.floor(column / 8) + 1) * 8, tabless + 1];
    else if (char === '\f') [column, tabless] = [0, 0];
    else if (char === '\\' && text[at + 1] === '\n')
      at++; // the next line goes on with this indentation
    else return { end: at, column, tabless };
  }
}

/** Enters a line's indentation, or says why it is none. */
function indentFault(
  { column, tabless }: Indent,
  indents: { column: number; tabless: number }[],
  isBlock: boolean,
  at: number,
): Fault | undefined {
  const mixed = { at, what: 'tabs and spaces are mixed in the indentation' };
  const now = indents.at(-1) ?? { column: 0, tabless: 0 };
  if (column > now.column) {
    if (tabless <= now.tabless) return mixed;
    if (!isBlock) return { at, what: 'this line is indented without need' };
    if (indents.length >= MOST_INDENTS) return { at, what: 'blocks are nested too deeply' };
    indents.push({ column, tabless });
    return undefined;
  }
  if (isBlock) return { at, what: 'an indented block is missing before this line' };
  while (column < (indents.at(-1)?.column ?? 0)) indents.pop();
  const outer = indents.at(-1);
  if (column !== outer?.column) return { at, what: 'the indentation of this line fits no block around it' };
  return tabless === outer.tabless ? undefined : mixed;
}

/** Whether the last logical line ends in a colon. */
function opensBlock(text: string, tokens: readonly Token[]): boolean {
  const last = tokens.at(-1)?.kind === 'newline' ? tokens.at(-2) : tokens.at(-1);
  return last?.kind === 'mark' && text[last.from] === ':';
}
