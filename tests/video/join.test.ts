import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/process.js';
import type { SceneResult } from '../../src/render/result.js';
import { sha256OfFile } from '../../src/store/keys.js';
import { type JoinedVideo, joinScenes, writeSceneVideo } from '../../src/video/join.js';
import { probe, readPackets } from '../../src/video/probe.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { type RecordingLog, recordingLog } from '../support/log.js';
import {
  ENCODER,
  ffmpeg,
  frameHashes,
  loudest,
  makeScene,
  type SceneParts,
  samplesOf,
  tools,
} from '../support/scene-result.js';

const newFolder = temporaryFolders();

interface Joined {
  readonly folder: string;
  readonly scenes: SceneResult[];
  readonly output: string;
  readonly video: JoinedVideo;
  readonly log: RecordingLog;
}

async function joinAll(parts: readonly SceneParts[], subfolder = 'scenes'): Promise<Joined> {
  const folder = join(await newFolder(), subfolder);
  const scenes: SceneResult[] = [];
  for (const [index, part] of parts.entries()) scenes.push(await makeScene(join(folder, `${index}-${part.id}`), part));
  return { folder, scenes, ...(await joinAgain(scenes, folder, 'final_video.mp4')) };
}

async function joinAgain(
  scenes: readonly SceneResult[],
  folder: string,
  name: string,
): Promise<Pick<Joined, 'output' | 'video' | 'log'>> {
  const log = recordingLog();
  const output = join(folder, name);
  const video = await joinScenes({
    ...tools,
    scenes: scenes.map((result) => ({ result, title: `Scene ${result.facts.scene_id}` })),
    output,
    workDir: join(folder, `${name}.work`),
    log,
  });
  return { output, video, log };
}

/** Where the top-level boxes of an MP4 file lie, in order. */
async function boxes(file: string): Promise<string[]> {
  const bytes = await readFile(file);
  const names: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    names.push(bytes.toString('latin1', at + 4, at + 8));
    at += size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size || bytes.length;
  }
  return names;
}

async function ffprobe(file: string, ...args: string[]): Promise<Record<string, never>> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', ...args, file], { env: tools.env });
  return JSON.parse(stdout);
}

