import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** A row of a table in docs/reliability.md: `| fault | what happens | file: title |`, with ` (slow)` after a slow test. */
interface Row {
  readonly fault: string;
  readonly file: string;
  readonly title: string;
  readonly slow: boolean;
}

function reliabilityRows(): Row[] {
  const lines = readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, fault = '', , test = '', end] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (end !== '' || fault === 'Fault' || fault.startsWith('---')) return [];
    const [, file = '', title = test, slow] = /^(tests\/[^:]+): (.+?)( \(slow\))?$/.exec(test) ?? [];
    return [{ fault, file, title: title.replaceAll('\\|', '|'), slow: slow !== undefined }];
  });
}

/** Whether a title, with that of its describe before it, can be one of a file's: a table fills in what `%s` and the like stand for. */
function canBe(title: string, source: string): boolean {
  const called = /(['"`])((?:\\.|(?!\1)[^\n\\])+)\1,\s*(?:async )?\(/g; // a text, then a function
  const titles = [...source.matchAll(called)].map(([, , text = '']) => text.replaceAll(/\\(['"`])/g, '$1'));
  const known = titles.filter((text) => !/^(%\w|\$\w+)$/.test(text));
  // where a table gives the whole title, it stands in that table
  const rows = known.length < titles.length ? textsOf(source + SUPPORT) : [];
  const ends = (text: string): boolean => new RegExp(`(?:^|.* )${patternOf(text)}$`).test(title);
  return known.some(ends) || rows.some(ends);
}

/** A title as a pattern, with anything for what a table or a template fills in. */
function patternOf(text: string): string {
  const literal = text.replaceAll(/[.*+?^$()|[\]\\{}]/g, (c) => `\\${c}`);
  return literal.replaceAll(/%[sjdip#]|\\\$\\\{[^}]*\}|\\\$\w+/g, '.+');
}

const SUPPORT = readdirSync(join(ROOT, 'tests', 'support'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'tests', 'support', name), 'utf8'))
  .join('\n');

/** The quoted texts of a source that are long enough to tell something. */
function textsOf(source: string): string[] {
  return [...source.matchAll(/(['"`])((?:\\.|(?!\1)[^\n\\]){6,})\1/g)].map(([, , text = '']) => text);
}

function exists({ file, title }: Row): boolean {
  if (file === '' || !existsSync(join(ROOT, file))) return false;
  const source = readFileSync(join(ROOT, file), 'utf8');
  return file.endsWith('.py') ? source.includes(`def ${title.replace(/\[.*/, '')}(`) : canBe(title, source);
}

test('docs/reliability.md names a test that exists for each of 60 faults or more', () => {
  const rows = reliabilityRows();
  expect(rows.filter((row) => !exists(row))).toEqual([]);
  expect(rows.length).toBeGreaterThanOrEqual(60);
});

test('a title that no test has is found out', () => {
  const row = { fault: '', file: 'tests/docs.test.ts', slow: false };
  expect(exists({ ...row, title: 'a title that no test has is found out' })).toBe(true);
  expect(exists({ ...row, title: 'a title that no test has' })).toBe(false);
  expect(exists({ ...row, file: 'tests/none.test.ts', title: 'x' })).toBe(false);
});

test('docs/reliability.md marks the faults whose test is slow', () => {
  const wrong = reliabilityRows().filter(({ file, title, slow }) => {
    if (file.endsWith('.ts')) return file.endsWith('.slow.test.ts') !== slow;
    const before = readFileSync(join(ROOT, file), 'utf8').split(`def ${title.replace(/\[.*/, '')}(`)[0] ?? '';
    const marks = before.slice(before.lastIndexOf('\n\n\n'));
    return (marks.includes('@pytest.mark.slow') || /^pytestmark = pytest\.mark\.slow/m.test(before)) !== slow;
  });
  expect(wrong).toEqual([]);
});
