import { constants } from 'node:os';
import { UserError } from '../errors.js';
import { problemOfTool } from '../machine-errors.js';
import { type Finished, run } from '../process.js';
import { cutBytes, plainLine } from '../report/text.js';

/** How the tools are run. Without `guardPython` they are started bare; see docs/protocol.md. */
export interface Tools {
  readonly env: NodeJS.ProcessEnv;
  readonly guardPython?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A frame rate in frames a second, exactly: `num / den`. */
export interface Rate {
  readonly num: number;
  readonly den: number;
}

export const SAMPLE_RATE = 48_000;
export const CHANNELS = 2;
/** Samples in one AAC frame: the unit in which sound can end. */
export const AAC_FRAME = 1024;

const COMMON = ['-hide_banner', '-nostdin', '-y', '-loglevel', 'warning'];
const AAC = ['-c:a', 'aac', '-aac_coder', 'fast', '-flags:a', '+bitexact'];
// At this rate, looking for tools to save bits with takes longer than all else, and each channel by itself is closer to
// the sound (38 dB over its noise) than the other coder with all of them (32 dB); see docs/rendering.md.
const FINAL_AAC = [...AAC, '-b:a', '192k', '-aac_ms', '0', '-aac_tns', '0', '-aac_is', '0', '-aac_pns', '0'];
// what Manim gives the sound of a scene; here those tools pay, narration being the same on both channels
const SCENE_AAC = [...AAC, '-b:a', '128k'];
// no dates and no version numbers: the same inputs give the same bytes
const EXACT_MP4 = ['-fflags', '+bitexact', '-movflags', '+faststart', '-f', 'mp4'];

/** Streams and container of a file as JSON, with a hash of each codec's out-of-band parameters. */
export function probeArgs(file: string): string[] {
  return ['-v', 'error', '-show_streams', '-show_format', '-show_data_hash', 'sha256', '-of', 'json', file];
}

/** Every video packet, one a line, in decoding order: presentation time in units of the time base, bytes, flags ("K__"). */
export function packetArgs(file: string): string[] {
  return ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=pts,size,flags', '-of', 'csv=p=0', file];
}

export interface JoinPlan {
  /** An ffconcat list; see concatList. */
  readonly list: string;
  /** Raw s16le sound, 48 kHz stereo. */
  readonly sound: string;
  /** An ffmetadata file; see chapterMetadata. */
  readonly chapters: string;
  /** A WebVTT file; without one the video gets no captions track. */
  readonly captions?: string | undefined;
  readonly timeScale: number;
  readonly output: string;
}

/** One command: video copied onto the frame grid, sound encoded once, chapters and captions in the file. */
export function joinArgs(plan: JoinPlan): string[] {
  return [
    ...COMMON,
    // auto_convert would rewrite packets; the scenes agree, so they are copied as they are
    ...['-f', 'concat', '-safe', '0', '-auto_convert', '0', '-i', plan.list],
    ...['-f', 's16le', '-ar', String(SAMPLE_RATE), '-ac', String(CHANNELS), '-i', plan.sound],
    ...['-f', 'ffmetadata', '-i', plan.chapters],
    ...(plan.captions === undefined ? [] : ['-f', 'webvtt', '-i', plan.captions]),
    ...['-map', '0:v:0', '-map', '1:a:0'],
    ...(plan.captions === undefined ? [] : ['-map', '3:s:0', '-c:s', 'mov_text']),
    // of the file and of its tracks: all of it would take the titles of chapters too
    ...['-map_metadata:g', '-1', '-map_metadata:s', '-1', '-map_chapters', '2'],
    ...['-c:v', 'copy', '-video_track_timescale', String(plan.timeScale)],
    ...FINAL_AAC,
    // streams are interleaved by time alone, whatever order threads deliver them in
    ...['-max_interleave_delta', '0'],
    ...EXACT_MP4,
    plan.output,
  ];
}

/** One scene's video with its sound, for the paths that projects expect. The video is copied, time scale and all. */
export function sceneVideoArgs(plan: { video: string; audio: string; output: string }): string[] {
  return [
    ...COMMON,
    ...['-i', plan.video, '-i', plan.audio, '-map', '0:v:0', '-map', '1:a:0', '-map_metadata', '-1'],
    ...['-c:v', 'copy'],
    ...SCENE_AAC,
    ...EXACT_MP4,
    plan.output,
  ];
}

export interface ReencodePlan {
  readonly input: string;
  readonly output: string;
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: string;
  readonly sampleAspectRatio: string;
  readonly rate: Rate;
  /** Whether frames must be dropped or repeated; else each frame is kept and put on the grid. */
  readonly changeRate: boolean;
  readonly frames: number;
  readonly timeScale: number;
  readonly colours: {
    readonly range: string;
    readonly space: string;
    readonly transfer: string;
    readonly primaries: string;
  };
  /** x264 options by name, as mimicX264 gives them. */
  readonly x264: Readonly<Record<string, string>>;
}

/** Encodes a scene again so that it agrees with others; a different size is scaled to fit and padded. */
export function reencodeArgs(plan: ReencodePlan): string[] {
  const { width, height, rate } = plan;
  const fps = `${rate.num}/${rate.den}`;
  const size = `${width}:${height}`;
  const filters = [
    plan.changeRate ? `fps=${fps}` : `setpts=N/(${fps})/TB`,
    `scale=${size}:force_original_aspect_ratio=decrease:flags=bicubic`,
    `pad=${size}:(ow-iw)/2:(oh-ih)/2`,
    ...(plan.sampleAspectRatio === 'unknown' ? [] : [`setsar=${plan.sampleAspectRatio.replace(':', '/')}`]),
    `format=${plan.pixelFormat}`,
    // a converted rate may come out a frame short; what is too long is cut by -frames:v
    'tpad=stop_mode=clone:stop=2',
    ...colourFilter(plan.colours),
  ];
  const colour = (option: string, value: string): string[] => (value === 'unknown' ? [] : [option, value]);
  const x264 = Object.entries(plan.x264).map(([name, value]) => `${name}=${value.replaceAll(':', ',')}`);
  return [
    ...COMMON,
    ...['-i', plan.input, '-map', '0:v:0', '-map_metadata', '-1', '-vf', filters.join(',')],
    ...['-r', fps, '-frames:v', String(plan.frames)],
    // a fixed number of threads: it decides the pixels
    ...['-c:v', 'libx264', '-threads', '2', '-flags:v', '+bitexact'],
    ...(x264.length > 0 ? ['-x264-params', x264.join(':')] : []),
    ...colour('-color_range', plan.colours.range),
    ...colour('-colorspace', plan.colours.space),
    ...colour('-color_trc', plan.colours.transfer),
    ...colour('-color_primaries', plan.colours.primaries),
    ...['-video_track_timescale', String(plan.timeScale)],
    ...EXACT_MP4,
    plan.output,
  ];
}

/** Tags frames: since ffmpeg 7 the encoder believes them and not its options. */
function colourFilter({ range, space, transfer, primaries }: ReencodePlan['colours']): string[] {
  const parameters = { range, colorspace: space, color_trc: transfer, color_primaries: primaries };
  const known = Object.entries(parameters).filter(([, value]) => value !== 'unknown');
  return known.length === 0 ? [] : [`setparams=${known.map(([name, value]) => `${name}=${value}`).join(':')}`];
}

/** Reports stretches of at least `seconds` below `decibels` on standard error; see parseSilences. */
export function silenceArgs(file: string, decibels: number, seconds: number): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'info', '-i', file, '-map', '0:a:0'],
    ...['-af', `silencedetect=noise=${decibels}dB:duration=${seconds}`, '-f', 'null', '-'],
  ];
}

