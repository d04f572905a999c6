import { execFileSync } from 'node:child_process';
import { firstSyntaxError, readPython } from '../../src/project/python-source.js';
import { PYTHON } from '../gates/support.js';

/** Files of Python itself and of packages that it compiles: all of Manim, and every seventh of the others. */
const FILES = `
import pathlib, sysconfig, warnings
warnings.simplefilter("ignore")
library, packages = (pathlib.Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib"))
manim = sorted((packages / "manim").rglob("*.py")) + sorted((packages / "manim_voiceover_plus").rglob("*.py"))
# the tests of Python try every form of its grammar: some are not known here, such as tuple[int, *tuple[str]]
own = [path for path in sorted(library.rglob("*.py")) if not {"test", "tests", "site-packages"} & set(path.parts)]
others = own[::2] + sorted(packages.rglob("*.py"))[::7]
for path in [*manim, *others]:
    try:
        compile(path.read_text("utf-8"), str(path), "exec")
    except (SyntaxError, ValueError):
        continue
    print(path)
`;

test('what Python compiles is no syntax error to us, in some thousand files', async () => {
  const files = execFileSync(PYTHON, ['-c', FILES], { encoding: 'utf8', maxBuffer: 1e8 }).trim().split('\n');
  expect(files.length).toBeGreaterThan(1000);
  const wrong: string[] = [];
  for (const file of files) {
    const source = await readPython(file);
    const place = firstSyntaxError(source);
    if (place) wrong.push(`${file}:${place.line}: ${source.text.split('\n')[(place.line ?? 1) - 1]}`);
  }
  expect(wrong).toEqual([]);
});
