import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '../../src/log.js';
import { completeScene, type FinishedScene, SCENE_VIDEO } from '../../src/render/reuse.js';
import { sha256OfFile } from '../../src/store/keys.js';
import { type AssembledVideo, assemble } from '../../src/video/assemble.js';
import { writeSceneVideo } from '../../src/video/join.js';
import { contentsOf } from '../support/content.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { writeProject } from '../support/project.js';
import { makeScene, tools } from '../support/scene-result.js';
import { folderStore, noStore, type TestStore } from '../support/store.js';

const newFolder = temporaryFolders();

const finished: FinishedScene[] = [];
beforeAll(async () => {
  const folder = await newFolder();
  const { project, contents } = await contentsOf(await writeProject(folder));
  for (const [index, [id, content]] of [...contents].entries()) {
    const result = await makeScene(join(folder, id), {
      id,
      frames: 30,
      fps: 30,
      clicks: [index * 100],
      captions: [{ start: 0, end: 0.5, text: `Words of ${id}.` }],
    });
    await writeSceneVideo(result, join(result.folder, SCENE_VIDEO), tools);
    finished.push(await completeScene(result, content, { opened: [], unsafe: [], renderSeconds: 1 }, project));
  }
});

/** Assembles the scenes as one build would; each build has a folder of its own. */
async function assembled(
  store: TestStore,
  {
    scenes = finished,
    titles = ['One', 'Two'],
    output,
    accept = () => {},
  }: { scenes?: FinishedScene[]; titles?: string[]; output?: string; accept?: () => void } = {},
): Promise<AssembledVideo & { output: string; told: string[]; asked: number }> {
  const base = await newFolder();
  const log = recordingLog();
  const place = output ?? join(base, 'out', 'final_video.mp4');
  let asked = 0;
  const video = await assemble({
    scenes: scenes.map((scene, index) => ({ finished: scene, title: titles[index] ?? '' })),
    output: place,
    within: undefined,
    store,
    cachePrefix: 'p',
    folder: join(base, 'work', 'video'),
    tools,
    log,
    accept,
    ready: async () => {
      asked += 1;
    },
  });
  await store.idle();
  return { ...video, output: place, told: log.told, asked };
}

const newStore = async (): Promise<{ store: TestStore; root: string }> => {
  const root = join(await newFolder(), 'store');
  return { root, store: folderStore(root, silentLog) };
};

test('scenes are joined once: the same ones are then a copy, byte for byte, and no ffmpeg is needed', async () => {
  const { store } = await newStore();
  const first = await assembled(store);
  expect(first).toMatchObject({
    reused: false,
    asked: 1,
    facts: { frames: 60, fps: 30, durationSeconds: 2, reencoded: [] },
  });
  expect(first.facts.inspection.audioVideoRatio).toBeCloseTo(1, 1);
  const second = await assembled(store);
  expect(second).toMatchObject({ reused: true, asked: 0, facts: first.facts });
  expect(await sha256OfFile(second.output)).toBe(await sha256OfFile(first.output));
  expect(await readFile(second.captions.srt, 'utf8')).toBe(await readFile(first.captions.srt, 'utf8'));
});

test('the video and its captions lie where they are wanted, and nothing else', async () => {
  const { output, captions } = await assembled(noStore);
  expect(captions).toEqual({ srt: output.replace('.mp4', '.srt'), vtt: output.replace('.mp4', '.vtt') });
  expect((await readdir(join(output, '..'))).sort()).toEqual(['final_video.mp4', 'final_video.srt', 'final_video.vtt']);
  expect(await readFile(captions.vtt, 'utf8')).toContain('Words of scene_02_outro.');
});

test('another order, another title, another caption or another scene is another video', async () => {
  const { store } = await newStore();
  await assembled(store);
  const [a, b] = finished as [FinishedScene, FinishedScene];
  const facts = { ...b.result.facts, captions: [{ start: 0, end: 0.4, text: 'Words of scene_02_outro.' }] };
  const recaptioned = { ...b, result: { ...b.result, facts } };
  for (const other of [
    { scenes: [b, a] },
    { titles: ['One', 'Three'] },
    { scenes: [a] },
    { scenes: [a, a] },
    { scenes: [a, recaptioned] },
  ])
    expect((await assembled(store, other)).reused).toBe(false);
  expect((await assembled(store)).reused).toBe(true);
});

test.each([
  ['whose video changed', (entry: string) => appendFile(join(entry, 'video.mp4'), 'x')],
  ['whose captions are gone', (entry: string) => rm(join(entry, 'video.vtt'))],
  [
    'whose facts are of another shape',
    async (entry: string) => {
      const facts = JSON.parse(await readFile(join(entry, 'video.json'), 'utf8'));
      await writeFile(join(entry, 'video.json'), JSON.stringify({ ...facts, inspection: { silences: [null] } }));
    },
  ],
  ['whose facts are cut off', (entry: string) => writeFile(join(entry, 'video.json'), '{')],
])('a stored video %s is told, joined again and replaced', async (_, damage) => {
  const { store, root } = await newStore();
  const first = await assembled(store);
  await damage(join(root, (await readdir(root))[0] as string));
  const second = await assembled(store);
  expect(second.reused).toBe(false);
  expect(second.told).toEqual([expect.stringMatching(/^warning: the stored video is damaged/)]);
  expect(await sha256OfFile(second.output)).toBe(await sha256OfFile(first.output));
  const third = await assembled(store);
  expect(third.reused).toBe(true);
  expect(await sha256OfFile(third.output)).toBe(await sha256OfFile(first.output));
});
