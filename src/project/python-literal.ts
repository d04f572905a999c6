import { quoteOf, type Token, tokensOf } from './python-tokens.js';

/** The value of a constant text, or why it has none. */
export type Literal = { readonly text: string } | NoLiteral;
export interface NoLiteral {
  /** The offset in the source. */
  readonly at: number;
  readonly what: string;
  readonly hint: string;
  /** Whether Python refuses the whole file for it. */
  readonly isBroken: boolean;
}

const PLAIN =
  'Narration is read without running it. Write the text itself as a string: no names, calls, bytes or f-strings with fields.';

/**
 * Reads an expression that is a constant text: string literals side by side or joined by `+`, in parentheses or not. The
 * expression stands alone, and is read as between brackets. Nothing is computed.
 */
export function readLiteral(source: string): Literal {
  const { tokens, fault } = tokensOf(source, true);
  if (fault) return { ...fault, hint: 'Correct the string.', isBroken: true };
  const reader = new LiteralReader(source, tokens);
  try {
    const text = reader.sum();
    return reader.isAtEnd() ? { text } : reader.notPlain();
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.why;
    throw thrown;
  }
}

class Refusal extends Error {
  constructor(readonly why: NoLiteral) {
    super(why.what);
  }
}

class LiteralReader {
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly tokens: readonly Token[],
  ) {}

  isAtEnd(): boolean {
    return this.at === this.tokens.length;
  }

  sum(): string {
    const parts = [this.term()];
    while (this.takes('+')) parts.push(this.term());
    return parts.join('');
  }

  notPlain(): NoLiteral {
    const shown = this.source.replaceAll(/\s+/g, ' ').trim();
    return {
      at: 0,
      what: `not a literal text: ${shown.length <= 60 ? shown : `${shown.slice(0, 57)}...`}`,
      hint: PLAIN,
      isBroken: false,
    };
  }

  private term(): string {
    if (this.takes('(')) {
      const text = this.sum();
      if (!this.takes(')')) throw new Refusal(this.notPlain());
      return text;
    }
    const parts: string[] = [];
    for (let token = this.tokens[this.at]; token?.kind === 'string'; token = this.tokens[++this.at])
      parts.push(this.value(token));
    if (parts.length === 0) throw new Refusal(this.notPlain());
    return parts.join('');
  }

  private takes(mark: string): boolean {
    const token = this.tokens[this.at];
    if (token?.kind !== 'mark' || this.source.slice(token.from, token.to) !== mark) return false;
    this.at++;
    return true;
  }

  private value({ from, to }: Token): string {
    const quoteAt = from + (/^[a-z]*/i.exec(this.source.slice(from, from + 3))?.[0].length ?? 0);
    const prefix = this.source.slice(from, quoteAt).toLowerCase();
    const { length } = quoteOf(this.source, quoteAt);
    const start = quoteAt + length;
    const body = this.source.slice(start, to - length);
    if (/[bt]/.test(prefix)) throw new Refusal(this.notPlain());
    if (!prefix.includes('f')) return prefix.includes('r') ? body : this.unescaped(body, start);
    // an f-string without fields is a plain text
    if (/[{}]/.test(body.replaceAll(/\{\{|\}\}/g, '')) || /\\[{}]/.test(body)) throw new Refusal(this.notPlain());
    const text = body.replaceAll(/\{\{|\}\}/g, ([brace]) => brace as string);
    return prefix.includes('r') ? text : this.unescaped(text, start);
  }

  /** Escapes as the Python language reference lists them ("String and Bytes literals"); unknown ones keep the backslash. */
  private unescaped(body: string, start: number): string {
    return body.replaceAll(
      /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(N\{[^}]*\})|([\s\S]))/g,
      (whole, octal?: string, x?: string, u?: string, big?: string, name?: string, simple?: string, offset = 0) => {
        const fail = (what: string, isBroken: boolean): never => {
          const hint = 'Write the character itself.';
          throw new Refusal({ at: start + offset, what: `${what} in a string`, hint, isBroken });
        };
        if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
        const hex = x ?? u ?? big;
        if (hex !== undefined) {
          const code = Number.parseInt(hex, 16);
          const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
          return isCharacter ? String.fromCodePoint(code) : fail(`no character ${whole}`, code > 0x10ffff);
        }
        if (name !== undefined) return fail(`named character \\${name}`, false);
        if (simple !== undefined && 'xuUN'.includes(simple)) return fail(`incomplete escape ${whole}`, true);
        return SIMPLE_ESCAPES.get(simple ?? '') ?? whole;
      },
    );
  }
}

const SIMPLE_ESCAPES = new Map([
  ['\n', ''],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);
