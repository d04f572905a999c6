import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserErrors } from '../../src/errors.js';
import { parseNarration, readNarration } from '../../src/project/narration.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { python } from '../support/python.js';

const newFolder = temporaryFolders();
const FILE = '/project/narration_script.py';
const parse = (text: string) => parseNarration(FILE, text);
const texts = (text: string): Record<string, string> =>
  Object.fromEntries(parse(text).lines.map((line) => [line.key, line.text]));

/** What is wrong with a narration file, or with its one line that has a problem. */
const faultOf = (text: string) =>
  userError(() => {
    const { problems } = parse(text);
    if (problems.length > 0) throw new UserErrors(problems);
  });

/** What Python itself makes of narration files: SCRIPT by key, or null where it is not Python at all. */
const PYTHON_READS = `
import ast, json, sys, warnings
warnings.simplefilter("ignore")
def read(text):
    try:
        tree = ast.parse(text.encode())
    except (SyntaxError, ValueError):
        return None
    try:
        return script(tree)
    except Exception:
        return {"key": None}  # Python, but more than literals
def script(tree):
    module = {}
    exec(compile(tree, "narration_script.py", "exec"), module)
    return {key: text if isinstance(text, str) else None for key, text in module["SCRIPT"].items()}
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`;

/** Literal values as they may stand in a script, each beside what makes it worth trying. */
const LITERALS: readonly (readonly [string, string])[] = [
  ['double quotes', `"plain"`],
  ['single quotes', `'plain'`],
  ['the other quote inside', `"it's" `],
  ['its own quote escaped', String.raw`'it\'s "so"'`],
  ['triple double quotes', `"""one\ntwo"""`],
  ['triple single quotes', `'''one\n"two"'''`],
  ['quotes inside triple quotes', `"""she said "hi" and ""so"" """`],
  ['an escaped quote before triple quotes end', String.raw`"""the end\""""`],
  ['a quote just before triple quotes end', `'''the "end"'''`],
  ['an escaped backslash at the end', String.raw`"back\\"`],
  ['two escaped backslashes and a quote', String.raw`"back\\\\\""`],
  ['an upper-case prefix', `U"unicode"`],
  ['a u prefix', `u'unicode'`],
  ['a raw string', String.raw`r"\alpha \n stays"`],
  ['a raw string, upper case', String.raw`R'\beta\x41'`],
  ['a raw string with an escaped quote', String.raw`r"a\"b"`],
  ['a raw triple-quoted string', `r"""\\alpha\n\\beta"""`],
  ['simple escapes', String.raw`"a\tb\nc\rd\ae\bf\fg\vh"`],
  ['octal escapes', String.raw`"\101\60\7 \1234 \08"`],
  ['hexadecimal escapes', String.raw`"\x41\x7e\xe9"`],
  ['a small unicode escape', String.raw`"\u00e9\u2014"`],
  ['a large unicode escape', String.raw`"\U0001F434 and \U00000041"`],
  ['unknown escapes, which keep their backslash', String.raw`"\d \q \( \% \N2"`.replace(String.raw`\N2`, '')],
  ['an escaped line end', `"one \\\ntwo"`],
  ['an escaped line end in triple quotes', `"""\\\nfirst\\\n second\n"""`],
  ['a line end in a raw triple-quoted string', `r"""one\\\ntwo"""`],
  ['text of many scripts', `"καλημέρα 你好 🐎 e\u0301"`],
  ['adjacent literals on one line', `"one " 'two ' """three"""`],
  ['adjacent literals over lines', `"one "\n    "two "\n    'three'`],
  ['adjacent literals in parentheses', `(\n    "one "  # first\n    "two"\n)`],
  ['adjacent literals of different kinds', String.raw`"a\n" r"\n" u"\n"`],
  ['nested parentheses', `(("deep"))`],
  ['a backslash between adjacent literals', `"one " \\\n    "two"`],
  ['hash signs, braces and colons', `"# not a comment {x}: y, z"`],
  ['an f-string without fields', `f"hi {{you}}"`],
  ['a raw f-string without fields', String.raw`rf"\alpha"`],
  ['600 literals joined by +', Array(600).fill('"x"').join(' + ')],
  ['3000 literals side by side', Array(3000).fill("'x'").join('\n    ')],
  ['a hundred parentheses', `${'('.repeat(90)}"deep"${')'.repeat(90)}`],
  ['literals joined by + over lines with comments', `("a"  # one\n    + 'b'  # two\n    # three\n    + "c")`],
  ['a form feed and tabs between literals', '"a" \f\t "b"'],
  ['a null escape', String.raw`"a\0b"`],
  ['a tab and a form feed', '"a\tb\fc"'],
];

