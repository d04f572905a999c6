import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, workshop } from './support/cli.js';

/** Each build: the project as it is named, and what the build does with its scenes. */
const WAYS: readonly [string, (base: string) => string, string][] = [
  ['the checkout is a link', (base) => join(base, 'checkout', 'projects', 'tiny'), '3 scenes rendered, 0 reused'],
  ['the project is a link', (base) => join(base, 'project'), '0 scenes rendered, 3 reused'],
  ['a link within the repository', (base) => join(base, 'real', 'films', 'tiny'), '0 scenes rendered, 3 reused'],
  ['no link', (base) => join(base, 'real', 'projects', 'tiny'), '0 scenes rendered, 3 reused'],
];

test('a project reached through links is kept, and found again by any way to it', async () => {
  const shop = workshop();
  try {
    const real = join(shop.base, 'real');
    mkdirSync(join(real, '.git'), { recursive: true });
    mkdirSync(join(real, 'films'));
    renameSync(join(shop.base, 'projects'), join(real, 'projects'));
    symlinkSync('real', join(shop.base, 'checkout'));
    symlinkSync(join('real', 'projects', 'tiny'), join(shop.base, 'project'));
    symlinkSync(join('..', 'projects', 'tiny'), join(real, 'films', 'tiny'));
    // files of a project that are links: a scene and the folder with its pictures
    mkdirSync(join(real, 'shared'));
    for (const name of ['scene_03_ending.py', 'assets']) {
      renameSync(join(real, 'projects', 'tiny', name), join(real, 'shared', name));
      symlinkSync(join('..', '..', 'shared', name), join(real, 'projects', 'tiny', name));
    }
    for (const [way, projectOf, done] of WAYS) {
      const ran = await shop.cli('build', projectOf(shop.base), '--quality', 'low', ...QUICK);
      expect({ way, status: ran.status, stderr: ran.stderr }).toEqual({
        way,
        status: 0,
        stderr: expect.stringContaining(done),
      });
      expect(ran.stderr).not.toContain('is not kept');
    }
  } finally {
    shop.remove();
  }
}, 120_000);
