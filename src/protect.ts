import { commandFiles } from './command-files.js';
import { closePlaces, runnerPlaces } from './confinement.js';
import { guardProgram } from './guard.js';
import type { Host } from './host.js';
import { blankEnvironmentBlock } from './own-environment.js';
import { trustSystemPrograms } from './search-path.js';

/**
 * Keeps what a runner trusts the action with from the code that a build runs: its environment, places such as the Docker
 * socket, the programs that it starts itself, and the files that tell the runner what to set for later steps. SECURITY.md
 * says how far that goes.
 */
export function protectRunner(host: Host): Host {
  const { env, log } = host;
  const why = blankEnvironmentBlock();
  if (why) log.info(`the environment that the action was started with stays in its memory: ${why}`);
  guardProgram();
  closePlaces(runnerPlaces(env));
  trustSystemPrograms();
  const files = commandFiles(env);
  process.once('exit', () => {
    const changed = files.settle();
    if (changed.length > 0)
      log.warning(
        `something that this build ran wrote to files of the runner (${changed.join(', ')}), which would have changed outputs or later steps; the files were put back`,
      );
  });
  return {
    ...host,
    setOutput: (name, value) => files.write(() => host.setOutput(name, value)),
    summarise: (markdown) => files.write(() => host.summarise(markdown)),
  };
}