describe.each([
  ['60 frames a second', 60, ENCODER],
  ['15 frames a second', 15, ENCODER],
  [
    '24 frames a second, coded out of their order',
    24,
    ['-preset', 'medium', '-crf', '23', '-bf', '3', '-threads', '1'],
  ],
  ['a rate that divides neither samples nor microseconds', 7, ENCODER],
] as const)('three scenes joined at %s', (_, fps, encoder) => {
  const FRAMES = [47, 31, 64];
  const CLICKS = [[0, 11_111], [1], [4_999, 90_000]];
  let joined: Joined;
  beforeAll(async () => {
    joined = await joinAll(
      FRAMES.map((frames, index) => ({
        id: `scene_${index}`,
        frames,
        fps,
        encoder,
        picture: `testsrc2=size=320x180:rate=${fps},hue=h=${index * 60}`,
        clicks: (CLICKS[index] ?? []).filter((click) => click < (frames * 48_000) / fps),
        captions: [{ start: 0.1, end: 0.9, text: `Words of scene ${index}.` }],
      })),
    );
  });
  const startSample = (index: number): number =>
    Math.round((FRAMES.slice(0, index).reduce((sum, frames) => sum + frames, 0) * 48_000) / fps);

  test('hold all frames of all scenes, on one exact grid from 0', async () => {
    const grid = (await readPackets(joined.output, tools)).grid;
    const { video } = await probe(joined.output, tools);
    const ticks = Number(video?.parameters.time_base.split('/')[1]);
    expect(grid).toEqual({ frames: 142, first: 0, step: ticks / fps });
    expect(video).toMatchObject({ frames: 142, start: 0 });
    expect(video?.seconds).toBeCloseTo(142 / fps, 5);
    expect(joined.video).toMatchObject({ frames: 142, fps, durationSeconds: 142 / fps, reencoded: [] });
  });

  test('show exactly the frames of the scenes', async () => {
    const scenes = await Promise.all(joined.scenes.map(({ video }) => frameHashes(video)));
    expect(scenes.flat()).toHaveLength(142);
    expect(await frameHashes(joined.output)).toEqual(scenes.flat());
  });

  test('are heard exactly where they begin', async () => {
    const samples = await samplesOf(joined.output, joined.folder);
    const clicks = joined.scenes.flatMap((scene, index) =>
      (CLICKS[index] ?? []).filter((click) => click < scene.facts.samples).map((click) => startSample(index) + click),
    );
    expect(clicks.length).toBeGreaterThanOrEqual(4);
    for (const click of clicks) {
      expect(loudest(samples, click)).toBe(click);
      expect(Math.abs(samples[click] ?? 0)).toBeGreaterThan(8000);
    }
  });

  test('have sound as long as their picture', async () => {
    const { audio } = await probe(joined.output, tools);
    expect(audio).toMatchObject({ codec: 'aac', start: 0 });
    expect(Math.abs((audio?.seconds ?? 0) - 142 / fps)).toBeLessThanOrEqual(1024 / 48_000);
  });

  test('have a chapter for each scene', async () => {
    const { chapters } = (await ffprobe(joined.output, '-show_chapters')) as unknown as {
      chapters: { start_time: string; end_time: string; tags: { title: string } }[];
    };
    expect(chapters.map(({ tags }) => tags.title)).toEqual(['Scene scene_0', 'Scene scene_1', 'Scene scene_2']);
    for (const [index, chapter] of chapters.entries()) {
      expect(Number(chapter.start_time)).toBeCloseTo(startSample(index) / 48_000, 2);
      expect(joined.video.chapters[index]?.start).toBeCloseTo(startSample(index) / 48_000, 4);
    }
    expect(joined.video.chapters.at(-1)?.end).toBe(142 / fps);
  });

  test('carry their captions, in the file and beside it', async () => {
    const track = await ffmpeg(['-v', 'error', '-i', joined.output, '-map', '0:s:0', '-f', 'srt', '-']);
    const beside = await readFile(joined.video.captions.srt, 'utf8');
    expect(joined.video.captions.count).toBe(3);
    const times = (text: string): string[] => text.split('\n').filter((line) => line.includes('-->'));
    expect(times(beside)).toHaveLength(3);
    expect(times(track)).toEqual(times(beside));
    expect(track).toContain('Words of scene 2.');
    expect(await readFile(joined.video.captions.vtt, 'utf8')).toMatch(/^WEBVTT\n\n/);
  });

  test('can be played before they are there whole: the index comes first', async () => {
    const names = await boxes(joined.output);
    expect(names.indexOf('moov')).toBeLessThan(names.indexOf('mdat'));
    expect(names).not.toContain('moof');
  });

  test('are the same bytes when joined again, and leave nothing else behind', async () => {
    const again = await joinAgain(joined.scenes, joined.folder, 'again.mp4');
    expect(await sha256OfFile(again.output)).toBe(await sha256OfFile(joined.output));
    const files = (await readdir(joined.folder)).filter((name) => name.startsWith('again'));
    expect(files.sort()).toEqual(['again.mp4', 'again.mp4.work', 'again.srt', 'again.vtt']);
  });

  test('tell nothing of the version of ffmpeg or of the day', async () => {
    expect((await readFile(joined.output)).toString('latin1')).not.toMatch(/Lav[fc]\d/);
    const { format } = (await ffprobe(joined.output, '-show_format')) as unknown as { format: { tags: object } };
    expect(Object.keys(format.tags).filter((name) => /time|date|encoder/i.test(name))).toEqual([]);
  });

  test('have the colours of the scenes', async () => {
    const { video } = await probe(joined.output, tools);
    expect(video?.parameters).toMatchObject({
      color_range: 'tv',
      color_space: 'smpte170m',
      color_transfer: 'bt709',
      color_primaries: 'bt709',
    });
  });
});

