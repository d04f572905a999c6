import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { parse } from 'yaml';
import { userErrorsOf } from '../src/errors.js';
import { INPUTS, type InputContext, type InputName, type Options, readOptions } from '../src/inputs.js';
import { shippedFile } from '../src/shipped.js';
import { problemOfOption, X264_OPTIONS } from '../src/x264.js';
import { userError } from './support/errors.js';
import { temporaryFolders } from './support/folder.js';
import { fuzz } from './support/fuzz.js';

const ROOT = resolve(import.meta.dirname, '..');

type Given = Partial<Record<InputName, string>>;

const CONTEXT: InputContext = { env: {}, workspace: '/workspace', lowTrust: false };
const options = (given: Given, context: Partial<InputContext> = {}): Options =>
  readOptions((name) => ({ project: 'p', ...given })[name], { ...CONTEXT, ...context });

test('without any input but the project, options are the documented defaults', () => {
  expect(options({})).toEqual({
    project: '/workspace/p',
    parallelRenders: 0,
    voice: 'auto',
    quality: 'project',
    scenes: [],
    python: '',
    setup: 'auto',
    cache: 'read-write',
    cachePrefix: 'flaming-horse',
    output: undefined,
    encoder: 'fast',
    encoderOptions: {},
    sceneTimeoutMinutes: undefined,
    stallMinutes: undefined,
    shard: undefined,
    gates: 'warn',
    validateOnly: 'false',
    failFast: false,
  });
});

test.each<[Given, Partial<Options>]>([
  [{ project: ' projects/a b ' }, { project: '/workspace/projects/a b' }],
  [{ project: '/elsewhere/p' }, { project: '/elsewhere/p' }],
  [{ project: './p/' }, { project: '/workspace/p' }],
  [{ project: '.' }, { project: '/workspace' }],
  [{ 'parallel-renders': '0' }, { parallelRenders: 0 }],
  [{ 'parallel-renders': '3' }, { parallelRenders: 3 }],
  [{ 'parallel-renders': '-1' }, { parallelRenders: -1 }],
  [{ voice: 'cached' }, { voice: 'cached' }],
  [{ voice: 'piper' }, { voice: 'piper' }],
  [{ voice: 'espeak' }, { voice: 'espeak' }],
  [{ voice: '' }, { voice: 'auto' }],
  [{ quality: 'low' }, { quality: 'low' }],
  [{ quality: 'fourk' }, { quality: 'fourk' }],
  [{ scenes: 'a,b' }, { scenes: ['a', 'b'] }],
  [{ scenes: '\n a \n\n b,, c ,a\n' }, { scenes: ['a', 'b', 'c'] }],
  [{ scenes: ' , \n ' }, { scenes: [] }],
  [{ python: '~/venv/bin/python' }, { python: '~/venv/bin/python' }],
  [{ setup: 'never' }, { setup: 'never' }],
  [{ cache: 'off' }, { cache: 'off' }],
  [{ cache: 'read' }, { cache: 'read' }],
  [{ 'cache-prefix': 'My.Prefix_1-x' }, { cachePrefix: 'my.prefix_1-x' }],
  [{ output: 'out/video.mp4' }, { output: '/workspace/out/video.mp4' }],
  [{ output: '/tmp/V.MP4' }, { output: '/tmp/V.MP4' }],
  [{ encoder: 'stock' }, { encoder: 'stock' }],
  [{ 'encoder-options': 'crf=20' }, { encoderOptions: { crf: '20' } }],
  [
    { 'encoder-options': ' crf=20, preset=slow:me=hex\n\n8x8dct=0 ' },
    { encoderOptions: { crf: '20', preset: 'slow', me: 'hex', '8x8dct': '0' } },
  ],
  [
    { 'encoder-options': 'no-mbtree=1,qp_min=3,level=1b' },
    { encoderOptions: { 'no-mbtree': '1', qp_min: '3', level: '1b' } },
  ],
  [{ voice: 'Piper' }, { voice: 'piper' }],
  [{ quality: ' LOW\n' }, { quality: 'low' }],
  [{ cache: '\tRead-Write ' }, { cache: 'read-write' }],
  [{ setup: '\u00a0NEVER\u00a0' }, { setup: 'never' }],
  [{ scenes: 'a\r\nb\r\n' }, { scenes: ['a', 'b'] }],
  [{ python: '.' }, { python: '.' }],
  [{ 'scene-timeout-minutes': '90' }, { sceneTimeoutMinutes: 90 }],
  [{ 'stall-minutes': ' 0.5 ' }, { stallMinutes: 0.5 }],
  [{ gates: 'strict' }, { gates: 'strict' }],
  [{ gates: 'off' }, { gates: 'off' }],
  [{ 'validate-only': 'true' }, { validateOnly: 'true' }],
  [{ 'validate-only': 'deep' }, { validateOnly: 'deep' }],
  [{ 'validate-only': '' }, { validateOnly: 'false' }],
  [{ 'fail-fast': 'true' }, { failFast: true }],
  [{ shard: '1/1' }, { shard: { index: 1, count: 1 } }],
  [{ shard: '2/4' }, { shard: { index: 2, count: 4 } }],
  [{ shard: '256/256' }, { shard: { index: 256, count: 256 } }],
])('%j is read as meant', (given, expected) => {
  expect(options(given)).toMatchObject(expected);
});

