import { UserError } from '../../src/errors.js';
import { groupErrors } from '../../src/report/failures.js';
import { type BuildReport, buildSummary, count, failureSummary, humanSeconds } from '../../src/report/summary.js';

const REPORT: BuildReport = {
  projectName: 'matrix',
  video: '/p/final_video.mp4',
  captions: '/p/final_video.srt',
  facts: {
    format: 3,
    frames: 3600,
    fps: 30,
    durationSeconds: 120,
    reencoded: [],
    chapters: [],
    inspection: { videoSeconds: 120, audioSeconds: 120, audioVideoRatio: 1, silences: [], scenes: [] },
    files: {},
  },
  scenes: [
    { id: 'a', title: 'One', how: 'reused', why: '', seconds: 60, renderSeconds: 12 },
    { id: 'b', title: 'Two', how: 'rendered', why: 'narration line intro changed', seconds: 60, renderSeconds: 75.4 },
  ],
  voice: { backend: 'piper', cacheHit: false, cacheKey: 'k', synthesized: [{ key: 'intro', why: 'its text changed' }] },
  store: 'the folder /s',
  needsHumanReview: false,
  notes: [],
  seconds: { render: 75.4, join: 0.31 },
};

/** The cells of the table's rows. */
const rows = (markdown: string): string[][] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test('the summary of a build says what was made, what was reused and why not the rest', () => {
  const summary = buildSummary(REPORT);
  expect(summary).toContain('## matrix\n');
  expect(summary).toContain('**2 min 0 s** of video, 3600 frames at 30 a second.');
  expect(summary).toContain(
    '1 scene rendered, 1 reused; 1 narration line spoken (`intro`: its text changed) by piper.',
  );
  expect(rows(summary)).toEqual([
    ['One', 'reused', '', '60.00 s', ''],
    ['Two', 'rendered', 'narration line intro changed', '60.00 s', '1 min 15 s'],
  ]);
  expect(summary).toContain('Time: render 1 min 15 s, join 0.3 s. Store: `the folder /s`.');
  expect(summary).not.toContain('Notes');
});

test('the summary of a shard says that it joined nothing', () => {
  const summary = buildSummary({ ...REPORT, facts: undefined, video: undefined });
  expect(summary).toContain('the video is joined by the final job');
  expect(summary).not.toContain('of video,');
});

test('fallbacks are in the summary, one line each', () => {
  const summary = buildSummary({ ...REPORT, notes: ['scene a | was\nencoded again', 'second'] });
  expect(summary).toContain('### Notes\n\n- scene a \\| was encoded again\n- second\n');
});

test('titles and reasons of any characters stay in their cells', () => {
  const scene = { ...REPORT.scenes[1], title: 'a | b\n\nc', why: 'x || y -> z' } as BuildReport['scenes'][number];
  expect(rows(buildSummary({ ...REPORT, scenes: [scene] }))[0]?.slice(0, 3)).toEqual([
    'a \\| b c',
    'rendered',
    'x \\|\\| y -> z',
  ]);
});

test('a name of the project cannot break out of its heading', () => {
  expect(buildSummary({ ...REPORT, projectName: 'a\n\n# b' }).split('\n')[0]).toBe('## a # b');
  expect(failureSummary('a\n# b', [], '/w')).toMatch(/^## a # b: the build failed/);
});

test('the summary of a failure has an entry for each error, with its place and what to do', () => {
  const errors = [
    new UserError('no narration line "x"', { place: { file: '/w/scene.py', line: 3 }, hint: 'The script has\na, b.' }),
    new UserError('ffmpeg is not installed'),
    new UserError("scene a: NameError: name 'x'", { place: { file: '/w/a.py', line: 7 } }),
    new UserError("scene b: NameError: name 'x'", { place: { file: '/w/b.py', line: 9 } }),
  ];
  expect(failureSummary('matrix', groupErrors(errors), '/w').split('\n')).toEqual([
    '## matrix: the build failed',
    '',
    '- `scene.py:3`: no narration line "x". The script has a, b.',
    '- ffmpeg is not installed',
    "- 2 scenes: NameError: name 'x'",
    '  - a (a.py:7)',
    '  - b (b.py:9)',
  ]);
});

test('a project that is marked for review by a person says so', () => {
  expect(buildSummary(REPORT)).not.toContain('review');
  expect(buildSummary({ ...REPORT, needsHumanReview: true })).toContain('marked for review by a person');
});

test.each([
  [0, '0.0 s'],
  [0.04, '0.0 s'],
  [9.94, '9.9 s'],
  [9.99, '10 s'],
  [10, '10 s'],
  [59.4, '59 s'],
  [59.6, '1 min 0 s'],
  [119.7, '2 min 0 s'],
  [3671, '61 min 11 s'],
])('%d seconds are told as %s', (seconds, words) => {
  expect(humanSeconds(seconds)).toBe(words);
});

test('things are counted in words', () => {
  expect([count(0, 'scene'), count(1, 'scene'), count(2, 'scene')]).toEqual(['0 scenes', '1 scene', '2 scenes']);
});
