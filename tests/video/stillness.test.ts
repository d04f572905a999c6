import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '../../src/log.js';
import { findingsOf } from '../../src/report/findings.js';
import { joinScenes } from '../../src/video/join.js';
import type { SceneInspection } from '../../src/video/probe.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { ffmpeg, makeScene, type SceneParts, tools, wav } from '../support/scene-result.js';

const newFolder = temporaryFolders();
const STOCK = ['-preset', 'medium', '-crf', '23', '-threads', '1'];
const TITLE = 'color=size=640x360:rate=15,drawbox=x=100:y=100:w=200:h=60:color=white:t=fill';
const black = (picture = 'color=black:size=640x360:rate=15'): Pick<SceneParts, 'picture'> => ({ picture });

/** Scenes of 30 frames at 15 a second, and what is said of them. */
const SCENES: readonly (readonly [id: string, still: string | null, parts: Partial<SceneParts>])[] = [
  ['empty', 'black', black()],
  ['empty, long, with several key frames', 'black', { ...black(), frames: 600 }],
  ['a colour', 'one colour', { picture: 'color=0x1c758a:size=640x360:rate=15' }],
  ['nearly black', 'one colour', { picture: 'color=0x101418:size=640x360:rate=15' }],
  ['a title card', 'one picture', { picture: TITLE }],
  [
    'noise that stands still',
    'one picture',
    { picture: 'nullsrc=size=640x360:rate=15,geq=random(1)*255:128:128,trim=end_frame=1,loop=-1:1' },
  ],
  [
    'a dot that moves',
    null,
    { picture: "color=black:size=640x360:rate=15[a];color=white:size=4x4:rate=15[b];[a][b]overlay=x='2*n':y=90" },
  ],
  [
    'a dot that appears in the last frame',
    null,
    {
      picture:
        "color=black:size=640x360:rate=15[a];color=white:size=4x4:rate=15[b];[a][b]overlay=x=9:y=9:enable='eq(n,29)'",
    },
  ],
  ['a fade', null, { picture: 'color=black:size=640x360:rate=15,fade=in:0:30:color=0x303030' }],
  [
    'a card that changes between key frames',
    null,
    { frames: 600, picture: `${TITLE},drawbox=x=400:y=200:w=90:h=90:color=red:t=fill:enable='gt(n,300)'` },
  ],
  ['too short to tell', null, { ...black(), frames: 10 }],
  ['empty, by another encoder', 'black', { ...black(), encoder: STOCK }],
  ['a title card, by another encoder', 'one picture', { picture: TITLE, encoder: STOCK }],
  [
    'a dot that moves, by another encoder',
    null,
    {
      encoder: STOCK,
      picture: "color=black:size=640x360:rate=15[a];color=white:size=4x4:rate=15[b];[a][b]overlay=x='2*n':y=90",
    },
  ],
];

let inspected: readonly SceneInspection[];

beforeAll(async () => {
  const folder = await newFolder();
  const results = await Promise.all(
    SCENES.map(([id, , parts], index) =>
      makeScene(join(folder, String(index)), {
        id,
        frames: 30,
        fps: 15,
        width: 640,
        height: 360,
        ...parts,
        facts: { encoder: parts.encoder ? 'stock' : 'fast' },
      }),
    ),
  );
  for (const [name, scenes] of [
    ['fast', results.filter(({ facts }) => facts.encoder === 'fast')],
    ['stock', results.filter(({ facts }) => facts.encoder === 'stock')],
  ] as const) {
    const video = await joinScenes({
      ...tools,
      scenes: scenes.map((result) => ({ result, title: '' })),
      output: join(folder, `${name}.mp4`),
      workDir: join(folder, 'work'),
      log: silentLog,
    });
    expect(video.reencoded).toEqual([]);
    inspected = [...(inspected ?? []), ...video.inspection.scenes];
  }
});

test.each(SCENES)('%s: %s', (id, still) => expect(inspected.find((scene) => scene.id === id)?.still).toBe(still));

test('the sound of each scene is measured: how loud, how long, where distorted', async () => {
  const folder = await newFolder();
  const scene = async (id: string, sound: Buffer): Promise<Awaited<ReturnType<typeof makeScene>>> => {
    const result = await makeScene(join(folder, id), { id, frames: 30, fps: 15, width: 64, height: 64 });
    await writeFile(result.audio, sound);
    return result;
  };
  const run = (from: number, length: number): number[] => Array.from({ length }, (_, index) => from + index);
  const scenes = [
    await scene('silent', wav(96_000, [])),
    await scene('half', wav(48_000, [5], 16_384)),
    await scene('clipped', wav(96_000, [...run(0, 3), ...run(100, 4), ...run(200, 9)], 32_767)),
  ];
  const output = join(folder, 'v.mp4');
  const { inspection } = await joinScenes({
    ...tools,
    scenes: scenes.map((result) => ({ result, title: '' })),
    output,
    workDir: join(folder, 'w'),
    log: silentLog,
  });
  const sounds = inspection.scenes.map(({ sound }) => sound);
  expect(sounds[0]).toEqual({ ratio: 1, peak: 0, clipped: 0 });
  expect(sounds[1]).toEqual({ ratio: 0.5, peak: expect.closeTo(0.5, 3), clipped: 0 });
  expect(sounds[2]).toEqual({ ratio: 1, peak: 1, clipped: 4 }); // two runs in each of two channels
  expect(inspection.audioVideoRatio).toBeGreaterThan(0.99);
});

