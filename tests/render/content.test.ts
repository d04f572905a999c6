import { appendFile, cp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Scene } from '../../src/project/scenes.js';
import { changesBetween, hashOpened, openedName, openedToCover, writtenSince } from '../../src/render/content.js';
import { actionRoot } from '../../src/shipped.js';
import { sha256 } from '../../src/store/keys.js';
import { type ContentParts, contentsOf, VERSIONS } from '../support/content.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { sceneSource, writeProject } from '../support/project.js';

const newFolder = temporaryFolders();

const NARRATION = `"""Words of the video."""

SCRIPT = {
    # how it begins
    "intro": "Welcome to the show.",
    "outro": "Good bye.",
    "spare": "Nobody says this.",
}
`;

/** A project of two scenes, of which the first imports a module of the repository. */
function newProject(root: string): Promise<string> {
  return writeProject(root, {
    narration: NARRATION,
    files: {
      'scene_01_intro.py': sceneSource(
        'Intro',
        ['intro'],
        'from lib.shapes import star\nclass Other(VoiceoverScene): pass',
      ),
      '../../lib/__init__.py': '',
      '../../lib/shapes.py': 'star = 1\n',
      '../../lib/unused.py': 'x = 1\n',
    },
  });
}

/** How the keys of scenes change by an edit: the ids of scenes with another key, each with the reasons told. */
async function changedBy(
  edit: (folder: string, root: string) => Promise<unknown>,
  before: ContentParts = {},
  after: ContentParts = before,
): Promise<Record<string, string[]>> {
  const root = await newFolder();
  const folder = await newProject(root);
  const { contents: old } = await contentsOf(folder, before);
  await edit(folder, root);
  const { contents: fresh } = await contentsOf(folder, after);
  const changed: Record<string, string[]> = {};
  for (const [id, content] of fresh) {
    const known = old.get(id);
    if (known?.key === content.key) expect(content).toEqual(known);
    else changed[id] = changesBetween(known?.ingredients ?? {}, content.ingredients);
  }
  return changed;
}

/** Replaces a text in a file, which must be there. */
const replace = (name: string, from: string, to: string) => async (folder: string) => {
  const text = await readFile(join(folder, name), 'utf8');
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  await writeFile(join(folder, name), text.replace(from, to));
};
const narration = (from: string, to: string) => replace('narration_script.py', from, to);
const nothing = async (): Promise<void> => {};

describe('the key of a scene stays the same', () => {
  test.each<[string, (folder: string, root: string) => Promise<unknown>]>([
    ['when nothing changes', nothing],
    [
      'when files are touched',
      async (folder) => {
        for (const name of ['scene_01_intro.py', 'narration_script.py']) await utimes(join(folder, name), 1, 1);
      },
    ],
    ['when a comment of the narration changes', narration('# how it begins', '# the beginning')],
    ['when the docstring of the narration changes', narration('Words of the video.', 'SCRIPT')],
    [
      'when the layout of the narration changes',
      narration('"intro": "Welcome to the show."', `'intro': ("Welcome "\n  "to the show.")`),
    ],
    [
      'when lines of the narration change their order',
      narration(
        '    "outro": "Good bye.",\n    "spare": "Nobody says this.",',
        '    "spare": "Nobody says this.",\n    "outro": "Good bye.",',
      ),
    ],
    ['when a line that it does not use changes', narration('Nobody says this.', 'Nobody said this.')],
    ['when a line that it does not use is added', narration('"spare"', '"more": "More.", "spare"')],
    [
      'when a module that it does not import changes',
      (_, root) => appendFile(join(root, 'lib', 'unused.py'), 'y = 2\n'),
    ],
    ['when line ends change', replace('scene_01_intro.py', 'self.wait(1)\n', 'self.wait(1)\r\n')],
    ['when files beside it appear', (folder) => writeFile(join(folder, 'notes.txt'), 'x')],
    ['when the state changes', replace('project_state.json', '"run_count": 0', '"run_count": 7')],
    ['when its title changes', replace('project_state.json', '"title": "Intro"', '"title": "Opening"')],
    ['when scenes change their order', (folder) => reorder(folder)],
    ['when the voice cache is written', (folder) => writeFiles(folder, { 'media/voiceovers/qwen/cache.json': '[]' })],
  ])('%s', async (_, edit) => {
    expect(await changedBy(edit)).toEqual({});
  });

  test('when the repository lies elsewhere', async () => {
    const [here, there] = [await newFolder(), join(await newFolder(), 'deep', 'copy')];
    const folder = await newProject(here);
    const { contents: first } = await contentsOf(folder);
    await cp(here, there, { recursive: true });
    const { contents: second } = await contentsOf(join(there, 'projects', 'video'));
    expect([...second]).toEqual([...first]);
  });

  test('when inputs change that decide no pixel', async () => {
    const inputs = {
      'parallel-renders': '2',
      output: 'x.mp4',
      cache: 'read',
      shard: '1/2',
      setup: 'never',
      'cache-prefix': 'y',
    };
    expect(await changedBy(nothing, {}, { inputs })).toEqual({});
  });
});

