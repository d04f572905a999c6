import fc from 'fast-check';
import {
  annotationText,
  code,
  cut,
  jsonText,
  logText,
  markdown,
  plainLine,
  quotedText,
} from '../../src/report/text.js';
import { commandIn, isWellFormed, linesOfRunner, renderMarkdown, steersTerminal } from '../support/readers.js';

/** Texts that are made to be taken for more: what readers look for, between characters that hide it. */
const HOSTILE = [
  ...['::add-mask::x', '::error file=a.py,line=1::forged', '::stop-commands::token', '::set-output name=video::x'],
  ...['##[error]forged', '##[group]x', '##vso[task.setvariable variable=a]b', '::', ':', '##', '#', '[', ']', '##['],
  ...['\n', '\r', '\r\n', '\v', '\f', '\x85', '\u2028', '\u2029', ' ', '\t', '\u00a0', '\u3000', '\0', '\x7f', '\x9b'],
  ...[
    '\x1b[31m',
    '\x1b[2J',
    '\x1b]0;title\x07',
    '\x1b]8;;http://x\x1b\\',
    '\x1b]52;c;eA==\x07',
    '\x1b',
    '\x9d0;t\x9c',
    '\x1bc',
    '\b',
  ],
  ...[
    '\u200b',
    '\u200d',
    '\u00ad',
    '\ufeff',
    '\u2060',
    '\u034f',
    '\u{e0001}',
    '\u202e',
    '\u2066',
    '\u200f',
    '\ud800',
    '\udfff',
  ],
  ...[
    '|',
    '\\',
    '`',
    '``',
    '*',
    '**',
    '_',
    '__',
    '~~',
    '<',
    '>',
    '<script>',
    '<!--',
    '&amp;',
    '&',
    '![](http://x/y.png)',
  ],
  ...[
    '[a](javascript:x)',
    'http://evil.example',
    'www.evil.example',
    'me@evil.example',
    '@user',
    '$x$',
    '- ',
    '1. ',
    '+ ',
    '> ',
    '---',
  ],
  ...['| --- |', '%0A', '%25', '%0D::', 'a', 'Z9', 'é', '🎬', '👩‍👩‍👧', 'שלום', 'scene 1', 'ghp_aB3_xyZ-9.k'],
];
const hostile = fc.oneof(
  fc
    .array(
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...HOSTILE) }, fc.string({ unit: 'binary', maxLength: 3 })),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
);
const RUNS = { numRuns: 1000 };

describe('the reader of a runner’s log, as these tests know it', () => {
  test.each([
    '::add-mask::x',
    '  \t\u00a0::error file=a::x',
    '\u200b::add-mask::x',
    '\0::stop-commands::x',
    'a ##[error]b',
    'a #\u00ad#[error]b',
    '##vso[x]b',
  ])('takes %j for a command', (line) => expect(commandIn(line)).toBe(true));
  test.each(['a ::error::b', ': :error::b', '| ::error::x', '## [error]x', '# ##', 'std::vector'])(
    'takes %j for text',
    (line) => expect(commandIn(line)).toBe(false),
  );
});

describe('a message on a log', () => {
  test('is never read as a command, steers no terminal, and has lines of ours only', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const shown of [logText(text), quotedText([text, text])]) {
          expect(linesOfRunner(shown).filter(commandIn)).toEqual([]);
          expect(steersTerminal(shown)).toBe(false);
          expect(isWellFormed(shown)).toBe(true);
        }
        for (const line of linesOfRunner(logText(text)).slice(1)) expect(line.startsWith('| ')).toBe(true);
        for (const line of linesOfRunner(quotedText([text]))) expect(line.startsWith('| ')).toBe(true);
      }),
      RUNS,
    );
  });

  test('stays as it is where it is harmless', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w .,;()'"/=+*éü🎬-]{0,60}$/u), (text) => expect(logText(text)).toBe(text)),
    );
  });

  test.each([
    ['one\ntwo', 'one\n| two'],
    ['::add-mask::x', '| ::add-mask::x'],
    ['a\n::error::b', 'a\n| ::error::b'],
    ['\u200b ::error::b', '| \u200b ::error::b'],
    ['a ##[error]b', 'a ## [error]b'],
    ['###[group]', '### [group]'],
    ['##VSO[x]', '## VSO[x]'],
    ['50%\r100%\r\ndone', '50%\n| 100%\n| done'],
    ['\x1b[1;31mred\x1b[0m \x1b]0;owned\x07title', 'red title'],
    ['a\0b\x7fc\x9fd', 'a␀b␡c\\x9fd'],
    ['abc\u202egpj.exe', 'abc\\u202egpj.exe'],
    ['half \ud83d of one', 'half \ufffd of one'],
    ['שלום 👩‍👩‍👧', 'שלום 👩‍👩‍👧'],
  ])('%j is shown as %j', (text, shown) => expect(logText(text)).toBe(shown));

  test('is cut where it is endless, in lines and in number of lines', () => {
    expect(logText('x'.repeat(5_000_000)).length).toBeLessThan(4100);
    expect(logText('x\n'.repeat(100_000)).split('\n')).toHaveLength(201);
    expect(logText('x\n'.repeat(100_000))).toMatch(/\n\| \[\.\.\. 99801 lines left out\]$/);
    expect(logText('\x1b]'.repeat(1_000_000)).length).toBeLessThan(4100); // nor does it take long
    expect(logText('\x9d'.repeat(1_000_000)).length).toBeLessThan(4100);
  });
});

