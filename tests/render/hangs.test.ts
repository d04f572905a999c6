import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type RenderServer, startRenderServer } from '../../src/render/server.js';
import { temporaryFolders } from '../support/folder.js';
import { BUSY, type Hang, STOPPED, WAITING } from '../support/hangs.js';
import { recordingLog } from '../support/log.js';
import { type RenderFolder, renderFolder, type Went } from '../support/renders.js';

const newFolder = temporaryFolders();
/** Long enough to get as far as the place where the scene hangs, on a busy machine. */
const LIMITS = { sceneSeconds: 600, stallSeconds: 6 };
const PRINTS = 'it prints without end';
const HANGS: Readonly<Record<string, Hang>> = { ...WAITING, [PRINTS]: BUSY[PRINTS] as Hang };

describe('a scene that makes no progress', () => {
  let folder: RenderFolder;
  let server: RenderServer;
  const went = new Map<string, Went>();

  beforeAll(async () => {
    folder = await renderFolder(await newFolder());
    server = startRenderServer(folder.place, recordingLog());
    const shared = await server.shared;
    // side by side: most only wait
    await Promise.all(
      Object.entries({ ...HANGS, ...STOPPED }).map(async ([what, { source }], index) =>
        went.set(what, await folder.render(`scene_${index}`, source, LIMITS, shared)),
      ),
    );
  });
  afterAll(() => server?.stop());

  test.each(Object.keys(HANGS))('is stopped, and reported with the line that it was in, where %s', (what) => {
    const { error } = went.get(what) as Went;
    expect(error?.message).toMatch(
      /: stopped after .* and \d+ frames, since there was no progress for 6 s \(stall-minutes\)/,
    );
    expect(error?.hint).toContain('raise stall-minutes');
    const line = error?.place?.line;
    expect(HANGS[what]?.lines).toContain(line);
    expect(error?.message).toContain(`line ${line}`);
  });

  test.each(Object.keys(STOPPED))('is continued, with a warning, where it %s', (what) => {
    const { result, log } = went.get(what) as Went;
    expect(result?.facts.frames).toBe(1);
    expect(log.told).toContainEqual(
      expect.stringMatching(/^warning: .*stopped after.*; it ended then, and its result is used$/),
    );
  });

  test('the log of one that prints without end stays small', async () => {
    const id = `scene_${Object.keys(HANGS).indexOf(PRINTS)}`;
    const path = join(folder.logDir, `${id}.log`);
    expect((await stat(path)).size).toBeLessThan(15e6);
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(/\n\[\.\.\. \d+ lines \(\d+ bytes\) left out\]\n/);
    expect(text).toContain('most recent call first');
  });
});