async function reorder(folder: string): Promise<void> {
  const path = join(folder, 'project_state.json');
  const state = JSON.parse(await readFile(path, 'utf8'));
  state.scenes.reverse();
  await writeFile(path, JSON.stringify(state));
}

const INTRO = 'scene_01_intro';
const OUTRO = 'scene_02_outro';

describe('the key of a scene changes, and it is told why', () => {
  test.each<[string, (folder: string, root: string) => Promise<unknown>, Record<string, string[]>]>([
    [
      'when its source changes',
      replace('scene_01_intro.py', 'wait(1)', 'wait(2)'),
      { [INTRO]: ['projects/video/scene_01_intro.py changed'] },
    ],
    [
      'when a module that it imports changes',
      (_, root) => writeFile(join(root, 'lib', 'shapes.py'), 'star = 2\n'),
      { [INTRO]: ['lib/shapes.py changed'] },
    ],
    [
      'when a package around that module changes',
      (_, root) => appendFile(join(root, 'lib', '__init__.py'), 'x = 1\n'),
      { [INTRO]: ['lib/__init__.py changed'] },
    ],
    [
      'when a module beside it hides that module',
      (folder) => writeFiles(folder, { 'lib/__init__.py': '', 'lib/shapes.py': 'star = 3\n' }),
      { [INTRO]: expect.arrayContaining(['projects/video/lib/shapes.py is new']) as unknown as string[] },
    ],
    ['when its line changes', narration('Welcome to', 'Welcome  to'), { [INTRO]: ['narration line intro changed'] }],
    [
      'when the words of its line change',
      narration('Good bye.', 'See you.'),
      { [OUTRO]: ['narration line outro changed'] },
    ],
    [
      'when two lines swap their texts',
      async (folder) => {
        await narration('Welcome to the show.', '@')(folder);
        await narration('Good bye.', 'Welcome to the show.')(folder);
        await narration('@', 'Good bye.')(folder);
      },
      { [INTRO]: ['narration line intro changed'], [OUTRO]: ['narration line outro changed'] },
    ],
    [
      'when its class changes',
      replace('project_state.json', '"class_name": "Intro"', '"class_name": "Other"'),
      { [INTRO]: ['class Intro -> Other'] },
    ],
    [
      'when Manim is configured',
      (folder) => writeFile(join(folder, 'manim.cfg'), '[CLI]\nbackground_color = RED\n'),
      { [INTRO]: ['manim.cfg changed'], [OUTRO]: ['manim.cfg changed'] },
    ],
    [
      'when its file is renamed',
      async (folder) => {
        await rename(join(folder, 'scene_02_outro.py'), join(folder, 'end.py'));
        await replace('project_state.json', 'scene_02_outro.py', 'end.py')(folder);
      },
      { [OUTRO]: ['projects/video/end.py is new', 'projects/video/scene_02_outro.py is gone'] },
    ],
  ])('%s', async (_, edit, expected) => {
    expect(await changedBy(edit)).toEqual(expected);
  });

  test.each<[string, ContentParts, string[]]>([
    ['the quality', { inputs: { quality: 'low' } }, ['quality project -> 854x480 at 15']],
    ['the encoder', { inputs: { encoder: 'stock' } }, ['encoder fast -> stock']],
    ['its options', { inputs: { 'encoder-options': 'crf=20' } }, ['encoder options changed']],
    ['Manim', { versions: { ...VERSIONS, manim: '0.21.0' } }, ['manim 0.22.0 -> 0.21.0']],
    ['a package more', { versions: { ...VERSIONS, cairo: '1.18' } }, ['cairo is new']],
  ])('when %s changes', async (_, after, why) => {
    expect(await changedBy(nothing, {}, after)).toEqual({ [INTRO]: why, [OUTRO]: why });
  });

  test('when another voice speaks', async () => {
    const voices = ['voice of narration line intro changed', 'voice of narration line outro changed'];
    expect(await changedBy(nothing, { inputs: { voice: 'piper' } }, { inputs: { voice: 'espeak' } })).toEqual({
      [INTRO]: voices.slice(0, 1),
      [OUTRO]: voices.slice(1),
    });
  });

  test('two scenes of one file and class are two results', async () => {
    const entry = { file: 'scene_01_intro.py', class_name: 'Intro' };
    const folder = await writeProject(await newFolder(), {
      scenes: [
        { id: 'a', ...entry },
        { id: 'b', ...entry },
      ],
    });
    const { contents } = await contentsOf(folder);
    expect(contents.get('a')?.key).not.toBe(contents.get('b')?.key);
  });
});

