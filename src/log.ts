/**
 * Where the story is told. Domain modules get one of these and never print themselves; the runner and the command line
 * each bring their own (src/host.ts).
 */
export interface Log {
  info(message: string): void;
  /** A line of detail, shown only when debugging is switched on. */
  debug(message: string): void;
  warning(message: string, place?: { file: string; line?: number }): void;
  error(message: string, place?: { file: string; line?: number }): void;
  /** A foldable group of lines, written in one go so that parallel work does not mix. */
  group(title: string, lines: readonly string[]): void;
}

/** A log that keeps nothing; for tests and for questions asked on the side. */
export const silentLog: Log = {
  info: () => {},
  debug: () => {},
  warning: () => {},
  error: () => {},
  group: () => {},
};
