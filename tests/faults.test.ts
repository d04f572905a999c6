import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Workshop, workshop } from './support/cli.js';

let shop: Workshop;

beforeEach(() => {
  shop = workshop();
});

afterEach(() => shop.remove());

/** Puts statements at the start of a scene's construct. */
function begin(scene: string, ...statements: string[]): void {
  const marker = '    def construct(self):\n';
  const text = statements.map((statement) => `        ${statement}\n`).join('');
  shop.edit(`${scene}.py`, (source) => source.replace(marker, `${marker}        import os, subprocess\n${text}`));
}

/** Processes that a scene started with this number of seconds to sleep. */
function sleeping(seconds: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8') === `sleep\0${seconds}\0`;
    } catch {
      return false;
    }
  });
}

test('scenes that are killed, leave processes, run out of memory or print without end do no harm to others', async () => {
  const seconds = `1000.${process.pid}`;
  const leave = `subprocess.Popen(["sleep", "${seconds}"], start_new_session=True)`;
  begin(
    'scene_01_opening',
    leave,
    'first = not os.path.exists("../seen"); open("../seen", "a").close()',
    'first and os.kill(os.getpid(), 9)',
  );
  begin('scene_02_middle', leave, 'bytearray(10**15)');
  begin('scene_03_ending', leave, 'for _ in range(30): os.write(1, b"x" * 1000000)');
  const { status, stderr } = await shop.cli('build', shop.project, ...QUICK);
  expect(status).toBe(1);
  expect(sleeping(seconds)).toEqual([]);
  expect(existsSync(join(shop.project, '.build.lock'))).toBe(false);

  // killed once: rendered again by itself, and well
  expect(stderr).toMatch(
    /scene_01_opening.py: warning: scene scene_01_opening: the render was killed .*used up to .*; the machine has .*; it is rendered again by itself after the others/,
  );
  expect(stderr).toMatch(/^scene scene_01_opening: \d+ frames/m);
  expect(stderr).toMatch(/^scene scene_03_ending: \d+ frames/m);
  // twice out of memory: reported with figures, at its line
  const errors = stderr.split('\n').filter((line) => line.includes(' error: '));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(
    /scene_02_middle.py:\d+: error: scene scene_02_middle: MemoryError: .*out of memory: it used up to \d+ MiB; the machine has [\d.]+ GiB/,
  );
  expect(statSync(join(shop.project, 'log', 'scene_03_ending.log')).size).toBeLessThan(100_000);
});