describe('what a render opened', () => {
  test('is covered, but for what the key has already and what is ours', async () => {
    const root = await newFolder();
    const folder = await newProject(root);
    const { project } = await contentsOf(folder);
    const [voice, work] = [join(folder, 'media', 'voiceovers', 'qwen'), join(root, '.flaming-horse')];
    const opened = [
      ...['logo.svg', 'data/../data/points.csv', 'narration_script.py', 'scene_01_intro.py'].map((name) =>
        join(folder, name),
      ),
      ...[
        join(root, 'lib', 'shapes.py'),
        join(root, 'lib', 'late.py'),
        join(voice, 'intro.mp3'),
        join(work, 'media', 'x.svg'),
      ],
      ...[
        join(actionRoot(), 'python', 'provided', 'flaming_horse_voice.py'),
        '/usr/share/fonts/a.ttf',
        join(folder, 'logo.svg'),
      ],
      ...[join(folder, 'media', 'voiceovers', 'qwen_other.txt'), join(folder, '..extra')],
    ].map((path) => ({ path }));
    expect(
      openedToCover(opened, project.scenes[0] as Scene, project, new Set([join(voice, 'intro.mp3')]), work),
    ).toEqual([
      '/usr/share/fonts/a.ttf',
      'lib/late.py',
      'projects/video/..extra',
      'projects/video/data/points.csv',
      'projects/video/logo.svg',
      'projects/video/media/voiceovers/qwen_other.txt',
    ]);
  });

  test('is named alike wherever the repository lies, and by its path outside', async () => {
    const root = await newFolder();
    const { project } = await contentsOf(await newProject(root));
    expect(openedName(join(root, 'a', 'b.png'), project)).toBe('a/b.png');
    expect(openedName(join(root, '..b.png'), project)).toBe('..b.png');
    expect(openedName('/usr/share/x', project)).toBe('/usr/share/x');
    expect(openedName(`${root}-other/x`, project)).toBe(`${root}-other/x`);
  });

  test('is hashed as it is now; what is gone is "none"', async () => {
    const root = await newFolder();
    const { project } = await contentsOf(await newProject(root));
    await writeFiles(root, { 'a.txt': 'one' });
    const outside = join(await newFolder(), 'b.txt');
    await writeFile(outside, 'two');
    expect(await hashOpened(['a.txt', outside, 'gone.txt', 'lib'], project)).toEqual({
      'a.txt': sha256('one'),
      [outside]: sha256('two'),
      'gone.txt': 'none',
      lib: 'none',
    });
    await rm(join(root, 'a.txt'));
    expect(await hashOpened(['a.txt'], project)).toEqual({ 'a.txt': 'none' });
  });

  test('and was written while it rendered is found', async () => {
    const root = await newFolder();
    const { project } = await contentsOf(await newProject(root));
    await writeFiles(root, { 'old.txt': 'one', 'new.txt': 'two' });
    await utimes(join(root, 'old.txt'), 1000, 1000);
    await utimes(join(root, 'new.txt'), 3000, 3000);
    expect(await writtenSince(['old.txt', 'gone.txt', 'new.txt'], 2_000_000, project)).toBe('new.txt');
    expect(await writtenSince(['old.txt', 'new.txt'], 4_000_000, project)).toBeUndefined();
  });
});
