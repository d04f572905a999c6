/*
 * Readers of what the build writes, made by hand from how theirs work, so that tests do not ask the code itself:
 * the runner (ActionCommand.cs, OutputManager.cs of actions/runner), a terminal, GitHub's Markdown.
 */

/** Lines as .NET's StreamReader ends them. */
export function linesOfRunner(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

/** What a comparison by culture ignores: characters of format, and controls that are no white space. */
function isIgnored(character: string): boolean {
  return /^(?:\p{Cf}|\p{Default_Ignorable_Code_Point})$/u.test(character) || isControl(character);
}

function isControl(character: string): boolean {
  const point = character.codePointAt(0) ?? 0;
  const isWhite = (point >= 9 && point <= 13) || point === 0x85;
  return !isWhite && (point < 0x20 || (point >= 0x7f && point < 0xa0));
}

/** White space of .NET's TrimStart. */
function isWhite(character: string): boolean {
  return /^[\t-\r\x85\p{Zs}\p{Zl}\p{Zp}]$/u.test(character);
}

/** Whether a runner takes a line for a command: "::" at its start, or "##[" (Azure: "##vso[") anywhere. */
export function commandIn(line: string): boolean {
  const characters = [...line];
  const seen = characters.filter((character) => !isIgnored(character));
  const first = seen.findIndex((character) => !isWhite(character));
  const startsSo = first >= 0 && seen[first] === ':' && seen[first + 1] === ':';
  const all = seen.join('').toLowerCase();
  return startsSo || all.includes('##[') || all.includes('##vso[');
}

/** Whether a text has no halves of characters: UTF-8 gives it back as it is. */
export function isWellFormed(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text;
}

/** Whether a terminal does anything but show a text line by line. */
export function steersTerminal(text: string): boolean {
  return [...text].some((character) => {
    const point = character.codePointAt(0) ?? 0;
    const reorders = (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    return (
      (isControl(character) && point !== 9) ||
      point === 13 ||
      point === 11 ||
      point === 12 ||
      point === 0x85 ||
      reorders
    );
  });
}

/** What GitHub shows of one line of Markdown: its text, and the markup that it found in it. */
export interface ReadMarkdown {
  readonly text: string;
  readonly markup: readonly string[];
}

const PUNCTUATION = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/**
 * Reads one line as GitHub does: the structure of its block, then from left to right escapes and the characters that
 * begin markup. Any such character that is not escaped counts, even where it would come to nothing.
 */
export function renderMarkdown(line: string, kind: 'cell' | 'item' | 'heading'): ReadMarkdown {
  const markup: string[] = [];
  let body = line;
  if (kind === 'cell') {
    const cells = cellsOf(line);
    if (cells.length !== 2 || cells[1] !== 'b') markup.push(`${cells.length} cells`);
    body = cells[0] ?? '';
  } else if (kind === 'item') {
    body = line.replace(/^- /, '');
    if (/^(?:#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|\d{1,9}[.)](?:\s|$)|=+\s*$|(?:-\s*){3,}$|~~~|```| {4}|\t)/.test(body))
      markup.push('block');
  } else {
    body = line.replace(/^## /, '');
    if (/(?:^|\s)#+\s*$/.test(body)) markup.push('closed heading');
  }
  return { ...inline(body, markup), markup };
}

/** A row of a table is split at bars before anything else in it is read; a backslash keeps what follows in the cell. */
function cellsOf(row: string): string[] {
  const cells: string[] = [];
  let cell = '';
  for (let at = 1; at < row.length; at++) {
    if (row[at] === '\\' && PUNCTUATION.has(row[at + 1] ?? '')) {
      cell += `\\${row[at + 1]}`;
      at += 1;
    } else if (row[at] === '|') {
      cells.push(cell.trim());
      cell = '';
    } else cell += row[at];
  }
  return [...cells, ...(cell.trim() === '' ? [] : [cell.trim()])];
}

function inline(body: string, markup: string[]): { text: string } {
  let text = '';
  const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}]/u.test(character);
  const characters = [...body];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    const rest = characters.slice(at, at + 20).join('');
    const span = '<span>@</span>';
    if (rest.startsWith(span)) {
      text += '@';
      at += span.length - 1;
    } else if (character === '\\' && PUNCTUATION.has(characters[at + 1] ?? '')) {
      text += characters[at + 1];
      at += 1;
    } else {
      const isBetween = character === '_' && isWord(characters[at - 1]) && isWord(characters[at + 1]);
      const begins = '\\`*[]<&~$@|'.includes(character) || (character === '_' && !isBetween);
      if (begins || /^(?:https?|ftp):\/\/|^www\./i.test(rest)) markup.push(rest);
      text += character;
    }
  }
  return { text };
}
