import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { run } from '../process.js';
import { makeTemporary } from '../temporary.js';
import { type RenderPlace, renderEnvironment, type SharedImport, writeJob } from './scene.js';

/** A process that has imported Manim once and forks a process for each render. */
export interface RenderServer {
  readonly place: RenderPlace;
  /** What renders need of it; undefined where there is no server, and each render imports Manim itself. */
  readonly shared: Promise<SharedImport | undefined>;
  /** Ends the server and removes its files. To be called when all renders have ended. Never throws. */
  stop(): Promise<void>;
}

/** Seconds in which Manim must be there. */
const IMPORT_LIMIT = 300;
/** What is kept of what it prints: lines, and characters of each. */
const MOST_LINES = 200;
const LONGEST_LINE = 2000;

/**
 * Starts a server for the scenes of a project, and returns at once: it imports Manim while narration lines are still
 * spoken. Only on Linux: elsewhere, libraries that drawing needs do not survive a fork.
 */
export function startRenderServer(place: RenderPlace, log: Log, signal?: AbortSignal): RenderServer {
  if (process.platform !== 'linux') return { place, shared: Promise.resolve(undefined), stop: async () => {} };
  const stop = new AbortController();
  let listening: (shared: SharedImport | undefined) => void;
  const shared = new Promise<SharedImport | undefined>((resolve) => {
    listening = resolve;
  });
  const serving = serve(place, (here) => listening(here), log, stop.signal, signal)
    .catch((error: unknown) => messageOf(error))
    .then((ended) => {
      listening(undefined);
      if (ended && !stop.signal.aborted && !signal?.aborted)
        log.warning(`renders import Manim each for itself, since the process that does it for all ${ended}`);
    });
  return {
    place,
    shared,
    stop: async () => {
      stop.abort();
      await serving;
    },
  };
}

/** Runs a server until it is stopped. Returns how it ended. */
async function serve(
  place: RenderPlace,
  listening: (shared: SharedImport) => void,
  log: Log,
  stop: AbortSignal,
  signal: AbortSignal | undefined,
): Promise<string> {
  const begun = Date.now();
  // not in the working folder: paths of sockets are limited to some hundred bytes
  const folder = await makeTemporary();
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // a cancelled action does not get as far as the end of this function
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), IMPORT_LIMIT * 1000);
  try {
    const socket = join(folder, 'render');
    const job = await writeJob('server', { socket }, place);
    const said: string[] = [];
    const say = (line: string): void => {
      if (said.length === MOST_LINES) said.splice(MOST_LINES / 2, 1); // the start and the end are what tells
      said.push(line.slice(0, LONGEST_LINE));
    };
    const finished = await run(place.python, ['-P', '-m', 'flaming_horse_build.render.server', job], {
      cwd: place.projectDir,
      env: renderEnvironment(place),
      guardPython: place.guardPython ?? place.python,
      stop,
      signal: AbortSignal.any([late.signal, ...(signal ? [signal] : [])]),
      onLine: (line) => say(line.trimEnd()),
      onEvent: ({ event, seconds, message }) => {
        if (event === 'listening') listening({ socket, begun, said });
        if (event === 'warning') log.warning(String(message));
        if (event !== 'ready') return;
        clearTimeout(timer);
        log.info(`Manim imported once for all renders, in ${seconds} s of processor time`);
      },
    });
    if (finished.status === 0) return ''; // the project's configuration is at fault: each render says so, at its line
    if (late.signal.aborted) return `did not get there in ${IMPORT_LIMIT} s`;
    return `ended (status ${finished.status ?? finished.signal}): ${said.filter((line) => line !== '').at(-1)}`;
  } finally {
    clearTimeout(timer);
    process.off('exit', remove);
    await rm(folder, { recursive: true, force: true });
  }
}
