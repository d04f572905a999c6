import { execFileSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { UserError } from '../../src/errors.js';
import { type ReadScenes, readScenes, type Scene, sceneVideoPath, selectScenes } from '../../src/project/scenes.js';
import { parseState } from '../../src/project/state.js';
import { userError } from '../support/errors.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();

interface Read extends ReadScenes {
  readonly folder: string;
  readonly errors: readonly UserError[];
}

/** The scenes of a state with these entries in a project of these files, which is its repository, too. */
async function readOf(entries: unknown[], files: Record<string, string>): Promise<Read> {
  const folder = await newFolder();
  await writeFiles(folder, files);
  return readIn(folder, entries);
}

async function readIn(folder: string, entries: unknown[], repoRoot = folder): Promise<Read> {
  // a scene a line, as an editor shows them
  const text = `{"scenes": [\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]}`;
  const state = parseState(join(folder, 'project_state.json'), text);
  const context = { projectDir: folder, repoRoot, narrationFile: join(folder, 'narration_script.py') };
  const read = await readScenes(state, context);
  return { ...read, folder, errors: read.faults.flatMap(({ errors }) => errors) };
}

const CLASS = 'class Intro(VoiceoverScene):\n    pass\n';

describe('finding scenes', () => {
  test('the file and the class that the state names are taken', async () => {
    const entry = {
      id: 'one',
      title: 'First',
      file: 'scenes/a.py',
      class_name: 'B',
      narration_key: 'k',
      estimated_duration: '48s',
    };
    const { scenes, folder } = await readOf([entry], { 'scenes/a.py': `${CLASS}class B(Scene): pass\n` });
    expect(scenes[0]).toMatchObject({
      id: 'one',
      title: 'First',
      index: 0,
      file: join(folder, 'scenes', 'a.py'),
      fileName: 'scenes/a.py',
      className: 'B',
      narrationKey: 'k',
      estimatedSeconds: 48,
    });
  });

  test('a scene without a file is <id>.py', async () => {
    const { scenes } = await readOf([{ id: 'scene_01' }, { id: 'two', file: '' }], {
      'scene_01.py': CLASS,
      'two.py': CLASS,
    });
    expect(scenes.map(({ fileName, title }) => [fileName, title])).toEqual([
      ['scene_01.py', 'scene_01'],
      ['two.py', 'two'],
    ]);
  });

  test.each([
    [
      'the first that derives from VoiceoverScene',
      'class A(Scene): pass\nclass B(VoiceoverScene): pass\nclass C(VoiceoverScene): pass',
      'B',
    ],
    ['one that derives from it through a module', 'class A(Scene): pass\nclass B(voiceover.VoiceoverScene): pass', 'B'],
    ['one that derives from it among others', 'class A: pass\nclass B(ThreeDScene, VoiceoverScene): pass', 'B'],
    ['one whose bases span lines', 'class A: pass\nclass B(\n    VoiceoverScene,  # speaks\n): pass', 'B'],
    ['one with a decorator', 'class A: pass\n@once\nclass B(VoiceoverScene): pass', 'B'],
    ['one with keywords among its bases', 'class A: pass\nclass B(VoiceoverScene, metaclass=M): pass', 'B'],
    ['a generic one', 'class A: pass\nclass B[T](VoiceoverScene): pass', 'B'],
    ['one with a generic base', 'class A: pass\nclass B(Generic[T], Scene): pass', 'B'],
    ['one whose base has another name', 'from x import VoiceoverScene as V\nclass A: pass\nclass B(V): pass', 'B'],
    ['one whose base is assigned', 'Base = VoiceoverScene\nclass A: pass\nclass B(Base): pass', 'B'],
    ['one inside an if', 'class A: pass\nif True:\n    class B(VoiceoverScene): pass', 'B'],
    ['one inside a try', 'class A: pass\ntry:\n    class B(Scene): pass\nexcept E:\n    pass', 'B'],
    ['else the first scene', 'class A(MovingCameraScene): pass\nclass B(Scene): pass', 'A'],
    ['not a helper without bases before it', 'class Helper: pass\nclass B(Scene): pass', 'B'],
    ['not a helper of Manim before it', 'class Star(VGroup): pass\nclass B(Scene): pass', 'B'],
    ['not a data class before it', '@dataclass\nclass Beat:\n    t: float\nclass B(Scene): pass', 'B'],
    ['not the base of the real one', 'class Base(VoiceoverScene): pass\nclass B(Base): pass', 'B'],
    ['one that derives through two classes', 'class A(VoiceoverScene): pass\nclass B(A): pass\nclass C(B): pass', 'C'],
    ['one whose base comes first although it only extends Scene', 'class A(Scene): pass\nclass B(A): pass', 'B'],
    ['one of a plugin', 'class A(VGroup): pass\nclass B(ThreeDSlide): pass', 'B'],
    ['one whose base comes from elsewhere', 'class A: pass\nclass B(MyVoiceoverSceneX): pass', 'B'],
    [
      'one that draws, of those whose bases come from elsewhere',
      'class A(X): pass\nclass B(Y):\n    def construct(self): pass',
      'B',
    ],
    ['not one inside another', 'class A(Scene):\n    class B(VoiceoverScene): pass', 'A'],
    [
      'not one in a comment or a text',
      '# class A(VoiceoverScene): pass\n"""\nclass B(VoiceoverScene): pass\n"""\nclass C(Scene): pass',
      'C',
    ],
  ])('a scene without a class is %s', async (_, source, name) => {
    const { scenes } = await readOf([{ id: 's' }], { 's.py': source });
    expect(scenes[0]?.className).toBe(name);
  });

  test('a base class in a module of the project tells what a class is', async () => {
    const { scenes } = await readOf([{ id: 's' }], {
      's.py': 'from common import Base\nclass Helper(Shape): pass\nclass B(Base): pass\n',
      'common.py': 'class Base(VoiceoverScene): pass\n',
    });
    expect(scenes[0]?.className).toBe('B');
  });

  test('other scenes of a file are known', async () => {
    const source = 'class A(VoiceoverScene): pass\nclass B(VoiceoverScene): pass\nclass C(Scene): pass';
    const { scenes } = await readOf([{ id: 's' }, { id: 't', file: 's.py', class_name: 'B' }], { 's.py': source });
    expect(scenes.map(({ className, otherClasses }) => [className, otherClasses])).toEqual([
      ['A', ['B']],
      ['B', undefined],
    ]);
  });

  test.each([
    ['defined', 'class B(Scene): pass'],
    ['defined in an if', 'if X:\n    class B(Scene): pass'],
    ['imported', 'from shared import B'],
    ['imported under this name', 'from shared import A as B'],
    ['assigned', 'class A(Scene): pass\nB = A'],
    ['made by a function', 'B = make_scene("B")'],
    ['made at run time', 'globals()["B"] = make_scene()'],
    ['imported with all else', 'from elsewhere import *'],
    ['imported with all else of a module of the project', 'from common import *'],
  ])('a class that the state names may be %s', async (_, source) => {
    const files = { 's.py': source, 'common.py': 'class B(Scene): pass\n' };
    const { scenes } = await readOf([{ id: 's', class_name: 'B' }], files);
    expect(scenes[0]?.className).toBe('B');
  });

  test.each<[string, Record<string, unknown>, string, string, string]>([
    ['is not in the file', { class_name: 'B' }, 'class A(Scene): pass', 'scene s: no class B in s.py', 'state:3'],
    [
      'only a comment names',
      { class_name: 'B' },
      '# B\nclass A(Scene): pass',
      'scene s: no class B in s.py',
      'state:3',
    ],
    [
      'Manim has',
      { class_name: 'Bee' },
      'from manim import *\nclass A(Scene): pass',
      'scene s: no class Bee in s.py',
      'state:3',
    ],
    ['is no scene', { class_name: 'B' }, 'x = 1\nclass B(VGroup): pass', 'scene s: B is not a scene', 's.py:2'],
    ['has no bases', { class_name: 'B' }, '\n\nclass B: pass', 'scene s: B is not a scene', 's.py:3'],
    [
      'is a path',
      { class_name: '../B' },
      'class A(Scene): pass',
      'scene s: class_name "../B" is not the name of a class',
      'state:3',
    ],
    [
      'has a line break',
      { class_name: 'B\n::x' },
      'class A(Scene): pass',
      'scene s: class_name "B\\n::x" is not the name of a class',
      'state:3',
    ],
    ['is missing, and so is any scene', {}, 'x = 1\nclass A: pass', 'scene s: no scene class in s.py', 's.py:2'],
  ])('a class that %s is a fault at its place', async (_, entry, source, message, place) => {
    const { scenes, errors } = await readOf([{ id: 'ok' }, { id: 's', ...entry }], { 's.py': source, 'ok.py': CLASS });
    expect(scenes.map(({ id }) => id)).toEqual(['ok']);
    expect(errors.map((error) => [error.message, placeName(error)])).toEqual([[message, place]]);
    expect(errors[0]?.hint).toBeTruthy();
  });

  const placeName = ({ place }: UserError): string =>
    `${basename(place?.file ?? '').replace('project_state.json', 'state')}:${place?.line}`;

  test('each scene that cannot be read is a fault at its own place, and the others are read', async () => {
    const entries = [{ id: 'gone' }, { id: 'empty' }, { id: 'good' }, { id: 'broken' }, { id: 'folder', file: 'sub' }];
    const files = { 'empty.py': 'x = 1\n', 'good.py': CLASS, 'broken.py': `x = 1\n\ny = (\n${CLASS}`, 'sub/x.py': '' };
    const { scenes, faults, errors } = await readOf(entries, files);
    expect(scenes.map(({ id, index }) => [id, index])).toEqual([['good', 2]]);
    expect(faults.map(({ id, index }) => [id, index])).toEqual([
      ['gone', 0],
      ['empty', 1],
      ['broken', 3],
      ['folder', 4],
    ]);
    expect(errors.map(placeName)).toEqual([
      'state:2',
      'empty.py:1',
      expect.stringMatching(/^broken\.py:[34]$/),
      'state:6',
    ]);
    for (const { hint } of errors) expect(hint).toBeTruthy();
  });

  test.each([
    ['from manim-voiceover-plus import VoiceoverScene', 'underscores'],
    ['if a &lt; b:\n    pass', 'escaped as HTML'],
    ['x = {{SCENE_BODY}} y', 'placeholder'],
    ['<<<<<<< HEAD', 'merge conflict'],
    ['```python', 'fence'],
    ['x = (', 'bracket'],
  ])('a line that is no Python has a hint of its own: %s', async (line, hint) => {
    const { errors } = await readOf([{ id: 's' }], { 's.py': `x = 1\n${line}\n${CLASS}` });
    expect(errors.map(({ message }) => message)).toEqual(['scene s: not valid Python']);
    expect(errors[0]?.hint).toContain(hint);
  });

  test('a module that is no Python is a fault of the scenes that are sure to import it', async () => {
    const { scenes, faults } = await readOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' }], {
      'a.py': `import helpers\n${CLASS}`,
      'b.py': CLASS,
      'c.py': `try:\n    import helpers\nexcept Exception:\n    pass\n${CLASS}`,
      'd.py': `import between\n${CLASS}`,
      'between.py': 'import helpers\n',
      'helpers.py': 'def f(:\n',
    });
    expect(scenes.map(({ id }) => id)).toEqual(['b', 'c']);
    expect(faults.map(({ id, errors }) => [id, errors.map(placeName)])).toEqual([
      ['a', ['helpers.py:1']],
      ['d', ['helpers.py:1']],
    ]);
  });

  test('a scene file that is not UTF-8 is a fault at its line', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 's.py'), Buffer.from(`${CLASS}# caf\xe9\n`, 'latin1'));
    const { errors } = await readIn(folder, [{ id: 's' }]);
    expect(errors[0]?.place).toEqual({ file: join(folder, 's.py'), line: 3 });
  });

  test('a scene file outside the repository is a fault at its field, however it is reached', async () => {
    const root = await newFolder();
    const repository = join(root, 'repository');
    const folder = join(repository, 'projects', 'p');
    await writeFiles(root, {
      'outside.py': CLASS,
      'repository/shared.py': CLASS,
      'repository/projects/p/in.py': CLASS,
    });
    await symlink(join(root, 'outside.py'), join(folder, 'link.py'));
    await symlink(join(repository, 'shared.py'), join(folder, 'inner.py'));
    await symlink(root, join(folder, 'up'));
    const files = ['in.py', '../../shared.py', 'inner.py', join(folder, 'in.py')];
    const bad = [join(root, 'outside.py'), '../../../outside.py', 'link.py', 'up/outside.py', '/etc/hostname'];
    const entries = [...files, ...bad].map((file, index) => ({ id: `s${index}`, file }));
    const { scenes, errors } = await readIn(folder, entries, repository);
    expect(scenes.map(({ fileName }) => fileName)).toEqual(files);
    expect(errors.map(placeName)).toEqual(['state:6', 'state:7', 'state:8', 'state:9', 'state:10']);
    for (const { message } of errors) expect(message).toContain('lies outside the repository');
  });

  test('a scene file that is a pipe, or whose name holds a line break, is a fault', async () => {
    const folder = await newFolder();
    execFileSync('mkfifo', [join(folder, 'pipe.py')]);
    const { errors } = await readIn(folder, [
      { id: 'a', file: 'pipe.py' },
      { id: 'b', file: 'a\nb.py' },
    ]);
    expect(errors.map(({ message }) => message)).toEqual([
      'scene a: pipe.py is not a regular file',
      'scene b: "file" holds a line break or another control character',
    ]);
  });

  test('a repository reached through a link holds its scenes', async () => {
    const root = await newFolder();
    await writeFiles(root, { 'real/s.py': CLASS });
    await symlink(join(root, 'real'), join(root, 'link'));
    const { scenes } = await readIn(join(root, 'link'), [{ id: 's' }]);
    expect(scenes).toHaveLength(1);
  });

  test('a project without scenes is an error', async () => {
    expect((await userError(() => readOf([], {}))).message).toContain('no scenes');
  });
});

