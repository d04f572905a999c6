import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childEnvironment, run } from '../../src/process.js';
import {
  type Caption,
  RESULT_FORMAT,
  readSceneResult,
  type SceneFacts,
  type SceneResult,
} from '../../src/render/result.js';
import type { Tools } from '../../src/video/ffmpeg.js';

/** The tools as a build runs them, without a guard. */
export const tools: Tools = { env: childEnvironment() };

/** Runs ffmpeg and fails the test where it fails; gives what it printed on standard output. */
export async function ffmpeg(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run('ffmpeg', ['-hide_banner', '-nostdin', '-y', ...args], {
    env: tools.env,
  });
  if (status !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${stderr}`);
  return stdout;
}

export interface SceneParts {
  readonly id: string;
  readonly frames: number;
  readonly fps: number;
  /** The frame rate exactly, as ffmpeg takes it, where `fps` is rounded. */
  readonly rate?: string;
  readonly width?: number;
  readonly height?: number;
  /** A picture source of ffmpeg; moving test bars without one. */
  readonly picture?: string;
  /** Encoder options of ffmpeg. */
  readonly encoder?: readonly string[];
  /** Samples at which a click is heard; silence elsewhere. */
  readonly clicks?: readonly number[];
  readonly captions?: readonly Caption[];
  readonly facts?: Partial<SceneFacts>;
}

/** How scenes are encoded here: with the settings of the render driver, read from it. */
export const ENCODER = [...driverSettings(), '-qp', '23', '-threads', '1'];

function driverSettings(): string[] {
  const source = readFileSync(join(import.meta.dirname, '../../python/flaming_horse_build/render/encoder.py'), 'utf8');
  const own = /^OWN = \{$(.*?)^\}$/ms.exec(source)?.[1] ?? '';
  const { preset = '', ...others } = Object.fromEntries(
    [...own.matchAll(/^ {4}"([\w-]+)": "([^"]*)"/gm)].map(([, name, value]) => [name, value]),
  );
  const params = Object.entries(others).map(([name, value]) => `${name}=${value}`);
  if (!preset || params.length < 5) throw new Error('the settings of the driver are not where they were');
  return ['-preset', preset, '-x264-params', params.join(':')];
}

/** Ticks a second of a video track, as the render driver chooses them (film.py). */
function timeScale(rate: string): number {
  if (['15', '30', '60'].includes(rate)) return 15360;
  const [numerator = 0, denominator = 1] = rate.split('/').map(Number);
  return denominator !== 1 && numerator >= 5000 ? numerator : numerator * 1000;
}

/** Makes a scene's result as docs/protocol.md describes it, in a folder that is made. */
export async function makeScene(folder: string, parts: SceneParts): Promise<SceneResult> {
  const { id, frames, fps, width = 320, height = 180 } = parts;
  await mkdir(folder, { recursive: true });
  const rate = parts.rate ?? String(fps);
  const picture = parts.picture ?? `testsrc2=size=${width}x${height}:rate=${rate}`;
  await ffmpeg([
    ...['-f', 'lavfi', '-i', picture, '-frames:v', String(frames), '-pix_fmt', 'yuv420p', '-c:v', 'libx264'],
    ...(parts.encoder ?? ENCODER),
    // frames and encoder both: which of them is believed changed in ffmpeg 7
    ...['-vf', 'setparams=range=tv:colorspace=smpte170m:color_trc=bt709:color_primaries=bt709'],
    ...['-color_range', 'tv', '-colorspace', 'smpte170m', '-color_trc', 'bt709', '-color_primaries', 'bt709'],
    ...['-fflags', '+bitexact', '-flags:v', '+bitexact', '-movflags', '+faststart'],
    ...['-video_track_timescale', String(timeScale(rate)), join(folder, 'video.mp4')],
  ]);
  const samples = Math.round((frames * 48_000) / fps);
  await writeFile(join(folder, 'audio.wav'), wav(samples, parts.clicks ?? []));
  const facts: SceneFacts = {
    format: RESULT_FORMAT,
    scene_id: id,
    class_name: 'Scene',
    frames,
    fps,
    width,
    height,
    samples,
    encoder: 'fast',
    fallback: null,
    captions: parts.captions ?? [],
    lines: [],
    opened: [],
    unsafe: [],
    latex: false,
    versions: {},
    seconds: { total: 1 },
    cpu_seconds: 1,
    peak_rss_bytes: 1,
    files: {
      'video.mp4': await hashOf(join(folder, 'video.mp4')),
      'audio.wav': await hashOf(join(folder, 'audio.wav')),
    },
    ...parts.facts,
  };
  await writeFile(join(folder, 'result.json'), JSON.stringify(facts, null, 2));
  return readSceneResult(folder);
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** A WAV file, s16le, 48 kHz, stereo, silent but for clicks. */
export function wav(samples: number, clicks: readonly number[], height = 24_000): Buffer {
  const header = Buffer.alloc(44);
  const bytes = samples * 4;
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(48_000, 24);
  header.writeUInt32LE(192_000, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(bytes, 40);
  const data = Buffer.alloc(bytes);
  for (const click of clicks) {
    data.writeInt16LE(height, click * 4);
    data.writeInt16LE(height, click * 4 + 2);
  }
  return Buffer.concat([header, data]);
}

/** The sound of a media file as samples of its first channel at 48 kHz, as a player hears it. */
export async function samplesOf(file: string, folder: string): Promise<Int16Array> {
  const raw = join(folder, 'decoded.pcm');
  await ffmpeg(['-i', file, '-map', '0:a:0', '-f', 's16le', '-ar', '48000', '-ac', '2', raw]);
  const bytes = await readFile(raw);
  const samples = new Int16Array(bytes.length / 4);
  for (let index = 0; index < samples.length; index++) samples[index] = bytes.readInt16LE(index * 4);
  return samples;
}

/** Where a sound is loudest around a sample. */
export function loudest(samples: Int16Array, around: number, reach = 2000): number {
  let best = Math.max(0, around - reach);
  for (let index = best; index < Math.min(samples.length, around + reach); index++) {
    if (Math.abs(samples[index] ?? 0) > Math.abs(samples[best] ?? 0)) best = index;
  }
  return best;
}

/** The MD5 of each decoded frame of a video. */
export async function frameHashes(file: string): Promise<string[]> {
  const text = await ffmpeg(['-i', file, '-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'framemd5', '-']);
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}