describe('a scene that does not fit the others', () => {
  const like = { frames: 40, fps: 30 };

  test.each([
    ['another size', { width: 640, height: 480, fps: 30, frames: 20 }, 'width 640 instead of 320', 20],
    ['another rate', { fps: 15, frames: 10 }, 'avg_frame_rate 15/1 instead of 30/1', 20],
    ['another preset', { fps: 30, frames: 20, encoder: ['-preset', 'medium', '-bf', '2'] }, 'profile', 20],
    [
      'another number of references',
      { fps: 30, frames: 20, encoder: [...ENCODER, '-refs', '4'] },
      'settings differ',
      20,
    ],
  ] as const)('is encoded again, alone, and that is told: %s', async (_, odd, why, frames) => {
    const joined = await joinAll([
      { id: 'a', ...like, clicks: [100] },
      { id: 'odd', ...odd, clicks: [5000] },
      { id: 'c', ...like, clicks: [100] },
    ]);
    expect(joined.video.reencoded).toEqual([{ sceneId: 'odd', why: expect.stringContaining(why) }]);
    expect(joined.log.told).toEqual([expect.stringMatching(/^warning: scene odd is encoded again/)]);
    expect((await readPackets(joined.output, tools)).grid).toEqual({ frames: 80 + frames, first: 0, step: 512 });

    const hashes = await frameHashes(joined.output);
    expect(hashes.slice(0, 40)).toEqual(await frameHashes((joined.scenes[0] as SceneResult).video));
    expect(hashes.slice(-40)).toEqual(await frameHashes((joined.scenes[2] as SceneResult).video));

    const samples = await samplesOf(joined.output, joined.folder);
    const odds = 40 * 1600;
    for (const click of [100, odds + 5000, odds + frames * 1600 + 100]) expect(loudest(samples, click)).toBe(click);
  });

  test('still shows its own pictures', async () => {
    const joined = await joinAll([
      { id: 'a', ...like },
      {
        id: 'odd',
        fps: 30,
        frames: 20,
        encoder: ['-preset', 'medium', '-bf', '2'],
        picture: 'mandelbrot=size=320x180:rate=30',
      },
    ]);
    const odd = (joined.scenes[1] as SceneResult).video;
    const filter = `[0:v]trim=start_frame=40,setpts=PTS-STARTPTS[a];[1:v]setpts=PTS-STARTPTS[b];[a][b]ssim=stats_file=-`;
    const stats = await ffmpeg(['-v', 'error', '-i', joined.output, '-i', odd, '-lavfi', filter, '-f', 'null', '-']);
    const values = [...stats.matchAll(/All:([\d.]+)/g)].map((match) => Number(match[1]));
    expect(values).toHaveLength(20);
    expect(Math.min(...values)).toBeGreaterThan(0.9);
  });

  test('decides nothing where it is shorter than the others together', async () => {
    const joined = await joinAll([
      { id: 'odd', fps: 30, frames: 39, width: 640, height: 480 },
      { id: 'b', fps: 30, frames: 20 },
      { id: 'c', fps: 30, frames: 20 },
    ]);
    expect(joined.video.reencoded.map(({ sceneId }) => sceneId)).toEqual(['odd']);
    expect((await probe(joined.output, tools)).video?.parameters).toMatchObject({ width: '320', height: '180' });
  });
});

describe('captions', () => {
  test('of any characters arrive as they are', async () => {
    const text = 'Café “déjà vu” — 5 < 6 & 7 > 3 {braces} \\back\\ 100% 你好 🐎\nsecond <i>line</i>';
    const joined = await joinAll([{ id: 'a', frames: 60, fps: 30, captions: [{ start: 0, end: 1.5, text }] }]);
    expect(await readFile(joined.video.captions.srt, 'utf8')).toBe(`1\n00:00:00,000 --> 00:00:01,500\n${text}\n\n`);
    expect(await readFile(joined.video.captions.vtt, 'utf8')).toBe(
      `WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}\n\n`,
    );
    const track = await ffmpeg(['-v', 'error', '-i', joined.output, '-map', '0:s:0', '-f', 'webvtt', '-']);
    const twins: Record<string, string> = { '{': '｛', '}': '｝', '\\': '＼' };
    const shown = track.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    expect(shown).toContain(text.replaceAll(/[{}\\]/g, (c) => twins[c] ?? c));
  });

  test('that overlap are all in the files, and stacked in the track of the video', async () => {
    const captions = [
      { start: 0, end: 1, text: 'the line' },
      { start: 0, end: 1.6, text: 'a note' },
      { start: 0.5, end: 2, text: 'another' },
    ];
    const joined = await joinAll([{ id: 'a', frames: 60, fps: 30, captions }]);
    expect(joined.video.captions.count).toBe(3);
    const texts = /the line.*a note.*another/s;
    expect(await readFile(joined.video.captions.srt, 'utf8')).toMatch(texts);
    expect(await readFile(joined.video.captions.vtt, 'utf8')).toMatch(texts);
    const track = await ffmpeg(['-v', 'error', '-i', joined.output, '-map', '0:s:0', '-f', 'srt', '-']);
    expect(track.trim().split(/\n\n/)).toEqual([
      '1\n00:00:00,000 --> 00:00:00,500\nthe line\na note',
      '2\n00:00:00,500 --> 00:00:01,000\nthe line\na note\nanother',
      '3\n00:00:01,000 --> 00:00:01,600\na note\nanother',
      '4\n00:00:01,600 --> 00:00:02,000\nanother',
    ]);
  });

  test('may be none: the video then has no track of them, and empty files beside it', async () => {
    const joined = await joinAll([{ id: 'a', frames: 10, fps: 30 }]);
    expect((await probe(joined.output, tools)).captionTracks).toBe(0);
    expect(await readFile(joined.video.captions.srt, 'utf8')).toBe('');
    expect(await readFile(joined.video.captions.vtt, 'utf8')).toBe('WEBVTT\n\n');
  });
});

