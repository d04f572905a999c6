import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { naming } from '../machine-errors.js';
import { CHANNELS, type Rate, SAMPLE_RATE } from './ffmpeg.js';

/** Bytes of one sample of all channels, s16le. */
const SAMPLE_BYTES = 2 * CHANNELS;
const CHUNK_BYTES = 1 << 20;

/** Samples from the start of the video to the start of a frame, at 48 kHz. */
export function samplesAt(frame: number, rate: Rate): number {
  return Math.round((frame * SAMPLE_RATE * rate.den) / rate.num);
}

/** What the samples of a scene's sound say of it. */
export interface SoundFacts {
  /** Length of the sound over length of the picture, at most 1. */
  readonly ratio: number;
  /** The loudest sample, from 0 to 1. */
  readonly peak: number;
  /** Places where the sound stays at the most that a sample can be: it was louder than that, and is distorted. */
  readonly clipped: number;
}

interface SceneSound {
  readonly audio: string;
  readonly frames: number;
}

/**
 * Writes the sounds of scenes (WAV, s16le, 48 kHz, stereo) end to end as raw samples. Each scene's sound starts on the
 * sample where its first frame starts; what is missing up to the next scene is silence, what is over is cut. Returns what
 * was seen of each on the way. Throws Error for a file of another format.
 */
export async function joinSound(scenes: readonly SceneSound[], rate: Rate, output: string): Promise<SoundFacts[]> {
  const facts: SoundFacts[] = [];
  await naming(output, () => pipeline(Readable.from(samplesOf(scenes, rate, facts)), createWriteStream(output)));
  return facts;
}

async function* samplesOf(scenes: readonly SceneSound[], rate: Rate, facts: SoundFacts[]): AsyncGenerator<Buffer> {
  let frame = 0;
  for (const scene of scenes) {
    const wanted = (samplesAt(frame + scene.frames, rate) - samplesAt(frame, rate)) * SAMPLE_BYTES;
    let missing = wanted;
    frame += scene.frames;
    const meter = soundMeter();
    const file = await open(scene.audio);
    try {
      const data = await findSamples(file, scene.audio);
      for (let position = data.start; position < data.end && missing > 0; ) {
        const chunk = Math.min(CHUNK_BYTES, data.end - position, missing);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(chunk), 0, chunk, position);
        if (bytesRead === 0) break; // the header promised more than there is
        meter.hear(buffer, bytesRead);
        yield buffer.subarray(0, bytesRead);
        position += bytesRead;
        missing -= bytesRead;
      }
    } finally {
      await file.close();
    }
    facts.push({ ratio: wanted === 0 ? 1 : (wanted - missing) / wanted, ...meter.facts() });
    for (; missing > 0; missing -= CHUNK_BYTES) yield Buffer.alloc(Math.min(CHUNK_BYTES, missing));
  }
}

/** So many samples of a channel one after the other, all as loud as can be, are no sound that anything makes. */
const CLIPPED_SAMPLES = 4;
const LOUDEST = 32_767;

function soundMeter(): { hear(buffer: Buffer, bytes: number): void; facts(): { peak: number; clipped: number } } {
  let peak = 0;
  let clipped = 0;
  const runs = new Uint32Array(CHANNELS);
  return {
    hear: (buffer, bytes) => {
      // where the machine stores numbers with the low byte first, as the file does; all that Node runs on does
      const samples = new Int16Array(buffer.buffer, buffer.byteOffset, bytes >> 1);
      for (let at = 0; at < samples.length; at++) {
        const level = Math.abs(samples[at] as number);
        if (level > peak) peak = level;
        const channel = at % CHANNELS;
        const run = level >= LOUDEST ? (runs[channel] as number) + 1 : 0;
        runs[channel] = run;
        if (run === CLIPPED_SAMPLES) clipped += 1;
      }
    },
    facts: () => ({ peak: Math.min(1, peak / LOUDEST), clipped }),
  };
}

/** Where the samples lie in a WAV file, in bytes. */
async function findSamples(file: FileHandle, path: string): Promise<{ start: number; end: number }> {
  const wrong = (what: string): Error => new Error(`${path}: ${what}; expected WAV, s16le, ${SAMPLE_RATE} Hz, stereo`);
  const head = Buffer.alloc(65_536);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WAVE')
    throw wrong('not a WAV file');
  let formatSeen = false;
  for (let at = 12; at + 8 <= bytesRead; ) {
    const name = head.toString('latin1', at, at + 4);
    const size = head.readUInt32LE(at + 4);
    const body = at + 8;
    if (name === 'fmt ') {
      const [channels, sampleRate, bits] = [
        head.readUInt16LE(body + 2),
        head.readUInt32LE(body + 4),
        head.readUInt16LE(body + 14),
      ];
      if (channels !== CHANNELS || sampleRate !== SAMPLE_RATE || bits !== 16)
        throw wrong(`${channels} channels, ${sampleRate} Hz, ${bits} bits`);
      formatSeen = true;
    }
    if (name === 'data') {
      if (!formatSeen) throw wrong('samples before their format');
      const { size: fileSize } = await file.stat();
      return { start: body, end: Math.min(body + size, fileSize) };
    }
    at = body + size + (size % 2);
  }
  throw wrong('no samples found');
}
