import { appendFile, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Project } from '../../src/project/project.js';
import { hashOpened, type SceneContent } from '../../src/render/content.js';
import { readSceneResult } from '../../src/render/result.js';
import {
  completeScene,
  type FinishedScene,
  isStored,
  type RestoredScene,
  restoreScene,
  resultFolder,
  SCENE_VIDEO,
  type SceneStore,
  saveScene as startSaving,
} from '../../src/render/reuse.js';
import type { SaveOutcome } from '../../src/store/store.js';
import { writeSceneVideo } from '../../src/video/join.js';
import { contentsOf } from '../support/content.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';
import { type RecordingLog, recordingLog } from '../support/log.js';
import { writeProject } from '../support/project.js';
import { makeScene, tools } from '../support/scene-result.js';
import { folderStore } from '../support/store.js';

const newFolder = temporaryFolders();
const ID = 'scene_01_intro';

/** Two renders of the scene that can be told apart, made once. */
const renders: string[] = [];
beforeAll(async () => {
  for (const frames of [10, 20]) {
    const folder = join(await newFolder(), 'scene');
    const result = await makeScene(folder, { id: ID, frames, fps: 10, width: 64, height: 64 });
    await writeSceneVideo(result, join(folder, SCENE_VIDEO), tools);
    renders.push(folder);
  }
});

interface Bench {
  readonly root: string;
  readonly store: string;
  readonly project: Project;
  readonly content: SceneContent;
  readonly scenes: SceneStore;
  readonly log: RecordingLog;
}

async function newBench(): Promise<Bench> {
  const root = await newFolder();
  const { project, contents } = await contentsOf(await writeProject(root));
  const content = contents.get(ID) as SceneContent;
  const log = recordingLog();
  const store = join(await newFolder(), 'store');
  const folder = join(root, '.flaming-horse', 'scenes');
  return {
    root,
    store,
    project,
    content,
    log,
    scenes: { store: folderStore(store, log), cachePrefix: 'p', folder, project, log },
  };
}

const saveScene = (...parts: Parameters<typeof startSaving>): Promise<SaveOutcome> => startSaving(...parts).outcome;

/** Puts a finished render where the driver would and completes it; it opened these files, named from the root. */
async function rendered(bench: Bench, opened: readonly string[], render = 0): Promise<FinishedScene> {
  const folder = resultFolder(bench.content, bench.scenes);
  await rm(folder, { recursive: true, force: true });
  await cp(renders[render] as string, folder, { recursive: true });
  return completeScene(
    await readSceneResult(folder),
    bench.content,
    { opened, unsafe: [], renderSeconds: 12.345 },
    bench.project,
  );
}

const restored = async (bench: Bench, lastOpened?: readonly string[]): Promise<RestoredScene> => {
  await rm(bench.scenes.folder, { recursive: true, force: true }); // as in another job
  const known = lastOpened && (await hashOpened(lastOpened, bench.project));
  return restoreScene(ID, bench.content, known, bench.scenes);
};
/** The number of frames that came back, or what came instead. */
const framesOf = (outcome: RestoredScene): number | string =>
  typeof outcome === 'string' ? outcome : outcome.result.facts.frames;

test('a finished scene comes back as it was, with what it took', async () => {
  const bench = await newBench();
  const finished = await rendered(bench, []);
  expect(await saveScene(finished, bench.content, bench.scenes)).toBe('saved');
  const back = (await restored(bench)) as FinishedScene;
  expect(back).toEqual(finished);
  expect(back.entry).toMatchObject({
    key: bench.content.key,
    renderSeconds: 12.35,
    ingredients: bench.content.ingredients,
  });
  expect((await readdir(back.result.folder)).sort()).toEqual([
    'audio.wav',
    'entry.json',
    'result.json',
    'scene.mp4',
    'video.mp4',
  ]);
  expect(bench.log.told).toEqual([]);
});

test('a scene that was never saved is missing', async () => {
  const bench = await newBench();
  expect(await restored(bench)).toBe('missing');
  expect(await isStored(bench.content, undefined, bench.scenes)).toBe(false);
});

test('the result of other sources is not taken, however alike their keys begin', async () => {
  const bench = await newBench();
  await saveScene(await rendered(bench, []), bench.content, bench.scenes);
  const other = { ...bench.content, key: `${bench.content.key.slice(0, 41)}${'0'.repeat(23)}` };
  expect(await restored({ ...bench, content: other })).toBe('damaged');
  expect(bench.log.told).toEqual([expect.stringContaining('it is the result of another scene')]);
});