describe('what is found in a video', () => {
  const scene = (id: string, facts: Partial<SceneInspection> = {}): SceneInspection => ({
    id,
    seconds: 10,
    lines: 1,
    still: null,
    sound: { ratio: 1, peak: 0.5, clipped: 0 },
    ...facts,
  });
  const found = (
    scenes: readonly SceneInspection[],
    facts: { audioVideoRatio?: number; silences?: { start: number; end: number }[] } = {},
  ): [string, boolean][] =>
    findingsOf({ videoSeconds: 20, audioSeconds: 20, audioVideoRatio: 1, silences: [], ...facts, scenes }).map(
      ({ message, isFault }) => [message, isFault],
    );
  const silent = { ratio: 1, peak: 0.001, clipped: 0 };

  test.each<[string, [string, boolean][], SceneInspection[], Parameters<typeof found>[1]?]>([
    ['nothing', [], [scene('a'), scene('b')]],
    ['a black scene', [['scene a: black throughout (10 s)', true]], [scene('a', { still: 'black' }), scene('b')]],
    [
      'a short black scene',
      [['scene a: black throughout (2.0 s)', false]],
      [scene('a', { still: 'black', seconds: 2 }), scene('b')],
    ],
    [
      'a card of one colour',
      [['scene a: one colour throughout (10 s)', false]],
      [scene('a', { still: 'one colour' }), scene('b')],
    ],
    [
      'a still scene',
      [['scene a: nothing moves throughout (10 s)', true]],
      [scene('a', { still: 'one picture' }), scene('b')],
    ],
    [
      'a video that is black',
      [['the whole video is black', true]],
      [scene('a', { still: 'black' }), scene('b', { still: 'black' })],
    ],
    [
      'a video in which nothing moves',
      [['nothing moves in the whole video: each scene shows one picture', true]],
      [scene('a', { still: 'black' }), scene('b', { still: 'one picture' })],
    ],
    [
      'a scene that speaks and is silent',
      [['scene a: nothing is heard, though it speaks 2 lines', true]],
      [scene('a', { lines: 2, sound: silent }), scene('b')],
      { silences: [{ start: 0, end: 10 }] },
    ],
    [
      'a scene that speaks nothing and is silent',
      [['scene a: nothing is heard from 0.0 s to 10.0 s of the video', false]],
      [scene('a', { lines: 0, sound: silent }), scene('b')],
      { silences: [{ start: 0, end: 10 }] },
    ],
    [
      'a silent video',
      [['nothing is heard in the whole video, though its scenes speak lines', true]],
      [scene('a', { sound: silent }), scene('b', { lines: 0, sound: silent })],
    ],
    [
      'a silence over several scenes',
      [['scene a to c: nothing is heard from 8.0 s to 22.0 s of the video', false]],
      [scene('a'), scene('b'), scene('c')],
      { silences: [{ start: 8, end: 22 }] },
    ],
    [
      'sound that ends too early',
      [['scene a: its sound lasts only 5.0 s of 10 s', true]],
      [scene('a', { sound: { ratio: 0.5, peak: 1, clipped: 0 } }), scene('b')],
    ],
    [
      'a short sound of the whole',
      [['the sound of the video lasts only 20.0 s of 20.0 s', true]],
      [scene('a'), scene('b')],
      { audioVideoRatio: 0.89 },
    ],
    [
      'distorted sound',
      [['scene a: its sound is too loud and distorted at 12 places', false]],
      [scene('a', { sound: { ratio: 1, peak: 1, clipped: 12 } }), scene('b')],
    ],
  ])('%s', (_, expected, scenes, facts = {}) => expect(found(scenes, facts)).toEqual(expected));
});

test('an ffmpeg that cannot check pictures is a warning, and the video is made', async () => {
  const folder = await newFolder();
  const real = execFileSync('which', ['ffmpeg'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/sh\ncase "$*" in *signalstats*) echo "No such filter: 'signalstats'" >&2; exit 1;; esac\nexec ${real} "$@"\n`;
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'ffmpeg'), script, { mode: 0o755 });
  const result = await makeScene(join(folder, 'a'), {
    id: 'a',
    frames: 30,
    fps: 15,
    width: 64,
    height: 64,
    ...black(),
  });
  const log = recordingLog();
  const env = { ...tools.env, PATH: `${join(folder, 'bin')}:${tools.env.PATH}` };
  const output = join(folder, 'v.mp4');
  const { inspection } = await joinScenes({
    env,
    scenes: [{ result, title: '' }],
    output,
    workDir: join(folder, 'w'),
    log,
  });
  expect(inspection.scenes[0]?.still).toBeNull();
  expect(log.told).toEqual([
    expect.stringMatching(/^warning: scene a: its pictures could not be checked: ffmpeg failed .*signalstats/),
  ]);
});

test('ffmpeg makes the pictures of these tests', async () => {
  // a scene that the tests take for moving must move: the dot is there in the file
  const folder = await newFolder();
  const { video } = await makeScene(folder, {
    id: 'dot',
    frames: 30,
    fps: 15,
    width: 640,
    height: 360,
    picture: SCENES.find(([id]) => id === 'a dot that appears in the last frame')?.[2].picture ?? '',
  });
  const printed = await ffmpeg([
    '-v',
    'error',
    '-i',
    video,
    '-vf',
    'select=eq(n\\,29),signalstats,metadata=print:file=-',
    '-f',
    'null',
    '-',
  ]);
  expect(printed).toMatch(/YMAX=2\d\d/);
});
