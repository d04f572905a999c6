import { messageOf, UserError } from '../errors.js';
import { findOnPath } from './path.js';
import { isAtLeast, lackingForScenes, OLDEST_PYTHON, type PythonFacts, probePython } from './probe.js';

/** A Python of the user's, and how we came to it. */
export interface FoundPython {
  readonly facts: PythonFacts;
  readonly source: 'input' | 'path';
}

/** Names looked for where python3 and python are missing or too old. */
const OTHER_NAMES = ['python3.14', 'python3.13', 'python3.12', 'python3.11'];

/**
 * The user's Python: the one given as input, else the first on PATH that has what scenes import, else the first on PATH
 * that is new enough. Throws UserError where there is none.
 */
export async function findPython(input: string, signal?: AbortSignal): Promise<FoundPython> {
  return input === '' ? findOnSearchPath(signal) : { facts: await probeInput(input, signal), source: 'input' };
}

async function probeInput(input: string, signal?: AbortSignal): Promise<PythonFacts> {
  const path = input.includes('/') ? input : await findOnPath(input);
  if (path === undefined) {
    throw new UserError(`python: there is no "${input}" on PATH`, { hint: 'Give the path of a Python interpreter.' });
  }
  const facts = await probePython(path, signal).catch((error) => {
    throw new UserError(`python: ${messageOf(error)}`, { hint: 'Give the path of a Python interpreter.' });
  });
  if (isAtLeast(facts.version, OLDEST_PYTHON)) return facts;
  throw new UserError(`python: ${path} is Python ${facts.version}; ${OLDEST_PYTHON} or later is needed`);
}

async function findOnSearchPath(signal?: AbortSignal): Promise<FoundPython> {
  const rejected: string[] = [];
  const probe = async (name: string): Promise<PythonFacts[]> => {
    const path = await findOnPath(name);
    if (path === undefined) return [];
    try {
      const facts = await probePython(path, signal);
      if (isAtLeast(facts.version, OLDEST_PYTHON)) return [facts];
      rejected.push(`${path} is Python ${facts.version}`);
    } catch (error) {
      rejected.push(messageOf(error));
    }
    signal?.throwIfAborted();
    return [];
  };
  const usual = (await Promise.all(['python3', 'python'].map(probe))).flat();
  const best = usual.find((facts) => lackingForScenes(facts).length === 0) ?? usual[0];
  if (best) return { facts: best, source: 'path' };
  for (const name of OTHER_NAMES) {
    const [facts] = await probe(name);
    if (facts) return { facts, source: 'path' };
  }
  const seen = rejected.length > 0 ? ` (${rejected.join('; ')})` : '';
  throw new UserError(`no Python ${OLDEST_PYTHON} or later on PATH${seen}`, {
    hint: 'Install one: actions/setup-python in a workflow, the package python3 elsewhere. Or give its path as input "python".',
  });
}