describe('the texts of narration', () => {
  const files = LITERALS.map(([, literal]) => `SCRIPT = {\n    "key": ${literal},\n}\n`);
  const expected = python(PYTHON_READS, files) as (Record<string, string> | null)[];

  test.each(LITERALS.map(([name], index) => [name, index] as const))('are those that Python reads: %s', (_, index) => {
    expect(expected[index]).not.toBeNull();
    expect(texts(files[index] as string)).toEqual(expected[index]);
  });

  test('literals joined by + are one text', () => {
    expect(texts('SCRIPT = {"a": "one " + "two " + (\'three\' "!")}')).toEqual({ a: 'one two three!' });
  });

  test.each([
    ['an f-string', '"b": f"hi {name}"'],
    ['an f-string among literals', '"b": ("hi " f"{x}")'],
    ['bytes', '"b": b"hi"'],
    ['raw bytes', '"b": rb"hi"'],
    ['a name', '"b": TEXT'],
    ['a call', '"b": " ".join(["a", "b"])'],
    ['a method of a literal', '"b": """\n   hi\n""".strip()'],
    ['formatting', '"b": "hi %s" % "you"'],
    ['repetition', '"b": "hi " * 3'],
    ['a condition', '"b": "x" if True else "y"'],
    ['a number', '"b": 12'],
    ['None', '"b": None'],
    ['a tuple, easily made by a comma too many', '"b": ("hi", )'],
    ['a nested dictionary', '"b": {"text": "hi"}'],
    ['a computed key', 'KEY: "hi"'],
    ['an f-string as key', 'f"b{1}": "hi"'],
    ['a number as key', '1: "hi"'],
    ['an unpacked dictionary', '**OTHER'],
    ['a comprehension', '**{k: k for k in "ab"}'],
  ])('anything computed is an error at its line: %s', async (_, entry) => {
    const error = await faultOf(`# a comment\nSCRIPT = {\n    "a": "first",\n    ${entry}\n}\n`);
    expect(error.place).toEqual({ file: FILE, line: 4 });
    expect(error.hint).toBeTruthy();
  });

  test('characters that cannot be told from their escapes are an error at the line of the string', async () => {
    for (const written of [String.raw`\N{EM DASH}`, String.raw`\ud83d`, String.raw`\U00110000`]) {
      const error = await faultOf(`SCRIPT = {\n  "a": "x",\n  "b": "${written}",\n}`);
      expect(error.place?.line).toBe(3);
      expect(error.message).toContain(written);
    }
  });
});

describe('random literals', () => {
  const PIECES = [
    'a',
    ' ',
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
    '\\"',
    "\\'",
  ];
  const random = generator(20260101);
  const pick = (from: readonly string[]): string => from[random(from.length)] as string;
  const literal = (): string => {
    const quote = pick(['"', "'", '"""', "'''"]);
    const body = Array.from({ length: random(7) }, () => pick([...PIECES, '\\\n', '{', '}', 'é', '🐎', '\\q', '8']));
    return pick(['', '', '', 'r', 'u', 'R', 'b', 'f']) + quote + body.join('') + quote;
  };
  const files = Array.from({ length: 3000 }, () => {
    const more = Array.from({ length: random(3) }, () => pick([' ', '', '\n  ', ' # c\n']) + literal());
    const value = literal() + more.join('');
    return `SCRIPT = {"key": ${random(3) === 0 ? `(${value})` : value}}\n`;
  });
  const ours = files.map((text) => {
    try {
      return parse(text).problems.length > 0 ? null : texts(text);
    } catch {
      return null;
    }
  });
  const pythons = python(PYTHON_READS, files) as (Record<string, unknown> | null)[];

  test('are read as Python reads them, or not at all', () => {
    const wrong = files.filter(
      (_, index) => ours[index] && JSON.stringify(ours[index]) !== JSON.stringify(pythons[index]),
    );
    expect(wrong).toEqual([]);
  });

  test('that are a text with words to Python are one to us', () => {
    const refused = files.filter((_, index) => {
      const text = pythons[index]?.key;
      return typeof text === 'string' && text.trim() !== '' && !ours[index];
    });
    expect(refused).toEqual([]);
    expect(ours.filter((read) => read !== null).length).toBeGreaterThan(500);
  });
});

