import fc from 'fast-check';
import { userErrorsOf } from '../../src/errors.js';
import { type Narration, parseNarration } from '../../src/project/narration.js';
import { decodePython } from '../../src/project/python-encoding.js';
import { fuzz } from '../support/fuzz.js';
import { pythonAnswers } from '../support/python.js';

const FILE = '/project/narration_script.py';

type Theirs = Record<string, string | null> | 'not Python' | 'fails';

/** Runs a narration file as an import does; gives the texts of SCRIPT by key, null for other values. */
const runs = pythonAnswers<{ text?: string; base64?: string }, Theirs>(`
import base64
def answer(question):
    source = base64.b64decode(question["base64"]) if "base64" in question else question["text"].encode("utf-8", "surrogatepass")
    try:
        compile(source, "narration_script.py", "exec", dont_inherit=True)
    except (Exception, RecursionError):
        return "not Python"
    try:
        module = {"__name__": "narration_script"}
        exec(compile(source, "narration_script.py", "exec", dont_inherit=True), module)
        script = module["SCRIPT"]
        return {str(key): text if isinstance(text, str) and isinstance(key, str) else None for key, text in script.items()}
    except (Exception, RecursionError, SystemExit):
        return "fails"
`);

const oneOf = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);

const body = fc
  .array(
    oneOf(
      'a',
      ' ',
      'word',
      '\\',
      '\\\\',
      '"',
      "'",
      '"""',
      "'''",
      '\n',
      '#',
      '\\n',
      '\\x41',
      '\\u00e9',
      '\\101',
      '\\7',
      '\\"',
      "\\'",
      '\\\n',
      '{',
      '}',
      '{{',
      '}}',
      'é',
      '🐎',
      '\\q',
      '8',
      '\t',
      '\f',
      '\r\n',
      '\r',
      '\\N{DASH}',
      '\\ud800',
      '\\x4',
      ',',
      ':',
      '\u2028',
      '\u00a0',
      '\0',
    ), // prettier
    { maxLength: 6 },
  )
  .map((pieces) => pieces.join(''));
const literal = fc
  .tuple(
    oneOf('', '', '', '', 'r', 'u', 'R', 'b', 'f', 'rb', 'fR', 'ur', 'x', 'U'),
    oneOf('"', "'", '"""', "'''"),
    body,
  )
  .map(([prefix, quote, text]) => prefix + quote + text + quote);
const plainLiteral = fc
  .tuple(oneOf('"', "'", '"""'), fc.stringMatching(/^[a-zA-Z ,.é-]{1,12}$/))
  .map(([quote, text]) => quote + text + quote);
const gap = oneOf(' ', '', '\n  ', ' # a comment\n ', ' \\\n', '\f', '\t', ' + ', ' +\n', ' + # c\n');
const text = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: plainLiteral }, literal),
    fc.array(fc.tuple(gap, fc.oneof(plainLiteral, literal)), { maxLength: 2 }),
    fc.boolean(),
  )
  .map(([first, more, isWrapped]) => {
    const all = first + more.map(([between, next]) => between + next).join('');
    return isWrapped ? `(${all})` : all;
  });
const value = fc.oneof(
  { weight: 8, arbitrary: text },
  oneOf(
    '1',
    'None',
    'str(1)',
    '"a" % ()',
    '"a" * 2',
    '("a",)',
    '("a")("b")',
    '["a"]',
    '{"a": "b"}',
    '"a".upper()',
    'f"{1}"',
    '"a" if 1 else "b"',
    '-1',
    '"a" "b" + str(1)',
    'lambda: 1',
    '"a"[0]',
    '("a" + "b").strip()',
    '...',
  ),
);
const key = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(oneOf('"', "'"), oneOf('a', 'b', 'c', 'intro', 'é', '', ' ', '__proto__', 'constructor'))
      .map(([quote, name]) => quote + name + quote),
  },
  { weight: 1, arbitrary: literal },
  { weight: 1, arbitrary: oneOf('1', 'str(1)', '("a")', '"a" "b"', 'None') },
);
const entry = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(key, oneOf(':', ': ', ' :\n ', ': # c\n'), value).map((parts) => parts.join('')) },
  oneOf('**{"z": "y"}', '"a"', '"a": "b" for x in [1]', '# c\n', '*["a"]', '"a":', '"k": (yield)'),
);
const dictionary = fc
  .tuple(fc.array(entry, { maxLength: 4 }), oneOf(',', ', ', ',\n    ', ' , # c\n'), oneOf('', ',', ',\n', '\n'))
  .map(([entries, comma, end]) => `{${entries.join(comma)}${end}}`);
