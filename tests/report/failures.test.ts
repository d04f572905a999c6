import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../src/errors.js';
import { groupErrors, headline, tellFailures } from '../../src/report/failures.js';
import { appendSummary, fitting } from '../../src/report/summary-file.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';

const newFolder = temporaryFolders();

/** An error of a scene as the render gives it. */
function failed(id: string, what: string, line = 3, output: readonly string[] = ['Traceback', what]): UserError {
  const error = new UserError(`scene ${id}: ${what}`, { place: { file: `/w/${id}.py`, line } });
  error.output = { lines: output, log: `log/${id}.log` };
  return error;
}

const told = (errors: readonly UserError[]): string[] => {
  const log = recordingLog();
  tellFailures(errors, log, '/w');
  return log.told;
};

describe('failures', () => {
  test('that are equal are told as one, with every scene and place, and the last output once', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const messages = told(ids.map((id) => failed(id, "NameError: name 'x' is not defined")));
    expect(messages).toEqual([
      `error: 7 scenes: NameError: name 'x' is not defined\n${ids.map((id) => `  ${id} (${id}.py:3)`).join('\n')}`,
      "group: the last output of scene a, one of the 7 (all of it: log/a.log)\nTraceback\nNameError: name 'x' is not defined",
    ]);
    expect(messages.join('\n').split('\n').length).toBeLessThan(15);
  });

  test('that differ are told each, in their order, and none hides another', () => {
    const messages = told([
      failed('a', 'KeyError: 1'),
      failed('b', 'ValueError: 2'),
      failed('c', 'KeyError: 1'),
      new UserError('the disk is full'),
    ]);
    expect(messages.filter((message) => message.startsWith('error'))).toEqual([
      'error: 2 scenes: KeyError: 1\n  a (a.py:3)\n  c (c.py:3)',
      'error: scene b: ValueError: 2',
      'error: the disk is full',
    ]);
  });

  test('of lines are told as one, too', () => {
    const missing = ['one', 'two'].map(
      (key, line) =>
        new UserError(`narration line "${key}" has no recording`, {
          place: { file: '/w/n.py', line },
          hint: 'Record it.',
        }),
    );
    expect(told(missing)).toEqual([
      'error: 2 narration lines: each has no recording\n  "one" (n.py:0)\n  "two" (n.py:1)\nRecord it.',
    ]);
    expect(told(missing.slice(1))).toEqual(['error: narration line "two" has no recording\nRecord it.']);
  });

  test.each([
    ['hints', new UserError('scene a: E', { hint: '1' }), new UserError('scene b: E', { hint: '2' })],
    [
      'places without a scene',
      new UserError('E', { place: { file: '/1' } }),
      new UserError('E', { place: { file: '/2' } }),
    ],
    ['kinds of subject', new UserError('scene a: E'), new UserError('narration line "a" E')],
  ])('with other %s are not one', (_, one, other) => expect(groupErrors([one, other])).toHaveLength(2));

  test('that are the same in every respect are counted once', () => {
    const [failure, ...more] = groupErrors([failed('a', 'E'), failed('a', 'E')]);
    expect(more).toEqual([]);
    expect(failure && headline(failure)).toBe('scene a: E');
  });

  test('have an end: in text, in scenes, in output', () => {
    const [message = '', group = ''] = told([
      failed(
        'a',
        'x'.repeat(5_000_000),
        1,
        Array.from({ length: 500 }, (_, index) => `line ${index}`),
      ),
    ]);
    expect(message.length).toBeLessThan(2100);
    expect(group.split('\n')).toHaveLength(16);
    expect(group).toContain('line 499');
    const many = Array.from({ length: 300 }, (_, index) => failed(`s${index}`, 'E'));
    expect(told(many)[0]?.split('\n')).toHaveLength(52);
    expect(told(many)[0]).toContain('and 250 more');
  });
});

describe('the summary file', () => {
  const rows = Array.from({ length: 60_000 }, (_, index) => `| scene ${index} | ${'ü'.repeat(20)} |`).join('\n');

  test('is cut at the end of a line, says so, and stays below what GitHub shows', async () => {
    const file = join(await newFolder(), 'summary.md');
    await writeFile(file, 'of another action\n');
    expect(appendSummary(file, `## title\n\n${rows}`)).toBeUndefined();
    const text = await readFile(file, 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThan(1 << 20);
    expect(Buffer.byteLength(text)).toBeGreaterThan(1_000_000);
    const lines = text.trimEnd().split('\n');
    expect(
      lines.slice(2, -2).every((line) => line === '' || /^(?:## title|\| scene \d+ \| ü{20} \|)$/.test(line)),
    ).toBe(true);
    expect(lines.at(-1)).toMatch(/^_\d+ more lines do not fit: GitHub shows 1 MiB of a summary\._$/);
    expect(appendSummary(file, rows)).toBeUndefined(); // and again, where nothing fits
    expect(Buffer.byteLength(await readFile(file, 'utf8'))).toBeLessThan(1 << 20);
  });

  test('that fits is not touched', () => expect(fitting('a\nb', 3)).toBe('a\nb'));

  test('that cannot be written is a reason, not an error', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'summary.md'));
    expect(appendSummary(join(folder, 'summary.md'), 'x')).toMatch(/there is a folder in its place/);
    expect(appendSummary('/dev/full', 'x')).toMatch(/no space left on the disk/);
  });
});