/** The silences in the output of silenceArgs; seconds. A silence that lasts to the end has the end of the sound as end. */
export function parseSilences(output: string): { start: number; end: number }[] {
  const starts = [...output.matchAll(/silence_start: (-?[\d.]+)/g)].map((match) => Math.max(0, Number(match[1])));
  const ends = [...output.matchAll(/silence_end: ([\d.]+)/g)].map((match) => Number(match[1]));
  return starts.flatMap((start, index) => {
    const end = ends[index];
    return end === undefined ? [] : [{ start, end }];
  });
}

/**
 * An ffconcat list of files that lie end to end on the frame grid. Durations are given in whole microseconds, each the
 * difference of two rounded grid points, so that rounding never adds up over many scenes.
 */
export function concatList(files: readonly { path: string; frames: number }[], rate: Rate): string {
  let frame = 0;
  const at = (index: number): number => Math.round((index * 1_000_000 * rate.den) / rate.num);
  const entries = files.map(({ path, frames }) => {
    const microseconds = at(frame + frames) - at(frame);
    frame += frames;
    const quoted = `'${path.replaceAll("'", "'\\''")}'`;
    return `file ${quoted}\nduration ${(microseconds / 1_000_000).toFixed(6)}\n`;
  });
  return `ffconcat version 1.0\n${entries.join('')}`;
}

