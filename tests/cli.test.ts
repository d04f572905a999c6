import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QUICK, type Workshop, workshop } from './support/cli.js';

let shop: Workshop;
let base: string;
let project: string;

beforeEach(() => {
  shop = workshop();
  ({ base, project } = shop);
});

afterEach(() => shop.remove());

/** Commands of processes that have to do with this test's folder. */
function processesOfTest(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(base) && !command.includes('cli.js') ? [command] : [];
      } catch {
        return [];
      }
    });
}

describe('flaming-horse build', () => {
  it('builds a project, leaves every path that projects expect, and reuses everything the second time', async () => {
    const first = await shop.cli('build', project, ...QUICK);
    expect(first.stderr).toContain('3 scenes rendered, 0 reused, 3 narration lines spoken');
    expect(first.stdout.trim()).toBe(join(project, 'final_video.mp4'));
    expect(first.status).toBe(0);
    for (const path of [
      'final_video.mp4',
      'final_video.srt',
      'final_video.vtt',
      'scenes.txt',
      'media/videos/scene_01_opening/180p15/Scene01Opening.mp4',
      'media/voiceovers/qwen/cache.json',
      'media/voiceovers/qwen/.cache_hash',
      'media/voiceovers/qwen/opening.mp3',
      'log/scene_01_opening.log',
      '.state_backup.json',
    ]) {
      expect([path, existsSync(join(project, path))]).toEqual([path, true]);
    }
    expect(existsSync(join(project, '.build.lock'))).toBe(false);
    const index = JSON.parse(readFileSync(join(project, 'media/voiceovers/qwen/cache.json'), 'utf8'));
    expect(index.map((entry: { narration_key: string }) => entry.narration_key)).toEqual([
      'opening',
      'middle',
      'ending',
    ]);

    const bytes = readFileSync(join(project, 'final_video.mp4'));
    const second = await shop.cli('build', project, ...QUICK);
    expect(second.stderr).toContain('0 scenes rendered, 3 reused, 0 narration lines spoken');
    expect(readFileSync(join(project, 'final_video.mp4')).equals(bytes)).toBe(true);
  });

  it('speaks each line within a frame of where the scene puts it, in the final video', async () => {
    const built = await shop.cli('build', project, ...QUICK);
    expect(built.status).toBe(0);
    const work = join(base, '.flaming-horse');
    const [place] = readdirSync(work).filter((name) => !name.startsWith('.'));
    const scenes = join(work, place as string, 'scenes');
    const results = readdirSync(scenes).map((name) =>
      JSON.parse(readFileSync(join(scenes, name, 'result.json'), 'utf8')),
    );
    const order = ['scene_01_opening', 'scene_02_middle', 'scene_03_ending'];
    results.sort((a, b) => order.indexOf(a.scene_id) - order.indexOf(b.scene_id));
    const rate = 48_000;
    const decode = (file: string): Float32Array => {
      const raw = execFileSync(
        'ffmpeg',
        ['-v', 'error', '-i', file, '-map', '0:a', '-f', 'f32le', '-ac', '1', '-ar', String(rate), '-'],
        {
          maxBuffer: 1 << 28,
        },
      );
      return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
    };
    const onset = (samples: Float32Array, from: number): number => {
      for (let at = from; at < samples.length; at++) if (Math.abs(samples[at] ?? 0) > 0.02) return at;
      return -1;
    };
    const whole = decode(join(project, 'final_video.mp4'));
    let frame = 0;
    for (const result of results) {
      const [line] = result.lines;
      const spoken = onset(decode(join(project, 'media/voiceovers/qwen', `${line.key}.mp3`)), 0);
      const expected = ((frame + line.start_frame) * rate) / result.fps + spoken;
      const found = onset(whole, Math.round((frame * rate) / result.fps));
      expect(Math.abs(found - expected) / rate).toBeLessThan(1 / result.fps);
      frame += result.frames;
    }
    const probe = execFileSync(
      'ffprobe',
      [
        '-v',
        'error',
        '-count_frames',
        '-select_streams',
        'v',
        '-show_entries',
        'stream=nb_read_frames',
        '-of',
        'csv=p=0',
        join(project, 'final_video.mp4'),
      ],
      { encoding: 'utf8' },
    );
    expect(Number(probe)).toBe(frame);
  });

  it('lets each render import Manim where no process can do it for all, and says so', async () => {
    process.env.TMPDIR = join(base, 'nowhere');
    const built = await shop.cli('build', project, ...QUICK).finally(() => delete process.env.TMPDIR);
    expect(built.stderr).toContain('3 scenes rendered');
    expect(built.stderr).toMatch(/renders import Manim each for itself.*ENOENT/);
    expect(built.status).toBe(0);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'leaves no process behind when it is ended by %s',
    async (signal) => {
      const scene = join(project, 'scene_01_opening.py');
      const source = readFileSync(scene, 'utf8');
      writeFileSync(scene, source.replace(/^( +)self\.set_speech_service/m, '$1__import__("time").sleep(60)\n$&'));
      const running = shop.start('build', project, ...QUICK);
      // the server, its guards, and for a scene in work who watches over it and the render itself
      const busy = (): boolean => processesOfTest().filter((line) => line.includes('render.server')).length >= 4;
      for (let tries = 0; tries < 600 && !busy(); tries++) await sleep(50);
      expect(busy()).toBe(true);
      running.kill(signal);
      await running.ended;
      for (let tries = 0; tries < 100 && processesOfTest().length > 0; tries++) await sleep(50);
      expect(processesOfTest()).toEqual([]);
      // and the next build takes over the lock
      writeFileSync(scene, source);
      const again = await shop.cli('build', project, ...QUICK);
      expect(again.status).toBe(0);
    },
  );

  it('tells every failing scene at its line, keeps phase and results, and builds the others', async () => {
    for (const [name, from, to] of [
      ['scene_01_opening.py', 'Circle(', 'Cirle('],
      ['scene_03_ending.py', 'SVGMobject(', 'open("nowhere.txt"); SVGMobject('],
    ] as const) {
      const path = join(project, name);
      writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
    }
    const failed = await shop.cli('build', project, ...QUICK);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain(
      "projects/tiny/scene_01_opening.py:20: error: scene scene_01_opening: NameError: name 'Cirle' is not defined",
    );
    expect(failed.stderr).toContain(
      'projects/tiny/scene_03_ending.py:18: error: scene scene_03_ending: FileNotFoundError',
    );
    const state = JSON.parse(readFileSync(join(project, 'project_state.json'), 'utf8'));
    expect(state.phase).toBe('final_render');
    expect(state.errors).toHaveLength(2);
    expect(existsSync(join(project, 'final_video.mp4'))).toBe(false);

    const partial = await shop.cli('build', project, '--scenes', 'scene_02_middle', ...QUICK);
    expect(partial.stderr).toContain('0 scenes rendered, 1 reused');
    expect(partial.stdout.trim()).toBe(join(project, 'partial_video.mp4'));
  });

  it('answers bad use with what is allowed', async () => {
    const unknown = await shop.cli('build', project, '--voice', 'siri');
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('voice: "siri" is not allowed; expected one of auto, cached, piper, espeak');
    const nowhere = await shop.cli('build', join(base, 'nowhere'));
    expect(nowhere.status).toBe(1);
    expect(nowhere.stderr).toContain('no project_state.json');
    const flag = await shop.cli('build', project, '--vioce', 'piper');
    expect(flag.status).toBe(2);
  });
});
