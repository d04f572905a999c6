import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, workshop } from './support/cli.js';

test('a scene that ends its process, or takes its result away, is an error at its file and no defect', async () => {
  const shop = workshop();
  const first = (code: string) => (text: string) =>
    text.replace(/^( +)self\.set_speech_service/m, (call, indent) => `${indent}${code}\n${call}`);
  try {
    shop.edit('scene_01_opening.py', first('import posix; posix._exit(0)'));
    shop.edit('scene_02_middle.py', first('import os; os.kill(os.getpid(), 15)'));
    const result = '*/scenes/*/result.json';
    const remove = `import atexit, glob, os; atexit.register(lambda: [os.remove(f) for f in glob.glob("${join(shop.base, '.flaming-horse')}/${result}")])`;
    shop.edit('scene_03_ending.py', first(remove));
    const line = (name: string): number =>
      readFileSync(join(shop.project, name), 'utf8')
        .split('\n')
        .findIndex((text) => text.includes('import os; os.kill')) + 1;
    const { status, stderr } = await shop.cli('build', shop.project, '--quality', 'low', ...QUICK);
    expect(status).toBe(1);
    expect(stderr).not.toMatch(/defect|SoX/);
    const ended = 'the render ended without a result';
    for (const told of [
      `scene_01_opening.py: error: 2 scenes: ${ended} (something in the scene ended the process or removed the result)`,
      `scene_02_middle.py:${line('scene_02_middle.py')}: error: scene scene_02_middle: ${ended} (it was ended by the signal SIGTERM)`,
      '  scene_03_ending (projects/tiny/scene_03_ending.py)',
    ])
      expect(stderr).toContain(told);
    expect(existsSync(join(shop.project, 'log', 'scene_02_middle.log'))).toBe(true);
  } finally {
    shop.remove();
  }
}, 120_000);
