import { sep } from 'node:path';

/** Lines that every render writes, or that tell a user nothing. A block goes on until its last line. */
const NOISE: readonly { readonly first: RegExp; readonly last?: RegExp }[] = [
  { first: /^\/bin\/sh: .*\bsox: .*not found/ },
  { first: /\bSoX could not be found!/, last: /path variables\./ },
  { first: /pkg_resources is deprecated as an API/, last: /^\s+import pkg_resources|^\s*$/ },
  { first: /'audioop' is deprecated/, last: /^\s+import audioop|^\s*$/ },
  { first: /\bINFO\s+Caching disabled\./ },
  { first: /^Extension modules: / },
];
/** A block that does not end within so many lines is none. */
const LONGEST_BLOCK = 10;

/** A render's output without the noise of Manim and its libraries, for people. The log file keeps all of it. */
export function withoutNoise(lines: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    const noise = NOISE.find(({ first }) => first.test(line));
    if (!noise) {
      const double = line.trim() === '' && (kept.at(-1) ?? '').trim() === '';
      if (!double) kept.push(line);
      continue;
    }
    const { last } = noise;
    const end = last ? lines.slice(index, index + LONGEST_BLOCK).findIndex((one) => last.test(one)) : 0;
    index += Math.max(end, 0);
  }
  return kept;
}

/** Where a render stood when a signal ended it, as Python's fault handler writes it into the output. */
export interface Stood {
  /** What ended it, where Python calls it fatal: "Segmentation fault". */
  readonly fatal: string | undefined;
  /** The user's line nearest to that. */
  readonly place: { readonly file: string; readonly line: number } | undefined;
}

/** The last stack that Python's fault handler wrote; undefined where there is none. `folders`: those of the user's. */
export function stoodAt(lines: readonly string[], folders: readonly string[]): Stood | undefined {
  const begin = lines.findLastIndex((line) => line.endsWith('(most recent call first):'));
  if (begin < 0) return undefined;
  const stack = lines.slice(begin + 1).map((line) => /^ {2}File "(.+)", line (\d+) in /.exec(line));
  const own = stack.find(
    (frame) =>
      frame?.[1] !== undefined &&
      !/[\\/](?:site|dist)-packages[\\/]/.test(frame[1]) &&
      folders.some((folder) => frame[1]?.startsWith(folder + sep)),
  );
  const fatal = /^Fatal Python error: (.+)/.exec(lines[begin - 2] ?? '')?.[1];
  return { fatal, place: own ? { file: own[1] ?? '', line: Number(own[2]) } : undefined };
}
