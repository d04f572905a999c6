import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { INPUTS, type InputContext, type InputName, type Options, readOptions } from '../src/inputs.js';
import { shippedFile } from '../src/shipped.js';
import { userError } from './support/errors.js';

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
  [{ voice: 'siri' }, 'siri', /auto, cached, piper, espeak/],
  [{ voice: 'Piper' }, 'Piper', /auto, cached, piper, espeak/],
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