const assignment = fc
  .tuple(
    oneOf(
      'SCRIPT = ',
      'SCRIPT = ',
      'SCRIPT = ',
      'SCRIPT=',
      'SCRIPT: dict = ',
      'SCRIPT: "dict[str, str]" = ',
      'X = SCRIPT = ',
      'SCRIPT = X = ',
      'SCRIPT, X = 1, ',
      'SCRIPT, = ',
      '*SCRIPT, = ',
      '(SCRIPT) = ',
      '[SCRIPT] = ',
      'SCRIPT += ',
      'SCRIPT |= ',
      ' SCRIPT = ',
      '\fSCRIPT = ',
      'ＳＣＲＩＰＴ = ',
      'if 1: SCRIPT = ',
      'x = 1; SCRIPT = ',
      'SCRIPT \\\n = ',
      'class C: SCRIPT = ',
      'SCRIPT = (',
      'SCRIPT = dict',
      'SCRIPT = not ',
      'script = ',
      'try:\n SCRIPT = ',
    ),
    dictionary,
    oneOf(
      '',
      '',
      '',
      '',
      '\n',
      ';',
      ', {"z": "y"}',
      ', 1',
      ' | {"z": "y"}',
      '.copy()',
      ')',
      ' if 0 else {}',
      ' # c',
      ' or {}',
      '; x = 2',
      ' {}',
      '["a"]',
      '\nexcept: pass',
    ),
  )
  .map((parts) => parts.join(''));
const statement = oneOf(
  '',
  '',
  '',
  '# SCRIPT = {}',
  '"""SCRIPT = {"x": "y"}"""',
  'import os',
  'from os.path import *',
  'X = 1',
  'SCRIPT["a"] = "q"',
  'SCRIPT.update(a="q")',
  'del SCRIPT',
  'SCRIPT = {"a": "other"}',
  'for SCRIPT in [{"a": "q"}]: pass',
  'globals()["SCRIPT"] = {"a": "q"}',
  'exec("SCRIPT = {}")',
  'def f():\n    return SCRIPT["a"]',
  'def f():\n    global SCRIPT\n    SCRIPT = {}\nf()',
  'if __name__ == "__main__":\n    SCRIPT = {}',
  'if __name__ != "__main__":\n    SCRIPT = {}',
  'if __name__ == "__main__":\n    pass\nelse:\n    SCRIPT = {}',
  'N = [len(t) for t in SCRIPT.values()]',
  'assert "a" in SCRIPT',
  'assert SCRIPT in [1]',
  '(SCRIPT := {"a": "q"})',
  'import os as SCRIPT',
  'def SCRIPT(): pass',
  'with open("/dev/null") as SCRIPT: pass',
  'Y = SCRIPT\nY["a"] = "q"',
  'for SCRIPT["a"] in "q": pass',
  'X = [1 for SCRIPT["a"] in "q"]',
  '[SCRIPT["a"], X] = "qr"',
  'print(SCRIPT=1) if 0 else 0',
  'vars()["SCRIPT"] = {}',
  'SCRIPT.clear()',
  'SCRIPT.get("a")',
  'x = f"{SCRIPT}"',
  'lambda SCRIPT: 1',
  '\ttab = 1',
  ' x = 1',
  'x = (',
  'if 1:\n\tx = 1\n        y = 1',
  '\\',
  'class A:\n  x = 1\n y = 2',
  'x = 1 \\\n  + 2',
  'x = "a\\\nb"',
);
const file = fc
  .tuple(oneOf('', '', '\uFEFF', '\f', '\n\n'), statement, assignment, statement, oneOf('\n', '\r\n', '\r'))
  .map(([mark, before, made, after, end]) => mark + [before, made, after, ''].join('\n').replaceAll(/(?<!\r)\n/g, end));
const edits = fc.array(
  fc.tuple(
    fc.nat(),
    fc.constantFrom(
      '',
      '"',
      "'",
      '\\',
      '\n',
      '(',
      ')',
      '{',
      '}',
      ',',
      ':',
      '=',
      '#',
      ' ',
      '\t',
      '\f',
      '\0',
      '*',
      '+',
      'f',
      'é',
      '\u00a0',
      ';',
      'x',
    ),
  ),
  { maxLength: 3 },
);
const edited = fc.tuple(file, edits).map(([text, changes]) =>
  changes.reduce((now, [place, piece]) => {
    const at = place % (now.length + 1);
    return piece === '' ? now.slice(0, at) + now.slice(at + 1) : now.slice(0, at) + piece + now.slice(at);
  }, text),
);

