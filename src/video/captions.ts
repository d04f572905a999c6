import type { Caption } from '../render/result.js';
import { cutBytes, plainLines } from '../report/text.js';

/** The captions of one scene and where the scene lies in the whole; seconds. */
export interface SceneCaptions {
  readonly captions: readonly Caption[];
  readonly start: number;
  readonly end: number;
}

/**
 * The captions of the whole video, in order: each scene's captions moved to where the scene starts, cut where the next
 * caption or the scene ends. Blank captions, and those of which nothing is left, are dropped.
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
    .sort((a, b) => a.start - b.start)
    .map((caption, index, all) => ({ ...caption, end: Math.min(caption.end, all[index + 1]?.start ?? caption.end) }))
    .filter(lasts);
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
 * Captions as the WebVTT text that ffmpeg turns into the captions track of the video. On its way through ffmpeg
 * braces and backslashes are read as styling and cannot be escaped, so they become their full-width twins.
 */
export function toTrackSource(captions: readonly Caption[]): string {
  const twins: Record<string, string> = { '{': '\uFF5B', '}': '\uFF5D', '\\': '\uFF3C' };
  return toWebVtt(
    captions.map((caption) => ({
      ...caption,
      text: cutBytes(caption.text, LONGEST_TRACK_TEXT).replaceAll(/[{}\\]/g, (c) => twins[c] ?? c),
    })),
  );
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
