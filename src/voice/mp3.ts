/** What an mp3 file holds, read from its frame headers. */
export interface Mp3 {
  /** Exactly what a decoder gives: padding that the file declares is left out. */
  readonly seconds: number;
  readonly sampleRate: number;
  readonly channels: number;
}

const BITRATES = {
  1: [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const SAMPLE_RATES = [44_100, 48_000, 32_000] as const;

interface Header {
  readonly version: 1 | 2;
  readonly sampleRate: number;
  readonly channels: number;
  /** Bytes of the whole frame. */
  readonly length: number;
  /** Samples of each channel in a frame. */
  readonly samples: number;
  /** Bytes from the start of the frame to what follows the side information. */
  readonly sideEnd: number;
}

/**
 * Reads an mp3 file, frame by frame and to its end, so that a torn or overwritten file is told from a whole one without
 * decoding. Gives what is wrong in words where it is not a whole mp3 file.
 */
export function readMp3(bytes: Buffer): Mp3 | { readonly fault: string } {
  const text = bytes.toString('latin1', 0, 40);
  if (bytes.length === 0) return { fault: 'is empty' };
  if (text.startsWith('version https://git-lfs')) return { fault: 'is a Git LFS pointer; check out with lfs: true' };

  let at = tagsEnd(bytes);
  while (bytes[at] === 0) at++; // padding after tags
  const first = headerAt(bytes, at);
  if (!first) return { fault: 'is not an mp3 file' };
  if (at + first.length > bytes.length) return { fault: 'is cut off in its first frame' };
  const note = encoderNote(bytes, at, first);
  if (note) at += first.length;

  let frames = 0;
  for (let header = headerAt(bytes, at); header; header = headerAt(bytes, at)) {
    if (header.version !== first.version || header.sampleRate !== first.sampleRate) break;
    if (at + header.length > bytes.length) {
      at = bytes.length; // a torn last frame: told by the encoder's count, where there is one
      break;
    }
    frames++;
    at += header.length;
  }
  if (!isTrailer(bytes.subarray(at))) return { fault: `is damaged at byte ${at} of ${bytes.length}` };
  if (note?.frames !== undefined && frames < note.frames - 1)
    return { fault: `is cut off after ${frames} of ${note.frames} frames` };
  if (frames === 0) return { fault: 'holds no sound' };
  const samples = frames * first.samples - (note?.padding ?? 0);
  return { seconds: samples / first.sampleRate, sampleRate: first.sampleRate, channels: first.channels };
}

/** The identity that a file carries which we made ourselves; see identityTag. */
export function markOf(bytes: Buffer): string | undefined {
  return /flaming-horse-build ([0-9a-f]{64})/.exec(bytes.toString('latin1', 0, tagsEnd(bytes)))?.[1];
}

/** The comment by which markOf knows a file: it stays with the file wherever it is copied, whatever an index says. */
export function markFor(identity: string): string {
  return `flaming-horse-build ${identity}`;
}

/** Where the ID3v2 tags at the start end. */
function tagsEnd(bytes: Buffer): number {
  let at = 0;
  while (bytes.toString('latin1', at, at + 3) === 'ID3' && at + 10 <= bytes.length) {
    const size = [6, 7, 8, 9].reduce((sum, offset) => sum * 128 + ((bytes[at + offset] ?? 0) & 0x7f), 0);
    const footer = ((bytes[at + 5] ?? 0) & 0x10) === 0 ? 0 : 10;
    at += 10 + size + footer;
  }
  return Math.min(at, bytes.length);
}

function headerAt(bytes: Buffer, at: number): Header | undefined {
  if (at + 4 > bytes.length) return undefined;
  const word = bytes.readUInt32BE(at);
  const [versionBits, layer, bitrateIndex, rateIndex] = [
    (word >>> 19) & 3,
    (word >>> 17) & 3,
    (word >>> 12) & 15,
    (word >>> 10) & 3,
  ];
  if (word >>> 21 !== 0x7ff || versionBits === 1 || layer !== 1) return undefined;
  const version = versionBits === 3 ? 1 : 2;
  const bitrate = BITRATES[version][bitrateIndex - 1];
  const rate = SAMPLE_RATES[rateIndex as 0 | 1 | 2];
  if (bitrate === undefined || rate === undefined) return undefined;
  const sampleRate = rate / { 3: 1, 2: 2, 0: 4 }[versionBits as 0 | 2 | 3];
  const samples = version === 1 ? 1152 : 576;
  const mono = ((word >>> 6) & 3) === 3;
  const side = version === 1 ? (mono ? 17 : 32) : mono ? 9 : 17;
  return {
    version,
    sampleRate,
    channels: mono ? 1 : 2,
    length: Math.floor(((samples / 8) * bitrate * 1000) / sampleRate) + ((word >>> 9) & 1),
    samples,
    sideEnd: 4 + ((word >>> 16) & 1 ? 0 : 2) + side,
  };
}

/** The note that most encoders leave instead of a first frame: how many frames follow, how many samples are padding. */
function encoderNote(bytes: Buffer, at: number, first: Header): { frames?: number; padding: number } | undefined {
  if (bytes.toString('latin1', at + 36, at + 40) === 'VBRI')
    return at + 54 <= bytes.length ? { frames: bytes.readUInt32BE(at + 50), padding: 0 } : undefined;
  const start = at + first.sideEnd;
  if (!['Xing', 'Info'].includes(bytes.toString('latin1', start, start + 4))) return undefined;
  if (start + 12 > bytes.length) return { padding: 0 };
  const flags = bytes.readUInt32BE(start + 4);
  const encoder = start + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (encoder + 24 > Math.min(bytes.length, at + first.length)) return { padding: 0 };
  const padding = bytes.readUIntBE(encoder + 21, 3);
  return {
    ...(flags & 1 ? { frames: bytes.readUInt32BE(start + 8) } : {}),
    padding: (padding >> 12) + (padding & 0xfff),
  };
}

/** Whether what follows the last frame is nothing, padding, or a tag of those that stand at the end. */
function isTrailer(rest: Buffer): boolean {
  const start = rest.toString('latin1', 0, 11);
  return (
    ['TAG', 'APETAGEX', 'LYRICSBEGIN', 'ID3'].some((tag) => start.startsWith(tag)) || rest.every((byte) => byte === 0)
  );
}
