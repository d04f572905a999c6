/*
 * What Manim and its helpers print in every render, whatever the scene does. It stands between a person and the cause of
 * a failure, so it is left out of what is shown; the scene's log keeps it.
 */

/** A line of Python's logging as Manim writes it, with the time in front of the first of a second. */
const RECORD = /^(?:\[[\d/: ]+\])?\s*(DEBUG|INFO|WARNING|ERROR|CRITICAL)\s/;
/** What goes on in a further line of a record is indented as far as the record's own text. */
const CONTINUED = /^ {20,}\S/;
const BLANK = /^\s*$/;
/** "Animation 0: Create(Square):  20%|██    | 3/15 [00:00<00:00, 28.53it/s]" */
const PROGRESS_BAR = /\d+%\|[^|]*\|\s*\d+\/|^Animation \d+\s*:/;
const BANNER = /^Manim Community v\d/;
const NO_SOX = /\bsox: (?:command )?not found/i;
const SOX = /SoX could not be found/;

/** The lines without progress bars, banners, records of no weight, and the one about SoX; blank lines one at a time. */
export function withoutNoise(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let isInNoise = false;
  for (const line of lines) {
    const [, level] = RECORD.exec(line) ?? [];
    if (level) isInNoise = level === 'DEBUG' || level === 'INFO' || SOX.test(line);
    else if (!BLANK.test(line) && !CONTINUED.test(line)) isInNoise = false;
    if (isInNoise || PROGRESS_BAR.test(line) || BANNER.test(line) || NO_SOX.test(line)) continue;
    if (BLANK.test(line) && BLANK.test(kept.at(-1) ?? '')) continue;
    kept.push(line);
  }
  return BLANK.test(kept.at(-1) ?? 'end') ? kept.slice(0, -1) : kept;
}
