import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { searchPath } from '../search-path.js';

/** The absolute path of a program on PATH, undefined where there is none. */
export async function findOnPath(name: string, path = searchPath()): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((folder) => folder !== '')) {
    const candidate = join(folder, name);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
