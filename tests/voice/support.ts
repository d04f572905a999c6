import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { childEnvironment } from '../../src/process.js';
import { readNarration } from '../../src/project/narration.js';
import type { SaveOutcome, Store } from '../../src/store/store.js';
import type { Backend, VoiceChoice, VoicePlan } from '../../src/voice/plan.js';
import { planVoice } from '../../src/voice/plan.js';
import { type Backends, provideVoice, type VoiceReport } from '../../src/voice/provide.js';
import { type RecordingLog, recordingLog } from '../support/log.js';
import { folderStore } from '../support/store.js';

export const LINES = {
  intro: 'Welcome to a film about circles and squares.',
  middle: 'A circle has no corners, and a square has four of them.',
  outro: 'That was all. Good bye, and come again.',
} as const;

/** The Python of PATH, which espeak's program and the guard run on. */
export const PYTHON = spawnSync('which', ['python3'], { encoding: 'utf8' }).stdout.trim();
/** The Python that has piper. */
export const PIPER_PYTHON = resolve('.tools/piper/bin/python');

export const backends: Backends = {
  python: async () => PYTHON,
  espeak: async () => {},
  piper: async () => {
    if (!existsSync(PIPER_PYTHON)) throw new Error(`${PIPER_PYTHON} is missing: script/bootstrap makes it`);
    return PIPER_PYTHON;
  },
};

/** A repository with one project, a store and a work folder of its own. */
export interface Place {
  readonly root: string;
  readonly project: string;
  /** The usual output folder. */
  readonly voices: string;
  readonly store: Store;
}

/** Makes a place under a fresh folder. */
export async function makePlace(root: string, lines: Readonly<Record<string, string>> = LINES): Promise<Place> {
  const project = join(root, 'repository', 'projects', 'video');
  await mkdir(project, { recursive: true });
  await writeLines(project, lines);
  const store = folderStore(join(root, 'store'), recordingLog());
  return { root, project, voices: join(project, 'media', 'voiceovers', 'qwen'), store };
}

/** Writes narration_script.py. */
export async function writeLines(
  project: string,
  lines: Readonly<Record<string, string>>,
  comment = '',
): Promise<void> {
  const entries = Object.entries(lines).map(([key, text]) => `    ${JSON.stringify(key)}: ${JSON.stringify(text)},\n`);
  await writeFile(join(project, 'narration_script.py'), `${comment}SCRIPT = {\n${entries.join('')}}\n`);
}

export interface Asked {
  readonly choice?: VoiceChoice;
  readonly backend?: Backend;
  readonly lineKeys?: readonly string[];
  readonly backends?: Partial<Backends>;
  readonly concurrency?: number;
  readonly store?: Store;
  readonly signal?: AbortSignal;
  readonly log?: RecordingLog;
}

/** Plans a place's voice as a build does; espeak speaks unless told otherwise. */
export async function plan(place: Place, asked: Asked = {}): Promise<VoicePlan> {
  return planVoice({
    projectDir: place.project,
    repoRoot: join(place.root, 'repository'),
    narration: await readNarration(join(place.project, 'narration_script.py')),
    backend: asked.backend ?? 'espeak',
    choice: asked.choice ?? 'auto',
    cachePrefix: 'test',
    log: asked.log ?? recordingLog(),
  });
}

/** Plans and provides, and waits until all is saved. */
export async function provide(
  place: Place,
  asked: Asked = {},
): Promise<VoiceReport & { readonly saved: SaveOutcome | 'not-needed' }> {
  const report = await provideVoice(await plan(place, asked), {
    choice: asked.choice ?? 'auto',
    ...(asked.lineKeys ? { lineKeys: new Set(asked.lineKeys) } : {}),
    store: asked.store ?? place.store,
    workDir: join(place.root, 'work'),
    backends: { ...backends, ...asked.backends },
    tools: { env: childEnvironment() },
    concurrency: asked.concurrency ?? 2,
    log: asked.log ?? recordingLog(),
    signal: asked.signal,
  });
  return { ...report, saved: await report.saving };
}

/** Samples (s16le, mono, 24 kHz) that a sound decodes to. */
export function decoded(file: string): Buffer {
  const args = ['-v', 'error', '-i', file, '-f', 's16le', '-ac', '1', '-ar', '24000', '-'];
  const done = spawnSync('ffmpeg', args, { maxBuffer: 100_000_000 });
  if (done.status !== 0) throw new Error(done.stderr.toString());
  return done.stdout;
}

/** An mp3 as a person's recorder makes it: stereo, 44.1 kHz, a voice unlike the ones the action speaks with. */
export async function record(text: string, mp3: string): Promise<void> {
  await mkdir(dirname(mp3), { recursive: true });
  const wav = spawnSync('espeak-ng', ['-v', 'en-gb', '-p', '80', '--stdin', '--stdout'], { input: text });
  const args = ['-v', 'error', '-y', '-i', '-', '-ac', '2', '-ar', '44100', '-metadata', 'title=my recording', mp3];
  const done = spawnSync('ffmpeg', args, { input: wav.stdout });
  if (done.status !== 0) throw new Error(done.stderr.toString());
}

/** The entries of a place's cache.json. */
export async function readEntries(folder: string): Promise<Record<string, unknown>[]> {
  return JSON.parse(await readFile(join(folder, 'cache.json'), 'utf8')) as Record<string, unknown>[];
}

/** Writes a place's cache.json. */
export async function writeEntries(folder: string, entries: unknown): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'cache.json'), JSON.stringify(entries, null, 2));
}
