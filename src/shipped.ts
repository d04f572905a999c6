import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from './errors.js';

let root: string | undefined;

/**
 * The folder that holds `action.yml` and `python/`: the checkout of the action. Found from this file upwards, since
 * GITHUB_ACTION_PATH is empty for JavaScript actions and the bundle lies deeper than the sources.
 */
export function actionRoot(): string {
  root ??= findRoot(dirname(fileURLToPath(import.meta.url)));
  return root;
}

function findRoot(from: string): string {
  if (existsSync(join(from, 'python', 'guard.py'))) return from;
  const parent = dirname(from);
  if (parent === from)
    throw new UserError('the action is incomplete: python/guard.py is missing beside it', {
      hint: 'Check it out again, whole.',
    });
  return findRoot(parent);
}

/** The absolute path of a file that the action ships, e.g. `python/guard.py`. */
export function shippedFile(relative: string): string {
  return join(actionRoot(), relative);
}