describe('choosing scenes', () => {
  const files = { 'a.py': CLASS, 'b.py': CLASS, 'c.py': CLASS };
  const entries = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

  test('none asked for are all', async () => {
    const read = await readOf(entries, files);
    expect(selectScenes(read, [])).toEqual({ scenes: read.scenes, faults: read.faults, problems: [] });
  });

  test('those asked for come in the order of the video and keep their place in it', async () => {
    const read = await readOf(entries, files);
    expect(selectScenes(read, ['c', 'a']).scenes.map(({ id, index }) => [id, index])).toEqual([
      ['a', 0],
      ['c', 2],
    ]);
  });

  test('an unknown one is an error that names it and those there are', async () => {
    const read = await readOf([...entries, { id: 'gone' }], files);
    const error = await userError(() => selectScenes(read, ['a', 'x', 'y']));
    expect(error.message).toContain('"x", "y"');
    expect(error.hint).toContain('a, b, c, gone');
  });

  test('faults of scenes that are not asked for do not matter', async () => {
    const read = await readOf([...entries, { id: 'gone' }], files);
    expect(selectScenes(read, ['a']).faults).toEqual([]);
    expect(selectScenes(read, ['a', 'gone']).faults.map(({ id }) => id)).toEqual(['gone']);
  });
});

