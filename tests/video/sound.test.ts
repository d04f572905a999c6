import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { joinSound } from '../../src/video/sound.js';
import { temporaryFolders } from '../support/folder.js';
import { ffmpeg, wav } from '../support/scene-result.js';

const newFolder = temporaryFolders();

/** Joins WAV files; gives the number of samples and where they are not silent. */
async function joined(
  scenes: readonly { sound: Buffer; frames: number }[],
  rate: { num: number; den: number },
): Promise<{ samples: number; heard: number[] }> {
  const folder = await newFolder();
  const files = scenes.map(({ frames }, index) => ({ audio: join(folder, `${index}.wav`), frames }));
  for (const [index, { sound }] of scenes.entries()) await writeFile(join(folder, `${index}.wav`), sound);
  await joinSound(files, rate, join(folder, 'out.pcm'));
  const bytes = await readFile(join(folder, 'out.pcm'));
  const heard: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) {
    if (bytes.readInt16LE(at) !== 0 && heard.at(-1) !== Math.floor(at / 4)) heard.push(Math.floor(at / 4));
  }
  return { samples: bytes.length / 4, heard };
}

const THIRTY = { num: 30, den: 1 };

test('each scene starts on the sample where its first frame starts', async () => {
  const scenes = [3, 4, 5].map((frames) => ({ frames, sound: wav(frames * 1600, [0, frames * 1600 - 1]) }));
  expect(await joined(scenes, THIRTY)).toEqual({ samples: 19_200, heard: [0, 4799, 4800, 11_199, 11_200, 19_199] });
});

test('what is missing is silence, what is over is cut: no scene moves another', async () => {
  const scenes = [
    { frames: 3, sound: wav(1000, [999]) },
    { frames: 3, sound: wav(9000, [0, 4799, 4800, 8999]) },
    { frames: 3, sound: wav(0, []) },
    { frames: 3, sound: wav(4800, [5]) },
  ];
  expect(await joined(scenes, THIRTY)).toEqual({ samples: 19_200, heard: [999, 4800, 9599, 14_405] });
});

test('where a frame is no whole number of samples, rounding never adds up', async () => {
  const rate = { num: 30_000, den: 1001 };
  const scenes = Array.from({ length: 50 }, () => ({
    frames: 7,
    sound: wav(Math.round((7 * 48_000 * 1001) / 30_000), [0]),
  }));
  const { samples, heard } = await joined(scenes, rate);
  expect(samples).toBe(Math.round((350 * 48_000 * 1001) / 30_000));
  expect(heard).toEqual(scenes.map((_, index) => Math.round((index * 7 * 48_000 * 1001) / 30_000)));
});

test('long sounds are joined whole', async () => {
  const long = 700_000; // more than two chunks
  const scenes = [
    { frames: 437, sound: wav(long, [262_143, 262_144, 600_000]) },
    { frames: 500, sound: wav(0, []) },
    { frames: 3, sound: wav(4800, [0]) },
  ];
  const { samples, heard } = await joined(scenes, THIRTY);
  expect(samples).toBe(940 * 1600);
  expect(heard).toEqual([262_143, 262_144, 600_000, 937 * 1600]);
});

test('chunks of a WAV file that hold no samples are passed over', async () => {
  const plain = wav(1600, [7]);
  const note = Buffer.from('LIST\x05\x00\x00\x00abcde\x00', 'latin1'); // of odd size, padded
  const sound = Buffer.concat([plain.subarray(0, 36), note, plain.subarray(36), note]);
  expect(await joined([{ frames: 1, sound }], THIRTY)).toEqual({ samples: 1600, heard: [7] });
});

test('a header that promises more samples than there are is not believed', async () => {
  const sound = wav(1600, [7]);
  sound.writeUInt32LE(0xffffffff, 40); // as a stream that could not go back writes it
  expect(await joined([{ frames: 2, sound: sound.subarray(0, 44 + 800 * 4) }], THIRTY)).toEqual({
    samples: 3200,
    heard: [7],
  });
});

test('the files that ffmpeg writes are read', async () => {
  const folder = await newFolder();
  const file = join(folder, 'a.wav');
  await ffmpeg(['-f', 'lavfi', '-i', 'sine=sample_rate=48000:duration=0.1', '-ac', '2', '-c:a', 'pcm_s16le', file]);
  const { samples, heard } = await joined([{ frames: 4, sound: await readFile(file) }], THIRTY);
  expect(samples).toBe(6400);
  expect(heard.length).toBeGreaterThan(4000);
  expect(heard.at(-1)).toBeLessThan(4800);
});

/** A WAV file with another number at a place of its header. */
function withHeader(at: number, value: number): Buffer {
  const sound = wav(10, []);
  sound.writeUInt16LE(value, at);
  return sound;
}

test.each([
  ['no WAV file', Buffer.from('ID3 something else that is no WAV file at all'), 'not a WAV file'],
  ['an empty file', Buffer.alloc(0), 'not a WAV file'],
  ['no samples', wav(10, []).subarray(0, 36), 'no samples found'],
  ['mono', withHeader(22, 1), '1 channels'],
  ['another rate', withHeader(24, 44_100), '44100 Hz'],
  ['other samples', withHeader(34, 24), '24 bits'],
])('a file of another kind is an error: %s', async (_, sound, words) => {
  await expect(joined([{ frames: 1, sound }], THIRTY)).rejects.toThrow(words);
});