/** Chapters, one a scene, as an ffmetadata file with the frame as its unit. */
export function chapterMetadata(chapters: readonly { title: string; frames: number }[], rate: Rate): string {
  let frame = 0;
  const blocks = chapters.map(({ title, frames }) => {
    const start = frame;
    frame += frames;
    // at the end of a line even an escaped backslash takes the next line along
    const name = chapterTitle(title)
      .replaceAll(/[=;#\\]/g, (c) => `\\${c}`)
      .replace(/\\$/, '$& ');
    return `[CHAPTER]\nTIMEBASE=${rate.den}/${rate.num}\nSTART=${start}\nEND=${frame}\ntitle=${name}\n`;
  });
  return `;FFMETADATA1\n${blocks.join('')}`;
}

/** MP4 has a byte for the length of a chapter's title, and ffmpeg would cut in the middle of a character. */
const LONGEST_TITLE = 255;

/** The title of a chapter as it is in the video: one line without control characters, cut between characters. */
export function chapterTitle(title: string): string {
  return cutBytes(plainLine(title), LONGEST_TITLE);
}

/** x264 options under the names by which x264 takes them, where these differ from the names it writes. */
const X264_NAMES: Readonly<Record<string, string>> = {
  cabac: 'cabac',
  ref: 'ref',
  deblock: 'deblock',
  me: 'me',
  subme: 'subme',
  psy: 'psy',
  psy_rd: 'psy-rd',
  mixed_ref: 'mixed-refs',
  me_range: 'merange',
  chroma_me: 'chroma-me',
  trellis: 'trellis',
  '8x8dct': '8x8dct',
  fast_pskip: 'fast-pskip',
  decimate: 'decimate',
  bframes: 'bframes',
  b_pyramid: 'b-pyramid',
  b_adapt: 'b-adapt',
  b_bias: 'b-bias',
  direct: 'direct',
  weightb: 'weightb',
  open_gop: 'open-gop',
  weightp: 'weightp',
  keyint: 'keyint',
  keyint_min: 'min-keyint',
  scenecut: 'scenecut',
  rc_lookahead: 'rc-lookahead',
  mbtree: 'mbtree',
  crf: 'crf',
  qp: 'qp',
  qcomp: 'qcomp',
  qpmin: 'qpmin',
  qpmax: 'qpmax',
  qpstep: 'qpstep',
  ip_ratio: 'ipratio',
  pb_ratio: 'pbratio',
};

/**
 * The x264 options with which a stream was made, from the note that x264 leaves in its first frame (`bytes`: the start
 * of the file). Undefined where there is no such note.
 */
export function mimicX264(bytes: Uint8Array): Record<string, string> | undefined {
  const note = /x264 - core [^\0]*? - options: ([\x20-\x7e]+)/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  if (note === undefined) return undefined;
  const options: Record<string, string> = {};
  const told: Record<string, string> = {};
  for (const word of note.trim().split(/\s+/)) {
    const [name = '', value = ''] = word.split('=', 2);
    told[name] = value;
    const known = X264_NAMES[name];
    if (known === undefined) continue;
    // deblock is written "on:alpha:beta" and taken as "alpha:beta"
    options[known] = name === 'deblock' ? value.replace(/^1:/, '') : value;
    if (name === 'deblock' && value.startsWith('0:')) options[known] = '0';
  }
  const offset = chromaOffset(told);
  if (offset !== undefined) options['chroma-qp-offset'] = String(offset);
  return options;
}

/**
 * The chroma offset that was asked for: the one in the note is what x264 made of it. It lowers it by 1 or 2, by their
 * strength, for each of its psychovisual measures in use (encoder.c, validate_parameters).
 */
function chromaOffset(told: Readonly<Record<string, string>>): number | undefined {
  const offset = Number(told.chroma_qp_offset);
  if (Number.isNaN(offset)) return undefined;
  if (told.psy === '0') return offset;
  const [rate, trellis] = (told.psy_rd ?? '').split(':').map(Number);
  const lowered = (strength = 0): number => (strength > 0 ? (strength < 0.25 ? 1 : 2) : 0);
  return offset + (Number(told.subme) >= 6 ? lowered(rate) : 0) + (Number(told.trellis) > 0 ? lowered(trellis) : 0);
}

/** A tool that ran and failed. */
export class ToolError extends UserError {
  constructor(message: string, hint: string) {
    super(message, { hint });
  }
}

/**
 * Runs ffmpeg to its end. Throws UserError where it is not installed or the machine does not let it write, ToolError with
 * its last words where it fails otherwise.
 */
export function runFfmpeg(args: readonly string[], tools: Tools): Promise<Finished> {
  return runTool('ffmpeg', args, tools, tools.guardPython);
}

/** Runs ffprobe to its end, with each line it prints. Throws like runFfmpeg. */
export function runFfprobe(args: readonly string[], tools: Tools, onLine?: (line: string) => void): Promise<Finished> {
  return runTool('ffprobe', args, tools, tools.guardPython, onLine);
}

async function runTool(
  name: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  tools: Tools,
  guardPython: string | undefined,
  onLine?: (line: string) => void,
): Promise<Finished> {
  const finished = await run(name, args, {
    env: tools.env,
    ...(guardPython ? { guardPython } : {}),
    ...(tools.signal ? { signal: tools.signal } : {}),
    ...(onLine ? { onLine } : {}),
  }).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new UserError(`${name} is not installed`, {
      hint: 'Install it: apt-get install ffmpeg (Debian, Ubuntu) or brew install ffmpeg (macOS).',
      cause,
    });
  });
  if (finished.status === 0) return finished;
  const isTooLarge = finished.signal === 'SIGXFSZ' || finished.status === 128 + constants.signals.SIGXFSZ;
  const problem = problemOfTool(isTooLarge ? 'File too large' : finished.stderr, args.at(-1) ?? name);
  if (problem) throw new UserError(problem.message, { hint: problem.hint });
  const why = finished.reason ?? (finished.signal ? `ended by ${finished.signal}` : `status ${finished.status}`);
  const words = finished.stderr.trim().split('\n').slice(-12).join('\n');
  throw new ToolError(`${name} failed (${why}): ${words}`, `Its command: ${[name, ...args].join(' ')}`);
}
