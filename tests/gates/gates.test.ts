import { execFileSync } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { PythonToAsk } from '../../src/gates/python.js';
import type { Finding } from '../../src/project/finding.js';
import { type Project, readProject } from '../../src/project/project.js';
import { readState } from '../../src/project/state.js';
import { actionRoot } from '../../src/shipped.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { writeProject } from '../support/project.js';
import { testRealProjects } from '../support/real-projects.js';
import { LEGAL, LEGAL_FILES } from './legal.js';
import { check, PYTHON, projectOf, python, sceneWith, TOP } from './support.js';

const newFolder = temporaryFolders();

const told = ({ severity, place, message }: Finding): string =>
  `${severity} ${basename(place.file).replace(/^s\d+\.py$/, '')}${place.line}: ${message}`;

/** A fault, the scene that has it, and what is said of it. */
type Row = readonly [fault: string, source: string, said: readonly string[]];

const SPEAKS = 'with self.voiceover(text=SCRIPT["one"]):\n    self.wait()';
const NO_SERVICE = `${TOP}class A(VoiceoverScene):\n    def construct(self):\n        `;

const ROWS: readonly Row[] = [
  // names of old Manim
  ['ShowCreation', sceneWith('self.play(ShowCreation(Circle()))'), ['error 11: Manim has no ShowCreation any more']],
  [
    'ShowCreation where it may not run',
    sceneWith('if x:\n    self.play(ShowCreation(Circle()))'),
    ['warning 12: Manim has no ShowCreation any more'],
  ],
  [
    'ShowCreation twice',
    sceneWith('ShowCreation(a)\nShowCreation(b)'),
    ['error 11: Manim has no ShowCreation any more'],
  ],
  [
    'TextMobject at the top',
    `${TOP}T = TextMobject("a")\nclass A(Scene): pass\n`,
    ['error 8: Manim has no TextMobject any more'],
  ],
  [
    'an import of FadeInFromDown',
    `from manim import FadeInFromDown\n${TOP}class A(Scene): pass\n`,
    ['error 1: Manim has no FadeInFromDown any more'],
  ],
  [
    'Color of its old module',
    `from manim.utils.color import Color\n${TOP}class A(Scene): pass\n`,
    ['error 1: Manim has no Color any more'],
  ],
  [
    'FRAME_WIDTH',
    sceneWith('self.add(Line(LEFT * FRAME_WIDTH, ORIGIN))'),
    ['error 11: Manim has no FRAME_WIDTH any more'],
  ],
  [
    'GraphScene as a base',
    `${TOP}class A(GraphScene):\n    def construct(self): pass\n`,
    ['error 8: Manim has no GraphScene any more'],
  ],
  [
    'an old name beside another star import',
    `from side import *\n${TOP}x = ShowCreation\nclass A(Scene): pass\n`,
    ['warning 9: Manim has no ShowCreation any more'],
  ],
  // speech
  [
    'no speech service',
    `${NO_SERVICE}with self.voiceover(text=SCRIPT["one"]):\n            self.wait()\n`,
    ['error 10: A speaks, but never sets its speech service'],
  ],
  [
    'no speech service, and an unknown base',
    `from elsewhere_ import Mixin\n${TOP}class A(Mixin, VoiceoverScene):\n    def construct(self):\n        self.voiceover(text=SCRIPT["one"])\n`,
    ['warning 11: A speaks, but never sets its speech service', 'error 1: no module elsewhere_'],
  ],
  [
    'a voiceover in a voiceover',
    sceneWith(
      `with self.voiceover(text=SCRIPT["one"]):\n    with self.voiceover(text=SCRIPT["two"]):\n        self.wait()`,
    ),
    ['warning 12: a voiceover inside the voiceover of line 11: both are heard at once'],
  ],
  [
    'hard-coded narration',
    sceneWith('with self.voiceover(text="Hello"):\n    self.wait()'),
    ['error 11: the narration of this voiceover stands in the scene: no voice speaks it'],
  ],
  [
    'hard-coded narration by position',
    sceneWith('self.voiceover("Hello " "there")'),
    ['error 11: the narration of this voiceover stands in the scene: no voice speaks it'],
  ],
  [
    'hard-coded narration in a variable',
    sceneWith('text = "Hello"\nself.voiceover(text=text)'),
    ['error 12: the narration of this voiceover stands in the scene: no voice speaks it'],
  ],
  [
    'hard-coded narration that may not be spoken',
    sceneWith('if x:\n    self.voiceover(text="Hello")'),
    ['warning 12: the narration of this voiceover stands in the scene: no voice speaks it'],
  ],
  [
    'an f-string',
    sceneWith('self.voiceover(text=f"Number {n}")'),
    ['warning 11: the narration of this voiceover is put together while the scene runs: no voice may have spoken it'],
  ],
  [
    'a sum',
    sceneWith('self.voiceover(text=SCRIPT["one"] + " And more.")'),
    ['warning 11: the narration of this voiceover is put together while the scene runs: no voice may have spoken it'],
  ],
  [
    'a format',
    sceneWith('self.voiceover(text="{} a".format(n))'),
    ['warning 11: the narration of this voiceover is put together while the scene runs: no voice may have spoken it'],
  ],
  // what templates leave
  [
    'a placeholder in a text',
    sceneWith('self.add(Text("{{SCENE_TITLE}}"))'),
    ['warning 11: the placeholder {{SCENE_TITLE}} is still in the scene'],
  ],
  [
    'a placeholder as code',
    sceneWith('x = {{SCENE_BODY}}\nself.wait()'),
    ['warning 11: the placeholder {{SCENE_BODY}} is still in the scene'],
  ],
  [
    "the scaffold's rectangle",
    sceneWith('box = Rectangle(width=4.0, height=2.4, color=BLUE)'),
    ["warning 11: the scaffold's demo rectangle is still in the scene"],
  ],
  [
    "the scaffold's instructions",
    sceneWith('# TODO: Add animations here\nself.wait()'),
    ['warning 11: an instruction of the scaffold is still in the scene'],
  ],
  ['an escaped operator', sceneWith('x = 1 &lt; 2\nself.wait()'), ['error 11: &lt; is an operator escaped as HTML']],
  [
    'an escaped operator that is shown',
    sceneWith('self.add(Text("1 &gt; 2"))'),
    ['warning 11: this text shows &gt; as it stands'],
  ],
  // pictures
  [
    'an odd height',
    sceneWith('self.wait()', `${TOP}config.pixel_height = 1081\n`),
    ['error 8: pixel_height is 1081: x264 needs even numbers of pixels'],
  ],
  [
    'no width',
    sceneWith('self.wait()', `${TOP}config["pixel_width"] = 0\n`),
    ['error 8: pixel_width is 0: a picture needs pixels'],
  ],
  [
    'half pixels',
    sceneWith('self.wait()', `${TOP}config.pixel_width = 320.5\n`),
    ['error 8: pixel_width is 320.5: a picture has whole pixels'],
  ],
  [
    'a giant',
    sceneWith('self.wait()', `${TOP}config.pixel_width = 20_000\n`),
    ['error 8: pixel_width is 20000: x264 takes up to 16384'],
  ],
  [
    'no frames',
    sceneWith('self.wait()', `${TOP}config.frame_rate = 0\n`),
    ['error 8: frame_rate is 0: a video needs frames'],
  ],
  [
    'frames backwards',
    sceneWith('self.wait()', `${TOP}config.frame_rate = -30\n`),
    ['error 8: frame_rate is -30: a video needs frames'],
  ],
  ['an odd height that may be set', sceneWith('self.wait()', `${TOP}if x:\n    config.pixel_height = 1081\n`), []],
  // assets
  ['a missing image', sceneWith('self.add(ImageMobject("nope.png"))'), ['error 11: no file nope.png for ImageMobject']],
  [
    'a missing drawing',
    sceneWith('self.add(SVGMobject(file_name="assets/nope"))'),
    ['error 11: no file assets/nope for SVGMobject'],
  ],
  ['a missing sound', sceneWith('self.add_sound("nope.wav")'), ['error 11: no file nope.wav for add_sound']],
  [
    'a missing image that the scene may make',
    sceneWith('open("nope.png", "w")\nself.add(ImageMobject("nope.png"))'),
    ['warning 12: no file nope.png for ImageMobject'],
  ],
  [
    'a missing image, and another folder of assets',
    sceneWith('config.assets_dir = "x"\nself.add(ImageMobject("nope.png"))'),
    ['warning 12: no file nope.png for ImageMobject'],
  ],
  // LaTeX
  [
    '\\begin without \\end',
    sceneWith('MathTex(r"\\begin{pmatrix} 1 & 2")'),
    ['error 11: LaTeX cannot set this MathTex: \\begin{pmatrix} has no \\end{pmatrix}'],
  ],
  [
    '\\end without \\begin',
    sceneWith('MathTex(r"1 \\end{cases}")'),
    ['error 11: LaTeX cannot set this MathTex: \\end{cases} has no \\begin{cases}'],
  ],
  [
    'another \\end',
    sceneWith('MathTex(r"\\begin{pmatrix} 1 \\end{bmatrix}")'),
    ['error 11: LaTeX cannot set this MathTex: \\begin{pmatrix} ends with \\end{bmatrix}'],
  ],
  [
    'braces the wrong way round',
    sceneWith('MathTex("} a {")'),
    ['error 11: LaTeX cannot set this MathTex: a brace closes before it opens'],
  ],
  ['one dollar', sceneWith('Tex("It costs $5")'), ['error 11: LaTeX cannot set this Tex: a $ has no second one']],
  [
    'dollars in mathematics',
    sceneWith('MathTex("$x$")'),
    ['error 11: LaTeX cannot set this MathTex: a MathTex is mathematics already: leave out the $'],
  ],
  [
    'wrong LaTeX with a template of its own',
    sceneWith('config.tex_template = t\nMathTex("$x$")'),
    ['warning 12: LaTeX cannot set this MathTex: a MathTex is mathematics already: leave out the $'],
  ],
  // what only Python tells
  [
    'a module that is nowhere',
    sceneWith('self.wait()', `import nowhere_at_all\n${TOP}`),
    ['error 1: no module nowhere_at_all'],
  ],
  [
    'a module that may be imported',
    sceneWith('if x:\n    import nowhere_at_all'),
    ['warning 12: no module nowhere_at_all'],
  ],
  [
    'another Manim',
    `${TOP}from manimlib.imports import *\nclass A(Scene): pass\n`,
    ['error 8: no module manimlib.imports'],
  ],
  [
    'voiceover in one word',
    `from manimvoiceoverplus import VoiceoverScene as V\n${TOP}class A(V): pass\n`,
    ['error 1: no module manimvoiceoverplus'],
  ],
  [
    'a module that Manim does not have',
    `import manim.imports\n${TOP}class A(Scene): pass\n`,
    ['error 1: no module manim.imports'],
  ],
  [
    'a module where the scene looks elsewhere',
    `import sys\nsys.path.append("lib")\nimport in_lib\n${TOP}class A(Scene): pass\n`,
    ['warning 3: no module in_lib'],
  ],
  [
    'a return outside a function',
    `${TOP}class A(Scene): pass\nreturn\n`,
    ["error 9: not valid Python: 'return' outside function"],
  ],
  [
    'an argument twice',
    `${TOP}class A(Scene):\n    def f(a, a): pass\n`,
    ["error 9: not valid Python: duplicate argument 'a' in function definition"],
  ],
  [
    'a print statement',
    `${TOP}class A(Scene):\n    def construct(self):\n        print "hello"\n`,
    ["error 10: not valid Python: Missing parentheses in call to 'print'. Did you mean print(...)?"],
  ],
  // classes
  [
    'several scenes',
    `${TOP}class A(VoiceoverScene): pass\nclass B(VoiceoverScene): pass\n`,
    [expect.stringMatching(/^warning 8: s\d+\.py has several scenes \(A, B\): A is taken$/)],
  ],
];

