import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readMp3 } from '../../src/voice/mp3.js';
import { temporaryFolders } from '../support/folder.js';
import { decoded } from './support.js';

const fresh = temporaryFolders();

/** An mp3 of a tone of 1.234 s. */
async function tone(...options: string[]): Promise<{ file: string; bytes: Buffer }> {
  const file = join(await fresh(), 'tone.mp3');
  const source = ['-f', 'lavfi', '-i', 'sine=frequency=440:duration=1.234'];
  const done = spawnSync('ffmpeg', ['-v', 'error', ...source, ...options, file]);
  if (done.status !== 0) throw new Error(done.stderr.toString());
  return { file, bytes: await readFile(file) };
}

test.each([
  ['mono, 24 kHz', '-ac 1 -ar 24000 -b:a 96k'],
  ['stereo, 44.1 kHz', '-ac 2 -ar 44100 -b:a 192k'],
  ['joint stereo, 48 kHz, variable', '-ac 2 -ar 48000 -q:a 4 -joint_stereo 1'],
  ['mono, 32 kHz, variable', '-ac 1 -ar 32000 -q:a 9'],
  ['mono, 16 kHz', '-ac 1 -ar 16000 -b:a 24k'],
  ['mono, 8 kHz', '-ac 1 -ar 8000 -b:a 8k'],
  ['tags at both ends', '-ac 1 -ar 44100 -metadata title=tone -id3v2_version 4 -write_id3v1 1'],
])('the length of a file is what a decoder gives: %s', async (_, options) => {
  const { file, bytes } = await tone(...options.split(' '));
  const read = readMp3(bytes);
  expect(read).toMatchObject({
    channels: options.includes('-ac 2') ? 2 : 1,
    sampleRate: Number(/-ar (\d+)/.exec(options)?.[1]),
  });
  expect('seconds' in read && read.seconds).toBeCloseTo(decoded(file).length / 2 / 24_000, 3);
});

test('a file without an encoder’s note is read frame by frame, a torn last one left out', async () => {
  const { file, bytes } = await tone('-ac', '1', '-ar', '24000', '-b:a', '96k', '-write_xing', '0');
  const whole = readMp3(bytes);
  const torn = readMp3(bytes.subarray(0, bytes.length - 10));
  if ('fault' in whole || 'fault' in torn) throw new Error('cannot be read');
  expect(whole.seconds).toBeCloseTo(decoded(file).length / 2 / 24_000, 1);
  expect(whole.seconds - torn.seconds).toBeCloseTo(576 / 24_000, 6);
});

test('what is not a whole mp3 file is told', async () => {
  const { bytes } = await tone('-ac', '1', '-ar', '24000', '-b:a', '96k');
  const damaged = Buffer.from(bytes).fill(0, 5000, 5600);
  expect(readMp3(damaged)).toEqual({ fault: expect.stringMatching(/^is damaged at byte \d+ of \d+$/) });
  expect(readMp3(bytes.subarray(0, 8000))).toEqual({
    fault: expect.stringMatching(/^is cut off after \d+ of \d+ frames$/),
  });
  expect(readMp3(Buffer.alloc(0))).toEqual({ fault: 'is empty' });
  expect(readMp3(Buffer.from('RIFF....WAVEfmt '))).toEqual({ fault: 'is not an mp3 file' });
  expect(readMp3(bytes.subarray(0, 120))).toEqual({ fault: 'is cut off in its first frame' });
  expect(readMp3(Buffer.alloc(5000))).toEqual({ fault: 'is not an mp3 file' });
});

test('silence after the last frame is no damage, other bytes are', async () => {
  const { bytes } = await tone('-ac', '1', '-ar', '24000', '-b:a', '96k');
  expect(readMp3(Buffer.concat([bytes, Buffer.alloc(100)]))).toEqual(readMp3(bytes));
  expect(readMp3(Buffer.concat([bytes, Buffer.from('garbage')]))).toHaveProperty('fault');
});

test('a file is not read past its end, wherever it is cut', async () => {
  const { bytes } = await tone('-ac', '1', '-ar', '24000', '-b:a', '96k');
  for (let length = 0; length < Math.min(bytes.length, 1200); length++) {
    expect(readMp3(bytes.subarray(0, length))).toHaveProperty('fault');
  }
});
