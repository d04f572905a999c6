import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const facts = JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')) as SceneFacts;
  if (facts.format !== RESULT_FORMAT) throw new Error(`result format ${facts.format}, expected ${RESULT_FORMAT}`);
  if (!(facts.frames > 0) || !(facts.fps > 0)) throw new Error(`${facts.frames} frames at ${facts.fps} fps`);
  const samples = Math.round((facts.frames * 48_000) / facts.fps);
  if (facts.samples !== samples) throw new Error(`${facts.samples} samples, expected ${samples}`);
  for (const name of ['video.mp4', 'audio.wav']) {
    const expected = facts.files[name];
    if (!expected) throw new Error(`no checksum for ${name}`);
    if ((await sha256OfFile(join(folder, name))) !== expected) throw new Error(`${name} is not what was rendered`);
  }
  return { folder, video: join(folder, 'video.mp4'), audio: join(folder, 'audio.wav'), facts };
}
