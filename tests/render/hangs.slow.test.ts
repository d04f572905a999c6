import pLimit from 'p-limit';
import { type RenderServer, startRenderServer } from '../../src/render/server.js';
import { temporaryFolders } from '../support/folder.js';
import { BUSY, type Hang, WAITING } from '../support/hangs.js';
import { recordingLog } from '../support/log.js';
import { type RenderFolder, renderFolder, type Went } from '../support/renders.js';

const newFolder = temporaryFolders();

describe('a scene that runs too long is stopped, and reported with the line that it was in, where', () => {
  let folder: RenderFolder;
  let server: RenderServer;

  beforeAll(async () => {
    folder = await renderFolder(await newFolder());
    server = startRenderServer(folder.place, recordingLog());
  });
  afterAll(() => server?.stop());

  // with and without a process that has imported Manim; those that only wait are tried with one every day
  describe.each([
    [true, BUSY, 10],
    [false, { ...BUSY, ...WAITING }, 30],
  ])('(forked: %s)', (forked, hangs, sceneSeconds) => {
    const went = new Map<string, Went>();

    beforeAll(async () => {
      const shared = forked ? await server.shared : undefined;
      const limit = pLimit(4);
      const limits = { sceneSeconds, stallSeconds: 600 };
      const render = async ([what, { source }]: [string, Hang]): Promise<unknown> =>
        went.set(what, await folder.render(`scene ${forked} ${what}`, source, limits, shared));
      await Promise.all(Object.entries(hangs).map((one) => limit(render, one)));
    });

    test.each(Object.entries(hangs))('%s', (what, { lines }) => {
      const { error } = went.get(what) as Went;
      expect(error?.message).toContain(`since its limit is ${sceneSeconds} s (scene-timeout-minutes)`);
      expect(lines).toContain(error?.place?.line);
    });
  });

  test('it draws frame after frame', async () => {
    const source =
      'from manim import *\nclass Main(Scene):\n    def construct(self):\n        dot = Dot()\n        while True:\n            self.play(dot.animate.shift(RIGHT))\n';
    const limits = { sceneSeconds: 8, stallSeconds: 4 };
    const { error } = await folder.render('endless', source, limits, await server.shared);
    expect(error?.message).toMatch(/stopped after \d+ s and [1-9]\d* frames, since its limit is 8 s/);
    expect(error?.place?.line).toBe(6);
  });

  test('it crashes: the line is told too', async () => {
    const source =
      'import ctypes\nfrom manim import *\nclass Main(Scene):\n    def construct(self):\n        ctypes.string_at(0)\n';
    const { error } = await folder.render('crash', source, { sceneSeconds: 60, stallSeconds: 60 }, await server.shared);
    expect(error?.message).toMatch(
      /ended without a result \(it crashed: Segmentation fault, SIGSEGV\); it was in construct, line 5/,
    );
    expect(error?.place?.line).toBe(5);
  });
});
