import { readFileSync, writeFileSync } from 'node:fs';

/** Variables that name the files through which a step tells the runner something: what is set for later steps, and outputs. */
const VARIABLES = ['GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY'];

/**
 * Notes what the runner's command files hold now. A scene runs as the same user and could write to them, and so set the
 * environment of later steps. What is returned puts them back as they were and names those that were changed; it is called
 * when no code of the project runs any more, before the action writes its own outputs.
 */
export function watchCommandFiles(env: NodeJS.ProcessEnv): () => string[] {
  const before = VARIABLES.flatMap((variable) => {
    const path = env[variable];
    const content = path ? contentOf(path) : undefined;
    return path && content ? [{ variable, path, content }] : [];
  });
  return () =>
    before.flatMap(({ variable, path, content }) => {
      if (contentOf(path)?.equals(content)) return [];
      writeFileSync(path, content);
      return [variable];
    });
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
