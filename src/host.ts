import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as core from '@actions/core';
import { messageOf, UserError } from './errors.js';
import type { Options, RawInputs } from './inputs.js';
import type { Log } from './log.js';
import { realPath } from './real-path.js';
import { runnerLog, terminalLog } from './report/logs.js';
import { appendSummary } from './report/summary-file.js';
import { cacheHome } from './setup/options.js';
import { shippedFile } from './shipped.js';
import { actionsCacheBackend } from './store/actions-cache.js';
import { cacheClient } from './store/cache-client.js';
import { openStore } from './store/entries.js';
import { folderBackend } from './store/folder.js';
import { type Backend, noBackend, readOnly, type Store } from './store/store.js';
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
  /** Files of the runner that a build must be able to write at its end. */
  readonly writes: readonly { readonly name: string; readonly path: string }[];
  /** The store behind the keys. */
  openStore(options: Options): Promise<Store>;
  /** Throws UserError where the runner's file for outputs cannot be written. */
  setOutput(name: string, value: string | number | boolean): void;
  /** Adds Markdown to the summary of the job; what does not fit is left out at the end of a line. Never throws. */
  summarise(markdown: string): void;
}

/** GitHub's runner, or act. `raw` reads the inputs of a step. */
export function runnerHost(env: NodeJS.ProcessEnv = process.env): Host {
  const workspace = realPath(env.GITHUB_WORKSPACE ?? process.cwd());
  const log = runnerLog(workspace);
  return {
    log,
    env,
    workspace,
    checkout: env.GITHUB_WORKSPACE === undefined ? undefined : workspace,
    rawInputs: (name) => core.getInput(name),
    lowTrust: isLowTrust(env.GITHUB_EVENT_NAME ?? '', payloadOf(env)),
    repository: env.GITHUB_REPOSITORY ?? 'local',
    openStore: async ({ cache }) => {
      if (cache === 'off') return openStore(noBackend, log);
      const service = cacheClient([process.execPath, shippedFile('dist/cache.js')], env, log);
      return openStore(forUse(actionsCacheBackend(service, log), cache), log);
    },
    writes: env.GITHUB_OUTPUT ? [{ name: "the file for the step's outputs", path: env.GITHUB_OUTPUT }] : [],
    setOutput: (name, value) => {
      try {
        core.setOutput(name, value);
      } catch (cause) {
        throw new UserError(`cannot set the output ${name}: ${messageOf(cause)}`, { cause });
      }
    },
    summarise: (markdown) => {
      const file = env.GITHUB_STEP_SUMMARY;
      const problem = file ? appendSummary(file, markdown) : undefined;
      if (problem) log.warning(`the summary of the job is missing: ${problem}`);
    },
  };
}

function forUse(backend: Backend, cache: 'read' | 'read-write'): Backend {
  return cache === 'read' ? readOnly(backend) : backend;
}

/** The event that started the workflow; undefined where it cannot be read. */
function payloadOf(env: NodeJS.ProcessEnv): unknown {
  try {
    return JSON.parse(readFileSync(env.GITHUB_EVENT_PATH ?? '', 'utf8'));
  } catch {
    return undefined;
  }
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
      if (cache === 'off') return openStore(noBackend, log);
      return openStore(forUse(folderBackend(join(cacheHome(env), 'store'), log), cache), log);
    },
    writes: [],
    setOutput: () => {},
    summarise: () => {},
  };
}