/** Numbers below a bound, the same ones at every run. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * bound);
  };
}

describe('the shape of a narration file', () => {
  const PLAIN = 'SCRIPT = {"a": "one", "b": "two"}\n';
  const alike: readonly (readonly [string, string])[] = [
    [
      'comments everywhere',
      '# c\nSCRIPT = {  # c\n  # c\n  "a": "one",  # c\n  # "c": "no",\n  "b":  # c\n "two"  # c\n}  # c\n',
    ],
    [
      'a docstring that tells of SCRIPT',
      '"""SCRIPT = {"x": "y"} is how\n\nSCRIPT[...]"""\nSCRIPT = {"a": "one", "b": "two"}',
    ],
    ['a trailing comma', 'SCRIPT = {"a": "one", "b": "two",}'],
    ['an annotation', 'SCRIPT: dict[str, str] = {"a": "one", "b": "two"}'],
    ['an annotation by typing', 'from typing import Dict\nSCRIPT: Dict[str, str] = {"a": "one", "b": "two"}'],
    ['parentheses around the dictionary', 'SCRIPT = (\n    {"a": "one", "b": "two"}\n)\n'],
    ['a semicolon', 'SCRIPT = {"a": "one", "b": "two"};\n'],
    ['other names beside it', 'VOICE = "x"\nSCRIPT = {"a": "one", "b": "two"}\n__all__ = ["SCRIPT"]\nLAST = 1\n'],
    ['the future', 'from __future__ import annotations\n\nSCRIPT = {"a": "one", "b": "two"}\n'],
    ['a byte order mark', `\uFEFF${PLAIN}`],
    ['Windows line ends', '"""Doc"""\r\nSCRIPT = {\r\n    "a": "one",\r\n    "b": "two",\r\n}\r\n'],
    ['old Macintosh line ends', 'SCRIPT = {\r    "a": "one",\r    "b": "two",\r}\r'],
    ['no line end at all', PLAIN.trim()],
    ['other quotes and another layout', "SCRIPT={'a':'one','b':(\"t\"\n 'wo')}"],
    ['entries in another order', 'SCRIPT = {"b": "two", "a": "one"}'],
  ];
  test.each(alike)('does not change what it holds: %s', (_, text) => {
    expect(texts(text)).toEqual({ a: 'one', b: 'two' });
    expect(parse(text).sha256).toBe(parse(PLAIN).sha256);
  });

  test('is as Python reads it in all these', () => {
    const read = python(
      PYTHON_READS,
      alike.map(([, text]) => text),
    );
    expect(read).toEqual(alike.map(() => ({ a: 'one', b: 'two' })));
  });

  test.each([
    ['a text', 'SCRIPT = {"a": "one!", "b": "two"}'],
    ['a space in a text', 'SCRIPT = {"a": "one ", "b": "two"}'],
    ['texts swapped', 'SCRIPT = {"a": "two", "b": "one"}'],
    ['a key', 'SCRIPT = {"a": "one", "c": "two"}'],
    ['a line more', 'SCRIPT = {"a": "one", "b": "two", "c": "three"}'],
    ['a line less', 'SCRIPT = {"a": "one"}'],
    ['key and text run together', 'SCRIPT = {"a": "one", "bt": "wo"}'],
  ])('any change of content changes its hash: %s', (_, text) => {
    expect(parse(text).sha256).not.toBe(parse(PLAIN).sha256);
  });

  test('line ends inside a text are read alike, whatever the file uses', () => {
    const unix = 'SCRIPT = {"a": """one\ntwo"""}';
    expect(parse(unix.replaceAll('\n', '\r\n')).lines).toEqual(parse(unix).lines);
  });

  test('lines keep the order of the file and know where they begin', () => {
    const { lines } = parse('"""Doc"""\n\nSCRIPT = {\n  "b": """two\n  lines""",\n\n  # c\n  "a": "one",\n}');
    expect(lines.map(({ key, line }) => [key, line])).toEqual([
      ['b', 4],
      ['a', 8],
    ]);
  });

  test('keys that JavaScript treats in its own way are keys like others', () => {
    const text = 'SCRIPT = {"__proto__": "one", "constructor": "two", "10": "x", "9": "y"}';
    expect(parse(text).lines.map(({ key }) => key)).toEqual(['__proto__', 'constructor', '10', '9']);
    expect(parse(text).sha256).not.toBe(parse(text.replace('one', 'other')).sha256);
  });

  test.each([
    ['a tuple of dictionaries', 'SCRIPT = {"a": "b"}, {"c": "d"}\n', 1],
    ['a tuple over lines', 'SCRIPT = {\n  "a": "b",\n}, {"c": "d"}\n', 3],
    ['a starred target', '*SCRIPT, = {"a": "b"}\n', 1],
    ['a chained target before it', 'X = SCRIPT = {"a": "b"}\n', 1],
    ['a chained target behind it', 'SCRIPT = X = {"a": "b"}\n', 1],
    ['a target in parentheses', '(SCRIPT) = {"a": "b"}\n', 1],
    ['a target in brackets', '[SCRIPT] = {"a": "b"}\n', 1],
    ['an augmented assignment alone', 'SCRIPT |= {"a": "b"}\n', 1],
    ['an assignment expression', '(SCRIPT := {"a": "b"})\n', 1],
    ['an attribute', 'import x\nx.SCRIPT = {"a": "b"}\n', 1],
    ['SCRIPT inside an if', 'if True:\n    SCRIPT = {"a": "b"}\n', 2],
    ['SCRIPT inside a try', 'try:\n    SCRIPT = {"a": "b"}\nexcept E:\n    pass\n', 2],
    ['SCRIPT inside a class', 'class C:\n    SCRIPT = {"a": "b"}\n', 2],
    ['SCRIPT deleted', 'SCRIPT = {"a": "b"}\ndel SCRIPT\n', 2],
    ['SCRIPT imported over', 'SCRIPT = {"a": "b"}\nfrom other import SCRIPT\n', 2],
    ['everything imported over it', 'SCRIPT = {"a": "b"}\nfrom other import *\n', 2],
    ['SCRIPT as the target of a loop', 'SCRIPT = {"a": "b"}\nfor SCRIPT in x:\n    pass\n', 2],
    ['a line as the target of a loop', 'SCRIPT = {"a": "b"}\nfor SCRIPT["a"] in x:\n    pass\n', 2],
    ['SCRIPT under another name', 'SCRIPT = {"a": "b"}\nOTHER = SCRIPT\n', 2],
    ['SCRIPT in look-alike letters', 'SCRIPT = {"a": "b"}\nＳＣＲＩＰＴ = {"a": "c"}\n', 2],
    ['SCRIPT set through globals', 'SCRIPT = {"a": "b"}\nglobals()["SCRIPT"] = {}\n', 2],
    ['SCRIPT set by exec', 'SCRIPT = {"a": "b"}\n\nexec("SCRIPT = {}")\n', 3],
    ['a condition', 'SCRIPT = {"a": "b"} if x else {"a": "c"}\n', 1],
    ['a copy', 'SCRIPT = {"a": "b"}.copy()\n', 1],
    ['a dictionary behind a dictionary', 'SCRIPT = {"a": "b"}["a"]\n', 1],
    ['another dictionary unpacked', 'SCRIPT = {\n  "a": "b",\n  **OTHER,\n}\n', 3],
    ['a key that no one can know', 'SCRIPT = {\n  "a": "b",\n  KEY: "c",\n}\n', 3],
    ['a line that is indented without need', 'X = 1\n SCRIPT = {"a": "b"}\n', 2],
    ['a null character', 'SCRIPT = {\n  "a": "b\0",\n}\n', 2],
    ['tabs and spaces mixed', 'if x:\n        y = 1\n\tz = 1\nSCRIPT = {"a": "b"}\n', 3],
    ['a thousand parentheses', `SCRIPT = {\n  "a": ${'('.repeat(1000)}"b"${')'.repeat(1000)}}\n`, 2],
    ['100000 brackets', `SCRIPT = {\n  "a": ${'['.repeat(100_000)}`, 2],
    ['a sum too long for the grammar', `X = ${Array(3000).fill('a').join(' and ')}\nSCRIPT = {"a": "b"}\n`, 1],
    ['no SCRIPT', 'LINES = {"a": "b"}\n', 1],
    ['an empty file', '', 1],
    ['SCRIPT only in a comment', '# SCRIPT = {"a": "b"}\n', 1],
    ['SCRIPT inside a function', 'def f():\n    SCRIPT = {"a": "b"}\n', 2],
    ['SCRIPT made twice', 'SCRIPT = {"a": "b"}\nSCRIPT = {"a": "c"}\n', 2],
    ['SCRIPT changed', 'SCRIPT = {"a": "b"}\n\nSCRIPT["c"] = "d"\n', 3],
    ['SCRIPT extended', 'SCRIPT = {"a": "b"}\nSCRIPT |= {"c": "d"}\n', 2],
    ['SCRIPT updated', 'SCRIPT = {"a": "b"}\nSCRIPT.update(c="d")\n', 2],
    ['SCRIPT made by dict()', 'SCRIPT = dict(a="b")\n', 1],
    ['SCRIPT made by a comprehension', 'SCRIPT = {k: "b" for k in KEYS}\n', 1],
    ['SCRIPT made of two', '\nSCRIPT = {"a": "b"} | {"c": "d"}\n', 2],
    ['a list', 'SCRIPT = ["a"]\n', 1],
    ['two names at once', 'SCRIPT, X = {"a": "b"}, 1\n', 1],
    ['SCRIPT declared and never made', 'SCRIPT: dict[str, str]\n', 1],
    ['a key twice', 'SCRIPT = {\n  "a": "b",\n  "c": "d",\n  "a": "e",\n}\n', 4],
    ['an empty key', 'SCRIPT = {\n  "": "b",\n}\n', 2],
    ['no words', 'SCRIPT = {\n  "a": "b",\n  "c": " \\n ",\n}\n', 3],
  ])('is told where it is wrong: %s', async (_, text, line) => {
    const error = await faultOf(text);
    expect(error.place).toEqual({ file: FILE, line });
    expect(error.hint).toBeTruthy();
  });

  const broken: readonly (readonly [string, string, number])[] = [
    ['a text not closed', 'SCRIPT = {\n  "a": "b,\n  "c": "d",\n}\n', 2],
    ['triple quotes not closed', 'SCRIPT = {\n  "a": """b,\n  "c": "d",\n}\n', 2],
    ['a bracket not closed', 'SCRIPT = {\n  "a": "b",\n', 1],
    ['a comma forgotten', 'SCRIPT = {\n  "a": "b"\n  "c": "d",\n}\n', 3],
    ['a text without a key', 'SCRIPT = {\n  "a": "b",\n  "c",\n}\n', 3],
    ['a key without a text', 'SCRIPT = {\n  "a": "b",\n  "c":\n}\n', 3],
    ['a quote inside a text', `SCRIPT = {\n  "a": "say "hi" now",\n}\n`, 2],
    ['a backslash before the last quote', String.raw`SCRIPT = {"a": "b\"}`, 1],
  ];
  test.each(broken)('that is not Python is an error near the fault: %s', async (_, text, line) => {
    const error = await faultOf(text);
    expect(Math.abs((error.place?.line ?? 0) - line)).toBeLessThanOrEqual(1);
  });

  test('is no Python to Python either in all these', () => {
    const read = python(
      PYTHON_READS,
      broken.map(([, text]) => text),
    );
    expect(read).toEqual(broken.map(() => null));
  });
});

describe('reading a narration file', () => {
  test('a missing file is told by its path', async () => {
    const file = join(await newFolder(), 'narration_script.py');
    const error = await userError(() => readNarration(file));
    expect(error.message).toContain(file);
    expect(error.hint).toContain('SCRIPT');
  });

  test('bytes that are not UTF-8 are refused, not replaced', async () => {
    const file = join(await newFolder(), 'narration_script.py');
    await writeFile(file, Buffer.from('SCRIPT = {\n  "a": "caf\xe9",\n}\n', 'latin1'));
    const error = await userError(() => readNarration(file));
    expect(error.message).toContain('UTF-8');
    expect(error.place).toEqual({ file, line: 2 });
  });
});
