import { forGrammar } from '../../src/project/python-grammar.js';
import { firstSyntaxError, parsePython } from '../../src/project/python-source.js';
import { python } from '../support/python.js';

/** What Python compiles, in forms that a grammar easily forgets. */
const SOURCES: readonly string[] = [
  ...['x = rf"\\left\\{{ {x} \\right\\}}"\n', 'x = f"\\\\frac{{{a}}}{{{b}}}"\n', 'x = r"\\{" "\\\\{"\n'],
  ...['with a as (b,\n  c): pass\n', 'with a as (b, # x\n c), d as e: pass\n'],
  ...[
    'x = 1.\n',
    'self.wait(1.)\n',
    '[0., -1., 2.]\n',
    'x = 1_0. + 2.\n',
    'x = 1. if a else 2.\n',
    'x = 5.0.is_integer()\n',
  ],
  ...['x = 1.e5 + 1.5j + 1.j\n', 'x = .5\n', 'x = a[1.:]\n', 'x = "1. 2." # 3.\n', 'x = f"{1.:.2f}"\n'],
  ...[
    'def f():\n    yield\n',
    'def f():\n    x = yield\n',
    'def f():\n    g((yield))\n',
    'def f():\n    yield # nothing\n',
  ],
  ...['def f():\n    yield 1\n    yield from a\n', 'async def f(): yield\n', 'def f():\n    with (yield): pass\n'],
  ...[
    'with (a as b, c as d):\n    pass\n',
    'with (a as b,\n  c as d,  # (\n):\n    pass\n',
    'with (a.b() as c): pass\n',
  ],
  ...['with (a, b): pass\n', 'with (a): pass\n', 'with (a) as b: pass\n', 'with (f(")") as c, d): pass\n'],
  ...[
    'with a as (b, c): pass\n',
    'with a as (b, c), d as self.e.f: pass\n',
    'with a as ( b ): pass\n',
    'with a as b(c.d())[1][0].e: pass\n',
  ],
  ...['match x:\n    case int() | A(): pass\n    case (str(), "a:", b): pass\n'],
  ...['with a, b as c: pass\n', 'with (a)[0] as b, (c) as d: pass\n', '"""with (a as b,\nc)"""\nx = 1\n'],
  ...['a = sum(x for *_, x in y)\n', 'for *_, x in y: pass\n', 'for x in *a, b: pass\n', 'x = a in (*b, c)\n'],
  ...[
    'def f(*args: *Ts): pass\n',
    'x: tuple[*Ts]\n',
    'def f(a, /, b, *, c): pass\n',
    'f(*a, *b, **c)\n',
    'x = {**a, "b": 1}\n',
  ],
  ...['match x:\n    case {"a": [1, *r], **k} if r: pass\n    case A(b=1) | None: pass\n', 'match = case = type = 1\n'],
  ...['type X = int\n', 'def f[T: int](x: T) -> T: ...\n', 'class A[T](B): x: T = 1; y = 2\n'],
  ...['try:\n    pass\nexcept* A:\n    pass\n', 'x = f"{d["a"]}{e!r:>{w}}{f=}"\n', 'x = lambda *a, **k: 1\n'],
  ...['async def f():\n    async with a as b, c: pass\n    return [x async for x in y if await z]\n'],
  ...['if (n := 10) > 5: pass\n', 'a @= b @ c\n', 'a, *b = c\n', 'x = *a, b\n', '\\\n\nx = 1\n', 'x = a.\\\n  b\n'],
  ...[
    'while 1:\n    break\nelse:\n    pass\n',
    'def f(x): return x,\n',
    'x = 0xFF + 0b1 + 0o7 + 1E-5\n',
    'x = rb"a" b"b"\n',
  ],
];

/** Whether each of some sources compiles, in Python's view. */
const COMPILES = `
import json, sys, warnings
warnings.simplefilter("ignore")
def compiles(text):
    try:
        compile(text, "x.py", "exec")
    except SyntaxError:
        return False
    return True
print(json.dumps([compiles(text) for text in json.load(sys.stdin)]))
`;

test('what Python compiles is no syntax error to us', () => {
  // those of newer versions do not compile in an older one
  const compiled = python(COMPILES, SOURCES) as boolean[];
  expect(compiled.filter(Boolean).length).toBeGreaterThan(SOURCES.length - 6);
  expect(SOURCES.filter((text) => firstSyntaxError(parsePython('/x.py', text)) !== undefined)).toEqual([]);
});

test.each(SOURCES)('the text for the grammar has the extent of the source: %j', (text) => {
  expect(forGrammar(text)).toHaveLength(text.length);
});

test.each([
  'x = 1..\n',
  'x = 1.a.\n',
  'def f(:\n',
  'with (a as b, c as d)\n    pass\n',
  'for * in y: pass\n',
  'yield 1 2\n',
])('what Python does not compile is a syntax error: %j', (text) => {
  expect(python(COMPILES, [text])).toEqual([false]);
  expect(firstSyntaxError(parsePython('/x.py', text))).toBeDefined();
});
