import { realpath } from 'node:fs/promises';
import { findOnPath } from './path.js';

/**
 * A Python that can guard and confine children: one of the machine, not of an environment that comes from the cache. On
 * macOS none is looked for: the one of the system may open a window.
 */
export async function trustedPython(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  for (const path of ['/usr/bin', undefined]) {
    const found = await findOnPath('python3', path);
    if (found && !isTooOld(await realpath(found))) return found;
  }
  return undefined;
}

/** The guard takes Python 3.9; systems name theirs by version. */
function isTooOld(program: string): boolean {
  const minor = /python3\.(\d+)$/.exec(program)?.[1];
  return minor !== undefined && Number(minor) < 9;
}
