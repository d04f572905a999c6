/**
 * Text of others (a project, a scene, a tool, a stored entry) on its way to a reader that takes some characters for more
 * than text. One function for each reader; whatever is shown goes through the one of its place:
 *
 *   a log of ours on a runner or a terminal: logText; what others printed there: quotedText
 *   an annotation: annotationText; JSON on standard output: jsonText
 *   Markdown of the summary: markdown, code
 *   titles and captions in a video: plainLine, plainLines
 */

/** Escape sequences of terminals: OSC and its like (titles, links, the clipboard), CSI (colours, cursor), the short ones. */
const ESCAPE_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f\r\n]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]/g;
const LINE_ENDS = /\r\n|[\n\v\f\r\x85\u2028\u2029]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;
/** They change the order in which what follows is shown. Marks that only stand between letters may stay. */
const REORDERING = /[\u202a-\u202e\u2066-\u2069]/g;
const LONE_SURROGATES = /[\ud800-\udfff]/gu;

/** The lines of a text, without what steers terminals and without halves of characters; nothing else is changed. */
function linesOf(text: string): string[] {
  return text.replaceAll(ESCAPE_SEQUENCES, '').replaceAll(LONE_SURROGATES, '\ufffd').split(LINE_ENDS);
}

/** The lines of a text as they can be shown: what has no shape of its own is written out ("␀", "\u202e"). */
export function readableLines(text: string): string[] {
  return linesOf(text).map((line) =>
    line.replaceAll(CONTROLS, picture).replaceAll(REORDERING, (c) => `\\u${c.charCodeAt(0).toString(16)}`),
  );
}

function picture(control: string): string {
  const code = control.charCodeAt(0);
  if (code === 0x7f) return '\u2421';
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : `\\x${code.toString(16)}`;
}

/** A text as one line that can be shown. */
export function readableLine(text: string): string {
  return readableLines(text)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}

/** A text as one line of a file of media: escape sequences and control characters are dropped, the rest is the author's. */
export function plainLine(text: string): string {
  return plainLines(text).join(' ').replaceAll(/\s+/g, ' ').trim();
}

/** The same, line by line. */
export function plainLines(text: string): string[] {
  return linesOf(text).map((line) => line.replaceAll(CONTROLS, ''));
}

/** The start of a text, at most so many characters (UTF-16) of it, and how much was left out. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const kept = text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
  return `${kept} [... ${text.length - kept.length} characters left out]`;
}

/** The same in bytes of UTF-8, between characters as people see them, with an ellipsis. */
export function cutBytes(text: string, longest: number): string {
  if (Buffer.byteLength(text) <= longest) return text;
  let kept = '';
  let bytes = Buffer.byteLength('…');
  for (const { segment } of new Intl.Segmenter('en').segment(text.slice(0, longest))) {
    bytes += Buffer.byteLength(segment);
    if (bytes > longest) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/*
 * Runners look for commands in every line: "::" at its start after white space, or "##[" (Azure: "##vso[") anywhere.
 * GitHub's compares as a language does, so characters without a shape (zero-width spaces, soft hyphens) do not hide a
 * command: something visible must stand there. `stop-commands` would leave annotations by problem matchers, which look
 * for "File ..." or "error ..." at the start of a line, so a bar stands before each further line instead.
 */
const SHAPELESS = '[\\p{Cf}\\p{Default_Ignorable_Code_Point}]';
const BAR = '| ';
const COMMAND = new RegExp(`^(?:\\s|${SHAPELESS})*:${SHAPELESS}*:`, 'u');
const OLD_COMMAND = new RegExp(
  `(#${SHAPELESS}*#${SHAPELESS}*)(?=\\[|v${SHAPELESS}*s${SHAPELESS}*o${SHAPELESS}*\\[)`,
  'giu',
);

const LONGEST_LINE = 4000;
const MOST_LINES = 200;

/** A message for a runner's log or a terminal. Lines after the first begin with a bar. */
export function logText(text: string): string {
  const [first = '', ...rest] = shortened(readableLines(text));
  const head = withoutOldCommands(first);
  return [COMMAND.test(head) ? `${BAR}${head}` : head, ...rest.map(quoted)].join('\n');
}

/** Output of others for a runner's log or a terminal: every line begins with a bar. */
export function quotedText(lines: readonly string[]): string {
  return shortened(lines.flatMap(readableLines)).map(quoted).join('\n');
}

function quoted(line: string): string {
  return `${BAR}${withoutOldCommands(line)}`;
}

function withoutOldCommands(line: string): string {
  return cut(line, LONGEST_LINE).replaceAll(OLD_COMMAND, '$1 ');
}

function shortened(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `[... ${lines.length - MOST_LINES} lines left out]`];
}

/** A value as JSON on standard output, which a runner may read: the same value, with nothing in it that steers a reader. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    /#(?=#)|(?!\n)[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu,
    (character) => character.replaceAll(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** GitHub cuts annotations at 4096 characters. */
const LONGEST_ANNOTATION = 4000;

/** The message of an annotation. @actions/core escapes line ends; the runner writes it to its log once more. */
export function annotationText(text: string): string {
  return cut(readableLines(text).map(withoutOldCommands).join('\n'), LONGEST_ANNOTATION);
}

/** A text as one line of GitHub's Markdown that shows exactly its characters: in a cell, an item or a heading. */
export function markdown(text: string, longest = 1000): string {
  return cut(readableLine(text), longest)
    .replaceAll(/[\\`*[\]<&|~$]/g, '\\$&')
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_') // between letters it is no markup, and secrets stay masked
    .replace(/^[#>+=-]|#$/g, '\\$&') // where a block begins, and where a heading ends
    .replace(/^(\d+)([.)])/, '$1\\$2')
    .replaceAll(/:(?=\/\/)|(?<=www)\./gi, '\\$&') // addresses become links by themselves
    .replaceAll('@', '<span>@</span>'); // and so do mail addresses and names of users, escaped or not
}

/** A text in Markdown as code: a name, a place. Not in a table, where a bar would end it. */
export function code(text: string, longest = 300): string {
  const line = cut(readableLine(text), longest);
  if (line === '') return '';
  const fence = '`'.repeat(Math.max(0, ...(line.match(/`+/g) ?? []).map(({ length }) => length)) + 1);
  const space = /^`|`$/.test(line) ? ' ' : '';
  return `${fence}${space}${line}${space}${fence}`;
}
