import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Variables that name the files through which a step tells the runner something: what is set for later steps, and outputs. */
export const COMMAND_FILES = [
  'GITHUB_ENV',
  'GITHUB_PATH',
  'GITHUB_OUTPUT',
  'GITHUB_STATE',
  'GITHUB_STEP_SUMMARY',
] as const;

export interface CommandFiles {
  /** Does something of the action's own that writes to the files. */
  write(work: () => void): void;
  /** Puts back what others changed, and names it by variable. */
  settle(): string[];
}

/**
 * Holds the runner's command files to what the action itself writes. A scene runs as the same user: where the files cannot
 * be closed to it, it could set variables and paths of later steps, or outputs.
 */
export function commandFiles(env: NodeJS.ProcessEnv): CommandFiles {
  const files = COMMAND_FILES.flatMap((variable) => {
    const path = env[variable];
    return path ? [{ variable, path }] : [];
  });
  const read = (): (Buffer | undefined)[] => files.map(({ path }) => contentOf(path));
  const changed = new Set<string>();
  let ours = read();
  const putBack = (): void => {
    for (const [index, { variable, path }] of files.entries()) {
      const [now, own] = [contentOf(path), ours[index]];
      if (now === own || (now && own?.equals(now))) continue;
      changed.add(variable);
      rmSync(path, { recursive: true, force: true }); // it may be a link now
      if (own) writeFileSync(path, own);
    }
  };
  return {
    write: (work) => {
      putBack();
      try {
        work();
      } finally {
        ours = read();
      }
    },
    settle: () => {
      putBack();
      const names = [...changed];
      changed.clear();
      return names;
    },
  };
}

/** Undefined for what is no regular file. */
function contentOf(path: string): Buffer | undefined {
  try {
    return lstatSync(path).isFile() ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}
