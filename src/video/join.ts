import { mkdir, open, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pLimit from 'p-limit';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { writeFile } from '../machine-errors.js';
import type { SceneResult } from '../render/result.js';
import { differences, majority, parseRate } from './agree.js';
import { mergeCaptions, toSrt, toTrackSource, toWebVtt } from './captions.js';
import {
  chapterMetadata,
  chapterTitle,
  concatList,
  joinArgs,
  mimicX264,
  type Rate,
  reencodeArgs,
  runFfmpeg,
  sceneVideoArgs,
  type Tools,
} from './ffmpeg.js';
import {
  faultsOf,
  findSilences,
  type Inspection,
  inspect,
  type Parameters,
  probe,
  readPackets,
  type SceneInspection,
} from './probe.js';
import { joinSound, type SoundFacts } from './sound.js';
import { type Packet, stillness } from './stillness.js';

export interface JoinOptions extends Tools {
  /** In the order of the video. Titles become chapters. */
  readonly scenes: readonly { readonly result: SceneResult; readonly title: string }[];
  /** The video to write; its captions are written beside it as .srt and .vtt. */
  readonly output: string;
  /** A folder for files on the way; made where it is missing. */
  readonly workDir: string;
  readonly log: Log;
}

export interface Chapter {
  readonly title: string;
  /** Seconds from the start of the video. */
  readonly start: number;
  readonly end: number;
}

export interface JoinedVideo {
  readonly frames: number;
  /** Frames a second. */
  readonly fps: number;
  readonly durationSeconds: number;
  /** Scenes that could not be copied, and why; empty where all is well. */
  readonly reencoded: readonly { readonly sceneId: string; readonly why: string }[];
  readonly captions: { readonly srt: string; readonly vtt: string; readonly count: number };
  readonly chapters: readonly Chapter[];
  readonly inspection: Inspection;
}

/** A scene on its way into the video. */
interface Part {
  readonly result: SceneResult;
  readonly title: string;
  readonly video: string;
  readonly parameters: Parameters;
  /** Frames as they go into the video, and as the scene has them. */
  readonly frames: number;
}

/**
 * Joins scene results into one video: pictures copied onto one frame grid, sound encoded once, chapters and captions in
 * the file and captions beside it. A scene whose picture cannot follow the others as it is is encoded again, which is
 * reported. The same results give the same bytes. The output appears whole or not at all.
 *
 * Throws UserError where ffmpeg is missing, Error where a result is damaged or the finished video fails its checks.
 */
export async function joinScenes(options: JoinOptions): Promise<JoinedVideo> {
  if (options.scenes.length === 0) throw new Error('there is no scene to join');
  await mkdir(options.workDir, { recursive: true });
  await mkdir(dirname(options.output), { recursive: true });

  const { parts, rate, timeScale, reencoded } = await agreeing(await readParts(options), options);
  const frames = parts.reduce((sum, part) => sum + part.frames, 0);
  const seconds = (frame: number): number => (frame * rate.den) / rate.num;
  const places = placesOf(parts, seconds);
  const captions = mergeCaptions(
    places.map(({ part, start, end }) => ({ captions: part.result.facts.captions, start, end })),
  );

  const at = (name: string): string => resolve(options.workDir, name);
  const files = { list: at('video.ffconcat'), sound: at('sound.pcm'), chapters: at('chapters.txt') };
  const track = captions.length > 0 ? at('captions.vtt') : undefined;
  await writeFile(
    files.list,
    concatList(
      parts.map(({ video, frames }) => ({ path: resolve(video), frames })),
      rate,
    ),
  );
  await writeFile(files.chapters, chapterMetadata(parts, rate));
  if (track) await writeFile(track, toTrackSource(captions));
  const sounds = await joinSound(
    parts.map(({ result, frames }) => ({ audio: result.audio, frames })),
    rate,
    files.sound,
  );

  const inspection = await written(options.output, async (partial) => {
    await runFfmpeg(joinArgs({ ...files, captions: track, timeScale, output: partial }), options);
    const [found, { grid, packets }, silences] = await Promise.all([
      probe(partial, options),
      readPackets(partial, options),
      findSilences(partial, options),
    ]);
    const faults = faultsOf(found, grid, { frames, seconds: seconds(frames) });
    if (faults.length > 0) throw new Error(`the joined video is not right: ${faults.join('; ')}`);
    return inspect(found, { silences, scenes: await inspectScenes(parts, sounds, packets, seconds, options) });
  });
  const stem = options.output.replace(/\.[^./]*$/, '');
  const beside = { srt: `${stem}.srt`, vtt: `${stem}.vtt` };
  await written(beside.srt, (partial) => writeFile(partial, toSrt(captions)));
  await written(beside.vtt, (partial) => writeFile(partial, toWebVtt(captions)));
  await rm(files.sound);

  return {
    frames,
    fps: rate.num / rate.den,
    durationSeconds: seconds(frames),
    reencoded,
    captions: { ...beside, count: captions.length },
    chapters: places.map(({ part, start, end }) => ({ title: chapterTitle(part.title), start, end })),
    inspection,
  };
}

/** What there is to say of each scene. Their packets follow each other in the video as the scenes do. */
async function inspectScenes(
  parts: readonly Part[],
  sounds: readonly SoundFacts[],
  packets: readonly Packet[],
  seconds: (frame: number) => number,
  options: JoinOptions,
): Promise<SceneInspection[]> {
  const limit = pLimit(availableParallelism());
  // a check that an ffmpeg cannot do is no reason to have no video
  const unknown = (id: string, error: unknown): undefined => {
    options.signal?.throwIfAborted();
    options.log.warning(`scene ${id}: its pictures could not be checked: ${messageOf(error)}`);
  };
  let frame = 0;
  const inspected = parts.map(({ result: { facts, video: rendered }, video, frames }, index) => {
    const own = packets.slice(frame, frame + frames);
    frame += frames;
    // what was encoded again is not what the fast encoder made
    const scene = { video, fps: frames / seconds(frames), isFast: facts.encoder === 'fast' && video === rendered };
    return limit(async () => ({
      id: facts.scene_id,
      seconds: seconds(frames),
      lines: facts.lines.length,
      still: (await stillness(scene, own, options).catch((error: unknown) => unknown(facts.scene_id, error))) ?? null,
      sound: sounds[index] ?? { ratio: 0, peak: 0, clipped: 0 },
    }));
  });
  return Promise.all(inspected);
}

/** Writes one scene as a video with sound, for the paths that projects expect. The picture is copied. */
export async function writeSceneVideo(result: SceneResult, path: string, tools: Tools): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await written(path, async (output) => {
    await runFfmpeg(sceneVideoArgs({ video: result.video, audio: result.audio, output }), tools);
  });
}

