/**
 * Lines that every render writes, or that tell a user nothing. A block goes on until its last line, or as long as there
 * is more of it.
 */
const NOISE: readonly { readonly first: RegExp; readonly last?: RegExp; readonly more?: RegExp }[] = [
  { first: /^\/bin\/sh: .*\bsox: .*not found/ },
  { first: /\bSoX could not be found!/, last: /path variables\./ },
  { first: /pkg_resources is deprecated as an API/, last: /^\s+import pkg_resources|^\s*$/ },
  { first: /'audioop' is deprecated/, last: /^\s+import audioop|^\s*$/ },
  // a record of Manim's logging; further lines of it are indented as far as its text
  { first: /^(?:\[[\d/: ]+\])?\s*(?:INFO|DEBUG)\s{2,}/, more: /^ {20,}(?!(?:WARNING|ERROR|CRITICAL)\s)\S/ },
  { first: /\d+%\|[^|]*\|\s*\d+\/|^Animation \d+\s*:/ }, // a progress bar
  { first: /^Manim Community v\d/ },
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
    const { last, more } = noise;
    const end = last ? lines.slice(index, index + LONGEST_BLOCK).findIndex((one) => last.test(one)) : 0;
    index += Math.max(end, 0);
    while (more?.test(lines[index + 1] ?? '')) index++;
  }
  return kept;
}
