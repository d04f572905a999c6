import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Workshop, workshop } from './support/cli.js';

let shop: Workshop;

beforeAll(() => {
  shop = workshop();
});

afterAll(() => shop.remove());

/** Builds as another job would: with the same store and nothing else. */
async function job(...args: string[]): Promise<string> {
  for (const name of ['media', 'log']) rmSync(join(shop.project, name), { recursive: true, force: true });
  rmSync(join(shop.base, '.flaming-horse'), { recursive: true, force: true });
  const built = await shop.cli('build', shop.project, ...QUICK, ...args);
  if (built.status !== 0) throw new Error(built.stderr);
  return built.stderr;
}

describe('shards that share nothing but a store', () => {
  it('each render their share, speak its lines, and join nothing', async () => {
    expect(await job('--shard', '1/2')).toContain('1 scene rendered, 0 reused, 1 narration line spoken');
    expect(await job('--shard', '2/2')).toContain('2 scenes rendered, 0 reused, 2 narration lines spoken');
    expect(await job('--shard', '2/2')).toContain('0 scenes rendered, 2 reused, 0 narration lines spoken');
    expect(existsSync(join(shop.project, 'final_video.mp4'))).toBe(false);
  });

  it('leave nothing to render to the build that joins', async () => {
    expect(await job()).toContain('0 scenes rendered, 3 reused, 0 narration lines spoken');
    expect(existsSync(join(shop.project, 'final_video.mp4'))).toBe(true);
  });

  it('leave the lines of all of them to later builds', async () => {
    for (const name of ['scene_01_opening.py', 'scene_02_middle.py', 'scene_03_ending.py']) {
      shop.edit(name, (text) => `${text}# again\n`);
    }
    expect(await job()).toContain('3 scenes rendered, 0 reused, 0 narration lines spoken');
  });

  it('keep the scenes that were done when another one failed, and know them the next time', async () => {
    shop.edit('scene_01_opening.py', (text) => text.replace('Circle(', 'Cirle('));
    shop.edit('palette.py', (text) => text.replace('#ffcc00', '#00ffcc'));
    const failed = await shop.cli('build', shop.project, ...QUICK);
    expect(failed.status).toBe(1);
    shop.edit('scene_01_opening.py', (text) => text.replace('Cirle(', 'Circle('));
    expect(await job()).toContain('0 scenes rendered, 3 reused, 0 narration lines spoken');
  });
});
