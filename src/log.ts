import type { Place } from './errors.js';

/**
 * Where the build reports. Domain modules get one of these and never print themselves; the runner and the command line
 * each bring their own (src/report/logs.ts), which make any text safe for their readers and tell a finding once.
 */
export interface Log {
  info(message: string): void;
  /** A line of detail, shown only when debugging is switched on. */
  debug(message: string): void;
  warning(message: string, place?: Place): void;
  error(message: string, place?: Place): void;
  /** A foldable group of lines of any origin, written in one go so that parallel work does not mix. */
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
