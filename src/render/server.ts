import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { run } from '../process.js';
import { JOB_FORMAT, type RenderPlace, renderEnvironment, SEED } from './scene.js';

/** A process that has imported Manim once and forks a process for each render. */
export interface RenderServer {
  readonly place: RenderPlace;
  /** Where renders ask for one; undefined where there is no server, and each render imports Manim itself. */
  readonly socket: Promise<string | undefined>;
  /** Ends the server and removes its files. To be called when all renders have ended. Never throws. */
  stop(): Promise<void>;
}

/**
 * Starts a server for the scenes of a project, and returns at once: it imports Manim while narration lines are still
 * spoken. Only on Linux: elsewhere, libraries that drawing needs do not survive a fork.
 */
export function startRenderServer(place: RenderPlace, log: Log, signal?: AbortSignal): RenderServer {
  if (process.platform !== 'linux') return { place, socket: Promise.resolve(undefined), stop: async () => {} };
  const stop = new AbortController();
  let listening: (socket: string | undefined) => void;
  const socket = new Promise<string | undefined>((resolve) => {
    listening = resolve;
  });
  const serving = serve(place, (path) => listening(path), log, stop.signal, signal)
    .catch((error: unknown) => messageOf(error))
    .then((ended) => {
      listening(undefined);
      if (ended) log.warning(`renders import Manim each for itself, since the process that does it for all ${ended}`);
    });
  return {
    place,
    socket,
    stop: async () => {
      stop.abort();
      await serving;
    },
  };
}

/** Runs a server until it is stopped. Returns how it ended where nobody stopped it. */
async function serve(
  place: RenderPlace,
  listening: (socket: string) => void,
  log: Log,
  stop: AbortSignal,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  // not in the working folder: paths of sockets are limited to some hundred bytes
  const folder = await mkdtemp(join(tmpdir(), 'flaming-horse-'));
  try {
    const socket = join(folder, 'render');
    const job = join(place.workDir, 'jobs', 'server.json');
    await mkdir(join(place.workDir, 'jobs'), { recursive: true });
    const { projectDir: project_dir, repoRoot: repo_root } = place;
    await writeFile(job, JSON.stringify({ format: JOB_FORMAT, socket, project_dir, repo_root, seed: SEED }, null, 2));
    const finished = await run(place.python, ['-m', 'flaming_horse_build.render.server', job], {
      cwd: place.projectDir,
      env: renderEnvironment(place),
      guardPython: place.python,
      stop,
      ...(signal && { signal }),
      onEvent: (event) => {
        if (event.event === 'listening') listening(socket);
        if (event.event === 'ready')
          log.info(`Manim imported once for all renders, in ${event.seconds} s of processor time`);
      },
    });
    if (stop.aborted || signal?.aborted) return undefined;
    const last = finished.stderr.trim().split('\n').at(-1);
    return `ended (status ${finished.status ?? finished.signal}): ${last}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