describe('the checks', () => {
  let ask: PythonToAsk;
  let rows: Project;
  let found: readonly Finding[];
  let legal: Project;

  beforeAll(async () => {
    ask = await python();
    rows = await projectOf(
      await newFolder(),
      ROWS.map(([, source]) => source),
      { 'side.py': 'x = 1\n' },
    );
    legal = await projectOf(
      await newFolder(),
      LEGAL.map(({ source }) => source),
      LEGAL_FILES,
    );
    found = await check(rows, { python: ask });
  });

  test.each(ROWS.map(([fault, , said], index) => [fault, index, said] as const))('find %s', (_, index, said) => {
    expect(rows.faults.filter(({ id }) => id === `s${index}`)).toEqual([]);
    expect(found.filter(({ sceneId }) => sceneId === `s${index}`).map(told)).toEqual(said);
  });

  test('say what to do, at a place in a file', () => {
    for (const { hint, place } of found) {
      expect(hint).toMatch(/^[A-Z].*\.$/);
      expect(place.line).toBeGreaterThan(0);
    }
  });

  test('find nothing wrong with scenes in odd styles', async () => {
    expect(legal.faults).toEqual([]);
    const said = await check(legal, { python: ask });
    const wrong = said.filter(({ sceneId, message, severity }) => {
      const scene = LEGAL[Number(sceneId?.slice(1))];
      return severity === 'error' || !scene?.warns?.test(message);
    });
    expect(wrong.map((finding) => `${LEGAL[Number(finding.sceneId?.slice(1))]?.style}: ${told(finding)}`)).toEqual([]);
  });

  test('find nothing in the sample and the projects of the tests', async () => {
    for (const name of ['examples/square-from-circles', 'tests/fixtures/tiny']) {
      const folder = join(await newFolder(), 'projects', basename(name));
      await cp(join(actionRoot(), name), folder, { recursive: true });
      const project = await readProject(await readState(folder));
      expect(project.faults).toEqual([]);
      expect((await check(project, { python: ask, isWhole: true })).map(told)).toEqual([]);
    }
  });

  testRealProjects('has no finding', async (folder) => {
    const project = await readProject(await readState(folder));
    expect(project.faults).toEqual([]);
    const copy = { ...project, folder: await newFolder() };
    const context = { options: { gates: 'warn', quality: 'project' }, python: ask, workDir: copy.folder } as const;
    const { checkScenes } = await import('../../src/gates/gates.js');
    expect((await checkScenes(project, project.scenes, { ...context, isWhole: true })).map(told)).toEqual([]);
  });

  test('take every finding for an error when strict, and look at nothing when off', async () => {
    const strict = await check(rows, { python: ask, gates: 'strict' });
    expect(strict).toHaveLength(found.length);
    expect(new Set(strict.map(({ severity }) => severity))).toEqual(new Set(['error']));
    expect(await check(rows, { python: ask, gates: 'off' })).toEqual([]);
  });

  test('let sizes be that another quality replaces', async () => {
    const low = (await check(rows, { quality: 'low' })).filter(({ message }) => message.startsWith('pixel_'));
    expect(low.map(told)).toEqual([
      'error 8: pixel_width is 0: a picture needs pixels',
      'error 8: pixel_width is 320.5: a picture has whole pixels',
    ]);
  });

  test('do without Python, but for what only Python tells', async () => {
    const without = await check(rows);
    const ofPython = /^(no module|not valid Python)/;
    expect(without.map(told)).toEqual(found.filter(({ message }) => !ofPython.test(message)).map(told));
  });

  test('warn of modules that set-up may not bring where Manim is not there yet', async () => {
    const bare = await check(rows, { python: { ...ask, identity: 'bare', hasManim: false } });
    const modules = bare.filter(({ message }) => message.startsWith('no module'));
    expect(new Set(modules.map(({ severity }) => severity))).toEqual(new Set(['warning']));
  });
});

