import { appendFileSync, statSync } from 'node:fs';
import { messageOf } from '../errors.js';
import { machineProblem } from '../machine-errors.js';

/** GitHub shows no summary at all when that of a step is over 1 MiB. */
const MOST_BYTES = 1 << 20;
const NOTE_BYTES = 200;

/** Adds Markdown to the summary file of a step. Returns why that failed; undefined where it worked. */
export function appendSummary(file: string, markdown: string): string | undefined {
  try {
    const there = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    appendFileSync(file, `${fitting(markdown, MOST_BYTES - there - NOTE_BYTES)}\n`);
    return undefined;
  } catch (error) {
    return machineProblem(error)?.message ?? messageOf(error);
  }
}

/** As many whole lines of Markdown as fit into so many bytes, and a note of what was left out. */
export function fitting(markdown: string, bytes: number): string {
  if (Buffer.byteLength(markdown) <= bytes) return markdown;
  const lines = markdown.split('\n');
  let used = 0;
  const kept = lines.findIndex((line) => {
    used += Buffer.byteLength(line) + 1;
    return used > bytes;
  });
  const left = lines.slice(kept).filter((line) => line !== '').length;
  return [...lines.slice(0, kept), '', `_${left} more lines do not fit: GitHub shows 1 MiB of a summary._`].join('\n');
}
