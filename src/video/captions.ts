import type { Caption } from '../render/result.js';
import { cutBytes, plainLines } from '../report/text.js';

/** The captions of one scene and where the scene lies in the whole; seconds. */
export interface SceneCaptions {
  readonly captions: readonly Caption[];
  readonly start: number;
  readonly end: number;
}

/**
 * The captions of the whole video, in the order in which Manim writes them (start, end, order in the scene): each
 * scene's captions moved to where the scene starts, cut where the scene ends. Captions may overlap. Blank captions, and
 * those of which nothing is left, are dropped.
 */
export function mergeCaptions(scenes: readonly SceneCaptions[]): Caption[] {
  const moved = scenes.flatMap(({ captions, start, end }) =>
    captions.map((caption) => ({
      start: Math.max(start, start + caption.start),
      end: Math.min(end, start + caption.end),
      text: tidy(caption.text),
    })),
  );
  return moved
    .filter((caption) => caption.text !== '' && lasts(caption))
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

function lasts({ start, end }: Caption): boolean {
  return milliseconds(end) > milliseconds(start);
}

/** Captions as SubRip text. */
export function toSrt(captions: readonly Caption[]): string {
  return captions
    .map(({ start, end, text }, index) => {
      // SubRip has no escapes: an arrow in the text would read as a time line
      const safe = text.replaceAll('-->', '→');
      return `${index + 1}\n${clock(start, ',')} --> ${clock(end, ',')}\n${safe}\n\n`;
    })
    .join('');
}

/** Captions as WebVTT text. */
export function toWebVtt(captions: readonly Caption[]): string {
  const cues = captions.map(
    ({ start, end, text }) => `${clock(start, '.')} --> ${clock(end, '.')}\n${escapeWebVtt(text)}\n\n`,
  );
  return `WEBVTT\n\n${cues.join('')}`;
}

/** Bytes of a caption in the track: MP4 has 16 bits for its length, and the twins of some characters are longer. */
const LONGEST_TRACK_TEXT = 20_000;

/**
 * Captions as the WebVTT text that ffmpeg turns into the captions track of the video. That track shows one text at a
 * time, so captions that overlap become one with both texts. On its way through ffmpeg braces and backslashes are read
 * as styling and cannot be escaped, so they become their full-width twins.
 */
export function toTrackSource(captions: readonly Caption[]): string {
  const twins: Record<string, string> = { '{': '\uFF5B', '}': '\uFF5D', '\\': '\uFF3C' };
  return toWebVtt(
    oneAtATime(captions).map((caption) => ({
      ...caption,
      text: cutBytes(caption.text, LONGEST_TRACK_TEXT).replaceAll(/[{}\\]/g, (c) => twins[c] ?? c),
    })),
  );
}

/**
 * What is to be read at each time, as captions that do not overlap: the texts of all that are shown then, one below the
 * other in the order of the captions, each text once.
 */
export function oneAtATime(captions: readonly Caption[]): Caption[] {
  const exact = captions.map(({ start, end, text }) => ({ start: milliseconds(start), end: milliseconds(end), text }));
  const times = [...new Set(exact.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b);
  const shown: Caption[] = [];
  let next = 0;
  let active: typeof exact = [];
  for (const [index, time] of times.entries()) {
    active = active.filter(({ end }) => end > time);
    for (; next < exact.length && (exact[next]?.start ?? 0) <= time; next++)
      active.push(exact[next] as (typeof exact)[0]);
    const until = times[index + 1];
    if (until === undefined || active.length === 0) continue;
    const text = [...new Set(active.map((caption) => caption.text))].join('\n');
    const last = shown.at(-1);
    if (last?.text === text && milliseconds(last.end) === time)
      shown[shown.length - 1] = { ...last, end: until / 1000 };
    else shown.push({ start: time / 1000, end: until / 1000, text });
  }
  return shown;
}

function escapeWebVtt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The text without control characters, without blank lines (they end a caption in both formats) and without spaces at the ends of lines. */
function tidy(text: string): string {
  return plainLines(text)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}

function clock(seconds: number, separator: ',' | '.'): string {
  const total = milliseconds(seconds);
  const digits = (value: number, count: number): string => String(Math.floor(value)).padStart(count, '0');
  const parts = [digits(total / 3_600_000, 2), digits((total / 60_000) % 60, 2), digits((total / 1000) % 60, 2)];
  return `${parts.join(':')}${separator}${digits(total % 1000, 3)}`;
}
