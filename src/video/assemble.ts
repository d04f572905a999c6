import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { copyFileInside } from '../files.js';
import type { Log } from '../log.js';
import { writeFile } from '../machine-errors.js';
import type { FinishedScene } from '../render/reuse.js';
import { readJson, seconds } from '../store/json.js';
import { cacheKey, contentKey, sha256OfFile } from '../store/keys.js';
import type { Store } from '../store/store.js';
import type { Tools } from './ffmpeg.js';
import { joinScenes } from './join.js';

/** The format of joined videos; another one makes every video anew. */
const VIDEO_FORMAT = 3;
const FACTS_FILE = 'video.json';
const VIDEO_FILE = 'video.mp4';
const SIDE_FILES = ['video.srt', 'video.vtt'];

const SCENE = v.object({
  id: v.string(),
  seconds,
  lines: v.number(),
  still: v.nullable(v.picklist(['black', 'one colour', 'one picture'])),
  sound: v.object({ ratio: v.number(), peak: v.number(), clipped: v.number() }),
});
/** What is stored of a joined video, to know it without opening it. */
const FACTS = v.object({
  format: v.literal(VIDEO_FORMAT),
  frames: v.pipe(v.number(), v.minValue(1)),
  /** Frames a second. */
  fps: v.pipe(v.number(), v.gtValue(0)),
  durationSeconds: seconds,
  reencoded: v.array(v.object({ sceneId: v.string(), why: v.string() })),
  chapters: v.array(v.object({ title: v.string(), start: seconds, end: seconds })),
  inspection: v.object({
    videoSeconds: seconds,
    audioSeconds: seconds,
    audioVideoRatio: seconds,
    silences: v.array(v.object({ start: seconds, end: seconds })),
    scenes: v.array(SCENE),
  }),
  /** SHA-256 by file name. */
  files: v.record(v.string(), v.string()),
});

/** What is known of a joined video without opening it. */
export type VideoFacts = DeepReadonly<v.InferOutput<typeof FACTS>>;

type DeepReadonly<T> = T extends object ? { readonly [Name in keyof T]: DeepReadonly<T[Name]> } : T;

export interface Assembly {
  readonly scenes: readonly { readonly finished: FinishedScene; readonly title: string }[];
  /** Where the video goes; captions go beside it. */
  readonly output: string;
  /** Links that lead the output out of this folder are an error; undefined: it may go anywhere. */
  readonly within: string | undefined;
  readonly store: Store;
  readonly cachePrefix: string;
  /** Joined videos lie here, each in a folder named by its content. */
  readonly folder: string;
  readonly tools: Tools;
  readonly log: Log;
  /** Looks at the video before it is put in its place; what it throws keeps it from there. */
  readonly accept: (facts: VideoFacts) => void;
  /** Makes sure that ffmpeg is there; asked only where it is needed. */
  readonly ready: () => Promise<void>;
}

export interface AssembledVideo {
  readonly facts: VideoFacts;
  /** Whether the joined video was in the store already. */
  readonly reused: boolean;
  readonly captions: { readonly srt: string; readonly vtt: string };
}

/**
 * The video of finished scenes at its place, with captions beside it: restored where the same scenes were joined before,
 * else joined, checked and saved.
 */
export async function assemble(assembly: Assembly): Promise<AssembledVideo> {
  const { output, within, scenes, store, log } = assembly;
  const content = contentKey({
    format: VIDEO_FORMAT,
    scenes: scenes.map(({ finished, title }) => ({
      title,
      files: { ...finished.result.facts.files },
      captions: finished.result.facts.captions.map((caption) => ({ ...caption })),
    })),
  });
  const entry = {
    key: cacheKey(assembly.cachePrefix, 'video', `v${VIDEO_FORMAT}`, content),
    path: join(assembly.folder, content.slice(0, 24)),
  };
  const { path } = entry;
  const found = await store.restore(entry, readVideo);
  if (found.outcome === 'damaged') log.warning(`the stored video is damaged (${found.why}); it is not used`);
  const reused = found.outcome === 'found';
  let facts: VideoFacts;
  if (reused) facts = found.value;
  else {
    await assembly.ready();
    facts = await joinAnew(assembly, path);
    store.save(entry);
  }
  assembly.accept(facts);
  const stem = output.replace(/\.[^./]*$/, '');
  const captions = { srt: `${stem}.srt`, vtt: `${stem}.vtt` };
  await copyFileInside(join(path, VIDEO_FILE), output, within);
  await copyFileInside(join(path, 'video.srt'), captions.srt, within);
  await copyFileInside(join(path, 'video.vtt'), captions.vtt, within);
  return { facts, reused, captions };
}

async function joinAnew({ scenes, tools, log }: Assembly, path: string): Promise<VideoFacts> {
  const output = join(path, VIDEO_FILE);
  const joined = await joinScenes({
    ...tools,
    scenes: scenes.map(({ finished, title }) => ({ result: finished.result, title })),
    output,
    workDir: `${path}.work`,
    log,
  });
  await rm(`${path}.work`, { recursive: true, force: true });
  const hashes = await Promise.all(
    [VIDEO_FILE, ...SIDE_FILES].map(async (name) => [name, await sha256OfFile(join(path, name))]),
  );
  const facts: VideoFacts = {
    format: VIDEO_FORMAT,
    frames: joined.frames,
    fps: joined.fps,
    durationSeconds: joined.durationSeconds,
    reencoded: joined.reencoded,
    chapters: joined.chapters,
    inspection: joined.inspection,
    files: Object.fromEntries(hashes),
  };
  await writeFile(join(path, FACTS_FILE), JSON.stringify(facts, null, 2));
  return facts;
}

async function readVideo(path: string): Promise<VideoFacts> {
  const facts = await readJson(join(path, FACTS_FILE), FACTS);
  for (const name of [VIDEO_FILE, ...SIDE_FILES]) {
    if ((await sha256OfFile(join(path, name))) !== facts.files[name]) throw new Error(`${name} is not what was made`);
  }
  return facts;
}