test.each([
  ['scene_01_intro.py', { height: 1440, fps: 60 }, 'media/videos/scene_01_intro/1440p60/Intro.mp4'],
  ['scenes/one.py', { height: 480, fps: 15 }, 'media/videos/one/480p15/Intro.mp4'],
  ['one.py', { height: 720, fps: 29.97 }, 'media/videos/one/720p30/Intro.mp4'],
])('the video of a scene lies where Manim would put it: %s', async (fileName, picture, expected) => {
  const { scenes } = await readOf([{ id: 's', file: fileName, class_name: 'Intro' }], { [fileName]: CLASS });
  expect(sceneVideoPath(scenes[0] as Scene, picture)).toBe(expected);
});

test('scenes whose videos would have one place get places of their own', async () => {
  const files = {
    'a/one.py': CLASS,
    'b/one.py': CLASS,
    'two.py': `${CLASS}class Other(Scene): pass\n`,
    'c/two.py': CLASS,
  };
  const entries = [
    { id: 's1', file: 'a/one.py' },
    { id: 's2', file: 'b/one.py' },
    { id: 's3', file: 'two.py', class_name: 'Other' },
    { id: 's4', file: 'c/two.py' },
    { id: 's5', file: 'c/two.py' },
    { id: 's6', file: './c/../c/two.py' },
  ];
  const { scenes } = await readOf(entries, files);
  expect(scenes.map((scene) => sceneVideoPath(scene, { height: 480, fps: 15 }))).toEqual([
    'media/videos/a/one/480p15/Intro.mp4',
    'media/videos/b/one/480p15/Intro.mp4',
    'media/videos/two/480p15/Other.mp4',
    'media/videos/c/two/480p15/Intro.mp4',
    'media/videos/c/two/s5/480p15/Intro.mp4',
    'media/videos/c/_/c/two/480p15/Intro.mp4',
  ]);
});