describe('the message of an annotation', () => {
  test('is well-formed, no longer than GitHub shows, and forges nothing in the log that repeats it', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = annotationText(text);
        expect(steersTerminal(shown)).toBe(false);
        expect(shown).not.toMatch(/##(?:\[|vso\[)/i);
        expect(isWellFormed(shown)).toBe(true);
      }),
      RUNS,
    );
    expect(annotationText('ü'.repeat(1_000_000)).length).toBeLessThanOrEqual(4096);
  });
});

describe('a text in the Markdown of the summary', () => {
  /** What is shown of a text in one line: the words of the one function that all share. */
  const asLine = (text: string): string =>
    logText(text)
      .split('\n')
      .map((line, index) => (index === 0 ? line : line.slice(2)))
      .join(' ');

  test('shows its own characters and no markup, in a cell, an item and a heading', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const escaped = markdown(text);
        expect(escaped).not.toMatch(/[\n\r]/);
        for (const [line, kind] of [
          [`| ${escaped} | b |`, 'cell'],
          [`- ${escaped}`, 'item'],
          [`## ${escaped}`, 'heading'],
        ] as const) {
          const read = renderMarkdown(line, kind);
          expect(read.markup).toEqual([]);
          // the line itself, whatever white space it had
          const words = (value: string): string => value.replaceAll(/[\s|]+/g, '').replaceAll('##[', '## [');
          expect(words(read.text)).toBe(words(asLine(text)).replaceAll('##[', '## ['));
        }
      }),
      RUNS,
    );
  });

  test('leaves words as secrets have them unchanged, so that they stay masked', () => {
    for (const secret of [
      'ghp_aB3xyZ9k0',
      'github_pat_11AAA_bbb',
      'sk-ant-api03-x_y',
      'eyJhbGci.eyJzdWIi.s-G_f',
      'a+b/c==',
    ])
      expect(markdown(`token ${secret} in a text`)).toContain(secret);
  });

  test('as code shows its own characters, whatever backticks it has', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = code(text);
        const [, fence = '', inside = ''] = /^(`+)([\s\S]*?)\1$/.exec(shown) ?? [];
        expect(shown).not.toMatch(/[\n\r]/);
        if (shown === '') return;
        expect(fence.length).toBeGreaterThan(0);
        // no run of backticks inside is as long as the fence: it cannot end it
        expect((inside.match(/`+/g) ?? []).every((run) => run.length !== fence.length)).toBe(true);
      }),
      RUNS,
    );
  });
});

test('a value as JSON for a pipe is the same value, and no line of it is a command', () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, hostile), (value) => {
      const shown = jsonText(value);
      expect(JSON.parse(shown)).toEqual(value);
      expect(linesOfRunner(shown).filter(commandIn)).toEqual([]);
      expect(steersTerminal(shown)).toBe(false);
    }),
    RUNS,
  );
});

test('a title in a video is one line without controls', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      expect(plainLine(text)).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028\u2029]/);
      expect(isWellFormed(plainLine(text))).toBe(true);
    }),
    RUNS,
  );
  expect(plainLine('a\0b\n[CHAPTER]\x1b[1m שלום \u202bx\u202c')).toBe('ab [CHAPTER] שלום \u202bx\u202c');
});

test('a text is cut between characters, with a note of how much is missing', () => {
  expect(cut('abcdef', 6)).toBe('abcdef');
  expect(cut('abcdef', 2)).toBe('ab [... 4 characters left out]');
  expect(cut('a🎬b', 2)).toBe('a [... 3 characters left out]');
});
