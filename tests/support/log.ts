import type { Log } from '../../src/log.js';

export interface RecordingLog extends Log {
  /** What was told, one entry a message: "warning: ..."; groups as their title and lines. */
  readonly told: string[];
}

/** A log that remembers what it was told. */
export function recordingLog(): RecordingLog {
  const told: string[] = [];
  return {
    told,
    info: (message) => told.push(`info: ${message}`),
    debug: (message) => told.push(`debug: ${message}`),
    warning: (message) => told.push(`warning: ${message}`),
    error: (message) => told.push(`error: ${message}`),
    group: (title, lines) => told.push(`group: ${[title, ...lines].join('\n')}`),
  };
}
