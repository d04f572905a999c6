import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { readDependencies, type SceneDependencies } from '../../src/project/dependencies.js';
import { parsePython } from '../../src/project/python-source.js';
import type { Scene } from '../../src/project/scenes.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();
const KEYS = ['intro', 'middle', 'outro'];
const IMPORT = 'from narration_script import SCRIPT\n';

function sceneOf(projectDir: string, source: string, id = 'scene'): Scene {
  const file = join(projectDir, `${id}.py`);
  return {
    id,
    title: id,
    index: 0,
    file,
    fileName: `${id}.py`,
    className: 'Scene',
    narrationKey: undefined,
    estimatedSeconds: undefined,
    source: parsePython(file, source),
  };
}

/** The dependencies of a scene with this source in a repository that holds these files. */
async function dependencies(source: string, files: Record<string, string> = {}): Promise<SceneDependencies> {
  const repoRoot = await newFolder();
  const projectDir = join(repoRoot, 'projects', 'video');
  await writeFiles(repoRoot, { 'projects/video/narration_script.py': 'SCRIPT = {}\nPACE = 1\n', ...files });
  const found = await readDependencies([sceneOf(projectDir, source)], {
    projectDir,
    repoRoot,
    narrationFile: join(projectDir, 'narration_script.py'),
    narrationKeys: KEYS,
  });
  return found.get('scene') as SceneDependencies;
}

const NARRATION = 'projects/video/narration_script.py';
const SCENE = 'projects/video/scene.py';