test('an encoder that cannot repeat the settings of the others makes all of them alike', async () => {
  // without the note of x264 in them, nobody can tell how these were made
  const unknown = [...ENCODER, '-refs', '5', '-bsf:v', 'filter_units=remove_types=6'];
  const joined = await joinAll([
    { id: 'a', frames: 30, fps: 30, encoder: unknown, clicks: [900] },
    { id: 'odd', frames: 15, fps: 30, width: 160, height: 90 },
    { id: 'c', frames: 30, fps: 30, encoder: unknown, clicks: [900] },
  ]);
  expect(joined.video.reencoded.map(({ sceneId }) => sceneId)).toEqual(['a', 'odd', 'c']);
  expect(joined.video.reencoded[0]?.why).toContain('cannot repeat its settings');
  expect(joined.log.told).toHaveLength(3);
  expect((await readPackets(joined.output, tools)).grid).toEqual({ frames: 75, first: 0, step: 512 });
  expect(loudest(await samplesOf(joined.output, joined.folder), 45 * 1600 + 900)).toBe(45 * 1600 + 900);
});

test('many scenes do not drift', async () => {
  const folder = await newFolder();
  const result = await makeScene(join(folder, 'a'), { id: 'a', frames: 5, fps: 7, clicks: [3000] });
  const { output } = await joinAgain(Array<SceneResult>(60).fill(result), folder, 'v.mp4');
  expect((await readPackets(output, tools)).grid).toEqual({ frames: 300, first: 0, step: 1000 });
  const samples = await samplesOf(output, folder);
  const last = Math.round((59 * 5 * 48_000) / 7) + 3000;
  expect(loudest(samples, last)).toBe(last);
});

test('a scene may be one frame', async () => {
  const parts = { frames: 1, fps: 30 };
  const joined = await joinAll([
    { id: 'a', ...parts },
    { id: 'b', ...parts, frames: 2 },
    { id: 'c', ...parts },
  ]);
  expect((await readPackets(joined.output, tools)).grid).toEqual({ frames: 4, first: 0, step: 512 });
});

test('folders may have any names', async () => {
  const joined = await joinAll(
    [
      { id: 'a', frames: 10, fps: 30 },
      { id: 'b', frames: 10, fps: 30 },
    ],
    `it's a "folder" of ünicode, #1; 100%d = [x] \\ end`,
  );
  expect((await readPackets(joined.output, tools)).grid.frames).toBe(20);
});

test('titles of any characters become chapters', async () => {
  const folder = await newFolder();
  const result = await makeScene(join(folder, 'a'), { id: 'a', frames: 10, fps: 30 });
  const title = 'A = B; #1 \\ "two"\n[CHAPTER] 你好';
  const output = join(folder, 'v.mp4');
  await joinScenes({ ...tools, scenes: [{ result, title }], output, workDir: join(folder, 'w'), log: recordingLog() });
  const { chapters } = (await ffprobe(output, '-show_chapters')) as unknown as {
    chapters: { tags: { title: string } }[];
  };
  expect(chapters.map(({ tags }) => tags.title)).toEqual([title.replace('\n', ' ')]);
});

