import { chmod, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { JsonObject } from '../../src/json.js';
import {
  type BuildOutcome,
  isClassName,
  nextDocument,
  PHASES,
  type ProjectState,
  parseState,
  readState,
  writeState,
} from '../../src/project/state.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { testRealProjects } from '../support/real-projects.js';

const newFolder = temporaryFolders();
const FILE = '/projects/video/project_state.json';
const parse = (document: unknown): ProjectState =>
  parseState(FILE, typeof document === 'string' ? document : JSON.stringify(document, null, 2));
const repairsOf = (state: ProjectState): string[] => state.repairs.map(({ message }) => message);
const NOW = new Date('2026-03-04T05:06:07.891Z');
const STAMP = '2026-03-04T05:06:07Z';

describe('reading state', () => {
  test('missing fields have defaults, since files in the wild lack them', () => {
    const state = parse({ scenes: [{ id: 'one' }] });
    expect(state).toMatchObject({
      projectName: 'video',
      phase: 'init',
      narrationFile: 'narration_script.py',
      voiceConfigFile: undefined,
      repairs: [],
      scenes: [
        {
          id: 'one',
          title: 'one',
          status: 'pending',
          file: undefined,
          className: undefined,
          narrationKey: undefined,
          estimatedSeconds: undefined,
        },
      ],
    });
  });

  test.each(PHASES)('the phase %s is known', (phase) => {
    expect(parse({ phase, scenes: [] }).phase).toBe(phase);
  });

  test('the old phase training means build_scenes', () => {
    expect(parse({ phase: 'training', scenes: [] }).phase).toBe('build_scenes');
  });

  test.each([
    [{ estimated_duration: '48s' }, 48],
    [{ estimated_duration: ' 12.5 sec ' }, 12.5],
    [{ estimated_duration: '30 seconds' }, 30],
    [{ estimated_duration: '45' }, 45],
    [{ estimated_duration: 20 }, 20],
    [{ estimated_duration_seconds: 33.3, estimated_duration: '48s' }, 33.3],
    [{ estimated_duration: 'about a minute' }, undefined],
    [{ estimated_duration: null }, undefined],
  ])('an expected length is read however it is written: %j', (fields, seconds) => {
    expect(parse({ scenes: [{ id: 'a', ...fields }] }).scenes[0]?.estimatedSeconds).toBe(seconds);
  });

  test('history may hold texts and objects', () => {
    const history = ['built', { phase: 'plan', note: 1 }, 'again'];
    expect(parse({ scenes: [], history }).document.history).toEqual(history);
  });

  test.each([
    ['a second document', '{"scenes": []}\n{"scenes": [1]}'],
    ['braces', '{"scenes": []}}}'],
    ['words', '{"scenes": []}\nEOF written by hand'],
    ['half a document', '{"scenes": []}{"scenes": ['],
    ['null bytes', '{"scenes": []}\0\0\0'],
  ])('what follows the JSON is ignored, and that is told: %s', (_, text) => {
    const state = parse(text);
    expect(state.scenes).toEqual([]);
    expect(repairsOf(state)).toEqual([
      `project_state.json: ${text.length - 14} characters after the end of the JSON are ignored`,
    ]);
  });

  test('braces and quotes inside texts do not end the JSON', () => {
    const state = parse(String.raw`{"topic": "a } \" } {", "scenes": []} garbage`);
    expect(state.document.topic).toBe('a } " } {');
  });

  test('a byte order mark and Windows line ends are no fault', () => {
    const state = parse('\uFEFF{\r\n  "scenes": []\r\n}\r\n');
    expect(state.repairs).toEqual([]);
  });

  test.each([
    ['an empty file', '', 1],
    ['no JSON at all', 'hello', 1],
    ['a comma too many', '{\n  "phase": "plan",\n  "scenes": [],\n}', 3],
    ['a comma too many in a list', '{\n  "scenes": [\n    1,\n  ]\n}', 3],
    ['a comma that is missing', '{\n  "phase": "plan"\n  "scenes": []\n}\n', 3],
    ['a colon that is missing', '{\n  "phase" "plan"\n}\n', 2],
    ['a file cut off', '{\n  "scenes": [\n    {"id": "a"', 3],
    ['a file cut off inside a text', '{\n  "scenes": [\n    {"id": "a\n', 3],
    ['a text over two lines', '{\n  "topic": "one\ntwo",\n  "scenes": []\n}', 2],
    ['a comment', '{\n  "scenes": [] // none\n}', 2],
    ['a comment of Python', '{\n  # none\n  "scenes": []\n}', 2],
    ['a long comment', '{\n\n  /* none */ "scenes": []\n}', 3],
    ['single quotes', "{\n  'scenes': []\n}", 2],
    ['curly quotes', '{\n  “scenes”: []\n}', 2],
    ['a name without quotes', '{\n  scenes: []\n}', 2],
    ['NaN', '{\n  "a": 1,\n  "b": NaN,\n  "scenes": []\n}', 3],
    ['minus Infinity', '{\n  "a": -Infinity,\n  "scenes": []\n}', 2],
    ['a constant of Python', '{\n  "a": None,\n  "scenes": []\n}', 2],
    ['a constant of JavaScript', '{\n  "a": undefined,\n  "scenes": []\n}', 2],
    ['a number with a zero before it', '{\n  "a": 01,\n  "scenes": []\n}', 2],
    ['a number without digits before the point', '{\n  "a": .5,\n  "scenes": []\n}', 2],
    ['a tab inside a text', '{\n  "a": "x\ty",\n  "scenes": []\n}', 2],
    ['a wrong escape', '{\n  "a": "C:\\dir",\n  "scenes": []\n}', 2],
    ['a merge conflict', '{\n  "a": 1,\n<<<<<<< HEAD\n  "b": 2\n=======\n  "b": 3\n>>>>>>> x\n}\n', 3],
    ['a merge conflict around all', '<<<<<<< HEAD\n{"scenes": []}\n=======\n{}\n>>>>>>> x\n', 1],
    ['a merge conflict with one mark left', '{"scenes": []}\n=======\n{"scenes": [1]}\n', 2],
    ['old Macintosh line ends', '{\r  "a": NaN\r}', 2],
    ['a byte order mark and a fault', '\uFEFF{\r\n  "a": 1,\r\n}', 2],
    ['100000 brackets', `{\n  "scenes": ${'['.repeat(100_000)}`, 2],
    ['100000 objects', `{\n"scenes": ${'{"a":'.repeat(100_000)}`, 2],
    ['garbage before it', 'x {"scenes": []}', 1],
    ['a list', '[]', 1],
    ['null', 'null', 1],
    ['a text', '"state"', 1],
  ])('what is no JSON object is an error with its line: %s', async (_, text, line) => {
    const error = await userError(() => parse(text));
    expect(error.place).toEqual({ file: FILE, line });
  });

  test('a missing file is told with the folder', async () => {
    const folder = await newFolder();
    expect((await userError(() => readState(folder))).message).toContain(folder);
  });

  test('bytes that are not UTF-8 are refused: writing them back would lose them', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'project_state.json'), Buffer.from('{"topic": "caf\xe9", "scenes": []}', 'latin1'));
    expect((await userError(() => readState(folder))).message).toContain('UTF-8');
  });
});

