/** What is said aloud: the text on one line, without the bookmarks that time a scene. */
export function spokenText(text: string): string {
  return normalText(text.replaceAll(/<bookmark\b[^>]*\/>/g, ' '));
}

/** What Python's str.split() takes for white space; JavaScript's \s has others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts these
const WHITE_SPACE = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** A text as the services of scenes compare it: white space normalised. */
export function normalText(text: string): string {
  return text
    .split(WHITE_SPACE)
    .filter((word) => word !== '')
    .join(' ');
}

/** Nobody says more letters a second. */
const LETTERS_A_SECOND = 50;
/** The slowest speech: this much a letter (a digit may be a whole word), and pauses around it. */
const SECONDS_A_LETTER = 0.6;
const PAUSES_SECONDS = 5;

/** Why a sound cannot be the whole of a text, undefined where it can. */
export function tooShort(text: string, seconds: number): string | undefined {
  const letters = lettersOf(text);
  return seconds * LETTERS_A_SECOND < letters
    ? `${seconds.toFixed(2)} s are too short for ${letters} letters`
    : undefined;
}

/** Why a voice cannot have said just this text, undefined where it can. Recordings may be as long as they like. */
export function implausible(text: string, seconds: number): string | undefined {
  const letters = lettersOf(text);
  return seconds > PAUSES_SECONDS + letters * SECONDS_A_LETTER
    ? `${seconds.toFixed(2)} s are too long for ${letters} letters`
    : tooShort(text, seconds);
}

function lettersOf(text: string): number {
  return spokenText(text).match(/[\p{L}\p{N}]/gu)?.length ?? 0;
}
