import { join } from 'node:path';
import { faultsOf, findSilences, gridOf, inspect, type Probe, probe, readPackets } from '../../src/video/probe.js';
import { temporaryFolders } from '../support/folder.js';
import { ffmpeg, makeScene, tools } from '../support/scene-result.js';

const newFolder = temporaryFolders();

test.each([
  ['an even grid', [0, 256, 512, 768], { frames: 4, first: 0, step: 256 }],
  ['an even grid, as coded', [0, 768, 256, 512], { frames: 4, first: 0, step: 256 }],
  ['a late start', [512, 1024, 1536], { frames: 3, first: 512, step: 512 }],
  ['a gap', [0, 256, 768], { frames: 3, first: 0, step: 0 }],
  ['a jitter of one tick', [0, 256, 513, 768], { frames: 4, first: 0, step: 0 }],
  ['a time twice', [0, 256, 256, 512], { frames: 4, first: 0, step: 0 }],
  ['one frame', [0], { frames: 1, first: 0, step: 1 }],
  ['no frame', [], { frames: 0, first: 0, step: 1 }],
])('presentation times form a grid or not: %s', (_, times, grid) => {
  expect(gridOf(times)).toEqual(grid);
});

test('a scene result is probed for what it is', async () => {
  const folder = await newFolder();
  const scene = await makeScene(folder, { id: 'a', frames: 24, fps: 24 });
  const found = await probe(scene.video, tools);
  expect(found).toMatchObject({ video: { frames: 24, start: 0, seconds: 1 }, captionTracks: 0 });
  expect(found.audio).toBeUndefined();
  expect(found.video?.parameters).toMatchObject({
    codec_name: 'h264',
    codec_tag_string: 'avc1',
    width: '320',
    height: '180',
    pix_fmt: 'yuv420p',
    avg_frame_rate: '24/1',
    time_base: '1/24000',
  });
  expect(found.video?.parameters.extradata_hash).toMatch(/^SHA256:[0-9a-f]{64}$/i);
  expect((await readPackets(scene.video, tools)).grid).toEqual({ frames: 24, first: 0, step: 1000 });
});

test('what is no media file is an error', async () => {
  await expect(probe(import.meta.filename, tools)).rejects.toThrow('ffprobe failed');
});

test('silences are found: at the start, between, and one that lasts to the end', async () => {
  const file = join(await newFolder(), 'a.mp4');
  const sound = 'aevalsrc=if(between(t\\,4\\,5)+between(t\\,9\\,10)\\,sin(2000*t)\\,0):s=48000:d=14';
  await ffmpeg(['-f', 'lavfi', '-i', 'color=size=64x64:rate=10:d=14', '-f', 'lavfi', '-i', sound, '-shortest', file]);
  const silences = await findSilences(file, tools);
  const found = inspect(await probe(file, tools), { silences, scenes: [] });
  expect(found.videoSeconds).toBeCloseTo(14, 1);
  expect(found.audioVideoRatio).toBeCloseTo(1, 1);
  expect(found.silences).toEqual(silences);
  const rounded = found.silences.map(({ start, end }) => [Math.round(start), Math.round(end)]);
  expect(rounded).toEqual([
    [0, 4],
    [5, 9],
    [10, 14],
  ]);
});

test('a video without sound has none to compare', async () => {
  const file = join(await newFolder(), 'a.mp4');
  await ffmpeg(['-f', 'lavfi', '-i', 'color=size=64x64:rate=10:d=2', file]);
  expect(inspect(await probe(file, tools), { silences: [], scenes: [] })).toEqual({
    videoSeconds: 2,
    audioSeconds: 0,
    audioVideoRatio: 0,
    silences: [],
    scenes: [],
  });
});

describe('the faults of a joined video', () => {
  const VIDEO = { parameters: {} as never, frames: 60, start: 0, seconds: 2 };
  const GOOD: Probe = { video: VIDEO, audio: { codec: 'aac', start: 0, seconds: 2.01 }, captionTracks: 0 };
  const GRID = { frames: 60, first: 0, step: 512 };
  const EXPECTED = { frames: 60, seconds: 2 };

  test('are none where all is right', () => {
    expect(faultsOf(GOOD, GRID, EXPECTED)).toEqual([]);
  });

  test.each([
    ['no video', { captionTracks: 0 } as Probe, GRID, 'no video'],
    ['no sound', { video: VIDEO, captionTracks: 0 } as Probe, GRID, 'no sound'],
    ['a frame too few', GOOD, { ...GRID, frames: 59 }, '59 frames, expected 60'],
    ['uneven frames', GOOD, { ...GRID, step: 0 }, 'not evenly spaced'],
    ['a late first frame', GOOD, { ...GRID, first: 512 }, 'tick 512'],
    ['a picture too long', { ...GOOD, video: { ...VIDEO, seconds: 2.034 } }, GRID, 'picture lasts 2.034'],
    ['sound too short', { ...GOOD, audio: { codec: 'aac', start: 0, seconds: 1.97 } }, GRID, 'sound lasts 1.97'],
    [
      'sound of no length',
      { ...GOOD, audio: { codec: 'aac', start: 0, seconds: Number.NaN } },
      GRID,
      'sound lasts NaN',
    ],
    ['late sound', { ...GOOD, audio: { codec: 'aac', start: 0.021, seconds: 2 } }, GRID, 'sound starts at 0.021'],
  ])('are named: %s', (_, found, grid, words) => {
    const faults = faultsOf(found, grid, EXPECTED);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(words);
  });
});