async function readParts({ scenes, ...tools }: JoinOptions): Promise<Part[]> {
  const limit = pLimit(availableParallelism());
  const read = async ({ result, title }: JoinOptions['scenes'][number]): Promise<Part> => {
    const { video } = await probe(result.video, tools);
    if (!video) throw new Error(`${result.video} holds no video`);
    const { scene_id, frames } = result.facts;
    if (video.frames !== frames)
      throw new Error(`scene ${scene_id}: its video holds ${video.frames} frames, its result says ${frames}`);
    return { result, title, video: result.video, parameters: video.parameters, frames };
  };
  return Promise.all(scenes.map((scene) => limit(() => read(scene))));
}

interface Agreement {
  readonly parts: readonly Part[];
  readonly rate: Rate;
  readonly timeScale: number;
  readonly reencoded: readonly { readonly sceneId: string; readonly why: string }[];
}

/** The parts such that all agree, encoding again as few as possible. */
async function agreeing(parts: readonly Part[], options: JoinOptions): Promise<Agreement> {
  const { model: index, odd } = majority(parts);
  const model = parts[index] as Part;
  const rate = parseRate(model.parameters.avg_frame_rate);
  const agreement = { rate, timeScale: timeScaleOf(model.parameters) };
  if (odd.length === 0) return { parts, reencoded: [], ...agreement };

  const reasons = new Map(odd.map((at) => [at, differences((parts[at] as Part).parameters, model.parameters)]));
  const warn = (why: string, at: number): void =>
    options.log.warning(`scene ${(parts[at] as Part).result.facts.scene_id} is encoded again for the join: ${why}`);
  reasons.forEach(warn);

  const x264 = mimicX264(await firstBytes(model.video)) ?? {};
  const convert = (part: Part, at: number): Promise<Part> => reencode(part, at, model, rate, x264, options);
  const settled = await mapInOrder(parts, (part, at) => (reasons.has(at) ? convert(part, at) : part));
  const left = settled.find((part) => part.parameters.extradata_hash !== model.parameters.extradata_hash);
  if (left === undefined) return { parts: settled, reencoded: named(parts, reasons), ...agreement };

  // the encoder at hand cannot repeat the settings of the majority, so every scene gets its settings
  parts.forEach((_, at) => {
    if (reasons.has(at)) return;
    const why = 'the encoder at hand cannot repeat its settings for the scenes that differ';
    reasons.set(at, why);
    warn(why, at);
  });
  const all = await mapInOrder(parts, convert);
  const { odd: stillOdd } = majority(all);
  if (stillOdd.length > 0) {
    const [a, b] = [all[0] as Part, all[stillOdd[0] as number] as Part];
    throw new Error(`scenes differ even after encoding them again: ${differences(b.parameters, a.parameters)}`);
  }
  return { parts: all, reencoded: named(parts, reasons), ...agreement };
}

