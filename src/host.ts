import { appendFileSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import * as core from '@actions/core';
import type { Options, RawInputs } from './inputs.js';
import type { Log } from './log.js';
import { cacheHome } from './setup/options.js';
import { actionsCacheStore } from './store/actions-cache.js';
import { folderStore } from './store/folder.js';
import { noStore, readOnly, type Store } from './store/store.js';
import { isLowTrust } from './trust.js';

/** Where a build runs: a runner or a terminal. The only module that knows @actions/core and the runner's variables. */
export interface Host {
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  /** Paths of inputs start here. */
  readonly workspace: string;
  /** The folder that a repository was checked out into; undefined where nobody says. */
  readonly checkout: string | undefined;
  readonly rawInputs: RawInputs;
  readonly lowTrust: boolean;
  /** The name of the repository: the same on every machine. */
  readonly repository: string;
  /** The store behind the keys. */
  openStore(options: Options): Promise<Store>;
  setOutput(name: string, value: string | number | boolean): void;
  /** Adds Markdown to the summary of the job. */
  summarise(markdown: string): void;
}

/** GitHub shows 10 annotations of a kind in a step and cuts messages at 4096 characters. */
const ANNOTATIONS = 10;
const MESSAGE_LENGTH = 4000;
/** GitHub shows no summary at all when a step's is over 1 MiB. */
const SUMMARY_BYTES = 1_000_000;

/** GitHub's runner, or act. `raw` reads the inputs of a step. */
export function runnerHost(env: NodeJS.ProcessEnv = process.env): Host {
  const workspace = env.GITHUB_WORKSPACE ?? process.cwd();
  const log = runnerLog(workspace);
  return {
    log,
    env,
    workspace,
    checkout: env.GITHUB_WORKSPACE,
    rawInputs: (name) => core.getInput(name),
    lowTrust: isLowTrust(env.GITHUB_EVENT_NAME ?? '', payloadOf(env)),
    repository: env.GITHUB_REPOSITORY ?? 'local',
    openStore: async ({ cache }) => {
      if (cache === 'off') return noStore;
      const service = await import('@actions/cache');
      if (!service.isFeatureAvailable()) {
        log.warning('there is no cache service on this runner: everything is made again each time');
        return noStore;
      }
      const store = actionsCacheStore(service, workspace, log);
      return cache === 'read' ? readOnly(store) : store;
    },
    setOutput: (name, value) => core.setOutput(name, value),
    summarise: (markdown) => {
      const file = env.GITHUB_STEP_SUMMARY;
      if (file) appendFileSync(file, `${markdown.slice(0, SUMMARY_BYTES)}\n`);
    },
  };
}

/** The event that started the workflow; undefined where it cannot be read. */
function payloadOf(env: NodeJS.ProcessEnv): unknown {
  try {
    return JSON.parse(readFileSync(env.GITHUB_EVENT_PATH ?? '', 'utf8'));
  } catch {
    return undefined;
  }
}

function runnerLog(workspace: string): Log {
  const counts = { warning: 0, error: 0 };
  const annotate = (kind: 'warning' | 'error', message: string, place?: { file: string; line?: number }): void => {
    const text = message.length > MESSAGE_LENGTH ? `${message.slice(0, MESSAGE_LENGTH)}...` : message;
    counts[kind] += 1;
    if (counts[kind] > ANNOTATIONS) {
      core.info(`${kind}: ${place ? `${place.file}:${place.line ?? 1}: ` : ''}${text}`);
      return;
    }
    const properties = place && {
      file: relative(workspace, place.file),
      ...(place.line !== undefined && { startLine: place.line }),
    };
    if (kind === 'warning') core.warning(text, properties);
    else core.error(text, properties);
  };
  return {
    info: core.info,
    debug: core.debug,
    warning: (message, place) => annotate('warning', message, place),
    error: (message, place) => annotate('error', message, place),
    group: (title, lines) => {
      core.startGroup(title);
      core.info(lines.join('\n'));
      core.endGroup();
    },
  };
}

/** A developer's terminal: the same story, told on standard error, with a folder as store. */
export function terminalHost(rawInputs: RawInputs, verbose: boolean, env: NodeJS.ProcessEnv = process.env): Host {
  const log = terminalLog(verbose);
  return {
    log,
    env,
    workspace: process.cwd(),
    checkout: undefined,
    rawInputs,
    lowTrust: false,
    repository: 'local',
    openStore: async ({ cache }) => {
      if (cache === 'off') return noStore;
      const store = folderStore(join(cacheHome(env), 'store'), log);
      return cache === 'read' ? readOnly(store) : store;
    },
    setOutput: () => {},
    summarise: () => {},
  };
}

function terminalLog(verbose: boolean): Log {
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const at = (place?: { file: string; line?: number }): string =>
    place ? `${relative(process.cwd(), place.file)}:${place.line ?? 1}: ` : '';
  return {
    info: say,
    debug: (message) => verbose && say(message),
    warning: (message, place) => say(`${at(place)}warning: ${message}`),
    error: (message, place) => say(`${at(place)}error: ${message}`),
    group: (title, lines) => {
      say(title);
      for (const line of lines) say(`    ${line}`);
    },
  };
}
