import { duration, limitsFor } from '../../src/render/limits.js';

const NONE = { sceneTimeoutMinutes: undefined, stallMinutes: undefined };
const MINUTE = 60;

test.each<[string, Parameters<typeof limitsFor>, number, number]>([
  ['a short scene', [{ length: 10, render: 5 }, 1, NONE], 60, 15],
  ['a scene of half a minute', [{ length: 30, render: 60 }, 1, NONE], 120, 15],
  ['a scene of two minutes', [{ length: 120, render: 60 }, 1, NONE], 480, 60],
  ['a scene that took an hour the last time', [{ length: 30, render: 3600 }, 1, NONE], 1200, 60],
  ['twice as many renders as cores', [{ length: 30, render: 60 }, 2, NONE], 240, 30],
  ['more cores than renders', [{ length: 30, render: 60 }, 0.1, NONE], 120, 15],
  ['limits given', [{ length: 30, render: 60 }, 2, { sceneTimeoutMinutes: 5, stallMinutes: 0.5 }], 5, 0.5],
  ['a limit of the scene given', [{ length: 30, render: 60 }, 1, { ...NONE, sceneTimeoutMinutes: 5 }], 5, 15],
])('limits of %s', (_, given, scene, stall) => {
  expect(limitsFor(...given)).toEqual({ sceneSeconds: scene * MINUTE, stallSeconds: stall * MINUTE });
});

test('no limit is longer than a timer can be', () => {
  const limits = limitsFor({ length: 1e9, render: 1e9 }, 8, { sceneTimeoutMinutes: undefined, stallMinutes: 99999 });
  for (const seconds of Object.values(limits)) expect(seconds * 1000).toBeLessThan(2 ** 31);
});

test.each([
  [59.6, '60 s'],
  [3, '3 s'],
  [60, '1 min'],
  [90, '1.5 min'],
  [5400, '90 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
