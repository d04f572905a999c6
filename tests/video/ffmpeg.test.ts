import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  chapterMetadata,
  concatList,
  joinArgs,
  mimicX264,
  parseSilences,
  probeArgs,
  reencodeArgs,
  runFfmpeg,
  sceneVideoArgs,
} from '../../src/video/ffmpeg.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { makeScene, tools } from '../support/scene-result.js';

const newFolder = temporaryFolders();
const JOIN = { list: '/l', sound: '/s', chapters: '/c', timeScale: 15360, output: '/o.mp4' };

/** The value after an option. */
const argumentOf = (args: readonly string[], option: string): string | undefined => args[args.indexOf(option) + 1];

describe('the command that joins', () => {
  test('copies the picture, encodes the sound once and puts the index first', () => {
    const args = joinArgs(JOIN);
    expect(argumentOf(args, '-c:v')).toBe('copy');
    expect(argumentOf(args, '-c:a')).toBe('aac');
    expect(argumentOf(args, '-b:a')).toBe('192k');
    expect(argumentOf(args, '-video_track_timescale')).toBe('15360');
    expect(argumentOf(args, '-movflags')).toBe('+faststart');
    expect(argumentOf(args, '-fflags')).toBe('+bitexact');
    expect(args.at(-1)).toBe('/o.mp4');
    expect(args).not.toContain('libx264');
  });

  test('asks nothing and reads no input', () => {
    for (const args of [joinArgs(JOIN), sceneVideoArgs({ video: '/v', audio: '/a', output: '/o' })]) {
      expect(args).toContain('-nostdin');
      expect(args).toContain('-y');
    }
  });

  test('has a captions track only where there are captions', () => {
    expect(joinArgs(JOIN)).not.toContain('mov_text');
    const args = joinArgs({ ...JOIN, captions: '/t.vtt' });
    expect(argumentOf(args, '-c:s')).toBe('mov_text');
    expect(args).toContain('3:s:0');
  });
});

test('a probe asks for hashes of what is set out of band', () => {
  expect(argumentOf(probeArgs('/f'), '-show_data_hash')).toBe('sha256');
});

describe('the list of files to join', () => {
  test('gives each its length on the grid', () => {
    const files = [
      { path: '/a.mp4', frames: 30 },
      { path: '/b.mp4', frames: 1 },
    ];
    expect(concatList(files, { num: 30, den: 1 })).toBe(
      "ffconcat version 1.0\nfile '/a.mp4'\nduration 1.000000\nfile '/b.mp4'\nduration 0.033333\n",
    );
  });

  test('quotes quotes', () => {
    expect(concatList([{ path: "/it's/'q'.mp4", frames: 1 }], { num: 1, den: 1 })).toContain(
      "file '/it'\\''s/'\\''q'\\''.mp4'\n",
    );
  });

  test.each([
    [{ num: 60, den: 1 }, 7],
    [{ num: 24, den: 1 }, 5],
    [{ num: 30_000, den: 1001 }, 11],
    [{ num: 7, den: 1 }, 3],
  ])('never lets rounding add up, at %j', (rate, frames) => {
    const files = Array.from({ length: 500 }, () => ({ path: '/a', frames }));
    let sum = 0;
    for (const [index, match] of [...concatList(files, rate).matchAll(/duration (\d+)\.(\d{6})/g)].entries()) {
      sum += Number(match[1]) * 1_000_000 + Number(match[2]);
      expect(Math.abs(sum - ((index + 1) * frames * 1_000_000 * rate.den) / rate.num)).toBeLessThanOrEqual(0.5);
    }
  });
});

test('chapters are counted in frames and their titles escaped', () => {
  const chapters = [
    { title: 'One', frames: 30 },
    { title: 'a=b;c#d\\e\nf', frames: 12 },
  ];
  expect(chapterMetadata(chapters, { num: 30, den: 1 })).toBe(
    ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/30\nSTART=0\nEND=30\ntitle=One\n[CHAPTER]\nTIMEBASE=1/30\nSTART=30\nEND=42\ntitle=a\\=b\\;c\\#d\\\\e f\n',
  );
});