describe('a damaged result', () => {
  const parts = { frames: 30, fps: 30, picture: 'nullsrc=size=320x180:rate=30,geq=random(1)*255:128:128' };

  test('of fewer frames than it says is refused, and no video appears', async () => {
    const folder = await newFolder();
    const good = await makeScene(join(folder, 'good'), { id: 'good', ...parts });
    const bad = await makeScene(join(folder, 'bad'), { id: 'bad', ...parts });
    const lying = { ...bad, facts: { ...bad.facts, frames: 31 } };
    await expect(joinAgain([good, lying], folder, 'v.mp4')).rejects.toThrow('scene bad');
    expect((await readdir(folder)).filter((name) => /^v\.mp4(\.\d|$)/.test(name))).toEqual([]);
  });

  test('whose file was cut is refused, and no video appears', async () => {
    const folder = await newFolder();
    const good = await makeScene(join(folder, 'good'), { id: 'good', ...parts });
    const bad = await makeScene(join(folder, 'bad'), { id: 'bad', ...parts });
    const bytes = await readFile(bad.video);
    await truncate(bad.video, Math.floor(bytes.length / 2));
    await expect(joinAgain([good, bad], folder, 'v.mp4')).rejects.toThrow();
    await writeFile(bad.video, '');
    await expect(joinAgain([good, bad], folder, 'v.mp4')).rejects.toThrow();
    expect((await readdir(folder)).filter((name) => name.startsWith('v.mp4') && name !== 'v.mp4.work')).toEqual([]);
  });

  test('leaves an earlier video as it was', async () => {
    const folder = await newFolder();
    const good = await makeScene(join(folder, 'good'), { id: 'good', ...parts });
    const { output } = await joinAgain([good], folder, 'v.mp4');
    const before = await sha256OfFile(output);
    const lying = { ...good, facts: { ...good.facts, frames: 31 } };
    await expect(joinAgain([lying], folder, 'v.mp4')).rejects.toThrow();
    expect(await sha256OfFile(output)).toBe(before);
  });

  test('with other sound than it should have is refused', async () => {
    const folder = await newFolder();
    const bad = await makeScene(join(folder, 'bad'), { id: 'bad', ...parts });
    await ffmpeg(['-f', 'lavfi', '-i', 'sine=sample_rate=24000:duration=1', '-ac', '1', bad.audio]);
    await expect(joinAgain([bad], folder, 'v.mp4')).rejects.toThrow('expected WAV, s16le, 48000 Hz, stereo');
  });
});

test('no scenes are an error', async () => {
  await expect(joinAgain([], await newFolder(), 'v.mp4')).rejects.toThrow('no scene');
});

test('where ffmpeg is missing, the user is told how to get it', async () => {
  const folder = await newFolder();
  const result = await makeScene(join(folder, 'a'), { id: 'a', frames: 5, fps: 30 });
  const error = await userError(() =>
    joinScenes({
      env: { PATH: folder },
      scenes: [{ result, title: 'a' }],
      output: join(folder, 'v.mp4'),
      workDir: join(folder, 'w'),
      log: recordingLog(),
    }),
  );
  expect(error.message).toBe('ffprobe is not installed');
  expect(error.hint).toContain('apt-get install ffmpeg');
});

test('one scene with its sound is a video of the same frames', async () => {
  const folder = await newFolder();
  const result = await makeScene(join(folder, 'a'), { id: 'a', frames: 45, fps: 24, clicks: [7777] });
  const path = join(folder, 'media', 'videos', 'a', '180p24', 'Scene.mp4');
  await writeSceneVideo(result, path, tools);
  expect(await frameHashes(path)).toEqual(await frameHashes(result.video));
  expect((await readPackets(path, tools)).grid).toEqual({ frames: 45, first: 0, step: 1000 });
  expect(loudest(await samplesOf(path, folder), 7777)).toBe(7777);
  expect((await boxes(path)).indexOf('moov')).toBeLessThan((await boxes(path)).indexOf('mdat'));
});