describe('fields of a wrong kind', () => {
  type Repaired = readonly [fields: Record<string, unknown>, name: string, found: string, read: unknown];
  const repaired: readonly Repaired[] = [
    [{ phase: 'rendering' }, 'phase', '"rendering"', 'init'],
    [{ phase: 'rendering', scenes: [{ id: 'a' }] }, 'phase', '"rendering"', 'build_scenes'],
    [{ phase: ' Final-Render ' }, 'phase', '" Final-Render "', 'final_render'],
    [{ phase: ['plan'] }, 'phase', '["plan"]', null],
    [{ project_name: ['a'] }, 'project_name', '["a"]', null],
    [{ project_name: 12 }, 'project_name', '12', '12'],
    [{ created_at: 5 }, 'created_at', '5', '5'],
    [{ updated_at: {} }, 'updated_at', '{}', null],
    [{ run_count: -1 }, 'run_count', '-1', 0],
    [{ run_count: 1.5 }, 'run_count', '1.5', 1],
    [{ run_count: '3' }, 'run_count', '"3"', 3],
    [{ run_count: 'three' }, 'run_count', '"three"', 0],
    [{ run_count: '' }, 'run_count', '""', 0],
    [{ run_count: true }, 'run_count', 'true', 0],
    [{ run_count: 1e300 }, 'run_count', '1e+300', 0],
    [{ current_scene_index: null }, 'current_scene_index', 'null', 0],
    [{ errors: 'none' }, 'errors', '"none"', ['none']],
    [{ errors: null }, 'errors', 'null', []],
    [{ history: null }, 'history', 'null', []],
    [{ history: {} }, 'history', '{}', [{}]],
    [{ history: 'began' }, 'history', '"began"', ['began']],
    [{ history: ['ok', 3] }, 'history[1]', '3', ['ok', '3']],
    [{ history: [['ok', ['so', { a: 1 }]], 'x'] }, 'history[0]', '["ok",["so",{"a":1}]]', ['ok', 'so', { a: 1 }, 'x']],
    [{ history: [null, 'x'] }, 'history[0]', 'null', ['x']],
    [{ flags: null }, 'flags', 'null', { needs_human_review: false, dry_run: false, force_replan: false }],
    [{ flags: ['dry_run'] }, 'flags', '["dry_run"]', { needs_human_review: false, dry_run: true, force_replan: false }],
    [{ flags: { dry_run: 'no' } }, 'flags.dry_run', '"no"', { dry_run: false }],
    [{ flags: { dry_run: 'True' } }, 'flags.dry_run', '"True"', { dry_run: true }],
    [{ flags: { dry_run: 1 } }, 'flags.dry_run', '1', { dry_run: true }],
    [{ flags: { dry_run: 'perhaps' } }, 'flags.dry_run', '"perhaps"', { dry_run: false }],
    [
      { flags: { needs_human_review: 'see scene 3' } },
      'flags.needs_human_review',
      '"see scene 3"',
      { needs_human_review: true },
    ],
    [{ narration_file: 1 }, 'narration_file', '1', null],
    [{ narration_file: ' lines.py ' }, 'narration_file', '" lines.py "', 'lines.py'],
    [{ scenes: null }, 'scenes', 'null', []],
    [{ scenes: ['a'] }, 'scenes[0]', '"a"', [{ id: 'a' }]],
    [{ scenes: ['a.py'] }, 'scenes[0]', '"a.py"', [{ id: 'a', file: 'a.py' }]],
    [{ scenes: 'a' }, 'scenes', '"a"', ['a']],
    [{ scenes: [{ id: 2 }] }, 'scenes[0].id', '2', [{ id: '2' }]],
    [{ scenes: [{ id: 'scene 01!' }] }, 'scenes[0].id', '"scene 01!"', [{ id: 'scene_01_' }]],
    [{ scenes: [{ id: ' a ' }] }, 'scenes[0].id', '" a "', [{ id: 'a' }]],
    [{ scenes: [{ id: '-a:b' }] }, 'scenes[0].id', '"-a:b"', [{ id: '_a_b' }]],
    [{ scenes: [{ id: 'a', title: 7 }] }, 'scenes[0].title', '7', [{ id: 'a', title: '7' }]],
    [{ scenes: [{ id: 'a', title: [] }] }, 'scenes[0].title', '[]', [{ id: 'a', title: null }]],
    [{ scenes: [{ id: 'a', narration_key: 1 }] }, 'scenes[0].narration_key', '1', [{ id: 'a', narration_key: '1' }]],
    [{ scenes: [{ id: 'a', status: 'done' }] }, 'scenes[0].status', '"done"', [{ id: 'a', status: 'pending' }]],
    [{ scenes: [{ id: 'a', status: 'Built ' }] }, 'scenes[0].status', '"Built "', [{ id: 'a', status: 'built' }]],
    [{ scenes: [{ id: 'a', status: {} }] }, 'scenes[0].status', '{}', [{ id: 'a', status: null }]],
    [{ scenes: [{ id: 'a', file: 3 }] }, 'scenes[0].file', '3', [{ id: 'a', file: null }]],
    [{ scenes: [{ id: 'a', class_name: true }] }, 'scenes[0].class_name', 'true', [{ id: 'a', class_name: null }]],
    [{ scenes: [{ id: 'a', class_name: 'A ' }] }, 'scenes[0].class_name', '"A "', [{ id: 'a', class_name: 'A' }]],
  ];
  test.each(repaired)('%j is repaired, with a warning that names it', (fields, name, found, read) => {
    const state = parse({ scenes: [], ...fields });
    const [first] = state.repairs;
    expect(first?.message).toMatch(`project_state.json: ${name}: found ${found}, expected `);
    expect(first?.message).toMatch(/; (read as|ignored)/);
    expect(first?.place?.file).toBe(FILE);
    expect(state.problems).toEqual([]);
    const [field] = Object.keys(fields) as [string];
    if (name !== 'scenes') expect(state.repairs).toHaveLength(1);
    if (name !== 'scenes' || read !== 'a')
      expect(state.document[field]).toEqual(
        field === 'scenes' && name === 'scenes' && fields.scenes === 'a' ? [{ id: 'a' }] : read,
      );
  });

  test('a repair is made once: what is written then is read without one', async () => {
    const folder = await newFolder();
    for (const [fields] of repaired) {
      const path = join(folder, 'project_state.json');
      await writeFile(path, JSON.stringify({ scenes: [], ...fields }));
      const state = await readState(folder);
      await writeState(state, nextDocument(state, FAILURE, NOW));
      expect([fields, repairsOf(await readState(folder))]).toEqual([fields, []]);
    }
  });

  test('scenes that are an object are read in the order of the file, and written as a list', async () => {
    const folder = await newFolder();
    const path = join(folder, 'project_state.json');
    await writeFile(
      path,
      '{\n  "scenes": {\n    "10": {"title": "first", "seed": 12345678901234567890},\n    "9": {"id": "b"},\n    "8": {}\n  },\n  "a": 1.0\n}\n',
    );
    const state = await readState(folder);
    expect(state.scenes.map(({ id, title }) => [id, title])).toEqual([
      ['10', 'first'],
      ['b', 'b'],
      ['8', '8'],
    ]);
    expect(repairsOf(state)).toEqual([expect.stringContaining('scenes: found an object, expected a list')]);
    expect(state.repairs[0]?.place?.line).toBe(2);
    await writeState(state, state.document);
    expect(await readFile(path, 'utf8')).toBe(
      '{\n  "scenes": [\n    {"id": "10", "title": "first", "seed": 12345678901234567890},\n    {"id": "b"},\n    {"id": "8"}\n  ],\n  "a": 1.0\n}\n',
    );
    expect(parse({ scenes: { id: 'a', title: 'alone' } }).scenes).toMatchObject([{ id: 'a', title: 'alone' }]);
    expect(parse({ scenes: {} }).scenes).toEqual([]);
  });

  test('a scene whose id is repaired keeps its file and its title', () => {
    expect(parse({ scenes: [{ id: 'scene 01' }] }).scenes).toMatchObject([
      { id: 'scene_01', title: 'scene 01', file: 'scene 01.py' },
    ]);
  });

  test.each([
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'scène',
    '介绍',
    '_',
    '0',
    'a.b-c',
    'CON',
    'x'.repeat(200),
  ])('%s is an id like others', (id) => {
    const state = parse(`{"scenes": [{"id": ${JSON.stringify(id)}, "__proto__": {"id": "no"}}, {"id": "other"}]}`);
    expect(state.scenes.map((scene) => scene.id)).toEqual([id, 'other']);
    expect([...state.repairs, ...state.problems]).toEqual([]);
  });

  test.each([
    [{ scenes: [{ title: 'x' }] }, 'scenes[0].id', 'nothing', 'a text'],
    [{ scenes: [{ id: '' }] }, 'scenes[0].id', '""', 'a text'],
    [{ scenes: [{ id: ' ' }] }, 'scenes[0].id', '" "', 'a text'],
    [{ scenes: [{ id: null }] }, 'scenes[0].id', 'null', 'a text'],
    [{ scenes: [{ id: 'a/b' }] }, 'scenes[0].id', '"a/b"', 'letters, digits'],
    [{ scenes: [{ id: '/etc/passwd' }] }, 'scenes[0].id', '"/etc/passwd"', 'letters, digits'],
    [{ scenes: [{ id: 'a\\b' }] }, 'scenes[0].id', '"a\\\\b"', 'letters, digits'],
    [{ scenes: [{ id: '..' }] }, 'scenes[0].id', '".."', 'letters, digits'],
    [{ scenes: [{ id: 'a..b' }] }, 'scenes[0].id', '"a..b"', 'letters, digits'],
    [{ scenes: [{ id: '.' }] }, 'scenes[0].id', '"."', 'letters, digits'],
    [{ scenes: [{ id: 'a\nb' }] }, 'scenes[0].id', '"a\\nb"', 'letters, digits'],
    [{ scenes: [{ id: 'a\0b' }] }, 'scenes[0].id', '"a\\u0000b"', 'letters, digits'],
    [{ scenes: [{ id: '!?' }] }, 'scenes[0].id', '"!?"', 'letters, digits'],
    [{ scenes: [{ id: 'é'.repeat(101) }] }, 'scenes[0].id', '"é', 'letters, digits'],
    [{ scenes: [7] }, 'scenes[0]', '7', 'an object'],
    [{ scenes: [null] }, 'scenes[0]', 'null', 'an object'],
    [{ scenes: [['a']] }, 'scenes[0]', '["a"]', 'an object'],
  ])('%j is an error of this scene, and the others are read', (fields, name, found, expected) => {
    const state = parse({ scenes: [...fields.scenes, { id: 'good' }] });
    expect(state.scenes.map(({ id }) => id)).toEqual(['good']);
    expect(state.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(escaped(`project_state.json: ${name}: found ${found}`)),
    ]);
    expect(state.problems[0]?.message).toContain(`, expected ${expected}`);
    expect(state.problems[0]?.place?.file).toBe(FILE);
    expect(state.problems[0]?.hint).toContain(name);
  });

  test.each([
    '../A',
    'A\nB',
    'A\0',
    'A B',
    'A.B',
    '-qh',
    '1A',
    '',
    'class',
    'None',
    'A'.repeat(201),
    'é'.repeat(101),
    'A;import os',
    '🐎', // prettier
  ])('%j is no name of a class', (name) => expect(isClassName(name)).toBe(false));
  test.each(['A', '_', 'Scène', '场景', 'A1_b', 'constructor', '__proto__', 'A'.repeat(200)])('%j is one', (name) =>
    expect(isClassName(name)).toBe(true),
  );

  test('a narration file with a control character in its name is an error', () => {
    const { problems } = parse({ scenes: [], narration_file: 'a\0.py' });
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('narration_file: found "a\\u0000.py"'),
    ]);
  });

  test('an id that is given twice is an error at the second one', () => {
    const state = parse('{"scenes": [\n{"id": "a"},\n{"id": "b"},\n{"id": "a"}\n]}');
    expect(state.scenes.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(state.problems.map(({ message, place }) => [message, place?.line])).toEqual([
      [expect.stringContaining('scenes[2].id: found "a", expected an id of its own (scenes[0] has this one)'), 4],
    ]);
  });

  test('a field that is given twice counts as Python takes it, and is told at its line', () => {
    const state = parse('{\n"phase": "plan",\n"scenes": [],\n"phase": "review"\n}');
    expect(state.phase).toBe('review');
    expect(state.repairs.map(({ message, place }) => [message, place?.line])).toEqual([
      ['project_state.json: "phase" is given twice (first in line 2); the last one counts', 4],
    ]);
  });

  test('a review that a person must make is told', () => {
    const review = (flag: unknown): boolean =>
      parse({ scenes: [], flags: { needs_human_review: flag } }).needsHumanReview;
    expect([true, 'yes', 1].map(review)).toEqual([true, true, true]);
    expect([false, 'no', 0, null].map(review)).toEqual([false, false, false, false]);
    expect(parse({ scenes: [] }).needsHumanReview).toBe(false);
  });

  test('each is told at its own line, not at one of the same name elsewhere', () => {
    const text = `{
  "history": [{"phase": "plan", "errors": 1}, "\\"phase\\": 1"],
  "scenes": [
    {"id": "a", "title": "]}"},
    {
      "id": "b",
      "status": "done"
    },
    {
      "id": "c/"
    }
  ],
  "phase": "nowhere",
  "flags": {
    "dry_run": 1
  },
  "errors": 0
}`;
    const state = parse(text);
    const told = [...state.repairs, ...state.problems];
    expect(Object.fromEntries(told.map(({ message, place }) => [message.split(': ')[1], place?.line]))).toEqual({
      phase: 13,
      'flags.dry_run': 15,
      errors: 17,
      'scenes[1].status': 7,
      'scenes[2].id': 10,
    });
    expect(state.scenes.map(({ line }) => line)).toEqual([4, 5]);
  });
});

