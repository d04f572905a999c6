import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type BuildOutcome,
  type JsonObject,
  nextDocument,
  PHASES,
  type ProjectState,
  parseState,
  readState,
  writeState,
} from '../../src/project/state.js';
import { userError, userErrors } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { testRealProjects } from '../support/real-projects.js';

const newFolder = temporaryFolders();
const FILE = '/projects/video/project_state.json';
const parse = (document: unknown): ProjectState =>
  parseState(FILE, typeof document === 'string' ? document : JSON.stringify(document, null, 2));
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
    expect(state.repairs).toEqual([
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
    ['a comma too many', '{\n  "phase": "plan",\n  "scenes": [],\n}', 4],
    ['a file cut off', '{\n  "scenes": [\n    {"id": "a"', 3],
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
  test.each([
    [{ phase: 'rendering' }, 'phase', '"rendering"', 'one of init, plan'],
    [{ phase: 7 }, 'phase', '7', 'a text'],
    [{ project_name: ['a'] }, 'project_name', '["a"]', 'a text'],
    [{ created_at: 5 }, 'created_at', '5', 'a text'],
    [{ run_count: -1 }, 'run_count', '-1', 'a whole number from 0'],
    [{ run_count: 1.5 }, 'run_count', '1.5', 'a whole number from 0'],
    [{ run_count: '3' }, 'run_count', '"3"', 'a whole number from 0'],
    [{ current_scene_index: null }, 'current_scene_index', 'null', 'a whole number from 0'],
    [{ errors: 'none' }, 'errors', '"none"', 'a list'],
    [{ history: {} }, 'history', '{}', 'a list'],
    [{ history: ['ok', 3] }, 'history[1]', '3', 'a text or an object'],
    [{ flags: [] }, 'flags', '[]', 'an object of true/false values'],
    [{ flags: { dry_run: 'no' } }, 'flags.dry_run', '"no"', 'true or false'],
    [{ narration_file: 1 }, 'narration_file', '1', 'a text'],
    [{ scenes: {} }, 'scenes', '{}', 'a list'],
    [{ scenes: undefined }, 'scenes', 'nothing', 'a list of scenes'],
    [{ scenes: ['a'] }, 'scenes[0]', '"a"', 'an object'],
    [{ scenes: [{ title: 'x' }] }, 'scenes[0].id', 'nothing', 'a text'],
    [{ scenes: [{ id: 'a/b' }] }, 'scenes[0].id', '"a/b"', 'letters, digits'],
    [{ scenes: [{ id: '..' }] }, 'scenes[0].id', '".."', 'letters, digits'],
    [{ scenes: [{ id: 2 }] }, 'scenes[0].id', '2', 'a text'],
    [{ scenes: [{ id: '' }] }, 'scenes[0].id', '""', 'a text'],
    [
      { scenes: [{ id: 'a' }, { id: 'b' }, { id: 'a' }] },
      'scenes[2].id',
      '"a"',
      'an id of its own (scenes[0] has this one)',
    ],
    [{ scenes: [{ id: 'a', status: 'done' }] }, 'scenes[0].status', '"done"', 'one of pending, built, rendered, error'],
    [{ scenes: [{ id: 'a', file: 3 }] }, 'scenes[0].file', '3', 'a text'],
    [{ scenes: [{ id: 'a', class_name: true }] }, 'scenes[0].class_name', 'true', 'a text'],
  ])('%j is told by name, with what was found and what is expected', async (fields, name, found, expected) => {
    const error = await userError(() => parse({ scenes: [], ...fields }));
    expect(error.message).toMatch(`project_state.json: ${name}: found ${found}, expected ${expected}`);
    expect(error.place?.file).toBe(FILE);
  });

  test('all of them are told at once', async () => {
    const errors = await userErrors(() =>
      parse({ run_count: 'x', errors: 1, scenes: [{ id: 'a', status: 'x' }, { id: 2 }] }),
    );
    expect(errors.map(({ message }) => message.split(': ')[1]).sort()).toEqual([
      'errors',
      'run_count',
      'scenes[0].status',
      'scenes[1].id',
    ]);
  });

  test('each is told at its own line, not at one of the same name elsewhere', async () => {
    const text = `{
  "history": [{"phase": "plan", "errors": 1}, "\\"phase\\": 1"],
  "scenes": [
    {"id": "a", "title": "]}"},
    {
      "id": "b",
      "status": "done"
    }
  ],
  "phase": "nowhere",
  "flags": {
    "dry_run": 1
  },
  "errors": 0
}`;
    const errors = await userErrors(() => parse(text));
    expect(Object.fromEntries(errors.map(({ message, place }) => [message.split(': ')[1], place?.line]))).toEqual({
      phase: 10,
      'flags.dry_run': 12,
      errors: 14,
      'scenes[1].status': 7,
    });
  });
});

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
    expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(DOCUMENT, null, indent)}\n`);
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

  test('leaves the old file whole where the new one cannot be written', async () => {
    const { folder, path, state } = await written('{"scenes": []}');
    // a folder in the place of the temporary file: it cannot be opened for writing
    await mkdir(join(folder, `.project_state.${process.pid}.tmp`));
    await expect(writeState(state, nextDocument(state, SUCCESS, NOW))).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toBe('{"scenes": []}');
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