test('what Python found sound is not asked again until its content changes', async () => {
  const ask = await python();
  const project = await projectOf(await newFolder(), [
    sceneWith(SPEAKS),
    sceneWith('self.wait()', `import nope_\n${TOP}`),
  ]);
  const broken: PythonToAsk = { ...ask, executable: '/nowhere/python' };
  expect(await check(project, { python: ask })).toHaveLength(1);
  // the scene with a finding is asked about again, so this Python is needed
  await expect(check(project, { python: broken })).rejects.toThrow();
  await writeFiles(project.folder, { 's1.py': sceneWith('self.wait()') });
  const mended = await readProject(project.state);
  expect(await check(mended, { python: ask })).toEqual([]);
  expect(await check(mended, { python: broken })).toEqual([]);
  await writeFiles(project.folder, { '.work/checked.json': '{"format": 1, "sound": [1]}' });
  await expect(check(mended, { python: broken })).rejects.toThrow();
});

describe('the checks of a project as a whole', () => {
  test('find lines that no scene speaks, scene files that the state does not name, and scenes that are named twice', async () => {
    const folder = await writeProject(await newFolder(), {
      narration: 'SCRIPT = {\n  "one": "a",\n  "spare": "b",\n  "todo": "{{LINE_TWO}}",\n  "html": "a &lt; b",\n}\n',
      scenes: [{ id: 'a' }, { id: 'b', file: 'a.py' }, { id: 'gone', narration_key: 'html' }],
      files: {
        'a.py': `import helpers\n${sceneWith('self.voiceover(text=SCRIPT["one"])\nself.voiceover(text=SCRIPT["todo"])')}`,
        'helpers.py': 'class Base(Scene): pass\n',
        'scene_09_old.py': '\n\nclass Old(VoiceoverScene): pass\n',
        'scene_helpers.py': 'def f(): pass\n',
        'notes.py': 'class NotNamed(Scene): pass\n',
        'scene_01_intro.py': 'x = 1\n',
        'scene_02_outro.py': 'x = (\n',
      },
    });
    const project = await readProject(await readState(folder));
    const found = (await check(project, { isWhole: true })).filter(({ sceneId }) => sceneId === undefined);
    expect(found.map(told)).toEqual([
      'warning narration_script.py3: no scene speaks narration line "spare"',
      'warning project_state.json13: scenes a and b are the same class of the same file: it is shown twice',
      'warning narration_script.py4: narration line "todo" has {{LINE_TWO}} in it, which is spoken as it stands',
      'warning narration_script.py5: narration line "html" has &lt; in it, which is spoken as it stands',
      'warning scene_09_old.py3: scene_09_old.py has the scene Old, but project_state.json does not name the file',
    ]);
    expect((await check(project)).filter(({ sceneId }) => sceneId === undefined)).toEqual([]);
  });

  test('take every line for spoken where a scene cannot be read', async () => {
    const folder = await writeProject(await newFolder(), { scenes: [{ id: 'scene_01_intro' }, { id: 'gone' }] });
    const project = await readProject(await readState(folder));
    const found = await check(project, { isWhole: true });
    expect(found.filter(({ message }) => message.startsWith('no scene speaks'))).toEqual([]);
  });
});

test('recordings in the project may be spoken by their text', async () => {
  const project = await projectOf(await newFolder(), [sceneWith('self.voiceover(text="Recorded words.")')], {
    'media/voiceovers/qwen/cache.json': '[{"text": "Recorded  words.", "audio_file": "a.mp3"}]',
  });
  expect(await check(project)).toEqual([]);
});

test('the names that Manim has are not called old', async () => {
  const source = await readFile(join(actionRoot(), 'src', 'gates', 'old-names.ts'), 'utf8');
  const table = /OLD_NAMES[^{]*\{([\s\S]*?)\n\};/.exec(source)?.[1] ?? '';
  const names = [...table.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]);
  expect(names.length).toBeGreaterThan(40);
  const asks = 'import manim, sys; print("there:", *[n for n in sys.argv[1:] if hasattr(manim, n)])';
  const said = execFileSync(PYTHON, ['-c', asks, ...(names as string[])], { encoding: 'utf8', stdio: 'pipe' });
  expect(/^there:(.*)$/m.exec(said)?.[1]).toBe('');
});
