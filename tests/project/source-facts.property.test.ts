import fc from 'fast-check';
import { importsOf } from '../../src/project/imports.js';
import { narrationUses } from '../../src/project/narration-uses.js';
import { environmentUses, outsideUses } from '../../src/project/outside.js';
import { firstSyntaxError, parsePython } from '../../src/project/python-source.js';
import { fuzz } from '../support/fuzz.js';
import { pythonAnswers } from '../support/python.js';

interface Facts {
  /** [level, module, [[name, as], ...] or null for `import module`, line] */
  imports: [number, string, [string, string][] | null, number][];
  /** Keys of SCRIPT["key"], and null for every other mention of SCRIPT as a value. */
  keys: (string | null)[];
  variables: (string | null)[];
}

/** What Python's own parser finds in a source; null where that is not Python. */
const facts = pythonAnswers<string, Facts | null>(`
import ast
def constant(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    parts = [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) else getattr(node, "values", None) if isinstance(node, ast.JoinedStr) else None
    values = [constant(part) for part in parts] if parts is not None else [None]
    return None if None in values else "".join(values)
def answer(text):
    try:
        tree = ast.parse(text.encode("utf-8", "surrogatepass"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = {"imports": [], "keys": [], "variables": []}
    taken, asked = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found["imports"] += [[0, name.name, None, node.lineno] for name in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [[name.name, name.asname or name.name] for name in node.names]
            found["imports"].append([node.level, node.module or "", names, node.lineno])
        if isinstance(node, ast.Subscript) and constant(node.slice) is not None:
            value = node.value
            if isinstance(value, ast.Name) and value.id == "SCRIPT":
                taken.add(value)
                found["keys"].append(constant(node.slice))
            if isinstance(value, ast.Attribute) and value.attr == "environ":
                asked.add(value)
                found["variables"].append(constant(node.slice))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "SCRIPT" and node not in taken:
            found["keys"].append(None)
        if isinstance(node, ast.Attribute) and node.attr == "environ" and node not in asked:
            found["variables"].append(None)
    return found
`);

const oneOf = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const key = oneOf(
  '"a"',
  "'b'",
  '"a" "b"',
  '("a")',
  'r"a"',
  '"a" + "b"',
  'f"a"',
  'f"{x}"',
  'name',
  '"\\x61"',
  '0',
  '"a":"b"',
  '"a", "b"',
  '"\\N{DASH}"',
);
const expression = fc.oneof(
  key.map((inner) => `SCRIPT[${inner}]`),
  oneOf(
    'SCRIPT',
    'SCRIPT.get("a")',
    'SCRIPT.items()',
    'SCRIPT [ "a" ]',
    'SCRIPT["a"]["b"]',
    'SCRIPT\\\n["a"]',
    'x.SCRIPT["a"]',
    'ＳＣＲＩＰＴ["a"]',
    'f"{SCRIPT["a"]}"',
    'f"{SCRIPT[\'a\']}"',
    'f"{SCRIPT}"',
    '"SCRIPT"',
    'f(SCRIPT=1)',
    '[SCRIPT["a"] for k in x]',
    'os.environ["THEME"]',
    'os.environ',
    'os.environ[x]',
    'os.environ["A" "B"]',
    'os.environ[f"A"]',
    '(lambda: SCRIPT["b"])()',
    'x if SCRIPT["a"] else y',
  ),
);
const imported = fc
  .tuple(
    oneOf('', '.', '..', '. .', '...'),
    oneOf('', 'a', 'a.b', 'a . b', 'narration_script', 'é'),
    oneOf('*', 'b', 'b as c', 'b, c', '(b, c)', '(b as d,\n  c,  # x\n)', 'SCRIPT', 'SCRIPT as S, b', 'b as c, SCRIPT'),
  )
  .map(([dots, module, names]) => `from ${dots}${module} import ${names}`);
const line = fc.oneof(
  imported,
  oneOf(
    'import a',
    'import a.b',
    'import a as b',
    'import a, b.c as d, e',
    'import a \\\n  .b',
    'import narration_script',
    'import a;import b',
    'from narration_script import SCRIPT',
    'pass',
    '"""import a\nfrom b import c"""',
    '# import a',
    'class A(B):\n    import a\n    def construct(self):\n        from b import c\n        self.voiceover(text=SCRIPT["a"])',
    'if x: import a',
    'try:\n    import a\nexcept ImportError:\n    import b as a',
    'SCRIPT["a"] = "b"',
    'del SCRIPT["a"]',
    'def f(SCRIPT): return SCRIPT["a"]',
    'import importlib',
    'x = "from a import b"',
    'match x:\n    case SCRIPT: pass',
  ),
  expression.map((value) => `x = ${value}`),
  fc.tuple(expression, expression).map(([a, b]) => `f(${a}, y=${b})`),
);
const edits = fc.array(
  fc.tuple(fc.nat(), oneOf('', '"', '(', ')', '\n', ' ', ',', '.', '#', '\\', 'as', '\t', '[', ']')),
  { maxLength: 2 },
);
const HEAD = 'from narration_script import SCRIPT\nimport os\n';
const source = fc
  .tuple(fc.array(line, { minLength: 1, maxLength: 6 }), edits, oneOf('\n', '\r\n'))
  .map(([lines, changes, end]) => {
    const edited = changes.reduce(
      (now, [place, piece]) => {
        const at = place % (now.length + 1);
        return piece === '' ? now.slice(0, at) + now.slice(at + 1) : now.slice(0, at) + piece + now.slice(at);
      },
      `${lines.join('\n')}\n`,
    );
    return (HEAD + edited).replaceAll('\n', end);
  });

test('what a source imports and uses is what Python finds, or more', async () => {
  await fc.assert(
    fc.asyncProperty(source, async (text) => {
      const parsed = parsePython('/p/scene.py', text);
      const ours = importsOf(parsed).map(({ level, module, names, line: at }) => [
        level,
        module,
        names?.map(({ name, as }) => [name, as]) ?? null,
        at,
      ]);
      const uses = narrationUses(parsed, 'narration_script', false);
      const variables = environmentUses(parsed);
      outsideUses(parsed);
      const theirs = await facts(text);
      if (!theirs || firstSyntaxError(parsed)) return; // the build ends there
      for (const one of theirs.imports) expect(ours).toContainEqual(one);
      expect(ours.length).toBe(theirs.imports.length);
      const isOpen = uses.some(({ of }) => of !== 'line');
      const keys = new Set(uses.flatMap((use) => (use.of === 'line' ? [use.key] : [])));
      const wanted = theirs.keys.filter((one) => one !== null);
      if (!isOpen) expect([...keys].sort()).toEqual([...new Set(wanted)].sort());
      for (const one of keys) expect(wanted).toContain(one);
      if (theirs.keys.includes(null)) expect(isOpen).toBe(true);
      if (variables !== 'all') expect(variables).toEqual([...new Set(theirs.variables)].sort());
    }),
    fuzz(500),
  );
});