test('silences are read from what ffmpeg prints; one that has no end is none', () => {
  const output = `[silencedetect @ 0x1] silence_start: -0.0012
[silencedetect @ 0x1] silence_end: 4.5 | silence_duration: 4.5012
noise [silencedetect @ 0x1] silence_start: 10
[silencedetect @ 0x1] silence_end: 14.25 | silence_duration: 4.25
[silencedetect @ 0x1] silence_start: 20.5
`;
  expect(parseSilences(output)).toEqual([
    { start: 0, end: 4.5 },
    { start: 10, end: 14.25 },
  ]);
});

describe('the settings of an encoded scene', () => {
  test.each([
    [
      'ultrafast',
      ['-preset', 'ultrafast', '-crf', '26'],
      { cabac: '0', ref: '1', deblock: '0', bframes: '0', crf: '26.0', '8x8dct': '0' },
    ],
    [
      'medium',
      ['-preset', 'medium', '-crf', '23'],
      { cabac: '1', ref: '3', deblock: '0:0', bframes: '3', crf: '23.0', '8x8dct': '1', 'chroma-qp-offset': '0' },
    ],
    [
      'of their own',
      ['-preset', 'slow', '-x264-params', 'deblock=-1,-2:ref=4:qp=20'],
      { ref: '4', deblock: '-1:-2', qp: '20' },
    ],
    [
      'with another quantizer for chroma',
      ['-preset', 'ultrafast', '-x264-params', 'chroma-qp-offset=-3'],
      { 'chroma-qp-offset': '-3' },
    ],
    [
      'with the same and what lowers it further',
      ['-preset', 'slow', '-x264-params', 'chroma-qp-offset=3:psy-rd=0.2,0.3:trellis=2'],
      { 'chroma-qp-offset': '3' },
    ],
  ])('are read from its first frame: %s', async (_, encoder, expected) => {
    const { video } = await makeScene(await newFolder(), { id: 'a', frames: 3, fps: 30, encoder });
    expect(mimicX264(await readFile(video))).toMatchObject(expected);
  });

  test('are unknown where the encoder left no note', () => {
    expect(mimicX264(Buffer.from('no such thing'))).toBeUndefined();
  });
});

test('a scene of another shape is scaled to fit and padded, never stretched', () => {
  const args = reencodeArgs({
    input: '/i',
    output: '/o',
    width: 320,
    height: 180,
    pixelFormat: 'yuv420p',
    sampleAspectRatio: '1:1',
    rate: { num: 30, den: 1 },
    changeRate: false,
    frames: 10,
    timeScale: 15360,
    colours: { range: 'tv', space: 'unknown', transfer: 'bt709', primaries: 'unknown' },
    x264: { ref: '1', deblock: '-1:-2' },
  });
  expect(argumentOf(args, '-vf')).toMatch(
    /scale=320:180:force_original_aspect_ratio=decrease.*pad=320:180.*setsar=1\/1/,
  );
  expect(argumentOf(args, '-x264-params')).toBe('ref=1:deblock=-1,-2');
  expect(argumentOf(args, '-frames:v')).toBe('10');
  expect(args).toContain('-color_trc');
  expect(args).not.toContain('-colorspace');
});

test('a failing ffmpeg is told with its last words and the command', async () => {
  const missing = join(await newFolder(), 'missing.mp4');
  const error = await userError(() => runFfmpeg(['-v', 'error', '-i', missing, '-f', 'null', '-'], tools));
  expect(error.message).toMatch(/^ffmpeg failed \(status \d+\): .*No such file/s);
  expect(error.hint).toBe(`Its command: ffmpeg -v error -i ${missing} -f null -`);
});
