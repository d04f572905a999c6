import { join } from 'node:path';
import * as v from 'valibot';
import { count, readJson, seconds, texts } from '../store/json.js';
import { sha256OfFile } from '../store/keys.js';

/** The format of scene results that this version writes and reads; see docs/protocol.md. */
export const RESULT_FORMAT = 2;

/** One caption; seconds on the scene's own frame clock. */
export interface Caption {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One narration line as the scene spoke it. */
export interface SpokenLine {
  readonly key: string | null;
  readonly text: string;
  readonly audio_file: string;
  readonly audio_sha256: string;
  readonly start_frame: number;
  readonly duration_seconds: number;
}

/** What `result.json` holds, as the driver wrote it. Field names are those of docs/protocol.md. */
export interface SceneFacts {
  readonly format: number;
  readonly scene_id: string;
  readonly class_name: string;
  readonly frames: number;
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  /** Samples a channel at 48 kHz: exactly round(frames * 48000 / fps). */
  readonly samples: number;
  readonly encoder: 'fast' | 'stock';
  readonly fallback: string | null;
  readonly captions: readonly Caption[];
  readonly lines: readonly SpokenLine[];
  readonly opened: readonly { readonly path: string; readonly kind: string }[];
  readonly unsafe: readonly string[];
  /** Whether anything was set with LaTeX. */
  readonly latex: boolean;
  readonly versions: Readonly<Record<string, string>>;
  readonly seconds: Readonly<Record<string, number>>;
  readonly cpu_seconds: number;
  readonly peak_rss_bytes: number;
  readonly files: Readonly<Record<string, string>>;
}

const numbers = v.custom<Readonly<Record<string, number>>>(
  (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((member) => typeof member === 'number'),
  'expected numbers by name',
);
const positive = v.pipe(count, v.minValue(1));

/** Loose: a driver may say more. */
const factsSchema: v.GenericSchema<unknown, SceneFacts> = v.looseObject({
  format: v.literal(RESULT_FORMAT),
  scene_id: v.string(),
  class_name: v.string(),
  frames: positive,
  fps: v.pipe(v.number(), v.finite(), v.gtValue(0)),
  width: positive,
  height: positive,
  samples: count,
  encoder: v.picklist(['fast', 'stock']),
  fallback: v.nullable(v.string()),
  captions: v.array(v.looseObject({ start: v.number(), end: v.number(), text: v.string() })),
  lines: v.array(
    v.looseObject({
      key: v.nullable(v.string()),
      text: v.string(),
      audio_file: v.string(),
      audio_sha256: v.string(),
      start_frame: v.number(),
      duration_seconds: v.number(),
    }),
  ),
  opened: v.array(v.looseObject({ path: v.string(), kind: v.string() })),
  unsafe: v.array(v.string()),
  latex: v.boolean(),
  versions: texts,
  seconds: numbers,
  cpu_seconds: seconds,
  peak_rss_bytes: count,
  files: texts,
});

/** A finished scene: its facts and the folder that holds `video.mp4`, `audio.wav` and `result.json`. */
export interface SceneResult {
  readonly folder: string;
  readonly video: string;
  readonly audio: string;
  readonly facts: SceneFacts;
}

/**
 * Reads a scene result and verifies it: format, checksums of its files, sample count. Throws an Error that says what is
 * wrong with it; the caller renders again.
 */
export async function readSceneResult(folder: string): Promise<SceneResult> {
  const facts = await readJson(join(folder, 'result.json'), factsSchema);
  const samples = Math.round((facts.frames * 48_000) / facts.fps);
  if (facts.samples !== samples) throw new Error(`${facts.samples} samples, expected ${samples}`);
  for (const name of ['video.mp4', 'audio.wav']) {
    const expected = facts.files[name];
    if (!expected) throw new Error(`no checksum for ${name}`);
    if ((await sha256OfFile(join(folder, name))) !== expected) throw new Error(`${name} is not what was rendered`);
  }
  return { folder, video: join(folder, 'video.mp4'), audio: join(folder, 'audio.wav'), facts };
}
