import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { actionRoot } from '../src/shipped.js';
import { sceneWith, TOP } from './gates/support.js';
import { QUICK, type Workshop, workshop } from './support/cli.js';

/*
 * A project as it is while its author writes it: scenes that can be rendered beside scenes that cannot. The tests follow
 * each other, as its author would go on.
 */

let shop: Workshop;

const SIZE = `${TOP}config.pixel_width = 160\nconfig.pixel_height = 90\nconfig.frame_rate = 10\n\n\n`;

/** A scene that speaks nothing; the first line of its construct is line 15. */
function plain(body: string): string {
  const lines = body.split('\n').map((line) => `        ${line}\n`);
  return `${SIZE}class A(Scene):\n    def construct(self):\n${lines.join('')}`;
}

const GOOD = plain('self.add(Dot())\nself.wait(0.2)');

beforeAll(() => {
  shop = workshop();
});

afterAll(() => shop.remove());

function write(name: string, text: string): void {
  const path = join(shop.project, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function scenes(entries: readonly Record<string, unknown>[]): void {
  const file = join(shop.project, 'project_state.json');
  writeFileSync(
    file,
    JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), scenes: entries, errors: [] }, null, 2),
  );
}

const errorsOf = (stderr: string): string[] =>
  stderr.split('\n').flatMap((line) => /^projects\/tiny\/(\S+: error: .*)$/.exec(line)?.[1] ?? []);
const warningsOf = (stderr: string): string[] =>
  stderr.split('\n').flatMap((line) => /^projects\/tiny\/(\S+: warning: .*)$/.exec(line)?.[1] ?? []);

const BAD_ONES = [
  expect.stringMatching(/^project_state\.json:\d+: error: scene gone: no file gone\.py in the project$/),
  'broken.py:2: error: scene broken: not valid Python',
  'key.py:16: error: no narration line "opning"',
  'narration_script.py:7: error: narration line "ending" has no words',
  'old.py:16: error: Manim has no ShowCreation any more',
];

describe('a half-written project', () => {
  beforeAll(() => {
    scenes([
      { id: 'a', file: 'one/scene.py' },
      { id: 'gone' },
      { id: 'broken' },
      { id: 'key' },
      { id: 'empty' },
      { id: 'old' },
      { id: 'b', file: 'two/scene.py' },
      { id: 'runs', title: 'Fails when it runs' },
    ]);
    write('one/scene.py', GOOD);
    write('two/scene.py', GOOD.replace('Dot()', 'Square()'));
    write('broken.py', 'x = 1\nclass A(Scene)\n    pass\n');
    write('key.py', sceneWith('with self.voiceover(text=SCRIPT["opning"]):\n    pass', SIZE));
    write('empty.py', sceneWith('with self.voiceover(text=SCRIPT["ending"]):\n    pass', SIZE));
    write('old.py', sceneWith('self.play(ShowCreation(Dot()))', SIZE));
    write('runs.py', plain('for n in [self]:\n    n.nothing'));
    shop.edit('narration_script.py', (text) => text.replace('"That is all " "for today."', '"  "'));
  });

  test('is built as far as it can be, and fails with all that is wrong, each at its place', async () => {
    const { status, stderr } = await shop.cli('build', shop.project, ...QUICK);
    expect(status).toBe(1);
    const errors = errorsOf(stderr);
    expect(errors.slice(0, 5)).toEqual(BAD_ONES);
    expect(errors[5]).toMatch(/^runs\.py:16: error: scene runs: AttributeError/);
    expect(errors).toHaveLength(6);
    // the checks come before any work
    expect(stderr.indexOf('the checks found 5 errors')).toBeGreaterThanOrEqual(0);
    expect(stderr.indexOf('the checks found 5 errors')).toBeLessThan(stderr.indexOf('rendering 3 scenes'));
    for (const name of ['final_video.mp4', 'partial_video.mp4'])
      expect(existsSync(join(shop.project, name))).toBe(false);
    expect(JSON.parse(readFileSync(join(shop.project, 'project_state.json'), 'utf8')).errors).toHaveLength(6);
  });

  test('tells what a build would leave out', async () => {
    const { status, stdout } = await shop.cli('status', shop.project, '--json', ...QUICK);
    expect(status).toBe(0);
    const { scenes: known, faults } = JSON.parse(stdout);
    expect(known.map((scene: { id: string; reused: boolean }) => [scene.id, scene.reused])).toEqual([
      ['a', true],
      ['b', true],
      ['runs', false],
    ]);
    expect(faults.map(({ id }: { id: string }) => id)).toEqual(['gone', 'broken', 'key', 'empty', 'old']);
    expect(faults[4].errors[0]).toMatchObject({ file: 'projects/tiny/old.py', line: 16 });
  });

  test('gives a video of the scenes that are asked for, where these are good', async () => {
    const { status, stderr } = await shop.cli('build', shop.project, ...QUICK, '--scenes', 'a,b');
    expect([status, errorsOf(stderr)]).toEqual([0, []]);
    expect(stderr).toContain('0 scenes rendered, 2 reused');
    expect(existsSync(join(shop.project, 'partial_video.mp4'))).toBe(true);
    const { stderr: refused, status: failed } = await shop.cli('build', shop.project, ...QUICK, '--scenes', 'a,old');
    expect([failed, errorsOf(refused)]).toEqual([1, ['old.py:16: error: Manim has no ShowCreation any more']]);
  });

  test('keeps two scene files of one name apart', () => {
    const video = (path: string): Buffer => readFileSync(join(shop.project, 'media', 'videos', path, '90p10', 'A.mp4'));
    expect(video('one/scene').equals(video('two/scene'))).toBe(false);
  });

  test('is dealt to shards without the scenes that cannot be rendered', async () => {
    const { status, stderr } = await shop.cli('build', shop.project, ...QUICK, '--shard', '3/3');
    expect([status, errorsOf(stderr)]).toEqual([0, []]);
    for (const id of ['gone', 'broken', 'key', 'empty']) expect(stderr).toContain(`scene ${id} is in no share`);
  });

  test('is planned without the scenes that cannot be rendered', async () => {
    const output = join(shop.base, 'output');
    writeFileSync(output, '');
    const inputs = {
      project: shop.project,
      voice: 'espeak',
      python: QUICK[1],
      setup: 'never',
      'target-minutes': '0.01',
      'max-shards': '9',
    };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(actionRoot(), 'dist', 'plan.js')], {
      cwd: shop.base,
      encoding: 'utf8',
      env: {
        ...{ PATH: process.env.PATH, HOME: shop.base, GITHUB_WORKSPACE: shop.base, GITHUB_OUTPUT: output },
        ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
      },
    });
    expect([status, stderr]).toEqual([0, '']);
    const { include } = JSON.parse(/\{"include".*\}/.exec(readFileSync(output, 'utf8'))?.[0] ?? '');
    expect(include.map((job: { scenes: string }) => job.scenes).sort()).toEqual(['a', 'b', 'runs']);
    expect(stdout).toMatch(/::warning file=projects\/tiny\/old\.py,line=16::Manim has no ShowCreation/);
    expect(stdout).toMatch(/::warning file=projects\/tiny\/project_state\.json,line=\d+::scene gone/);
  });

  test('stops before any work with fail-fast', async () => {
    const { status, stderr } = await shop.cli('build', shop.project, ...QUICK, '--fail-fast', 'true');
    expect([status, errorsOf(stderr).length]).toEqual([1, 5]);
    expect(stderr).not.toContain('reused');
  });

  test('is checked alone, without Manim, and left as it was', async () => {
    const before = readFileSync(join(shop.project, 'project_state.json'), 'utf8');
    for (const args of [
      ['validate', shop.project],
      ['build', shop.project, '--validate-only', 'true'],
    ]) {
      const { status, stderr } = await shop.cli(...args, '--python', 'python3');
      expect([status, errorsOf(stderr)]).toEqual([1, BAD_ONES]);
    }
    expect(readFileSync(join(shop.project, 'project_state.json'), 'utf8')).toBe(before);
  });
});

