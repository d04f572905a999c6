import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { dependenciesOf, findRepoRoot, readProject } from '../../src/project/project.js';
import { selectScenes } from '../../src/project/scenes.js';
import { readState } from '../../src/project/state.js';
import { userError, userErrors } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { sceneSource, writeProject } from '../support/project.js';
import { testRealProjects } from '../support/real-projects.js';

const newFolder = temporaryFolders();

test('a project is read whole: state, narration, scenes, what each is made from', async () => {
  const root = await newFolder();
  const folder = await writeProject(root, {
    narration: { intro: 'Hello.', outro: 'Bye.', unused: 'Never heard.' },
    files: {
      'scene_01_intro.py': sceneSource('Intro', ['intro'], 'from lib.shapes import star'),
      '../../lib/shapes.py': 'star = 1\n',
    },
  });
  const project = await readProject(await readState(folder));
  expect(project).toMatchObject({ folder, repoRoot: root });
  expect(project.narration.lines.map(({ key }) => key)).toEqual(['intro', 'outro', 'unused']);
  expect(project.scenes.map(({ id, className, index }) => [id, className, index])).toEqual([
    ['scene_01_intro', 'Intro', 0],
    ['scene_02_outro', 'Outro', 1],
  ]);
  const of = project.scenes.map((scene) => dependenciesOf(project, scene));
  expect(of.map(({ narrationKeys }) => narrationKeys)).toEqual([['intro'], ['outro']]);
  expect(of.map(({ sources }) => [...sources.keys()])).toEqual([
    ['lib/shapes.py', 'projects/video/scene_01_intro.py'],
    ['projects/video/scene_02_outro.py'],
  ]);
});

test('the narration file that the state names is read', async () => {
  const folder = await writeProject(await newFolder(), {
    state: { narration_file: 'text/lines.py' },
    files: {
      'text/lines.py': 'SCRIPT = {"other": "Words."}\n',
      'scene_01_intro.py': 'from text.lines import SCRIPT\nclass Intro(Scene): x = SCRIPT["other"]\n',
      'scene_02_outro.py': 'class Outro(Scene): pass\n',
    },
  });
  const project = await readProject(await readState(folder));
  expect(project.narration.file).toBe(join(folder, 'text', 'lines.py'));
  expect(project.scenes.map((scene) => dependenciesOf(project, scene).narrationKeys)).toEqual([['other'], []]);
});

test.each(['../../../lines.py', '/etc/hostname', 'link.py'])(
  'a narration file outside the repository is not read: %s',
  async (file) => {
    const root = await newFolder();
    const folder = await writeProject(join(root, 'repository'), { state: { narration_file: file } });
    await writeFile(join(root, 'lines.py'), 'SCRIPT = {"intro": "Mine."}\n');
    await symlink(join(root, 'lines.py'), join(folder, 'link.py'));
    const error = await userError(async () => readProject(await readState(folder)));
    expect(error.message).toBe(`narration_file: "${file}" lies outside the repository`);
    expect(error.place?.file).toBe(join(folder, 'project_state.json'));
  },
);

test('a scene that the state does not tell may be the one that is asked for', async () => {
  const scenes = [{ id: 'scene_01_intro' }, { id: 'a/b' }];
  const folder = await writeProject(await newFolder(), { scenes });
  const project = await readProject(await readState(folder));
  expect(selectScenes(project, ['scene_01_intro']).problems).toEqual([]);
  const errors = await userErrors(() => selectScenes(project, ['a']));
  expect(errors.map(({ message }) => message)).toEqual([
    'scenes: no scene "a" in the project',
    expect.stringContaining('scenes[1].id: found "a/b"'),
  ]);
});

test('what is wrong with the narration and with scenes is told at once', async () => {
  const folder = await writeProject(await newFolder(), {
    narration: 'SCRIPT = text\n',
    files: { 'scene_02_outro.py': 'x = (\n' },
  });
  const errors = await userErrors(async () => readProject(await readState(folder)));
  expect(errors.map(({ place }) => `${basename(place?.file ?? '')}:${place?.line}`)).toEqual([
    'narration_script.py:1',
    expect.stringMatching(/^scene_02_outro\.py:[12]$/),
  ]);
});

test('a fault of one scene leaves the others', async () => {
  const folder = await writeProject(await newFolder(), {
    narration: 'SCRIPT = {"intro": "Hello.", "empty": " ", "spare": "", "outro": "Bye."}\n',
    scenes: ['one', 'two', 'three', 'four', 'five'].map((id) => ({ id })),
    files: {
      'one.py': sceneSource('One', ['intro']),
      'two.py': sceneSource('Two', ['outr', 'gone']),
      'three.py': sceneSource('Three', ['empty']),
      'five.py': sceneSource('Five', ['outro']),
    },
  });
  const project = await readProject(await readState(folder));
  expect(project.scenes.map(({ id, index }) => [id, index])).toEqual([
    ['one', 0],
    ['five', 4],
  ]);
  const told = project.faults.map(({ id, errors }) => [
    id,
    ...errors.map(({ message, place }) => `${basename(place?.file ?? '')}:${place?.line} ${message}`),
  ]);
  expect(told).toEqual([
    ['two', 'two.py:11 no narration line "outr"', 'two.py:13 no narration line "gone"'],
    ['three', 'narration_script.py:1 narration line "empty" has no words'],
    ['four', 'project_state.json:18 scene four: no file four.py in the project'],
  ]);
  // a line that nobody speaks harms nobody
  expect(project.doubts.map(({ severity, message }) => [severity, message])).toEqual([
    ['warning', 'narration line "spare" has no words'],
  ]);
});

describe('the repository of a project', () => {
  test('is the nearest folder with .git, a worktree with its .git file included', async () => {
    const root = await newFolder();
    await mkdir(join(root, 'a', 'projects', 'p'), { recursive: true });
    await writeFile(join(root, 'a', '.git'), 'gitdir: elsewhere\n');
    await mkdir(join(root, '.git'));
    expect(findRepoRoot(join(root, 'a', 'projects', 'p'))).toBe(join(root, 'a'));
  });

  test('without .git is what holds projects/, else the project', async () => {
    // a name that no parent of the temporary folder turns into a repository
    const root = await newFolder();
    expect(findRepoRoot(root)).toBe(root);
    // a checkout made without git
    expect(findRepoRoot(join(root, 'videos', 'p'), root)).toBe(root);
    expect(findRepoRoot(join(root, 'projects', 'p'))).toBe(root);
    expect(findRepoRoot(join(root, 'videos', 'p'))).toBe(join(root, 'videos', 'p'));
  });
});

testRealProjects('resolves: each scene speaks the line that its state names', async (folder) => {
  const project = await readProject(await readState(folder));
  expect(project.repoRoot === folder || dirname(folder).startsWith(project.repoRoot)).toBe(true);
  for (const scene of project.scenes) {
    const { narrationKeys, computedKeys, size, latex } = dependenciesOf(project, scene);
    expect(narrationKeys).toEqual([scene.narrationKey]);
    expect(computedKeys).toBeUndefined();
    expect(size).toEqual({ width: 2560, height: 1440, fps: 60 });
    expect(latex).toBe(/\b(Math)?Tex\(/.test(scene.source.text));
  }
});
