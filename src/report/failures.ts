import { type LastOutput, type Place, shownPlace, type UserError } from '../errors.js';
import type { Log } from '../log.js';
import { cut } from './text.js';

/** Errors that say the same of several scenes or narration lines. */
export interface Failure {
  /** What is said of each, without its subject. */
  readonly what: string;
  /** One for each error, in order; the subject is '' for an error that names none. */
  readonly of: readonly { readonly subject: string; readonly place: Place | undefined }[];
  readonly hint: string | undefined;
  /** The last output of the first of them. */
  readonly output: LastOutput | undefined;
}

const SUBJECT = /^(scene [\w.-]+(?=: )|narration line "[^"\n]{1,200}"(?= ))(?:: | )/;
/** A number in front of several subjects of a kind. */
const PLURALS: readonly (readonly [prefix: string, plural: string])[] = [
  ['scene ', 'scenes'],
  ['narration line ', 'narration lines'],
];

/** Groups errors that are equal but for their scene or line, in the order in which each first comes. */
export function groupErrors(errors: readonly UserError[]): Failure[] {
  const groups = new Map<string, Failure>();
  for (const { message, place, hint, output } of errors) {
    const subject = SUBJECT.exec(message)?.[1] ?? '';
    const what = message.replace(SUBJECT, '');
    const key = JSON.stringify(subject === '' ? [message, hint, place] : [kindOf(subject), what, hint]);
    const known = groups.get(key);
    const one = { subject, place };
    if (!known) groups.set(key, { what, of: [one], hint, output });
    else if (!known.of.some((other) => JSON.stringify(other) === JSON.stringify(one)))
      groups.set(key, { ...known, of: [...known.of, one] });
  }
  return [...groups.values()];
}

function kindOf(subject: string): string | undefined {
  return PLURALS.find(([prefix]) => subject.startsWith(prefix))?.[0];
}

/** What a failure says in its first line: "scene a: NameError: ...", "3 scenes: NameError: ...". */
export function headline({ what, of }: Failure): string {
  const subject = of[0]?.subject ?? '';
  if (subject === '') return what;
  const kind = kindOf(subject) ?? '';
  const joint = kind === 'scene ' ? ': ' : ' ';
  if (of.length === 1) return `${subject}${joint}${what}`;
  const plural = PLURALS.find(([prefix]) => prefix === kind)?.[1];
  return `${of.length} ${plural}${joint === ' ' ? ': each ' : joint}${what}`;
}

/** Scenes or lines of a failure that are listed. */
const MOST_LISTED = 50;

/** Where the scenes or lines of a failure lie, one each; empty for a failure of one. */
export function placesOf({ of }: Failure, folder: string): string[] {
  if (of.length === 1) return [];
  const named = of.slice(0, MOST_LISTED).map(({ subject, place }) => {
    const name = subject.slice(kindOf(subject)?.length ?? 0);
    return place ? `${name} (${shownPlace(folder, place)})` : name;
  });
  return of.length > MOST_LISTED ? [...named, `and ${of.length - MOST_LISTED} more`] : named;
}

/** Characters of one error: its annotation ends there. */
const LONGEST_MESSAGE = 2000;
const SHOWN_OUTPUT = 15;

/** Tells every failure once, with its scenes, what to do, and the end of what was printed. */
export function tellFailures(errors: readonly UserError[], log: Log, folder: string): void {
  for (const failure of groupErrors(errors)) {
    const places = placesOf(failure, folder).map((place) => `  ${place}`);
    const lines = [cut(headline(failure), LONGEST_MESSAGE), ...places, ...(failure.hint ? [failure.hint] : [])];
    log.error(lines.join('\n'), failure.of[0]?.place);
    tellOutput(failure, log);
  }
}

function tellOutput({ output, of }: Failure, log: Log): void {
  const lines = (output?.lines ?? []).slice(-SHOWN_OUTPUT);
  if (!output || lines.length === 0) return;
  const whose = of.length > 1 ? `${of[0]?.subject}, one of the ${of.length}` : of[0]?.subject;
  log.group(`the last output of ${whose} (all of it: ${output.log})`, lines);
}
