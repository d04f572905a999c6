import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that only root writes to, on every Linux; hosted runners let everyone write to /usr/local/bin. */
const OF_THE_SYSTEM = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

let asGiven: string | undefined;

/** PATH as it was given: where programs are looked for that a build runs. */
export function searchPath(): string {
  return asGiven ?? process.env.PATH ?? '';
}

/**
 * From now on this process itself, and packages in it, find programs in folders of the system alone. The cache client
 * starts `tar` with all our secrets, and a scene can put one of that name into ~/.local/bin, which is on PATH of hosted
 * runners. On Linux only, and where tar is in such a folder.
 */
export function trustSystemPrograms(): void {
  if (process.platform !== 'linux' || !OF_THE_SYSTEM.some((folder) => existsSync(join(folder, 'tar')))) return;
  asGiven ??= searchPath();
  process.env.PATH = OF_THE_SYSTEM.join(':');
}
