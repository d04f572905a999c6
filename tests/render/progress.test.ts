import { progressLine, reportProgress } from '../../src/render/progress.js';
import { recordingLog } from '../support/log.js';

test.each<[numbers: Parameters<typeof progressLine>, line: string]>([
  [[2, 6, 1830, 6600, 18.3], 'rendered: 2 of 6 scenes, 1830 of about 6600 frames, about 48 s left'],
  [[0, 3, 0, 900, 5], 'rendered: 0 of 3 scenes, 0 of about 900 frames'],
  [[3, 3, 900, 900, 10], 'rendered: 3 of 3 scenes, 900 of about 900 frames'],
  [[2, 3, 950, 900, 10], 'rendered: 2 of 3 scenes, 950 of about 950 frames'],
  [[3, 3, 800, 900, 10], 'rendered: 3 of 3 scenes, 800 of about 900 frames'],
  [[1, 2, 10, 20.4, 1], 'rendered: 1 of 2 scenes, 10 of about 20 frames, about 2 s left'],
])('progress is told in scenes, frames and seconds: %j', (numbers, line) => {
  expect(progressLine(...numbers)).toBe(line);
});

test('each scene that is done is told, with what is known of the others by then', () => {
  const log = recordingLog();
  const progress = reportProgress(
    new Map([
      ['a', 100],
      ['b', 200],
      ['c', 300],
    ]),
    log,
  );
  progress.started('a');
  progress.started('b');
  progress.frames('a', 90);
  progress.frames('b', 250);
  progress.ended('a');
  progress.ended('b');
  progress.started('c');
  progress.frames('c', 310);
  progress.ended('c');
  progress.stop();
  const told = log.told.map((line) => line.replace(/, about \d+ s left/, ''));
  expect(told).toEqual([
    'info: rendered: 1 of 3 scenes, 340 of about 640 frames',
    'info: rendered: 2 of 3 scenes, 340 of about 640 frames',
    'info: rendered: 3 of 3 scenes, 650 of about 650 frames',
  ]);
});
