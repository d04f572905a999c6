/*
 * The grammar that sources are parsed with does not know some of Python's forms. Here they become others of the same
 * extent that it knows, so that every node still lies where its text is. What changes inside a string or a comment changes
 * nothing: values are read from the source.
 */

/** A text that parses to the tree of the source, character for character in the same place. */
export function forGrammar(text: string): string {
  return withoutItemParentheses(
    text
      // 1. -> 10
      .replaceAll(/(?<![\w.])(\d[\d_]*)\.(?![\w.])/g, '$10')
      // rf"\{{ {x} \}}"
      .replaceAll(/\\(?=[{}])/g, '/')
      // yield without a value
      .replaceAll(/\byield(?=[ \t]*(?:[)\]},;#\n]|$))/g, 'None ')
      // for *_, last in rows; for x in *a, *b
      .replaceAll(/\b(for|in)(\s+)\*(?=\s*\w)/g, '$1$2 ')
      // *args: *Ts; tuple[*Ts]
      .replaceAll(/(:\s*|\w\[\s*)\*(?=[A-Za-z_])/g, '$1 ')
      // with a as (b, c): with a as self.b:
      .replaceAll(
        /\bas\s+(?:\([^()]*\)|\w+(?:\.\w+|\[[^[\]\n]*\]|\((?:[^()\n]|\([^()\n]*\))*\))+)(?=\s*[:,)])/g,
        (target) => oneName(target),
      )
      // case int():
      .replaceAll(/^\s*case\b.*\(\).*:/gm, (line) => line.replaceAll('()', '  ')),
  );
}

function oneName(target: string): string {
  return target.replaceAll(/(?<=^as\s[\s\S]*)[^\w\s]|(?<=^as\s+\S[\s\S]*)\s/g, '_');
}

const STRING_OR_COMMENT = /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*/y;

/** `with (a as b, c as d):` -> `with  a as b, c as d :` */
function withoutItemParentheses(text: string): string {
  let changed = text;
  for (const { index, 0: head } of text.matchAll(/\bwith\s*\(/g)) {
    const open = index + head.length - 1;
    const close = endOfItems(text, open);
    if (close === undefined) continue;
    const inner = changed
      .slice(open + 1, close)
      .replaceAll(/#[^\n]*/g, (comment) => ' '.repeat(comment.length))
      .replaceAll('\n', ' ')
      .replace(/,(\s*)$/, ' $1');
    changed = `${changed.slice(0, open)} ${inner} ${changed.slice(close + 1)}`;
  }
  return changed;
}

/** Where the parenthesis around several items closes; undefined where it is an ordinary one. */
function endOfItems(text: string, open: number): number | undefined {
  let depth = 0;
  let hasNames = false;
  for (let at = open; at < text.length; at++) {
    STRING_OR_COMMENT.lastIndex = at;
    const skipped = STRING_OR_COMMENT.exec(text)?.[0].length;
    if (skipped !== undefined) {
      at += skipped - 1;
      continue;
    }
    const mark = text[at] ?? '';
    if ('([{'.includes(mark)) depth++;
    if (')]}'.includes(mark) && --depth === 0) return hasNames && /^\s*:/.test(text.slice(at + 1)) ? at : undefined;
    if (depth === 1 && /^\sas\s/.test(text.slice(at, at + 4))) hasNames = true;
  }
  return undefined;
}
