import * as core from '@actions/core';
import { type Place, shownPath, shownPlace } from '../errors.js';
import type { Log } from '../log.js';
import { annotationText, logText, quotedText, readableLine } from './text.js';

/** GitHub shows 10 annotations of a kind in a step. */
const ANNOTATIONS = 10;

/** The log of a step on a runner. `workspace`: paths of annotations start there. */
export function runnerLog(workspace: string): Log {
  const counts = { warning: 0, error: 0 };
  const annotate = (kind: 'warning' | 'error', message: string, place?: Place): void => {
    counts[kind] += 1;
    if (counts[kind] > ANNOTATIONS) {
      core.info(logText(`${kind}: ${at(workspace, place)}${message}`));
      return;
    }
    const properties = place && {
      file: readableLine(shownPath(workspace, place.file)),
      ...(place.line !== undefined && { startLine: place.line }),
    };
    if (kind === 'warning') core.warning(annotationText(message), properties);
    else core.error(annotationText(message), properties);
  };
  return once({
    info: (message) => core.info(logText(message)),
    debug: (message) => core.debug(annotationText(message)),
    warning: (message, place) => annotate('warning', message, place),
    error: (message, place) => annotate('error', message, place),
    group: (title, lines) => {
      core.startGroup(readableLine(title));
      core.info(quotedText(lines));
      core.endGroup();
    },
  });
}

/** The log on a developer's terminal: standard error. A runner may read that too. */
export function terminalLog(verbose: boolean): Log {
  const say = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const tell = (kind: string, message: string, place?: Place): void =>
    say(logText(`${at(process.cwd(), place)}${kind}: ${message}`));
  return once({
    info: (message) => say(logText(message)),
    debug: (message) => verbose && say(logText(message)),
    warning: (message, place) => tell('warning', message, place),
    error: (message, place) => tell('error', message, place),
    group: (title, lines) => say(`${logText(title)}\n${quotedText(lines)}`.replaceAll('\n', '\n  ')),
  });
}

function at(folder: string, place?: Place): string {
  return place ? `${shownPlace(folder, place)}: ` : '';
}

/** The same log, which tells each warning and each error once for its place. */
function once(log: Log): Log {
  const told = new Set<string>();
  const isNew = (kind: string, message: string, place?: Place): boolean => {
    const finding = JSON.stringify([kind, message, place?.file, place?.line]);
    return !told.has(finding) && told.add(finding) !== undefined;
  };
  return {
    ...log,
    warning: (message, place) => isNew('warning', message, place) && log.warning(message, place),
    error: (message, place) => isNew('error', message, place) && log.error(message, place),
  };
}
