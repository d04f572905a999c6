import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { withCut } from '../lines.js';

/** Bytes kept of a scene's output, from its start and from its end. */
const HEAD = 8 * 2 ** 20;
const TAIL = 2 * 2 ** 20;
/** Characters of a line in the log. */
const LONGEST_LINE = 10_000;

/** The output of a scene on its way to its log file. */
export interface SceneLog {
  add(line: string): void;
  /** The last lines so far, at most as many as asked for. */
  last(count: number): string[];
  /** Writes the rest. Returns why the log could not be written, or undefined where it is there. Never throws. */
  close(): Promise<string | undefined>;
}

/**
 * Opens the log of a scene, emptied. The start of the output is written as it comes, the end of it when it is known to be
 * the end, and nothing between: a scene that prints without end fills neither the disk nor the memory.
 */
export function openSceneLog(path: string, limits = { head: HEAD, tail: TAIL }): SceneLog {
  const file = createWriteStream(path);
  let failure: string | undefined;
  file.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error.code ?? error.message;
  });
  let written = 0;
  let tail: string[] = [];
  let tailBytes = 0;
  let dropped = { lines: 0, bytes: 0 };
  /** The lines before the tail that are in the file, for `last`. */
  let recent: string[] = [];

  const add = (text: string): void => {
    const line = withCut(text.slice(0, LONGEST_LINE), Math.max(0, text.length - LONGEST_LINE));
    const bytes = Buffer.byteLength(line) + 1;
    if (tail.length === 0 && written + bytes <= limits.head) {
      written += bytes;
      file.write(`${line}\n`);
      recent.push(line);
      if (recent.length > 200) recent = recent.slice(-100);
      return;
    }
    tail.push(line);
    tailBytes += bytes;
    if (tailBytes <= 2 * limits.tail) return;
    // cut now and then, not at each line
    let from = 0;
    for (; tailBytes > limits.tail; from++) {
      const size = Buffer.byteLength(tail[from] ?? '') + 1;
      tailBytes -= size;
      dropped = { lines: dropped.lines + 1, bytes: dropped.bytes + size };
    }
    tail = tail.slice(from);
  };

  return {
    add,
    last: (count) => [...recent, ...tail].slice(-count),
    close: async () => {
      if (dropped.lines > 0) file.write(`[... ${dropped.lines} lines (${dropped.bytes} bytes) left out]\n`);
      for (const line of tail) file.write(`${line}\n`);
      if (!file.closed) await Promise.race([once(file.end(), 'close'), once(file, 'error')]).catch(() => {});
      return failure;
    },
  };
}