describe('warnings', () => {
  beforeAll(() => {
    scenes([{ id: 'a', file: 'one/scene.py' }]);
    write('scene_99_left.py', 'from manim import *\n\n\nclass Left(Scene): pass\n');
  });

  const WARNED = [
    'narration_script.py:7: warning: narration line "ending" has no words',
    'narration_script.py:5: warning: no scene speaks narration line "opening"',
    'narration_script.py:6: warning: no scene speaks narration line "middle"',
    'scene_01_opening.py:14: warning: scene_01_opening.py has the scene Scene01Opening, but project_state.json does not name the file',
  ];

  test('do not stop a build', async () => {
    const { status, stderr } = await shop.cli('build', shop.project, ...QUICK);
    expect([status, errorsOf(stderr)]).toEqual([0, []]);
    expect(warningsOf(stderr)).toEqual(expect.arrayContaining(WARNED));
    expect(warningsOf(stderr)).toContain(
      'scene_99_left.py:4: warning: scene_99_left.py has the scene Left, but project_state.json does not name the file',
    );
  });

  test('are errors with strict gates, and not looked for without any', async () => {
    rmSync(join(shop.project, 'final_video.mp4'));
    const strict = await shop.cli('build', shop.project, ...QUICK, '--gates', 'strict');
    expect([strict.status, warningsOf(strict.stderr)]).toEqual([1, []]);
    expect(errorsOf(strict.stderr)).toEqual(
      expect.arrayContaining(WARNED.map((line) => line.replace('warning', 'error'))),
    );
    expect(existsSync(join(shop.project, 'final_video.mp4'))).toBe(false);
    const off = await shop.cli('build', shop.project, ...QUICK, '--gates', 'off');
    expect([off.status, warningsOf(off.stderr)]).toEqual([0, []]);
  });
});

test('with fail-fast, the first failing scene cancels the others', async () => {
  scenes([{ id: 'a', file: 'one/scene.py' }, { id: 'runs' }, { id: 'endless' }, { id: 'later' }]);
  write('endless.py', plain('while True:\n    self.wait(0.1)'));
  write('later.py', plain('self.wait(0.1)\nraise ValueError("too late")'));
  const { status, stderr } = await shop.cli(
    ...['build', shop.project, ...QUICK, '--fail-fast', 'true', '--parallel-renders', '2', '--gates', 'off'],
  );
  expect(status).toBe(1);
  const errors = errorsOf(stderr);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^(runs\.py:16|later\.py:16): error/);
});

test('a deep check runs each scene, and makes nothing', async () => {
  scenes([{ id: 'runs' }, { id: 'speaks' }]);
  const body =
    'with self.voiceover(text=SCRIPT["opening"]) as t:\n    self.wait(t.duration)\n    assert 1.5 < t.duration < 3';
  write('speaks.py', sceneWith(body, SIZE));
  rmSync(join(shop.project, 'media'), { recursive: true, force: true });
  const { status, stderr } = await shop.cli(
    'validate',
    shop.project,
    ...QUICK,
    '--validate-only',
    'deep',
    '--gates',
    'off',
  );
  expect(status).toBe(1);
  const errors = errorsOf(stderr);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^runs\.py:16: error: scene runs: AttributeError/);
  expect(stderr).toContain('scene speaks: runs to its end');
  expect(existsSync(join(shop.project, 'media'))).toBe(false);
});
