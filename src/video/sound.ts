import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CHANNELS, type Rate, SAMPLE_RATE } from './ffmpeg.js';

/** Bytes of one sample of all channels, s16le. */
const SAMPLE_BYTES = 2 * CHANNELS;
const CHUNK_BYTES = 1 << 20;

/** Samples from the start of the video to the start of a frame, at 48 kHz. */
export function samplesAt(frame: number, rate: Rate): number {
  return Math.round((frame * SAMPLE_RATE * rate.den) / rate.num);
}

/**
 * Writes the sounds of scenes (WAV, s16le, 48 kHz, stereo) end to end as raw samples. Each scene's sound starts on the
 * sample where its first frame starts; what is missing up to the next scene is silence, what is over is cut.
 * Throws Error for a file of another format.
 */
export async function joinSound(
  scenes: readonly { audio: string; frames: number }[],
  rate: Rate,
  output: string,
): Promise<void> {
  await pipeline(Readable.from(samplesOf(scenes, rate)), createWriteStream(output));
}

async function* samplesOf(scenes: readonly { audio: string; frames: number }[], rate: Rate): AsyncGenerator<Buffer> {
  let frame = 0;
  for (const scene of scenes) {
    let missing = (samplesAt(frame + scene.frames, rate) - samplesAt(frame, rate)) * SAMPLE_BYTES;
    frame += scene.frames;
    const file = await open(scene.audio);
    try {
      const data = await findSamples(file, scene.audio);
      for (let position = data.start; position < data.end && missing > 0; ) {
        const wanted = Math.min(CHUNK_BYTES, data.end - position, missing);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, position);
        if (bytesRead === 0) break; // the header promised more than there is
        yield buffer.subarray(0, bytesRead);
        position += bytesRead;
        missing -= bytesRead;
      }
    } finally {
      await file.close();
    }
    for (; missing > 0; missing -= CHUNK_BYTES) yield Buffer.alloc(Math.min(CHUNK_BYTES, missing));
  }
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
