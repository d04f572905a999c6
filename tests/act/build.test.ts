import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type ActRepository, type ActRun, actRepository, buildWorkflow } from './act.js';

let repository: ActRepository;

beforeAll(() => {
  repository = actRepository();
});

afterAll(() => repository.remove());

async function build(inputs?: Record<string, string>): Promise<ActRun> {
  const run = await repository.run(buildWorkflow(inputs));
  if (run.status !== 0) throw new Error(run.log);
  return run;
}

/** What a person would see and hear, as hashes of the decoded streams. */
function decoded(run: ActRun): string {
  return execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', run.file('final_video.mp4'), '-map', '0:v', '-map', '0:a', '-f', 'streamhash', '-'],
    {
      encoding: 'utf8',
    },
  );
}

describe('the action under act with its cache server', () => {
  let first: ActRun;

  it('speaks and renders everything at first', async () => {
    first = await build();
    expect(first.result('outputs')).toMatchObject({
      'voice-cache-hit': 'false',
      'voice-lines-synthesized': '3',
      'scenes-rendered': '3',
      'scenes-reused': '0',
    });
    const state = JSON.parse(readFileSync(first.file('project_state.json'), 'utf8'));
    expect(state).toMatchObject({ phase: 'complete', owner: 'tests', run_count: 1, errors: [] });
    expect(state.scenes.map((scene: { status: string }) => scene.status)).toEqual(['rendered', 'rendered', 'rendered']);
    expect(Object.keys(state).slice(0, 3)).toEqual(['project_name', 'phase', 'created_at']);
  });

  it('makes nothing again when nothing changed, and gives the same video', async () => {
    const second = await build();
    expect(second.result('outputs')).toMatchObject({
      'voice-cache-hit': 'true',
      'voice-lines-synthesized': '0',
      'scenes-rendered': '0',
      'scenes-reused': '3',
    });
    expect(decoded(second)).toBe(decoded(first));
  });

  it('speaks one line and renders one scene after one line changed', async () => {
    repository.edit('projects/tiny/narration_script.py', (text) => text.replace('is four', 'is still four'));
    const third = await build();
    expect(third.result('outputs')).toMatchObject({
      'voice-cache-hit': 'false',
      'voice-lines-synthesized': '1',
      'scenes-rendered': '1',
      'scenes-reused': '2',
    });
    expect(third.log).toContain('narration line middle changed');
  });

  it('makes nothing again after a comment in the narration changed', async () => {
    repository.edit('projects/tiny/narration_script.py', (text) =>
      text.replace('# the first scene', '# opening words'),
    );
    const fourth = await build();
    expect(fourth.result('outputs')).toMatchObject({ 'voice-cache-hit': 'true', 'scenes-rendered': '0' });
  });

  it('takes the voice from the cache where only pictures changed', async () => {
    repository.edit('projects/tiny/palette.py', (text) => text.replace('#ffcc00', '#00ccff'));
    const fifth = await build();
    expect(fifth.result('outputs')).toMatchObject({
      'voice-cache-hit': 'true',
      'voice-lines-synthesized': '0',
      'scenes-rendered': '1',
    });
    expect(fifth.log).toContain('projects/tiny/palette.py changed');
  });

  it('leaves no files in the checkout that git would show, but what belongs to the project', () => {
    const changed = readFileSync(first.file('git-status.txt'), 'utf8').split('\n').filter(Boolean);
    expect(changed.filter((line) => !line.includes('projects/tiny/'))).toEqual([]);
  });
});

describe('failures under act', () => {
  it('fails with one annotation for each failing scene at its line, and keeps the scenes that are done', async () => {
    repository.edit('projects/tiny/scene_01_opening.py', (text) =>
      text.replace('Circle(color=RED)', 'Cirle(color=RED)'),
    );
    const scene = readFileSync(`${repository.project}/scene_01_opening.py`, 'utf8');
    const line = scene.split('\n').findIndex((text) => text.includes('Cirle')) + 1;
    const failed = await repository.run(buildWorkflow());
    expect(failed.status).not.toBe(0);
    expect(failed.log).toMatch(
      new RegExp(`::error .*file=projects/tiny/scene_01_opening.py,line=${line}|scene_01_opening.py`),
    );
    expect(failed.log).toContain("NameError: name 'Cirle' is not defined");
    repository.edit('projects/tiny/scene_01_opening.py', (text) => text.replace('Cirle', 'Circle'));
    const mended = await build();
    expect(mended.result('outputs')).toMatchObject({ 'scenes-rendered': '0' });
  });

  it('names the input, the value and the allowed ones', async () => {
    const failed = await repository.run(buildWorkflow({ quality: 'huge' }));
    expect(failed.status).not.toBe(0);
    expect(failed.log).toContain(
      'quality: "huge" is not allowed; expected one of project, low, medium, high, production, fourk',
    );
  });
});
