import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readScenes, type Scene, sceneVideoPath, selectScenes } from '../../src/project/scenes.js';
import { parseState } from '../../src/project/state.js';
import { userError, userErrors } from '../support/errors.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();

async function scenesOf(
  entries: unknown[],
  files: Record<string, string>,
): Promise<{ scenes: Scene[]; folder: string }> {
  const folder = await newFolder();
  await writeFiles(folder, files);
  const state = parseState(join(folder, 'project_state.json'), JSON.stringify({ scenes: entries }));
  return { scenes: await readScenes(state, folder), folder };
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
    const { scenes, folder } = await scenesOf([entry], { 'scenes/a.py': `${CLASS}class B(Scene): pass\n` });
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
    const { scenes } = await scenesOf([{ id: 'scene_01' }, { id: 'two', file: '' }], {
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
    ['else the first of all', 'class A(MovingCameraScene): pass\nclass B(Scene): pass', 'A'],
    ['else the first of all, without bases', 'class A: pass\nclass B: pass', 'A'],
    ['not one whose base only sounds like it', 'class A: pass\nclass B(MyVoiceoverSceneX): pass', 'A'],
    ['not one inside another', 'class A(Scene):\n    class B(VoiceoverScene): pass', 'A'],
    [
      'not one in a comment or a text',
      '# class A(VoiceoverScene): pass\n"""\nclass B(VoiceoverScene): pass\n"""\nclass C(Scene): pass',
      'C',
    ],
  ])('a scene without a class is %s', async (_, source, name) => {
    const { scenes } = await scenesOf([{ id: 's' }], { 's.py': source });
    expect(scenes[0]?.className).toBe(name);
  });

  test('everything that is wrong is told at once, each at its place', async () => {
    const entries = [{ id: 'gone' }, { id: 'empty' }, { id: 'good' }, { id: 'broken' }, { id: 'folder', file: 'sub' }];
    const files = { 'empty.py': 'x = 1\n', 'good.py': CLASS, 'broken.py': `x = 1\n\ny = (\n${CLASS}`, 'sub/x.py': '' };
    const errors = await userErrors(() => scenesOf(entries, files));
    expect(errors.map(({ message }) => message.split(':')[0])).toEqual([
      'scene gone',
      'scene empty',
      'scene broken',
      'sub is a folder, not a file',
    ]);
    expect(errors.map(({ place }) => basename(place?.file ?? ''))).toEqual([
      'project_state.json',
      'empty.py',
      'broken.py',
      'sub',
    ]);
    expect(errors[2]?.place?.line).toBeGreaterThanOrEqual(3);
    for (const { hint } of errors) expect(hint).toBeTruthy();
  });

  test('a scene file that is not UTF-8 is an error at its line', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 's.py'), Buffer.from(`${CLASS}# caf\xe9\n`, 'latin1'));
    const state = parseState(join(folder, 'project_state.json'), '{"scenes": [{"id": "s"}]}');
    const error = await userError(() => readScenes(state, folder));
    expect(error.place).toEqual({ file: join(folder, 's.py'), line: 3 });
  });

  test('a project without scenes is an error', async () => {
    expect((await userError(() => scenesOf([], {}))).message).toContain('no scenes');
  });
});

describe('choosing scenes', () => {
  const files = { 'a.py': CLASS, 'b.py': CLASS, 'c.py': CLASS };
  const entries = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

  test('none asked for are all', async () => {
    const { scenes } = await scenesOf(entries, files);
    expect(selectScenes(scenes, [])).toEqual(scenes);
  });

  test('those asked for come in the order of the video and keep their place in it', async () => {
    const { scenes } = await scenesOf(entries, files);
    expect(selectScenes(scenes, ['c', 'a']).map(({ id, index }) => [id, index])).toEqual([
      ['a', 0],
      ['c', 2],
    ]);
  });

  test('an unknown one is an error that names it and those there are', async () => {
    const { scenes } = await scenesOf(entries, files);
    const error = await userError(() => selectScenes(scenes, ['a', 'x', 'y']));
    expect(error.message).toContain('"x", "y"');
    expect(error.hint).toContain('a, b, c');
  });
});

test.each([
  ['scene_01_intro.py', { height: 1440, fps: 60 }, 'media/videos/scene_01_intro/1440p60/Intro.mp4'],
  ['scenes/one.py', { height: 480, fps: 15 }, 'media/videos/one/480p15/Intro.mp4'],
  ['one.py', { height: 720, fps: 29.97 }, 'media/videos/one/720p30/Intro.mp4'],
])('the video of a scene lies where Manim would put it: %s', async (fileName, picture, expected) => {
  const { scenes } = await scenesOf([{ id: 's', file: fileName, class_name: 'Intro' }], { [fileName]: CLASS });
  expect(sceneVideoPath(scenes[0] as Scene, picture)).toBe(expected);
});