function read(text: string): Narration | undefined {
  try {
    return parseNarration(FILE, text);
  } catch (error) {
    if (!userErrorsOf(error)) throw error;
    return undefined;
  }
}

test('no narration file is read otherwise than by Python, however it is written', async () => {
  await fc.assert(
    fc.asyncProperty(file, edited, async (...sources) => {
      for (const source of sources) {
        const ours = read(source);
        const theirs = ours && (await runs({ text: source }));
        // what fails there is told there: here, nothing may have another meaning
        if (typeof theirs !== 'object') continue;
        for (const line of ours?.lines ?? []) expect([line.key, theirs[line.key]]).toEqual([line.key, line.text]);
        const keys = new Set([...(ours?.lines ?? []), ...(ours?.problems ?? [])].map(({ key: name }) => name));
        expect(keys).toEqual(new Set(Object.keys(theirs)));
      }
    }),
    fuzz(1500),
  );
});

test('every plain narration file that Python takes is read whole', async () => {
  const plain = fc
    .tuple(
      fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_é]{1,6}$/), plainLiteral), {
        selector: ([name]) => name,
        minLength: 1,
        maxLength: 4,
      }),
      oneOf(
        'SCRIPT = ',
        'SCRIPT: dict[str, str] = ',
        '"""Doc."""\n\nSCRIPT = ',
        'import os; SCRIPT = ',
        '\fSCRIPT = ',
        '#!/usr/bin/python\n# é\nSCRIPT=',
      ),
      oneOf('\n', '\r\n', '\r'),
      oneOf(
        '',
        '\nX = 1\n',
        '\n\nif __name__ == "__main__":\n    for key, text in SCRIPT.items():\n        print(key, text)\n',
      ),
    )
    .map(([entries, start, end, rest]) =>
      `${start}{\n${entries.map(([name, words]) => `    "${name}": ${words},  # c\n`).join('')}}${rest}`.replaceAll(
        '\n',
        end,
      ),
    );
  await fc.assert(
    fc.asyncProperty(plain, async (source) => {
      const theirs = await runs({ text: source });
      const ours = parseNarration(FILE, source);
      const spoken = Object.entries(theirs as object).filter(([, words]) => words.trim());
      expect(theirs).toBeInstanceOf(Object);
      expect(ours.lines.map((line) => [line.key, line.text])).toEqual(spoken);
      expect(ours.problems.length).toBe(Object.keys(theirs).length - spoken.length);
    }),
    fuzz(300),
  );
});

test('the bytes of a file are decoded as Python decodes them, or refused', async () => {
  const cookie = oneOf(
    '',
    '# coding: latin-1',
    '# -*- coding: iso-8859-1 -*-',
    '# vim: set fileencoding=utf-8 :',
    '# coding=cp1252',
    '# coding: ascii',
    '# coding: utf-8-sig',
    '#coding:latin1',
    '# coding: iso-8859-15',
    '# coding: unknown',
    'x = 1 # coding: latin-1',
    '# coding: LATIN_1',
    '# coding: utf8',
    '# coding: utf-16',
    '# coding: Latin-1-unix',
  );
  const bytes = fc
    .tuple(
      oneOf('', '\xef\xbb\xbf', '\n', '\f', '#!/x\n', 'y = 1\n'),
      cookie,
      oneOf('a', 'caf\xe9', 'caf\xc3\xa9', '\x80', '\xff\xfe', 'a\0', '\xa4'),
    )
    .map(([start, line, words]) => Buffer.from(`${start}${line}\nSCRIPT = {"a": "${words}"}\n`, 'latin1'));
  await fc.assert(
    fc.asyncProperty(bytes, async (source) => {
      let ours: Narration | undefined;
      try {
        ours = parseNarration(FILE, decodePython(FILE, source));
      } catch (error) {
        if (!userErrorsOf(error)) throw error;
        return;
      }
      const theirs = await runs({ base64: source.toString('base64') });
      expect(Object.fromEntries(ours.lines.map((line) => [line.key, line.text]))).toEqual(theirs);
    }),
    fuzz(500),
  );
});