describe('the narration lines of a scene', () => {
  test.each([
    ['one lookup', `${IMPORT}a = SCRIPT["intro"]`],
    ['single quotes', `${IMPORT}a = SCRIPT['intro']`],
    ['triple quotes', `${IMPORT}a = SCRIPT["""intro"""]`],
    ['adjacent literals', `${IMPORT}a = SCRIPT["in" "tro"]`],
    ['an escape', `${IMPORT}a = SCRIPT["\\x69ntro"]`],
    ['a comment within', `${IMPORT}a = SCRIPT[  # which\n  "intro"  # this\n]`],
    ['another name for SCRIPT', 'from narration_script import SCRIPT as LINES\na = LINES["intro"]'],
    [
      'an import in parentheses with comments',
      'from narration_script import (  # all\n    SCRIPT,  # the text\n)\na = SCRIPT["intro"]',
    ],
    ['an import over a backslash', 'from narration_script \\\n    import SCRIPT\na = SCRIPT["intro"]'],
    ['an import inside a function', 'def f():\n    from narration_script import SCRIPT\n    return SCRIPT["intro"]'],
    ['a relative import', 'from .narration_script import SCRIPT\na = SCRIPT["intro"]'],
    ['an import through a package', 'from projects.video.narration_script import SCRIPT\na = SCRIPT["intro"]'],
    ['a lookup inside an f-string', `${IMPORT}a = f"{SCRIPT['intro']}"`],
    ['a variable on the way', `${IMPORT}text = SCRIPT["intro"]\nself.voiceover(text=text)`],
    ['the module named in a docstring', `"""Speaks narration_script.py"""\n${IMPORT}a = SCRIPT["intro"]`],
    ['the module named in a message', `${IMPORT}a = SCRIPT["intro"]\nprint("see narration_script.py for this")`],
    ['the module named in a comment', `# import narration_script\n${IMPORT}a = SCRIPT["intro"]`],
    [
      'another SCRIPT of its own',
      'from narration_script import SCRIPT as S\nSCRIPT = {}\na = S["intro"]\nb = SCRIPT["other"]',
    ],
  ])('are those it looks up: %s', async (_, source) => {
    const found = await dependencies(source);
    expect(found.narrationKeys).toEqual(['intro']);
    expect(found.computedKeys).toBeUndefined();
    expect([...found.sources.keys()]).toEqual([SCENE]);
  });

  test('stand in the order of the script, each once', async () => {
    const found = await dependencies(`${IMPORT}a = SCRIPT["outro"], SCRIPT["intro"], SCRIPT["outro"]`);
    expect(found.narrationKeys).toEqual(['intro', 'outro']);
  });

  test('are none for a scene that says nothing', async () => {
    expect((await dependencies('a = 1\n')).narrationKeys).toEqual([]);
    expect((await dependencies(IMPORT)).narrationKeys).toEqual([]);
  });

  test.each([
    ['a computed key', `${IMPORT}for key in "ab":\n    a = SCRIPT[key]`, 3],
    ['a key made of parts', `${IMPORT}a = SCRIPT["in" + x]`, 2],
    ['an f-string as key', `${IMPORT}a = SCRIPT[f"{x}"]`, 2],
    ['get', `${IMPORT}a = SCRIPT.get("intro")`, 2],
    [
      'a text of its own, which is looked up by what it says',
      `${IMPORT}b = SCRIPT["intro"]\nself.voiceover("Hello.")`,
      3,
    ],
    ['a text of its own, by name', `${IMPORT}b = SCRIPT["intro"]\nself.voiceover(subcaption="x", text="Hello.")`, 3],
    ['a text of its own, formatted', `${IMPORT}b = SCRIPT["intro"]\nself.voiceover(text=f"Hello {x}.")`, 3],
  ])('are all of them where it cannot be told: %s', async (_, source, line) => {
    const found = await dependencies(source);
    expect(found.narrationKeys).toEqual(KEYS);
    expect(found.computedKeys).toContain(`${SCENE}:${line} `);
    expect([...found.sources.keys()]).toEqual([SCENE]);
  });

  test('are all of them where it speaks and uses no line that can be seen', async () => {
    const found = await dependencies('TEXT = "Hello."\nself.voiceover(TEXT)\n');
    expect(found.narrationKeys).toEqual(KEYS);
    expect(found.computedKeys).toContain(SCENE);
  });

  test.each([
    ['the module', 'import narration_script\na = narration_script.SCRIPT["intro"]', 1],
    ['the module under another name', 'import narration_script as n', 1],
    ['the module out of its package', 'from . import narration_script', 1],
    ['the module through a package', 'import projects.video.narration_script as n', 1],
    ['everything in it', `from narration_script import *\na = SCRIPT["intro"]`, 1],
    ['another name in it', 'from narration_script import SCRIPT, PACE', 1],
    ['the module at run time', 'import importlib\nm = importlib.import_module("narration_script")', 2],
    ['its path', 'x = 1\nrunpy.run_path("narration_script.py")', 2],
    ['its path made of parts', 'x = 1\nexec(open(f"{here}/narration_script.py").read())', 2],
    ['the order of its lines', `${IMPORT}first = list(SCRIPT.values())[0]`, 2],
    ['the number of its lines', `${IMPORT}a = len(SCRIPT)`, 2],
    ['SCRIPT under another name', `${IMPORT}LINES = SCRIPT\na = LINES["intro"]`, 2],
  ])('are the whole file where more than lines is used: %s', async (_, source, line) => {
    const found = await dependencies(source);
    expect(found.narrationKeys).toEqual(KEYS);
    expect(found.computedKeys).toContain(`${SCENE}:${line} `);
    expect([...found.sources.keys()].sort()).toEqual([NARRATION, SCENE]);
  });

  test('are seen where a helper passes SCRIPT on', async () => {
    const helper = { 'projects/video/common.py': IMPORT };
    for (const source of [
      'from common import SCRIPT\na = SCRIPT["intro"]',
      'from common import *\na = SCRIPT["intro"]',
    ]) {
      const found = await dependencies(source, helper);
      expect(found.narrationKeys).toEqual(KEYS);
      expect(found.sources.has(NARRATION)).toBe(true);
    }
  });

  test('are seen where a helper speaks them', async () => {
    const found = await dependencies('import common\ncommon.say("intro")', {
      'projects/video/common.py': `${IMPORT}def say(scene, key):\n    scene.voiceover(text=SCRIPT[key])\n`,
    });
    expect(found.narrationKeys).toEqual(KEYS);
  });

  test('that do not exist are found at their place, all at once', async () => {
    const { missingKeys } = await dependencies(
      `${IMPORT}\na = SCRIPT["intr"]\nb = SCRIPT["middle"]\nc = SCRIPT["end"]\n`,
    );
    expect(missingKeys.map(({ key, finding }) => [key, finding.message, finding.place.line, finding.severity])).toEqual(
      [
        ['intr', 'no narration line "intr"', 3, 'error'],
        ['end', 'no narration line "end"', 5, 'error'],
      ],
    );
    expect(missingKeys[0]?.finding.place.file).toMatch(/scene\.py$/);
    expect(missingKeys[0]?.finding.hint).toContain('intro, middle, outro');
  });

  test.each<[string, string, 'error' | 'warning']>([
    ['at the top', 'a = SCRIPT["x"]', 'error'],
    ['in construct', 'class Scene(S):\n    def construct(self):\n        self.say(SCRIPT["x"])', 'error'],
    [
      'in a voiceover',
      'class Scene(S):\n    def construct(self):\n        with self.voiceover(SCRIPT["x"]): pass',
      'error',
    ],
    [
      'in a method that construct calls',
      'class Scene(S):\n    def construct(self):\n        self.a()\n    def a(self):\n        self.b()\n    def b(self):\n        SCRIPT["x"]',
      'error',
    ],
    [
      'in a function that construct calls',
      'def say(s):\n    SCRIPT["x"]\nclass Scene(S):\n    def construct(self): say(self)',
      'error',
    ],
    ['in a loop that runs', 'for i in range(3):\n    SCRIPT["x"]', 'error'],
    ['in a loop over a list', 'for i in [1, 2]:\n    SCRIPT["x"]', 'error'],
    ['in a loop that may not run', 'for i in things:\n    SCRIPT["x"]', 'warning'],
    ['in an if', 'if y:\n    SCRIPT["x"]', 'warning'],
    ['in a try', 'try:\n    SCRIPT["x"]\nexcept KeyError:\n    pass', 'warning'],
    ['in half of an expression', 'a = y and SCRIPT["x"]', 'warning'],
    ['in a choice', 'a = SCRIPT["x"] if y else ""', 'warning'],
    ['in a lambda', 'f = lambda: SCRIPT["x"]', 'warning'],
    ['in a function that nobody calls', 'def say(): SCRIPT["x"]', 'warning'],
    ['in a method that nobody calls', 'class Scene(S):\n    def other(self): SCRIPT["x"]', 'warning'],
    ['in another scene of the file', 'class Other(S):\n    def construct(self): SCRIPT["x"]', 'warning'],
    [
      'after a return',
      'class Scene(S):\n    def construct(self):\n        if y: return\n        SCRIPT["x"]',
      'warning',
    ],
    [
      'in a generator',
      'def g():\n    SCRIPT["x"]\n    yield 1\nclass Scene(S):\n    def construct(self): g()',
      'warning',
    ],
    ['where the error is suppressed', 'with suppress(KeyError):\n    SCRIPT["x"]', 'warning'],
  ])('that do not exist fail the scene where they are sure to be looked up: %s', async (_, source, severity) => {
    const { missingKeys } = await dependencies(`${IMPORT}${source}\n`);
    expect(missingKeys.map(({ finding }) => finding.severity)).toEqual([severity]);
  });

  test.each<[string, string, 'error' | 'warning']>([
    ['at its top', 'a = SCRIPT["gone"]', 'error'],
    ['in a function of it', 'def f(): SCRIPT["gone"]', 'warning'],
  ])('that a shared module gets wrong %s belong to each scene', async (_, source, severity) => {
    const repoRoot = await newFolder();
    await writeFiles(repoRoot, { 'common.py': `${IMPORT}${source}\n` });
    const scenes = ['one', 'two'].map((id) => sceneOf(repoRoot, 'import common\n', id));
    const narrationFile = join(repoRoot, 'narration_script.py');
    const found = await readDependencies(scenes, {
      projectDir: repoRoot,
      repoRoot,
      narrationFile,
      narrationKeys: KEYS,
    });
    for (const id of ['one', 'two']) {
      const [missing] = found.get(id)?.missingKeys ?? [];
      expect(missing?.finding.place).toEqual({ file: join(repoRoot, 'common.py'), line: 2 });
      expect([missing?.finding.severity, missing?.finding.sceneId]).toEqual([severity, id]);
    }
  });

  test('come from the narration file that the state names', async () => {
    const repoRoot = await newFolder();
    const found = await readDependencies([sceneOf(repoRoot, 'from lines import SCRIPT\na = SCRIPT["outro"]')], {
      projectDir: repoRoot,
      repoRoot,
      narrationFile: join(repoRoot, 'lines.py'),
      narrationKeys: KEYS,
    });
    expect(found.get('scene')?.narrationKeys).toEqual(['outro']);
  });
});