describe('files that a render opened', () => {
  const ASSET = 'projects/video/logo.svg';

  test('decide whether its result is taken: another content is a miss, the old one is a hit again', async () => {
    const bench = await newBench();
    const asset = (text: string): Promise<void> => writeFiles(bench.root, { [ASSET]: text });
    await asset('one');
    await saveScene(await rendered(bench, [ASSET], 0), bench.content, bench.scenes);
    // who knows what it opens, and who does not
    for (const known of [undefined, [ASSET]]) {
      await asset('one');
      expect(framesOf(await restored(bench, known))).toBe(10);
      await asset('two');
      expect(await restored(bench, known)).toBe('missing');
      await rm(join(bench.root, ASSET));
      expect(await restored(bench, known)).toBe('missing');
    }

    await asset('two');
    await saveScene(await rendered(bench, [ASSET], 1), bench.content, bench.scenes);
    for (const known of [undefined, [ASSET]]) {
      await asset('two');
      expect(framesOf(await restored(bench, known))).toBe(20);
      await asset('one');
      expect(framesOf(await restored(bench, known))).toBe(10);
      await asset('three');
      expect(await restored(bench, known)).toBe('missing');
    }
    expect(bench.log.told).toEqual([]);
  });

  test('that another render of the same sources did not open do not hide its result', async () => {
    const bench = await newBench();
    await writeFiles(bench.root, { 'a.txt': 'a', 'b.txt': 'b' });
    await saveScene(await rendered(bench, ['a.txt'], 0), bench.content, bench.scenes);
    // an older ledger names other files
    expect(framesOf(await restored(bench, ['a.txt', 'b.txt']))).toBe(10);
    expect(framesOf(await restored(bench, []))).toBe(10);
  });

  test('are asked for without bringing the result', async () => {
    const bench = await newBench();
    await writeFiles(bench.root, { 'a.txt': 'one' });
    await saveScene(await rendered(bench, ['a.txt']), bench.content, bench.scenes);
    const stored = async (): Promise<boolean> =>
      isStored(bench.content, await hashOpened(['a.txt'], bench.project), bench.scenes);
    expect(await stored()).toBe(true);
    await writeFiles(bench.root, { 'a.txt': 'two' });
    expect(await stored()).toBe(false);
    expect(await isStored(bench.content, undefined, bench.scenes)).toBe(true);
  });
});

describe('a damaged entry', () => {
  /** The only entry of a store. */
  const entryOf = async ({ store }: Bench): Promise<string> => join(store, (await readdir(store))[0] as string);

  test.each<[string, (entry: string) => Promise<unknown>]>([
    ['whose video changed', (entry) => appendFile(join(entry, 'video.mp4'), 'x')],
    ['whose sound is gone', (entry) => rm(join(entry, 'audio.wav'))],
    ['whose scene video changed', (entry) => writeFile(join(entry, 'scene.mp4'), 'x')],
    ['whose facts are cut off', (entry) => writeFile(join(entry, 'result.json'), '{')],
    ['whose description is gone', (entry) => rm(join(entry, 'entry.json'))],
    ['whose description is no JSON', (entry) => writeFile(join(entry, 'entry.json'), 'x')],
    ['whose description says nothing', (entry) => writeFile(join(entry, 'entry.json'), '{}')],
    ['whose description is null', (entry) => writeFile(join(entry, 'entry.json'), 'null')],
    [
      'whose ingredients are numbers',
      async (entry) => {
        const known = JSON.parse(await readFile(join(entry, 'entry.json'), 'utf8'));
        await writeFile(join(entry, 'entry.json'), JSON.stringify({ ...known, ingredients: { a: 1 } }));
      },
    ],
    [
      'whose reasons are null',
      async (entry) => {
        const known = JSON.parse(await readFile(join(entry, 'entry.json'), 'utf8'));
        await writeFile(join(entry, 'entry.json'), JSON.stringify({ ...known, unsafe: null }));
      },
    ],
    [
      'that does not say what it opened',
      async (entry) => {
        const { opened: _, ...rest } = JSON.parse(await readFile(join(entry, 'entry.json'), 'utf8'));
        await writeFile(join(entry, 'entry.json'), JSON.stringify(rest));
      },
    ],
    [
      'that is empty',
      async (entry) => {
        for (const name of await readdir(entry)) await rm(join(entry, name));
      },
    ],
  ])('%s is not used, and told', async (_, damage) => {
    const bench = await newBench();
    await saveScene(await rendered(bench, []), bench.content, bench.scenes);
    await damage(await entryOf(bench));
    expect(await restored(bench, [])).toBe('damaged');
    expect(bench.log.told).toEqual([
      expect.stringMatching(/^warning: scene scene_01_intro: the stored result is damaged \(.+\)/),
    ]);
  });

  test.each([
    ['by who knows what it opened', ['a.txt']],
    ['by who does not', undefined],
  ])('is replaced: the new one is found the next time, %s', async (_, known) => {
    const bench = await newBench();
    await writeFiles(bench.root, { 'a.txt': 'one' });
    await saveScene(await rendered(bench, ['a.txt'], 0), bench.content, bench.scenes);
    await appendFile(join(await entryOf(bench), 'video.mp4'), 'x');
    expect(await restored(bench, known)).toBe('damaged');
    expect(await saveScene(await rendered(bench, ['a.txt'], 1), bench.content, bench.scenes)).toBe('saved');
    expect(framesOf(await restored(bench, known))).toBe(20);
    await writeFiles(bench.root, { 'a.txt': 'two' });
    expect(await restored(bench, known)).toBe('missing');
  });
});
