/** A place in the user's sources: an absolute path and a line counted from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
}

/**
 * An error that the user can act on. It says what happened (`message`), where (`place`) and what to do (`hint`), and is
 * shown without a stack trace of ours. Everything else that is thrown is a defect of the action.
 */
export class UserError extends Error {
  readonly hint: string | undefined;
  readonly place: Place | undefined;

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

/** The user errors inside anything thrown, or undefined where it is a defect of ours. */
export function userErrorsOf(thrown: unknown): readonly UserError[] | undefined {
  if (thrown instanceof UserError) return [thrown];
  if (thrown instanceof UserErrors) return thrown.errors;
  return undefined;
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
