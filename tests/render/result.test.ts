import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RESULT_FORMAT, readSceneResult } from '../../src/render/result.js';
import { shippedFile } from '../../src/shipped.js';
import { temporaryFolders } from '../support/folder.js';
import { makeScene } from '../support/scene-result.js';

const newFolder = temporaryFolders();

let original: string;
beforeAll(async () => {
  original = join(await newFolder(), 'scene');
  await makeScene(original, { id: 'a', frames: 7, fps: 7, clicks: [3] });
});

async function madeScene(): Promise<string> {
  const folder = join(await newFolder(), 'scene');
  await cp(original, folder, { recursive: true });
  return folder;
}

async function changeFacts(folder: string, change: Record<string, unknown>): Promise<void> {
  const path = join(folder, 'result.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
}

test('the render driver writes the format that is read here', async () => {
  const driver = await readFile(shippedFile('python/flaming_horse_build/render/result.py'), 'utf8');
  expect(driver).toContain(`\nFORMAT = ${RESULT_FORMAT}\n`);
});

test('a scene result is read with its files', async () => {
  const folder = await madeScene();
  const result = await readSceneResult(folder);
  expect(result).toMatchObject({
    folder,
    video: join(folder, 'video.mp4'),
    audio: join(folder, 'audio.wav'),
    facts: { scene_id: 'a', frames: 7, fps: 7, samples: 48_000 },
  });
});

test.each<[string, (folder: string) => Promise<unknown>, string | RegExp]>([
  ['its video is gone', (folder) => rm(join(folder, 'video.mp4')), 'ENOENT'],
  [
    'a byte was added to its video',
    (folder) => appendFile(join(folder, 'video.mp4'), 'x'),
    'video.mp4 is not what was rendered',
  ],
  ['its sound is another', (folder) => writeFile(join(folder, 'audio.wav'), 'x'), 'audio.wav is not what was rendered'],
  ['it has no facts', (folder) => rm(join(folder, 'result.json')), 'ENOENT'],
  ['its facts are cut off', (folder) => writeFile(join(folder, 'result.json'), '{"format": 1,'), /JSON/],
  ['its facts are nothing', (folder) => writeFile(join(folder, 'result.json'), 'null'), /.+/],
  ['it is of another format', (folder) => changeFacts(folder, { format: 1 }), 'result.json is not valid: format: '],
  ['it has no frames', (folder) => changeFacts(folder, { frames: 0 }), 'result.json is not valid: frames: '],
  ['it has no rate', (folder) => changeFacts(folder, { fps: 0 }), 'result.json is not valid: fps: '],
  [
    'frames and samples do not belong together',
    (folder) => changeFacts(folder, { frames: 8 }),
    '48000 samples, expected 54857',
  ],
  [
    'it has no checksum',
    (folder) => changeFacts(folder, { files: { 'video.mp4': 'x' } }),
    /checksum|not what was rendered/,
  ],
  ['it has half a frame', (folder) => changeFacts(folder, { frames: 7.5 }), 'result.json is not valid: frames: '],
  [
    'its captions are null',
    (folder) => changeFacts(folder, { captions: null }),
    'result.json is not valid: captions: ',
  ],
  [
    'a caption is null',
    (folder) => changeFacts(folder, { captions: [null] }),
    'result.json is not valid: captions.0: ',
  ],
  ['its lines are texts', (folder) => changeFacts(folder, { lines: ['x'] }), 'result.json is not valid: lines.0: '],
  ['it opened numbers', (folder) => changeFacts(folder, { opened: [1] }), 'result.json is not valid: opened.0: '],
  ['its width is a text', (folder) => changeFacts(folder, { width: '320' }), 'result.json is not valid: width: '],
  ['its encoder is unknown', (folder) => changeFacts(folder, { encoder: 'x' }), 'result.json is not valid: encoder: '],
  ['it has no checksums', (folder) => changeFacts(folder, { files: undefined }), /.+/],
])('a scene result is refused where %s', async (_, damage, words) => {
  const folder = await madeScene();
  await damage(folder);
  await expect(readSceneResult(folder)).rejects.toThrow(words);
});
