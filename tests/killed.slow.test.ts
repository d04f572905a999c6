import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QUICK, type Workshop, workshop } from './support/cli.js';

const PATH = process.env.PATH;
let shop: Workshop;

beforeEach(() => {
  shop = workshop();
  mkdirSync(join(shop.base, 'tmp'));
  process.env.TMPDIR = join(shop.base, 'tmp');
  process.env.PATH = `${join(shop.base, 'bin')}:${PATH}`;
});

afterEach(() => {
  process.env.PATH = PATH;
  delete process.env.TMPDIR;
  shop.remove();
});

/** Command lines of processes with the test's folder in their environment, the build itself aside. */
function processesOfTest(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      if (!/^\d+$/.test(name) || !readFileSync(`/proc/${name}/environ`, 'utf8').includes(shop.base)) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return command.includes('cli.js') ? [] : [command];
    } catch {
      return []; // it has ended
    }
  });
}

/** Puts a program on PATH that waits for ever where its arguments are these, and else is the real one. */
function waitsFor(program: string, words: string): void {
  mkdirSync(join(shop.base, 'bin'), { recursive: true });
  const real = (PATH ?? '')
    .split(':')
    .map((folder) => join(folder, program))
    .find(existsSync);
  writeFileSync(
    join(shop.base, 'bin', program),
    `#!/bin/sh\ncase "$*" in ${words}) touch ${shop.base}/reached; trap '' TERM INT; while :; do sleep 100; done;; esac\nexec ${real} "$@"\n`,
    { mode: 0o755 },
  );
}

const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGINT'] as const;
/** Programs that only tell their version or list fonts run without a guard: they end by themselves. */
const UNGUARDED = 'it looks for what is installed';

/** What makes a build wait at a stage. */
const STAGES: Readonly<Record<string, () => void>> = {
  [UNGUARDED]: () => waitsFor('fc-list', '*'),
  'Manim is imported': () => {},
  'lines are spoken': () => waitsFor('espeak-ng', '*-w*|*--stdout*|*-f*'),
  'lines are encoded': () => waitsFor('ffmpeg', '*libmp3lame*'),
  'scenes are rendered, with a process that left its group': () =>
    shop.edit('scene_01_opening.py', (source) =>
      source.replace(
        'def construct(self):\n',
        `def construct(self):
        import subprocess
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        open(${JSON.stringify(join(shop.base, 'reached'))}, "w")
        subprocess.run(["sleep", "1000"])
`,
      ),
    ),
  'a scene gets its sound': () => waitsFor('ffmpeg', '*128k*'),
  'the video is joined': () => waitsFor('ffmpeg', '*concat*'),
};

describe.each(Object.keys(STAGES))('a build that is ended while %s', (stage) => {
  test.each(SIGNALS.slice(stage === UNGUARDED ? 1 : 0))(
    'by %s leaves nothing running and nothing locked',
    async (signal) => {
      const before = Object.fromEntries(
        readdirSync(shop.project)
          .filter((name) => name.endsWith('.py'))
          .map((name) => [name, readFileSync(join(shop.project, name), 'utf8')]),
      );
      STAGES[stage]?.();
      const running = shop.start('build', shop.project, ...QUICK);
      // the import takes a second, and has no place where it could be told to wait
      const isReached = (): boolean =>
        stage === 'Manim is imported'
          ? processesOfTest().some((command) => command.includes('render.server'))
          : existsSync(join(shop.base, 'reached'));
      for (let tries = 0; tries < 1200 && !isReached(); tries++) await sleep(50);
      expect(isReached()).toBe(true);
      running.kill(signal);
      await running.ended;
      for (let tries = 0; tries < 200 && processesOfTest().length > 0; tries++) await sleep(50);
      expect(processesOfTest()).toEqual([]);

      process.env.PATH = PATH;
      for (const [name, text] of Object.entries(before)) writeFileSync(join(shop.project, name), text);
      const again = await shop.cli('build', shop.project, ...QUICK);
      expect(again.stderr).not.toContain('another build');
      expect(again.status).toBe(0);
      expect(readdirSync(join(shop.base, 'tmp'))).toEqual([]);
      expect(existsSync(join(shop.project, '.build.lock'))).toBe(false);
      const partial = readdirSync(shop.base, { recursive: true }).filter((name) => String(name).includes('.partial'));
      expect(partial).toEqual([]);
    },
  );
});