describe('the sources of a scene', () => {
  const sourcesOf = async (source: string, files: Record<string, string>): Promise<string[]> => {
    const { sources } = await dependencies(source, files);
    return [...sources.keys()].filter((name) => name !== SCENE);
  };
  const LIB = { 'lib/__init__.py': 'x = 1\n', 'lib/helpers.py': 'y = 1\n' };

  test.each([
    ['a module beside the scene', 'import helpers', { 'projects/video/helpers.py': '' }, ['projects/video/helpers.py']],
    ['a module of the repository', 'from lib.helpers import y', LIB, ['lib/__init__.py', 'lib/helpers.py']],
    ['a module named as an attribute', 'from lib import helpers', LIB, ['lib/__init__.py', 'lib/helpers.py']],
    ['a dotted module under another name', 'import lib.helpers as h', LIB, ['lib/__init__.py', 'lib/helpers.py']],
    ['several modules at once', 'import os, lib.helpers as h, sys', LIB, ['lib/__init__.py', 'lib/helpers.py']],
    [
      'names in parentheses with comments',
      'from lib import (  # c\n  a,  # import nothing\n  helpers as h,\n)',
      LIB,
      ['lib/__init__.py', 'lib/helpers.py'],
    ],
    ['everything in a package', 'from lib import *', LIB, ['lib/__init__.py']],
    ['a package without __init__.py', 'from lib.helpers import y', { 'lib/helpers.py': '' }, ['lib/helpers.py']],
    ['a relative module', 'from .helpers import y', { 'projects/video/helpers.py': '' }, ['projects/video/helpers.py']],
    ['a module of the parent', 'from ..helpers import y', { 'projects/helpers.py': '' }, ['projects/helpers.py']],
    [
      'a module of the parent by name',
      'from .. import helpers',
      { 'projects/helpers.py': '' },
      ['projects/helpers.py'],
    ],
    ['three dots', 'from ...lib.helpers import y', LIB, ['lib/helpers.py', 'lib/__init__.py'].sort()],
    [
      'an import inside a function',
      'def f():\n    import helpers\n',
      { 'projects/video/helpers.py': '' },
      ['projects/video/helpers.py'],
    ],
    [
      'an import that may fail',
      'try:\n    import helpers\nexcept ImportError:\n    pass\n',
      { 'projects/video/helpers.py': '' },
      ['projects/video/helpers.py'],
    ],
    [
      'an import on a line with others',
      'import os; import helpers; x = 1',
      { 'projects/video/helpers.py': '' },
      ['projects/video/helpers.py'],
    ],
    ['modules of Python itself', 'import os, json\nfrom pathlib import Path', {}, []],
    ['modules that are not there', 'import manim\nfrom nowhere.at.all import x', {}, []],
    ['other modules beside it', 'import os', { 'projects/video/helpers.py': '' }, []],
    ['a module that a comment names', '# import helpers', { 'projects/video/helpers.py': '' }, []],
    ['a module that a text names', '"""\nimport helpers\n"""', { 'projects/video/helpers.py': '' }, []],
  ])('hold %s', async (_, source, files, expected) => {
    expect(await sourcesOf(source, files as Record<string, string>)).toEqual(expected);
  });

  test('are followed through what they import themselves, round and round', async () => {
    const files = {
      'projects/video/a.py': 'import b\n',
      'projects/video/b.py': 'from lib import c\n',
      'lib/__init__.py': 'from .deep import d\n',
      'lib/c.py': 'import a\n',
      'lib/deep.py': 'from . import other\n',
      'lib/other.py': '',
      'lib/unused.py': '',
    };
    expect(await sourcesOf('import a', files)).toEqual([
      'lib/__init__.py',
      'lib/c.py',
      'lib/deep.py',
      'lib/other.py',
      'projects/video/a.py',
      'projects/video/b.py',
    ]);
  });

  test('never hold the narration, whose lines count one by one', async () => {
    expect(await sourcesOf(`${IMPORT}a = SCRIPT["intro"]`, {})).toEqual([]);
  });

  test('leave out a module that is not UTF-8: its bytes are covered where a render opens it', async () => {
    const repoRoot = await newFolder();
    await writeFile(join(repoRoot, 'old.py'), Buffer.from('x = "\xe9"\n', 'latin1'));
    const found = await readDependencies([sceneOf(repoRoot, 'import old\n')], {
      projectDir: repoRoot,
      repoRoot,
      narrationFile: join(repoRoot, 'narration_script.py'),
      narrationKeys: KEYS,
    });
    expect([...(found.get('scene')?.sources.keys() ?? [])]).toEqual(['scene.py']);
  });

  test('have names that do not tell where the repository lies', async () => {
    const { sources } = await dependencies('import lib.helpers', LIB);
    for (const [name, source] of sources) {
      expect(name.startsWith('/')).toBe(false);
      expect(relative('/', source.path).endsWith(name)).toBe(true);
    }
  });
});