function escaped(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[\\[\](){}.*+?^$|/]/g, '\\$&')}`);
}

const SUCCESS: BuildOutcome = {
  ok: true,
  whole: true,
  summary: '2 scenes, 3.000 s',
  scenes: [
    { id: 'a', file: 'a.py', className: 'A', videoFile: 'media/a.mp4', fileSizeBytes: 10, durationSeconds: 1 / 3 },
    { id: 'b', file: 'b.py', className: 'B', videoFile: 'media/b.mp4', fileSizeBytes: 20, durationSeconds: 2 },
  ],
};
const FAILURE: BuildOutcome = { ok: false, errors: ['a.py:3: no', 'b.py: no'], summary: '2 errors' };

const DOCUMENT = {
  zeta: { nested: [1, { y: null, x: 'é' }] },
  project_name: 'video',
  phase: 'final_render',
  created_at: '2025-01-01T00:00:00Z',
  updated_at: '2025-01-01T00:00:00Z',
  run_count: 19,
  alpha: 1.25,
  scenes: [
    {
      custom: true,
      id: 'a',
      status: 'error',
      verification: { note: 'mine', warning: 'duration mismatch', duration_seconds: 9 },
      complexity: 'low',
    },
    { id: 'b', class_name: 'Mine', file: '', status: 'rendered', video_file: 'old.mp4' },
  ],
  current_scene_index: 1,
  errors: ['an earlier error'],
  history: ['began', { at: 1 }],
  flags: { needs_human_review: true, extra: 'kept' },
};

describe('the next version of the state', () => {
  test('after a success: scenes rendered and verified, phase complete, a history entry', () => {
    const next = nextDocument(parse(DOCUMENT), SUCCESS, NOW);
    expect(next).toEqual({
      ...DOCUMENT,
      phase: 'complete',
      updated_at: STAMP,
      run_count: 20,
      current_scene_index: 2,
      errors: [],
      scenes: [
        {
          custom: true,
          id: 'a',
          status: 'rendered',
          complexity: 'low',
          file: 'a.py',
          class_name: 'A',
          video_file: 'media/a.mp4',
          verification: {
            note: 'mine',
            file_size_bytes: 10,
            duration_seconds: 0.333333,
            audio_present: true,
            verified_at: STAMP,
          },
        },
        {
          id: 'b',
          class_name: 'Mine',
          file: 'b.py',
          status: 'rendered',
          video_file: 'media/b.mp4',
          verification: { file_size_bytes: 20, duration_seconds: 2, audio_present: true, verified_at: STAMP },
        },
      ],
      history: [
        ...DOCUMENT.history,
        { timestamp: STAMP, phase: 'complete', action: 'Built the video', details: '2 scenes, 3.000 s' },
      ],
    });
  });

  test('keeps fields in their order, known or not', () => {
    for (const outcome of [SUCCESS, FAILURE]) {
      const next = nextDocument(parse(DOCUMENT), outcome, NOW);
      expect(Object.keys(next)).toEqual(Object.keys(DOCUMENT));
      const [scene] = next.scenes as JsonObject[];
      expect(Object.keys(scene as JsonObject).slice(0, 5)).toEqual(Object.keys(DOCUMENT.scenes[0] as object));
      expect(Object.keys((next.zeta as { nested: JsonObject[] }).nested[1] as JsonObject)).toEqual(['y', 'x']);
    }
  });

  test('after a failure: the errors are there, phase and earlier results are as they were', () => {
    const next = nextDocument(parse(DOCUMENT), FAILURE, NOW);
    expect(next).toEqual({
      ...DOCUMENT,
      updated_at: STAMP,
      run_count: 20,
      errors: ['an earlier error', 'a.py:3: no', 'b.py: no'],
      history: [
        ...DOCUMENT.history,
        { timestamp: STAMP, phase: 'final_render', action: 'Build failed', details: '2 errors' },
      ],
    });
  });

  test('the same error twice is one entry', () => {
    const first = nextDocument(parse(DOCUMENT), FAILURE, NOW);
    expect(nextDocument(parse(first), FAILURE, NOW).errors).toEqual(first.errors);
  });

  test('a part of the scenes does not complete the project', () => {
    const partial = { ...SUCCESS, whole: false, scenes: SUCCESS.scenes.slice(0, 1) };
    const next = nextDocument(parse(DOCUMENT), partial, NOW);
    expect(next).toMatchObject({ phase: 'final_render', current_scene_index: 1, errors: ['an earlier error'] });
    expect((next.scenes as JsonObject[]).map(({ status, video_file: file }) => [status, file])).toEqual([
      ['rendered', 'media/a.mp4'],
      ['rendered', 'old.mp4'],
    ]);
  });

  test('gets the required fields that were missing', () => {
    const next = nextDocument(parse({ scenes: [{ id: 'a' }] }), SUCCESS, NOW);
    expect(Object.keys(next)).toEqual([
      ...['scenes', 'project_name', 'phase', 'created_at', 'updated_at', 'run_count', 'current_scene_index'],
      ...['errors', 'history', 'flags'],
    ]);
    expect(next).toMatchObject({
      project_name: 'video',
      run_count: 1,
      created_at: STAMP,
      flags: { needs_human_review: false, dry_run: false, force_replan: false },
    });
    expect(parseState(FILE, JSON.stringify(next)).repairs).toEqual([]);
  });

  test('calls the old phase training by its name', () => {
    expect(nextDocument(parse({ phase: 'training', scenes: [] }), FAILURE, NOW).phase).toBe('build_scenes');
  });

  test('leaves the state it came from as it was', () => {
    const state = parse(DOCUMENT);
    nextDocument(state, SUCCESS, NOW);
    expect(state.document).toEqual(DOCUMENT);
  });
});

describe('writing state', () => {
  const written = async (text: string): Promise<{ folder: string; path: string; state: ProjectState }> => {
    const folder = await newFolder();
    const path = join(folder, 'project_state.json');
    await writeFile(path, text);
    return { folder, path, state: await readState(folder) };
  };

  test('puts the new one in place and the old one into the backup, byte for byte', async () => {
    const text = `${JSON.stringify(DOCUMENT, null, 2)} trailing garbage`;
    const { folder, path, state } = await written(text);
    await writeState(state, nextDocument(state, SUCCESS, NOW));
    expect(await readFile(join(folder, '.state_backup.json'), 'utf8')).toBe(text);
    const again = await readState(folder);
    expect(again.repairs).toEqual([]);
    expect(again.document).toEqual(nextDocument(state, SUCCESS, NOW));
    expect(await readFile(path, 'utf8')).toMatch(/\}\n$/);
    expect((await readdir(folder)).sort()).toEqual(['.state_backup.json', 'project_state.json']);
  });

  test.each([
    ['two spaces', 2],
    ['four spaces', 4],
    ['tabs', '\t'],
  ])('keeps the indentation: %s', async (_, indent) => {
    const { path, state } = await written(JSON.stringify(DOCUMENT, null, indent));
    await writeState(state, state.document);
    expect(await readFile(path, 'utf8')).toBe(JSON.stringify(DOCUMENT, null, indent));
    const next = nextDocument(state, SUCCESS, NOW);
    await writeState(state, next);
    expect(await readFile(path, 'utf8')).toBe(JSON.stringify(next, null, indent));
  });

  test.each([
    ['digits that JavaScript cannot hold', '{"seed": 12345678901234567890123, "scenes": []}'],
    ['spellings of numbers', '{"a": [1.0, 1e5, -0, 0.10, 1E+2, 1e400], "scenes": []}'],
    ['escapes', String.raw`{"a": "\u00e9\/\ud83d \u007f", "scenes": []}`],
    ['Windows line ends', '{\r\n  "a": 1.0,\r\n  "scenes": []\r\n}\r\n'],
    ['old Macintosh line ends', '{\r  "a": 1.0,\r  "scenes": []\r}\r'],
    ['a byte order mark', '\uFEFF{\n  "a": 1.0,\n  "scenes": []\n}\n'],
    ['no line end at the end', '{\n  "a": 1.0,\n  "scenes": []\n}'],
    ['many line ends at the end', '{\n  "a": 1.0,\n  "scenes": []\n}\n\n\n'],
    ['a layout of its own', '{ "a" :1.0\n ,"b": [ 1,\n2 ] , "scenes" : [ ] }'],
    ['no blanks at all', '{"a":[1.0,{"b":2}],"scenes":[]}'],
    ['lines in lists', '{\n\t"a": [1.0,\n\t\t2],\n\t"scenes": [\n\t\t{"id": "a", "x": 1.00}\n\t]\n}\n'],
    ['a name like that of JavaScript', '{"__proto__": {"a": 1.0}, "constructor": [1.0], "scenes": []}'],
    ['fields that are given twice', '{"a": 1.0, "a": 2.0, "scenes": []}'],
  ])('keeps what it does not know byte for byte: %s', async (_, text) => {
    const { path, state } = await written(text);
    const next = nextDocument(state, FAILURE, NOW);
    await writeState(state, next);
    const after = await readFile(path, 'utf8');
    // all that was there is there in its order, with what was added between its parts
    const before = text.trimEnd().slice(0, -1).trimEnd();
    expect(after.slice(0, before.length)).toBe(before);
    expect(/\s*$/.exec(after)?.[0]).toBe(/\s*$/.exec(text)?.[0]);
    if (!/[^\r]\n/.test(text)) expect(after).not.toMatch(/[^\r]\n/);
    const again = parseState(path, after);
    expect(again.document).toEqual({ ...next });
    expect(await readFile(join(path, '..', '.state_backup.json'), 'utf8')).toBe(text);
  });

  test.each([
    ['the state', 'project_state.json'],
    ['the backup', '.state_backup.json'],
  ])('never writes through a link out of the project: %s', async (_, name) => {
    const outside = join(await newFolder(), 'victim');
    await writeFile(outside, '{"scenes": []}');
    const { folder, path, state } = await written('{"scenes": []}');
    await rm(join(folder, name), { force: true });
    await symlink(outside, join(folder, name));
    const error = await userError(() => writeState(state, nextDocument(state, SUCCESS, NOW)));
    expect(error.message).toContain(`${name} leads out of`);
    expect(await readFile(outside, 'utf8')).toBe('{"scenes": []}');
    expect(await readFile(path, 'utf8')).toBe('{"scenes": []}');
    expect((await readdir(folder)).filter((found) => found.endsWith('.partial'))).toEqual([]);
  });

  test('follows a link inside the project and keeps it', async () => {
    const { folder, path } = await written('{"scenes": []}');
    await rename(path, join(folder, 'real.json'));
    await symlink('real.json', path);
    const state = await readState(folder);
    await writeState(state, nextDocument(state, SUCCESS, NOW));
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(JSON.parse(await readFile(join(folder, 'real.json'), 'utf8'))).toMatchObject({ phase: 'complete' });
  });

  test('keeps who may read the file', async () => {
    const { path, state } = await written('{"scenes": []}');
    await chmod(path, 0o640);
    await writeState(state, state.document);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  test('refuses where somebody else changed the file meanwhile, and loses nothing', async () => {
    const { folder, path, state } = await written('{"scenes": [], "mine": 1}');
    await writeFile(path, '{"scenes": [], "theirs": 2}');
    const error = await userError(() => writeState(state, nextDocument(state, SUCCESS, NOW)));
    expect(error.message).toContain('changed by somebody else');
    expect(await readFile(path, 'utf8')).toBe('{"scenes": [], "theirs": 2}');
    expect(await readdir(folder)).toEqual(['project_state.json']);
  });

  test('leaves the old file whole where the backup cannot be written', async () => {
    const { folder, path, state } = await written('{"scenes": []}');
    await mkdir(join(folder, '.state_backup.json'));
    const error = await userError(() => writeState(state, nextDocument(state, SUCCESS, NOW)));
    expect(error.message).toContain('.state_backup.json could not be written: there is a folder in its place');
    expect(await readFile(path, 'utf8')).toBe('{"scenes": []}');
    expect((await readdir(folder)).sort()).toEqual(['.state_backup.json', 'project_state.json']);
  });

  test('a file that was removed meanwhile is written anew', async () => {
    const { folder, path, state } = await written('{"scenes": []}');
    await rm(path);
    await writeState(state, nextDocument(state, SUCCESS, NOW));
    expect((await readState(folder)).phase).toBe('complete');
  });
});

describe('real projects', () => {
  testRealProjects('is read without a repair and keeps all it holds', async (folder) => {
    const state = await readState(folder);
    expect(state.repairs).toEqual([]);
    expect(state.phase).toBe('complete');
    expect(state.projectName).toBe(basename(folder));
    expect(state.scenes.length).toBeGreaterThanOrEqual(5);
    for (const scene of state.scenes) expect(scene).toMatchObject({ status: 'rendered', file: `${scene.id}.py` });
    const next = nextDocument(state, { ok: false, errors: [], summary: '' }, NOW);
    const { history, run_count: runs, updated_at: at, ...kept } = next;
    const { history: before, run_count: _runs, updated_at: _at, ...original } = state.document;
    expect(kept).toEqual(original);
    expect((history as unknown[]).slice(0, -1)).toEqual(before);
    expect([runs, at]).toEqual([Number(_runs) + 1, STAMP]);
  });
});
