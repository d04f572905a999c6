import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { childEnvironment } from '../../src/process.js';
import type { SharedImport } from '../../src/render/scene.js';
import { startRenderServer } from '../../src/render/server.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { python } from '../support/python.js';

const newFolder = temporaryFolders();
const PYTHON = python('import sys, json; print(json.dumps(sys.executable))', null) as string;
/** A place for renders with a Manim of a few words of Python. */
async function makePlace(manim: string) {
  const folder = await newFolder();
  const [projectDir, workDir] = [join(folder, 'project'), join(folder, 'work')];
  await mkdir(projectDir);
  await writeFile(join(projectDir, 'manim.py'), manim);
  return { python: PYTHON, projectDir, repoRoot: projectDir, workDir, env: childEnvironment() };
}

describe('the server of renders', () => {
  it('tells where it listens before Manim is imported, and takes its socket with it', async () => {
    const place = await makePlace('import time; time.sleep(1000)');
    const log = recordingLog();
    const server = startRenderServer(place, log);
    const { socket } = (await server.shared) as SharedImport;
    expect(existsSync(socket)).toBe(true);
    await server.stop();
    expect(existsSync(dirname(socket))).toBe(false);
    expect(log.told).toEqual([]);
  });

  it('says why it ended where nobody stopped it', async () => {
    const place = await makePlace('raise ImportError("no picture of a horse")');
    const log = recordingLog();
    const server = startRenderServer(place, log);
    expect(await server.shared).toBeDefined();
    while (log.told.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await server.stop();
    expect(log.told).toEqual([expect.stringMatching(/^warning: renders import Manim each for itself.*\(status 1\)/)]);
    expect(log.told[0]).toContain('no picture of a horse');
  });

  it('ends even where Manim does not want to', async () => {
    const stubborn =
      'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open("ready", "w"); time.sleep(1000)';
    const place = await makePlace(stubborn);
    const server = startRenderServer(place, recordingLog());
    while (!existsSync(join(place.projectDir, 'ready'))) await new Promise((resolve) => setTimeout(resolve, 20));
    await server.stop();
    expect(existsSync(dirname(((await server.shared) as SharedImport).socket))).toBe(false);
  });

  it('ends with the build that is cancelled, and says nothing', async () => {
    const place = await makePlace('import time; time.sleep(1000)');
    const log = recordingLog();
    const cancelled = new AbortController();
    const server = startRenderServer(place, log, cancelled.signal);
    const { socket } = (await server.shared) as SharedImport;
    cancelled.abort();
    await server.stop();
    expect(existsSync(dirname(socket))).toBe(false);
    expect(log.told).toEqual([]);
  });
});
