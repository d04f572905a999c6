import { realpathSync } from 'node:fs';

/** A path without links: Python, Git and this project must name a file alike. The path itself where nothing is there. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
