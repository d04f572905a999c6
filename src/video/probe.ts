import {
  AAC_FRAME,
  packetArgs,
  parseSilences,
  probeArgs,
  runFfmpeg,
  runFfprobe,
  SAMPLE_RATE,
  silenceArgs,
  type Tools,
} from './ffmpeg.js';
import type { SoundFacts } from './sound.js';
import type { Packet, Still } from './stillness.js';

/**
 * Everything in which two video streams must agree before one can follow the other in the same track, in words of
 * ffprobe ("unknown" where the file does not say).
 */
export const PARAMETERS = [
  'codec_name',
  'codec_tag_string',
  'width',
  'height',
  'sample_aspect_ratio',
  'pix_fmt',
  'profile',
  'level',
  'has_b_frames',
  'field_order',
  'avg_frame_rate',
  'time_base',
  'color_range',
  'color_space',
  'color_transfer',
  'color_primaries',
  'chroma_location',
  'extradata_hash',
] as const;

export type ParameterName = (typeof PARAMETERS)[number];
export type Parameters = Readonly<Record<ParameterName, string>>;

/** What a file holds. Durations and starts in seconds, undefined where the file does not say. */
export interface Probe {
  readonly video?: {
    readonly parameters: Parameters;
    readonly frames: number;
    readonly start: number;
    readonly seconds: number;
  };
  readonly audio?: { readonly codec: string; readonly start: number; readonly seconds: number };
  readonly captionTracks: number;
}

/** Reads what a media file holds from its headers. Throws where ffprobe cannot read it. */
export async function probe(file: string, tools: Tools): Promise<Probe> {
  const { stdout } = await runFfprobe(probeArgs(file), tools);
  const streams = (JSON.parse(stdout) as { streams?: Record<string, unknown>[] }).streams ?? [];
  const video = streams.find((stream) => stream.codec_type === 'video');
  const audio = streams.find((stream) => stream.codec_type === 'audio');
  const number = (value: unknown): number => Number(value ?? Number.NaN);
  return {
    ...(video && {
      video: {
        parameters: Object.fromEntries(
          PARAMETERS.map((name) => [name, String(video[name] ?? 'unknown')]),
        ) as Parameters,
        frames: number(video.nb_frames),
        start: number(video.start_time),
        seconds: number(video.duration),
      },
    }),
    ...(audio && {
      audio: { codec: String(audio.codec_name), start: number(audio.start_time), seconds: number(audio.duration) },
    }),
    captionTracks: streams.filter((stream) => stream.codec_type === 'subtitle').length,
  };
}

/** Where the frames of a video lie, in ticks of its track: `step` is 0 where the steps are not all equal. */
export interface FrameGrid {
  readonly frames: number;
  readonly first: number;
  readonly step: number;
}

/** Reads where every frame of a video lies, and its packets in decoding order. */
export async function readPackets(file: string, tools: Tools): Promise<{ grid: FrameGrid; packets: Packet[] }> {
  const times: number[] = [];
  const packets: Packet[] = [];
  await runFfprobe(packetArgs(file), tools, (line) => {
    const [, time, bytes, key] = /^(-?\d+),(\d+),([K_])/.exec(line) ?? [];
    if (time === undefined) return;
    times.push(Number(time));
    packets.push({ bytes: Number(bytes), isKey: key === 'K' });
  });
  return { grid: gridOf(times), packets };
}

/** The grid on which presentation times lie, whatever order they come in. */
export function gridOf(times: readonly number[]): FrameGrid {
  const sorted = [...times].sort((a, b) => a - b);
  const first = sorted[0] ?? 0;
  const step = sorted.length > 1 ? (sorted[1] ?? 0) - first : 1;
  const even = sorted.every((time, index) => time === first + index * step);
  return { frames: sorted.length, first, step: even ? step : 0 };
}

/** Facts about one scene of a finished video. */
export interface SceneInspection {
  readonly id: string;
  readonly seconds: number;
  /** Narration lines that it speaks. */
  readonly lines: number;
  /** What it shows where it shows one picture throughout; null for a scene that moves. */
  readonly still: Still | null;
  readonly sound: SoundFacts;
}

/** Facts about a finished video for the quality checks; seconds. */
export interface Inspection {
  readonly videoSeconds: number;
  readonly audioSeconds: number;
  /** Length of the sound over length of the picture; 0 where there is no sound. */
  readonly audioVideoRatio: number;
  /** Stretches of more than 3 s below -50 dB. */
  readonly silences: readonly { readonly start: number; readonly end: number }[];
  /** In the order of the video. */
  readonly scenes: readonly SceneInspection[];
}

/** The stretches of more than 3 s below -50 dB in a file that has sound. */
export async function findSilences(file: string, tools: Tools): Promise<Inspection['silences']> {
  return parseSilences((await runFfmpeg(silenceArgs(file, -50, 3), tools)).stderr);
}

/** How long the sound and the picture of a probed video are, beside what else is known of it. Judges nothing. */
export function inspect({ video, audio }: Probe, known: Pick<Inspection, 'silences' | 'scenes'>): Inspection {
  const [videoSeconds, audioSeconds] = [video?.seconds ?? 0, audio?.seconds ?? 0];
  return { videoSeconds, audioSeconds, audioVideoRatio: audioSeconds / videoSeconds, ...known };
}

/**
 * What is wrong with a joined video, in words; empty where nothing is. `frames` is the number it must have, `seconds`
 * the length of its picture.
 */
export function faultsOf(found: Probe, grid: FrameGrid, expected: { frames: number; seconds: number }): string[] {
  const faults: string[] = [];
  const { video, audio } = found;
  if (!video) return ['it holds no video'];
  if (!audio) faults.push('it holds no sound');
  if (grid.frames !== expected.frames) faults.push(`it holds ${grid.frames} frames, expected ${expected.frames}`);
  if (grid.step === 0) faults.push('its frames are not evenly spaced');
  if (grid.first !== 0) faults.push(`its first frame is shown at tick ${grid.first}, not at 0`);
  if (Math.abs(video.seconds - expected.seconds) > 0.001)
    faults.push(`its picture lasts ${video.seconds} s, expected ${expected.seconds.toFixed(6)} s`);
  if (audio && Math.abs(audio.start) > 0.001) faults.push(`its sound starts at ${audio.start} s, not at 0`);
  if (audio && !(Math.abs(audio.seconds - expected.seconds) <= AAC_FRAME / SAMPLE_RATE))
    faults.push(`its sound lasts ${audio.seconds} s, its picture ${expected.seconds.toFixed(6)} s`);
  return faults;
}
