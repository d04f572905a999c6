import { isAbsolute, relative } from 'node:path';
import { machineProblem } from './machine-errors.js';

/** A place in the user's sources: an absolute path and a line counted from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
}

/** The last output of a program that failed. */
export interface LastOutput {
  readonly lines: readonly string[];
  /** Where all of it is, for a person: relative to the project folder. */
  readonly log: string;
}

/**
 * An error that the user can act on. It says what happened (`message`), where (`place`) and what to do (`hint`), and is
 * shown without a stack trace of ours. Everything else that is thrown is an internal error.
 *
 * The message of an error in a scene begins with "scene ID: ", that of one in a line with `narration line "KEY" `: errors
 * that are equal but for that are told as one (src/report/failures.ts).
 */
export class UserError extends Error {
  readonly hint: string | undefined;
  readonly place: Place | undefined;
  /** Set by whoever ran the program that failed. */
  output: LastOutput | undefined;

  constructor(message: string, options: { hint?: string; place?: Place; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'UserError';
    this.hint = options.hint;
    this.place = options.place;
  }
}

/** Several user errors found in one pass; all are reported before the build stops. */
export class UserErrors extends Error {
  constructor(readonly errors: readonly UserError[]) {
    super(errors.map((error) => error.message).join('\n'));
    this.name = 'UserErrors';
  }
}

/**
 * The user errors inside anything thrown, the machine's own (a full disk) among them; undefined where it is an internal
 * error.
 */
export function userErrorsOf(thrown: unknown): readonly UserError[] | undefined {
  if (thrown instanceof UserError) return [thrown];
  if (thrown instanceof UserErrors) return thrown.errors;
  const problem = machineProblem(thrown);
  return problem && [new UserError(problem.message, { hint: problem.hint, cause: thrown })];
}

/** What a scene failed with, under its name. Other scenes go on, and nothing hides what they fail with. */
export function errorsOfScene(thrown: unknown, id: string, place: Place): readonly UserError[] {
  const subject = `scene ${id}`;
  const known = userErrorsOf(thrown);
  if (!known) return [internalError(thrown, subject)];
  return known.map((error) => {
    if (error.place || error.message.startsWith(subject)) return error;
    return new UserError(`${subject}: ${error.message}`, {
      place,
      ...(error.hint && { hint: error.hint }),
      cause: error,
    });
  });
}

/** An error of ours as one that can be told beside those of the user. `subject`: what was being done. */
export function internalError(thrown: unknown, subject = ''): UserError {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return new UserError(`${subject && `${subject}: `}internal error, please report it: ${messageOf(thrown)}`, {
    ...(frames.length > 0 && { hint: frames.slice(0, 8).join('\n') }),
    cause: thrown,
  });
}

/** A path as it is shown to people in a folder: relative where it lies in there. */
export function shownPath(folder: string, file: string): string {
  const inside = relative(folder, file);
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? file : inside;
}

/** A place as it is shown: "scene.py:12". */
export function shownPlace(folder: string, { file, line }: Place): string {
  return `${shownPath(folder, file)}${line === undefined ? '' : `:${line}`}`;
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
