import type { UserError } from '../errors.js';
import type { Scene } from '../project/scenes.js';
import type { BuildContext } from './context.js';

export async function rehearse(_scenes: readonly Scene[], _context: BuildContext): Promise<UserError[]> {
  return [];
}
