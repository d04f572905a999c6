import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.js';
import type { Log } from '../log.js';
import { childEnvironment, run } from '../process.js';
import { withLock } from './lock.js';
import type { Machine } from './machine.js';
import { installCommands, type Need, updateCommand } from './needs.js';

const INSTALL_LIMIT_SECONDS = 1800;
/** Another program of the machine may be at apt's lists; it is waited for this often. */
const LOCK_TRIES = 60;
const LOCK_PAUSE_MS = 5000;
/** Seconds that apt waits for another installation to end. */
const APT_WAIT = 600;

export interface InstallContext {
  readonly machine: Machine;
  /** Any Python 3; see withLock. */
  readonly python: string;
  readonly home: string;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs packages of the system for what `stillMissing` finds: asked again under a lock, since another job on this
 * machine may just have installed the same. Returns what was installed, for the report. Throws UserError where it fails.
 */
export async function installSystem(
  stillMissing: () => Promise<readonly Need[]>,
  context: InstallContext,
): Promise<string[]> {
  if ((await stillMissing()).length === 0) return [];
  const { machine, python, home, log, signal } = context;
  const onWait = (): void => log.info('waiting for another job that installs packages of the system');
  return withLock(join(home, 'install.lock'), { python, signal, onWait }, async () => {
    const needs = await stillMissing();
    if (needs.length === 0) return [];
    const started = performance.now();
    const what = needs.map((need) => need.what).join('; ');
    log.info(`installing ${what}`);
    await carryOut(needs, machine, log);
    return [`installed ${what} with ${machine.manager} in ${((performance.now() - started) / 1000).toFixed(0)} s`];
  });
}

async function carryOut(needs: readonly Need[], machine: Machine, log: Log): Promise<void> {
  const commands = installCommands(needs, machine);
  for (const command of commands) {
    let tail = await runInstaller(command, log);
    if (tail === undefined) continue;
    if (machine.manager === 'apt' && !machine.listsMissing) {
      // the lists may be older than the packages they name
      tail = (await runInstaller(updateCommand(machine), log)) ?? (await runInstaller(command, log));
      if (tail === undefined) continue;
    }
    throw new UserError(`${command.join(' ')} failed: ${tail}`, {
      hint: 'Install the packages before this step, or see the log above.',
    });
  }
}

/**
 * Runs one command of a package manager. Returns the end of its output where it failed. It is not ended when the build
 * is: a package left half-installed is worse than a few more seconds.
 */
async function runInstaller([program = '', ...args]: readonly string[], log: Log): Promise<string | undefined> {
  const settings = ['DEBIAN_FRONTEND=noninteractive', 'HOMEBREW_NO_AUTO_UPDATE=1', 'HOMEBREW_NO_ENV_HINTS=1'];
  const at = args.indexOf('apt-get');
  // sudo drops the environment: env after it sets it again
  const argv = program === 'sudo' ? [...args.slice(0, at), 'env', ...settings, ...args.slice(at)] : args;
  const options =
    program === 'apt-get' || at >= 0 ? ['-q', '-o', `DPkg::Lock::Timeout=${APT_WAIT}`, '-o', 'Dpkg::Use-Pty=0'] : [];
  for (let attempt = 1; ; attempt++) {
    const finished = await run(program, [...argv, ...options], {
      env: childEnvironment(Object.fromEntries(settings.map((setting) => setting.split('='))), 'installer'),
      wallLimit: INSTALL_LIMIT_SECONDS,
      onLine: log.debug,
    });
    if (finished.status === 0) return undefined;
    const lines = finished.stderr
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    const locked = lines.some((line) => /could not get lock/i.test(line));
    if (!locked || attempt === LOCK_TRIES)
      return finished.reason ?? (lines.slice(-3).join(' / ') || `it ended with ${finished.status}`);
    log.debug('another program is using the package manager; trying again');
    await sleep(LOCK_PAUSE_MS);
  }
}
