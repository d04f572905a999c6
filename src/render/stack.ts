import { isAbsolute, sep } from 'node:path';
import type { Place } from '../errors.js';

/** One call of a thread, the innermost first. */
interface Call {
  readonly file: string;
  readonly line: number;
  readonly name: string;
}

/** A place in the user's sources, and the function it is in. */
export interface Standpoint extends Place {
  readonly line: number;
  readonly name: string;
}

/** The threads in what Python's faulthandler wrote, the last one being the main thread. */
export function parseStacks(text: string): Call[][] {
  const threads: Call[][] = [];
  for (const line of text.split('\n')) {
    if (/^(Current thread|Thread) 0x[0-9a-f]+|^Stack \(most recent call first\)/.test(line)) threads.push([]);
    const call = /^ {2}File "(.*)", line (\d+) in (.*)$/.exec(line);
    if (call)
      threads.at(-1)?.push({ file: unescaped(call[1] ?? ''), line: Number(call[2]), name: unescaped(call[3] ?? '') });
  }
  return threads;
}

/** faulthandler writes ASCII alone. */
function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))/g, (_, x, u, big) =>
    String.fromCodePoint(Number.parseInt(x ?? u ?? big, 16)),
  );
}

/**
 * Where a scene stood: the innermost call in a file of the user's, which is in one of `folders` and in none of `others`.
 * That of the main thread counts first. Undefined where no thread was in one.
 */
export function standpoint(
  text: string,
  folders: readonly string[],
  others: readonly string[],
): Standpoint | undefined {
  const within = (file: string, folder: string): boolean =>
    file.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  const isOwn = ({ file }: Call): boolean =>
    isAbsolute(file) &&
    !/[/\\](site|dist)-packages[/\\]/.test(file) &&
    folders.some((folder) => within(file, folder)) &&
    !others.some((folder) => within(file, folder));
  for (const thread of parseStacks(text).reverse()) {
    const call = thread.find(isOwn);
    if (call) return call;
  }
  return undefined;
}
