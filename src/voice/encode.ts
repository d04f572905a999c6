import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import { messageOf } from '../errors.js';
import { sha256 } from '../store/keys.js';
import { runFfmpeg, ToolError, type Tools } from '../video/ffmpeg.js';
import { markFor, readMp3 } from './mp3.js';

/** How lines are encoded: mono, 24 kHz, as existing projects have them. Part of every voice's fingerprint. */
export const MP3_ENCODING = ['-ac', '1', '-ar', '24000', '-c:a', 'libmp3lame', '-b:a', '96k'] as const;

const TOLERANCE_SECONDS = 0.02;

/** The command that makes an mp3 of a WAV: marked with its identity, no dates, the same bytes every time. */
export function encodeArgs(wav: string, mp3: string, identity: string): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-y', '-loglevel', 'error', '-i', wav, '-map', '0:a:0'],
    ...['-map_metadata', '-1', '-metadata', `comment=${markFor(identity)}`],
    ...MP3_ENCODING,
    ...['-flags:a', '+bitexact', '-fflags', '+bitexact', '-id3v2_version', '3', '-write_id3v1', '0', '-f', 'mp3', mp3],
  ];
}

/** Makes the mp3 of a line and checks it against the length of the WAV. Throws Error where they differ. */
export async function encodeLine(
  line: { readonly wav: string; readonly mp3: string; readonly identity: string; readonly seconds: number },
  tools: Tools,
): Promise<{ readonly seconds: number; readonly sha256: string }> {
  await runFfmpeg(encodeArgs(line.wav, line.mp3, line.identity), tools);
  const bytes = await readFile(line.mp3);
  const made = readMp3(bytes);
  if ('fault' in made) throw new Error(`its mp3 ${made.fault}`);
  if (Math.abs(made.seconds - line.seconds) > TOLERANCE_SECONDS)
    throw new Error(`its mp3 lasts ${made.seconds.toFixed(3)} s, it was spoken in ${line.seconds.toFixed(3)} s`);
  return { seconds: made.seconds, sha256: sha256(bytes) };
}

/** Decodes sounds to nowhere; an error in any of them ends the command with a failure. */
export function decodeArgs(files: readonly string[]): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-xerror', '-err_detect', 'explode'],
    ...files.flatMap((file) => ['-i', file]),
    ...files.flatMap((_, index) => ['-map', `${index}:a:0`]),
    ...['-f', 'null', '-'],
  ];
}

/** Files decoded by one command: starting ffmpeg costs more than decoding a line. */
const AT_ONCE = 24;

/** Decodes sounds; gives what is wrong with each that cannot be. Throws UserError where ffmpeg is missing. */
export async function decodingFaults(
  files: readonly string[],
  concurrency: number,
  tools: Tools,
): Promise<ReadonlyMap<string, string>> {
  const limit = pLimit(concurrency);
  const faults = new Map<string, string>();
  const decode = async (batch: readonly string[]): Promise<void> => {
    const [first] = batch;
    if (first === undefined) return;
    const failed = await limit(() => runFfmpeg(decodeArgs(batch), tools)).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failed === undefined) return;
    if (!(failed instanceof ToolError) || tools.signal?.aborted) throw failed;
    if (batch.length === 1) faults.set(first, `cannot be decoded: ${messageOf(failed).split('\n')[0]}`);
    else await Promise.all(batch.map((file) => decode([file])));
  };
  const batches = Array.from({ length: Math.ceil(files.length / AT_ONCE) }, (_, index) =>
    files.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
  await Promise.all(batches.map(decode));
  return faults;
}