describe('LaTeX', () => {
  test.each([
    ['a formula', 'x = MathTex("a")', true],
    ['a formula of the module', 'x = manim.Tex("a")', true],
    ['numbers', 'x = DecimalNumber(1)', true],
    ['numbers on an axis', 'x = NumberLine(include_numbers=True)', true],
    ['numbers on an axis, in a dictionary', 'x = Axes(axis_config={"include_numbers": True})', true],
    ['chosen numbers on an axis, in a dictionary', "x = Axes(x_axis_config={'numbers_to_include': [1, 2]})", true],
    ['labels of axes', 'x = axes.get_axis_labels()', true],
    ['a labelled dot', 'x = LabeledDot("a")', true],
    ['a brace with a text', 'x = Brace(y).get_text("a")', true],
    ['a graph with labels', 'x = Graph([1], [], labels=True)', true],
    ['a graph without labels', 'x = Graph([1], [])', false],
    ['a text that is a word of it', 'x = Text("Title")', false],
    ['a formula in a comment', '# MathTex\nx = Text("a")', false],
    ['plain text and shapes', 'x = VGroup(Text("a"), Circle(), Axes())', false],
  ])('is needed or not: %s', async (_, source, latex) => {
    expect((await dependencies(source)).latex).toBe(latex);
  });

  test('is needed where a module of the scene needs it', async () => {
    expect((await dependencies('import common', { 'projects/video/common.py': 'x = Tex("a")' })).latex).toBe(true);
  });
});

describe('the size of a scene', () => {
  test.each([
    ['none', 'x = 1', { width: 1920, height: 1080, fps: 60 }],
    ['both sides', 'config.pixel_height = 1440\nconfig.pixel_width = 2560', { width: 2560, height: 1440, fps: 60 }],
    [
      'with comments',
      'config.pixel_height = 480  # small\nconfig.frame_rate = 15  # slow',
      { width: 1920, height: 480, fps: 15 },
    ],
    [
      'inside a function, which is not run at import',
      'def f():\n    config.pixel_height = 480',
      { width: 1920, height: 1080, fps: 60 },
    ],
    ['computed', 'config.pixel_height = 2 * 720', { width: 1920, height: 1080, fps: 60 }],
  ])('is what it locks at its top: %s', async (_, source, size) => {
    expect((await dependencies(source)).size).toEqual(size);
  });
});
