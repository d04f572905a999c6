import { ownEnvironment, probeEnvironment, provideEnvironment, RECIPES, requirementsFile } from './environment.js';
import { findPython } from './find.js';
import { installSystem } from './install.js';
import { readMachine } from './machine.js';
import { missingError, NEEDS, type Need } from './needs.js';
import { cacheHome, type SetupOptions } from './options.js';
import { neededToMake } from './runtime.js';
import { hasEspeak } from './tools.js';

/**
 * The Python of piper's own virtual environment, made if it is not there. Its engine is under the GPL: a program beside
 * ours, in an environment of its own. Throws UserError where it may not or cannot be made.
 */
export async function preparePiper(options: SetupOptions): Promise<string> {
  const { log, signal, setup, python, cachePrefix } = options;
  const home = options.home ?? cacheHome();
  const [machine, { facts: base }] = await Promise.all([readMachine(), findPython(python, signal)]);
  const own = await ownEnvironment(RECIPES.piper, base, machine.system, home, cachePrefix);
  const there = await probeEnvironment(own, signal);
  if (there) return there.executable;

  const needed = (): Promise<Need[]> => neededToMake(base, false);
  const needs = await needed();
  const refusal = setup === 'never' ? 'setup is "never"' : needs.length > 0 ? machine.obstacle : undefined;
  if (refusal !== undefined) {
    const install = `${own.python} -m pip install --require-hashes --requirement ${requirementsFile(RECIPES.piper.name)}`;
    throw missingError(needs, machine, refusal, {
      lacking: ['piper-tts'],
      executable: own.folder,
      command: `${base.base_executable} -m venv ${own.folder} && ${install} && touch ${own.marker}`,
    });
  }
  const { facts } = await provideEnvironment(own, options, async () => {
    for (const line of await installSystem(needed, { machine, python: base.executable, home, log, signal }))
      log.info(line);
  });
  return facts.executable;
}

/** Makes sure that espeak-ng is on PATH. Throws UserError where it may not or cannot be installed. */
export async function prepareEspeak(options: SetupOptions): Promise<void> {
  const { log, signal, setup, python } = options;
  const needed = async (): Promise<Need[]> => ((await hasEspeak()) ? [] : [NEEDS.espeak]);
  if ((await needed()).length === 0) return;
  const [machine, { facts }] = await Promise.all([readMachine(), findPython(python, signal)]);
  const refusal = setup === 'never' ? 'setup is "never"' : machine.obstacle;
  if (refusal !== undefined) throw missingError([NEEDS.espeak], machine, refusal, undefined);
  const home = options.home ?? cacheHome();
  for (const line of await installSystem(needed, { machine, python: facts.executable, home, log, signal }))
    log.info(line);
}
