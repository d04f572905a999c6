import { join } from 'node:path';
import { joinScenes } from '../../src/video/join.js';
import { probe, readPackets } from '../../src/video/probe.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { frameHashes, makeScene, tools } from '../support/scene-result.js';

const newFolder = temporaryFolders();

test.each([
  ['25/2', 12.5],
  ['100/3', 100 / 3],
  ['1/2', 0.5],
])('scenes of %s frames a second are joined frame by frame', async (rate, fps) => {
  const folder = await newFolder();
  const scenes = [];
  for (const frames of [7, 1, 12])
    scenes.push(
      await makeScene(join(folder, String(frames)), { id: `of_${frames}`, frames, fps, rate, width: 64, height: 34 }),
    );
  const output = join(folder, 'joined.mp4');
  const log = recordingLog();
  const joined = await joinScenes({
    ...tools,
    scenes: scenes.map((result) => ({ result, title: result.facts.scene_id })),
    output,
    workDir: join(folder, 'work'),
    log,
  });
  expect(joined).toMatchObject({ frames: 20, reencoded: [] });
  expect(joined.durationSeconds).toBeCloseTo(20 / fps, 9);
  const { video } = await probe(output, tools);
  const ticks = Number(video?.parameters.time_base.split('/')[1]);
  const grid = (await readPackets(output, tools)).grid;
  expect(grid).toEqual({ frames: 20, first: 0, step: Math.round(ticks / fps) });
  expect(grid.step / ticks).toBeCloseTo(1 / fps, 12);
  const shown = await Promise.all(scenes.map((scene) => frameHashes(scene.video)));
  expect(await frameHashes(output)).toEqual(shown.flat());
});
