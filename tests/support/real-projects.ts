import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { actionRoot } from '../../src/shipped.js';

/** Real projects of other authors, which lie beside the checkout where somebody has them; they are not ours to ship. */
const FOLDER = process.env.FLAMING_HORSE_PROJECTS ?? join(actionRoot(), '..', 'shared', 'projects');

const NAMES = ['matrix-multiplication', 'pythagorean-theorem'];

const FOLDERS = NAMES.map((name) => join(FOLDER, name)).filter((folder) => existsSync(folder));

/** A test for each real project that is there; skipped, and shown as such, where there is none. */
export function testRealProjects(name: string, work: (folder: string) => Promise<void>): void {
  if (FOLDERS.length === 0) test.skip(`(no real project is here) ${name}`, () => {});
  for (const folder of FOLDERS) test(`${basename(folder)} ${name}`, () => work(folder));
}
