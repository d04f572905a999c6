import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Workshop, workshop } from './support/cli.js';

let shop: Workshop;
beforeAll(() => {
  shop = workshop();
});
afterAll(() => shop.remove());

const build = (...args: string[]): ReturnType<Workshop['cli']> => shop.cli('build', shop.project, ...QUICK, ...args);
const video = (): Buffer => readFileSync(join(shop.project, 'final_video.mp4'));

test('a scene that shows nothing is a warning with its name; where gates are strict, an error that leaves the video as it was', async () => {
  expect((await build()).stderr).not.toContain('throughout');
  const before = video();

  // what it draws is never added: its picture is black, while its line is spoken
  shop.edit('scene_02_middle.py', (text) => text.replace(/self\.play\(.*\)$/m, 'self.wait(tracker.duration + 2)'));
  const strict = await build('--gates', 'strict');
  expect(strict.stderr).toMatch(
    /^projects\/tiny\/scene_02_middle\.py: error: scene scene_02_middle: black throughout \(\d/m,
  );
  expect(strict.status).toBe(1);
  expect(video().equals(before)).toBe(true);
  const state = JSON.parse(readFileSync(join(shop.project, 'project_state.json'), 'utf8'));
  expect(state.errors).toEqual([expect.stringContaining('black throughout')]);

  const warned = await build();
  expect(warned.stderr).toMatch(
    /^projects\/tiny\/scene_02_middle\.py: warning: scene scene_02_middle: black throughout \(\d/m,
  );
  expect(warned.stderr).toContain('0 scenes rendered, 3 reused');
  expect(warned.status).toBe(0);
  expect(video().equals(before)).toBe(false);

  // the joined video is in the store by now, and what is known of it too
  expect((await build('--gates', 'strict')).stderr).toContain('error: scene scene_02_middle: black throughout');
});