test.each<[Given, string, RegExp]>([
  [{ 'parallel-renders': 'many' }, 'many', /0 .*, a number of renders, or -1/],
  [{ 'parallel-renders': '-2' }, '-2', /-1/],
  [{ 'parallel-renders': '1.5' }, '1.5', /-1/],
  [{ 'parallel-renders': '08' }, '08', /-1/],
  [{ 'parallel-renders': '1e3' }, '1e3', /-1/],
  [{ 'parallel-renders': '٣' }, '٣', /-1/],
  [{ 'parallel-renders': '1000' }, '1000', /-1/],
  [{ 'parallel-renders': '+2' }, '+2', /-1/],
  [{ 'parallel-renders': '1\n2' }, '1\\n2', /without line breaks/],
  [{ project: 'a\0b' }, 'a\\u0000b', /without line breaks/],
  [{ project: 'a\nb' }, 'a\\nb', /without line breaks/],
  [{ project: 'x'.repeat(5000) }, `${'x'.repeat(100)}...`, /4096 bytes/],
  [{ voice: 'piper\u0007' }, 'piper\\u0007', /without line breaks/],
  [{ quality: 'low quality' }, 'low quality', /project, low/],
  [{ cache: 'false' }, 'false', /read-write, read, off/],
  [{ cache: 'no' }, 'no', /read-write, read, off/],
  [{ output: '/' }, '/', /\.mp4/],
  [{ output: '.git/video.mp4' }, '.git/video.mp4', /belongs to git/],
  [{ output: 'p/../.git/hooks/video.mp4' }, 'p/../.git/hooks/video.mp4', /belongs to git/],
  [{ output: 'p/assets/clip.mp4' }, 'p/assets/clip.mp4', /outside the project's assets/],
  [{ output: 'p/media/videos/a/480p15/A.mp4' }, 'p/media/videos/a/480p15/A.mp4', /outside the project's media/],
  [{ shard: '0/0' }, '0/0', /1 <= i <= n/],
  [{ shard: '1/0' }, '1/0', /1 <= i <= n/],
  [{ shard: '1/1000' }, '1/1000', /1 <= i <= n/],
  [{ shard: '1 / 2' }, '1 / 2', /1 <= i <= n/],
  [{ 'encoder-options': 'crf=20,crf=21' }, 'crf=21', /given twice/],
  [{ 'encoder-options': 'crf' }, 'crf', /name=value/],
  [{ 'encoder-options': 'crf=' }, 'crf=', /name=value/],
  [{ 'encoder-options': '--crf 20' }, '--crf 20', /name=value/],
  [{ voice: 'siri' }, 'siri', /auto, cached, piper, espeak/],
  [{ quality: '1080p' }, '1080p', /project, low, medium, high, production, fourk/],
  [{ quality: 'toString' }, 'toString', /project, low/],
  [{ setup: 'yes' }, 'yes', /auto, never/],
  [{ cache: 'true' }, 'true', /read-write, read, off/],
  [{ 'cache-prefix': 'a,b' }, 'a,b', /letters, digits/],
  [{ 'cache-prefix': 'x'.repeat(65) }, 'x'.repeat(65), /up to 64/],
  [{ output: 'out/' }, 'out/', /\.mp4/],
  [{ output: 'video.srt' }, 'video.srt', /\.mp4/],
  [{ output: 'out/.mp4' }, 'out/.mp4', /\.mp4/],
  [{ encoder: 'nvenc' }, 'nvenc', /fast, stock/],
  [{ 'encoder-options': 'crf=20,fast' }, 'fast', /name=value/],
  [{ 'encoder-options': 'a b=c' }, 'a b=c', /name=value/],
  [{ 'scene-timeout-minutes': '0' }, '0', /above 0/],
  [{ 'scene-timeout-minutes': '1h' }, '1h', /minutes/],
  [{ 'stall-minutes': '-5' }, '-5', /above 0/],
  [{ 'stall-minutes': '1e9' }, '1e9', /minutes/],
  [{ gates: 'none' }, 'none', /strict, warn, off/],
  [{ 'validate-only': 'yes' }, 'yes', /false, true, deep/],
  [{ 'fail-fast': '1' }, '1', /false, true/],
  [{ shard: '0/4' }, '0/4', /1 <= i <= n/],
  [{ shard: '5/4' }, '5/4', /1 <= i <= n/],
  [{ shard: '1' }, '1', /i\/n/],
  [{ shard: '1 of 4' }, '1 of 4', /i\/n/],
  [{ shard: '-1/4' }, '-1/4', /i\/n/],
])('%j is an error that names the input, the value and what is allowed', async (given, value, allowed) => {
  const [name] = Object.keys(given);
  const error = await userError(() => options(given));
  expect(error.message).toMatch(`${name}: "${value}" is not allowed; expected `);
  expect(error.message).toMatch(allowed);
});

test.each([
  ['crf=abc', '"crf" takes a number'],
  ['crf=1,5', 'name=value'],
  ['subme=fast', '"subme" takes a whole number'],
  ['subme=1.5', '"subme" takes a whole number'],
  ['me=hexagon', '"me" takes one of dia, hex'],
  ['preset=quick', '"preset" takes one of ultrafast'],
  ['tune=cartoon', '"tune" takes names like animation'],
  ['mbtree=maybe', '"mbtree" takes 0 or 1'],
  ['no-crf=1', 'x264 has no option "no-crf"'],
  ['quality=20', 'x264 has no option "quality"'],
  ['constructor=1', 'x264 has no option "constructor"'],
  ['__proto__=1', 'x264 has no option "__proto__"'],
  ['colormatrix=bt709', '"colormatrix" cannot be set: the colours are those of Manim'],
  ['stats=/tmp/x', '"stats" cannot be set: a scene is encoded once'],
  ['fps=30', '"fps" cannot be set: the scene decides the picture'],
])('an encoder option that x264 would not take is refused at the start: %s', async (given, problem) => {
  const error = await userError(() => options({ 'encoder-options': given }));
  expect(error.message).toContain('encoder-options: ');
  expect(error.message).toContain(problem);
});

test('every encoder option that is taken is one that x264 itself takes', () => {
  const values = [
    '1',
    '0.5',
    'auto',
    '4.1',
    'infinite',
    'flat',
    'none',
    'dia',
    'spatial',
    'vbr',
    'show',
    'medium',
    'main',
    'film',
    'i4x4',
  ];
  const names = [...X264_OPTIONS, ...X264_OPTIONS.map((name) => `no-${name}`)];
  const all = names.flatMap((name) => [...values, 'abc'].map((value) => [name, value] as const));
  const taken = all.filter(([name, value]) => problemOfOption(name, value) === undefined);
  for (const name of X264_OPTIONS) expect([name, taken.some(([other]) => other === name)]).toEqual([name, true]);
  const { status, stdout, stderr } = spawnSync(join(ROOT, '.tools', 'render', 'bin', 'python'), ['-c', X264_TAKES], {
    input: JSON.stringify(taken),
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual([]);
});

/** Opens x264 with each option and gives those that it refuses. */
const X264_TAKES = `
import json, sys
import av, av.logging
av.logging.set_level(av.logging.WARNING)
def refused(name, value):
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.framerate = 320, 240, "yuv420p", 30
    direct = name in ("preset", "tune", "profile", "crf", "qp")
    context.options = {name: value} if direct else {"x264-params": f"{name}={value}"}
    with av.logging.Capture(local=False) as log:
        try:
            context.open()
        except av.FFmpegError as error:
            return str(error)
    return next((line for _, _, line in log if "arsing option" in line or "nvalid" in line), None)
print(json.dumps([[name, value, why] for name, value in json.load(sys.stdin) if (why := refused(name, value))]))
`;

describe('inputs that name places', () => {
  const newFolder = temporaryFolders();

  test('a project that is a file is refused', async () => {
    const workspace = await newFolder();
    await writeFile(join(workspace, 'project_state.json'), '{}');
    const error = await userError(() => options({ project: 'project_state.json' }, { workspace }));
    expect(error.message).toBe('project: "project_state.json" is a file');
    expect(error.hint).toContain('folder');
  });

  test('a Python that is a folder is refused, with the place of the program', async () => {
    const workspace = await newFolder();
    await mkdir(join(workspace, '.venv'));
    const error = await userError(() => options({ python: './.venv' }, { workspace }));
    expect(error.message).toBe('python: "./.venv" is a folder');
    expect(error.hint).toContain('.venv/bin/python');
  });

  test('an output that is a folder is refused', async () => {
    const workspace = await newFolder();
    await mkdir(join(workspace, 'video.mp4'));
    const error = await userError(() => options({ output: 'video.mp4' }, { workspace }));
    expect(error.message).toContain('this is a folder');
  });
});

test('no value of any input ends in anything but options or an error that names the input', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '0',
      '-1',
      '08',
      '1e3',
      'true',
      'null',
      '~',
      '1/2',
      '0/0',
      'a=b',
      'crf=1',
      'LOW',
      '\u00a0',
      '*',
      '../..',
    ),
    fc.string({ unit: fc.constantFrom('crf', '=', ':', ',', '1', '/', '.', 'mp4', ' ', '\n', '-', 'no') }),
  );
  const names = Object.keys(INPUTS) as InputName[];
  fc.assert(
    fc.property(fc.constantFrom(...names), odd, (name, value) => {
      try {
        const read = options({ [name]: value });
        expect(Object.isFrozen(read)).toBe(true);
        expect([0, -1, ...Array(1000).keys()]).toContain(read.parallelRenders);
        // what is read means the same when it is given again
        if (name === 'quality') expect(options({ quality: read.quality })).toEqual(read);
      } catch (error) {
        expect(userErrorsOf(error)?.[0]?.message).toMatch(name);
      }
    }),
    fuzz(1000),
  );
});

test.each(['', '  ', '\n'])('a missing project is told: %j', async (project) => {
  const error = await userError(() => options({ project }));
  expect(error.message).toBe('input project is missing');
  expect(error.hint).toContain('project:');
});

describe('parallel renders', () => {
  test('come from the variable of the pipeline where no input says otherwise', () => {
    expect(options({}, { env: { PARALLEL_RENDERS: ' 4 ' } }).parallelRenders).toBe(4);
    expect(options({ 'parallel-renders': '2' }, { env: { PARALLEL_RENDERS: '4' } }).parallelRenders).toBe(2);
    expect(options({}, { env: { PARALLEL_RENDERS: '' } }).parallelRenders).toBe(0);
  });

  test('of a wrong variable are an error that names the variable', async () => {
    const error = await userError(() => options({}, { env: { PARALLEL_RENDERS: 'x' } }));
    expect(error.message).toMatch('PARALLEL_RENDERS: "x" is not allowed');
  });
});

test('code of strangers may read the cache and not write it, unless the user says so', () => {
  expect(options({}, { lowTrust: true }).cache).toBe('read');
  expect(options({ cache: 'read-write' }, { lowTrust: true }).cache).toBe('read-write');
  expect(options({ cache: 'off' }, { lowTrust: true }).cache).toBe('off');
});

test('options cannot be changed', () => {
  const all = options({ scenes: 'a', shard: '1/2', 'encoder-options': 'crf=1' });
  expect(() => Object.assign(all, { voice: 'piper' })).toThrow(TypeError);
  expect(() => (all.scenes as string[]).push('b')).toThrow(TypeError);
  expect(() => Object.assign(all.encoderOptions, { crf: '2' })).toThrow(TypeError);
});

describe('the descriptions of the actions', () => {
  interface Described {
    inputs: Record<string, { description: string; default?: string; required?: boolean }>;
    outputs: Record<string, { description: string }>;
    runs: { using: string; main: string };
  }
  const read = async (file: string): Promise<Described> => parse(await readFile(shippedFile(file), 'utf8'));

  test('name the inputs that are read, with their defaults and in the same words', async () => {
    const { inputs, runs } = await read('action.yml');
    expect(Object.keys(inputs)).toEqual(Object.keys(INPUTS));
    for (const [name, { default: byDefault, description }] of Object.entries(INPUTS)) {
      expect(inputs[name]?.description).toBe(description);
      // an input that is required has no default
      expect(inputs[name]?.default).toBe(name === 'project' ? undefined : byDefault);
      expect(inputs[name]?.required ?? false).toBe(name === 'project');
    }
    expect(runs.using).toBe('node24');
  });

  test('name the outputs that are set, and no others', async () => {
    for (const [file, source] of [
      ['action.yml', 'src/main.ts'],
      ['plan/action.yml', 'src/plan.ts'],
    ] as const) {
      const { outputs } = await read(file);
      const text = await readFile(shippedFile(source), 'utf8');
      const set = [...text.matchAll(/setOutput\('([\w-]+)'/g)].map((match) => match[1]);
      expect(Object.keys(outputs).sort()).toEqual([...new Set(set)].sort());
      for (const { description } of Object.values(outputs)) expect(description).toBeTruthy();
    }
  });

  test('give the planner the inputs of the build with the defaults of the build', async () => {
    const { inputs } = await read('plan/action.yml');
    const own = ['max-shards', 'target-minutes'];
    for (const [name, { default: byDefault }] of Object.entries(inputs)) {
      if (own.includes(name)) continue;
      expect(Object.keys(INPUTS)).toContain(name);
      expect(byDefault ?? '').toBe(INPUTS[name as InputName].default);
    }
  });
});