function named(parts: readonly Part[], reasons: ReadonlyMap<number, string>): Agreement['reencoded'] {
  return parts.flatMap((part, at) => {
    const why = reasons.get(at);
    return why === undefined ? [] : [{ sceneId: part.result.facts.scene_id, why }];
  });
}

async function reencode(
  part: Part,
  at: number,
  model: Part,
  rate: Rate,
  x264: Readonly<Record<string, string>>,
  options: JoinOptions,
): Promise<Part> {
  const { parameters: like } = model;
  const own = part.result.facts.fps;
  const changeRate = Math.abs(own - rate.num / rate.den) > 0.001;
  const frames = changeRate ? Math.max(1, Math.round((part.frames * rate.num) / rate.den / own)) : part.frames;
  const output = join(options.workDir, `reencoded_${at}.mp4`);
  await runFfmpeg(
    reencodeArgs({
      input: part.video,
      output,
      width: Number(like.width),
      height: Number(like.height),
      pixelFormat: like.pix_fmt,
      sampleAspectRatio: like.sample_aspect_ratio,
      rate,
      changeRate,
      frames,
      timeScale: timeScaleOf(like),
      colours: {
        range: like.color_range,
        space: like.color_space,
        transfer: like.color_transfer,
        primaries: like.color_primaries,
      },
      x264,
    }),
    options,
  );
  const { video } = await probe(output, options);
  if (video?.frames !== frames)
    throw new Error(`scene ${part.result.facts.scene_id} encoded again holds ${video?.frames} frames, not ${frames}`);
  return { ...part, video: output, parameters: video.parameters, frames };
}

/** One after the other: an encoder fills the machine by itself. */
async function mapInOrder<T, U>(values: readonly T[], work: (value: T, at: number) => U | Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const [at, value] of values.entries()) results.push(await work(value, at));
  return results;
}

/** Each part with the seconds where it starts and ends. */
function placesOf(
  parts: readonly Part[],
  seconds: (frame: number) => number,
): { part: Part; start: number; end: number }[] {
  let frame = 0;
  return parts.map((part) => {
    const start = seconds(frame);
    frame += part.frames;
    return { part, start, end: seconds(frame) };
  });
}

/** Ticks a second of a video track. */
function timeScaleOf(parameters: Parameters): number {
  return parseRate(parameters.time_base).den;
}

/** Enough of a file to hold its header and first frame's note. */
async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4 << 20), 0, 4 << 20, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Writes a file under a temporary name beside it and gives it its own once it is whole. */
async function written<T>(path: string, write: (partial: string) => Promise<T>): Promise<T> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    const result = await write(partial);
    await rename(partial, path);
    return result;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
