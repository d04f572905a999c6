import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { userErrorsOf } from '../src/errors.js';
import { type Json, parseJson } from '../src/json.js';
import { withValue } from '../src/json-edit.js';
import { nextDocument, parseState } from '../src/project/state.js';
import { printIndex, readEntry, readIndex, voiceFolder } from '../src/voice/cache-index.js';
import { normalText } from '../src/voice/text.js';
import { temporaryFolders } from './support/folder.js';
import { fuzz } from './support/fuzz.js';
import { pythonAnswers } from './support/python.js';

const newFolder = temporaryFolders();

/** What Python's json makes of a text, in a form that tells numbers by their value: null where it is none. */
const reads = pythonAnswers<string, { value: unknown } | null>(`
import json
def refuse(word):
    raise ValueError(word)  # NaN and Infinity are Python's own
def plain(value):
    if isinstance(value, dict):
        return {"object": [[name, plain(item)] for name, item in value.items()]}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"number": repr(float(value)) if abs(value) < 1e308 else "large"}
    return value
def answer(text):
    try:
        return {"value": plain(json.loads(text, parse_constant=refuse))}
    except (ValueError, RecursionError):
        return None
`);
const words = pythonAnswers<string, string>('def answer(text): return " ".join(text.split())');

function plain(value: Json): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'number') return { number: Math.abs(value) < 1e308 ? value : 'large' };
  if (typeof value !== 'object' || value === null) return value;
  return { object: Object.entries(value).map(([name, item]) => [name, plain(item)]) };
}

/** Both sides with numbers as JavaScript has them, and members in one order. */
function compared(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(compared);
  if (typeof value !== 'object' || value === null) return value;
  if ('number' in value) return value.number === 'large' ? 'large' : Number(value.number) + 0;
  const { object } = value as { object: [string, unknown][] };
  return object
    .map(([name, item]) => [name, compared(item)])
    .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
}

const name = fc.oneof(
  fc.constantFrom('a', 'b', '10', '9', '__proto__', 'constructor', 'é', '', 'a"b'),
  fc.string({ maxLength: 5 }),
);
const number = fc.constantFrom('0', '-0', '1.0', '1e5', '12345678901234567890', '-1E-2', '0.10', '1e999', '3');
const gap = fc.constantFrom('', '', ' ', '\n', '\r\n', '\t', '\r');
/** JSON as people and programs write it: other spellings of numbers, names given twice, odd blanks. */
const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    number,
    fc.constantFrom('null', 'true', 'false', '"\\u00e9\\/"', '"\\ud83d"', '""'),
    fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
    fc
      .tuple(gap, fc.array(fc.tuple(tie('value'), gap), { maxLength: 3 }))
      .map(([start, items]) => `[${start}${items.map(([item, end]) => item + end).join(',')}]`),
    fc
      .tuple(gap, fc.array(fc.tuple(name, gap, tie('value'), gap), { maxLength: 4 }))
      .map(
        ([start, members]) =>
          `{${start}${members.map(([key, before, item, end]) => `${JSON.stringify(key)}${before}:${before}${item}${end}`).join(',')}}`,
      ),
  ),
})).value;
const broken = fc
  .tuple(
    json,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom(
          '',
          ',',
          '"',
          '{',
          '}',
          '[',
          ']',
          ':',
          "'",
          '\\',
          '\n',
          'NaN',
          '-Infinity',
          '//',
          '/*',
          '#',
          '0',
          '.',
          'e',
          '\0',
          '\uFEFF',
          '\u00a0',
          '\v',
          'None',
          'x',
          '<<<<<<< HEAD\n',
          '\n=======\n',
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((now, [place, piece]) => {
      const at = place % (now.length + 1);
      return piece === '' ? now.slice(0, at) + now.slice(at + 1) : now.slice(0, at) + piece + now.slice(at);
    }, text),
  );

test('JSON is what Python takes for JSON, with the same values', async () => {
  await fc.assert(
    fc.asyncProperty(broken, async (text) => {
      const theirs = await reads(text);
      try {
        const { value } = parseJson('/p/x.json', text);
        // Python refuses the mark, we skip it
        if (!text.startsWith('\uFEFF')) expect(compared(plain(value))).toEqual(compared(theirs?.value));
      } catch (error) {
        const [first] = userErrorsOf(error) ?? [];
        if (!first) throw error;
        expect(first.message).toMatch(/^x\.json: (not valid JSON|it holds a merge conflict)/);
        expect(first.place?.line).toBeGreaterThanOrEqual(1);
        expect(first.place?.line).toBeLessThanOrEqual(text.split(/\r\n?|\n/).length);
        expect(theirs).toBeNull();
      }
    }),
    fuzz(1200),
  );
});

test('a changed value is written so that Python reads it, and what did not change is there as it was', async () => {
  const values = fc.jsonValue({ depthSize: 'small' });
  await fc.assert(
    fc.asyncProperty(json, values, fc.nat(), async (text, fresh, seed) => {
      const file = parseJson('/p/x.json', text);
      expect(withValue(file, structuredClone(file.value))).toBe(text);
      const wanted = changed(structuredClone(file.value), JSON.parse(JSON.stringify(fresh)) as Json, seed);
      const written = withValue(file, wanted);
      expect(parseJson('/p/x.json', written).value).toEqual(wanted);
      expect(compared((await reads(written))?.value)).toEqual(compared(plain(wanted)));
    }),
    fuzz(400),
  );
});

/** A value with one part of it replaced, removed or added. */
function changed(value: Json, fresh: Json, seed: number): Json {
  if (typeof value !== 'object' || value === null || seed % 5 === 0) return fresh;
  const keys = Object.keys(value);
  const key = keys[seed % (keys.length + 1)];
  if (Array.isArray(value)) {
    if (key === undefined) value.push(fresh, fresh);
    else value[Number(key)] = changed(value[Number(key)] as Json, fresh, Math.floor(seed / 5));
  } else if (key === undefined)
    Object.defineProperty(value, `new ${seed}`, { value: fresh, enumerable: true, writable: true, configurable: true });
  else if (seed % 3 === 0) delete value[key];
  else
    Object.defineProperty(value, key, {
      value: changed(value[key] as Json, fresh, Math.floor(seed / 5)),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return value;
}

const FIELDS = [
  'project_name',
  'phase',
  'run_count',
  'current_scene_index',
  'errors',
  'history',
  'flags',
  'scenes',
  'created_at',
  'narration_file',
  'id',
  'title',
  'file',
  'class_name',
  'status',
  'narration_key',
  'estimated_duration',
  'verification',
  'needs_human_review',
  'dry_run',
  '__proto__',
  'other',
];
const state = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Json>(
      null,
      true,
      0,
      -1,
      1.5,
      3e300,
      'true',
      '3',
      'plan',
      'Built ',
      'scene_01',
      'a/b',
      '..',
      'a\0',
      'constructor',
      '',
      ' ',
      '48s',
      'A',
      'class',
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...FIELDS), tie('value')), { maxLength: 6 })
    .map((members) => Object.fromEntries(members) as Json),
})).object;

test('any object is a state: repaired once, with scenes that are safe to build', () => {
  fc.assert(
    fc.property(state, fc.constantFrom(undefined, 1, '\t'), (document, indent) => {
      const read = parseState('/p/project_state.json', JSON.stringify(document, null, indent));
      for (const { id } of read.scenes) {
        expect(id).toMatch(/^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_.-]*$/u);
      }
      expect(new Set(read.scenes.map(({ id }) => id)).size).toBe(read.scenes.length);
      const outcomes = read.scenes.map(({ id }) => ({
        id,
        file: 'f',
        className: 'C',
        videoFile: 'v',
        fileSizeBytes: 1,
        durationSeconds: 1,
      }));
      const outcome = { ok: true as const, scenes: outcomes, summary: '', whole: true };
      const written = withValue(read.source, nextDocument(read, outcome, new Date(0)));
      const again = parseState('/p/project_state.json', written);
      expect(again.repairs).toEqual([]);
      expect(again.scenes.map(({ id, status }) => [id, status])).toEqual(read.scenes.map(({ id }) => [id, 'rendered']));
      expect(again.problems.length).toBe(read.problems.length);
    }),
    fuzz(1200),
  );
});

test('cache.json and the voice configuration are read, or told, whatever they hold', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, '.git'));
  const entry = fc.record(
    {
      narration_key: fc.oneof(fc.string(), fc.integer()),
      text: fc.oneof(fc.string(), fc.constant(null)),
      audio_file: fc.string(),
      input_data: fc.jsonValue({ maxDepth: 1 }),
      seed: fc.double(),
    },
    { requiredKeys: [] },
  );
  const index = fc.oneof(
    broken,
    fc
      .array(fc.oneof({ weight: 5, arbitrary: entry }, fc.jsonValue({ maxDepth: 1 })))
      .map((list) => JSON.stringify(list)),
  );
  const config = fc.oneof(
    broken,
    fc
      .oneof(
        fc.jsonValue({ maxDepth: 1 }),
        fc.constantFrom('media', '..', '/', '~', '', '.git/hooks', 'a\0b', 'a/../b'),
      )
      .map((value) => JSON.stringify({ output_dir: value })),
  );
  await fc.assert(
    fc.asyncProperty(index, config, async (list, settings) => {
      await writeFile(join(folder, 'cache.json'), list);
      await writeFile(join(folder, 'voice_clone_config.json'), settings);
      const read = await readIndex(folder);
      const theirs = (await reads(list))?.value;
      expect(read.found).toBe(Array.isArray(theirs) || list.startsWith('\uFEFF[') ? read.found : 'unreadable');
      if (Array.isArray(theirs)) expect(read.entries.length + read.findings.length).toBe(theirs.length);
      for (const one of read.entries)
        for (const part of Object.values(readEntry(one))) expect(['string', 'undefined']).toContain(typeof part);
      const printed = parseJson('/p/x.json', printIndex(read.entries, read));
      expect(printed.value).toEqual(read.entries);
      const place = await voiceFolder(folder, folder).catch((error: unknown) => {
        if (!userErrorsOf(error)) throw error;
        return folder;
      });
      expect(`${place}/`.startsWith(`${folder}/`)).toBe(true);
      expect(place).not.toContain('/.git');
    }),
    fuzz(400),
  );
});

test('white space in a text is what it is to Python', async () => {
  const unit = fc.oneof(
    fc.constantFrom(
      'a',
      ' ',
      '\t',
      '\n',
      '\v',
      '\f',
      '\r',
      '\x1c',
      '\x1f',
      '\x85',
      '\xa0',
      '\u200b',
      '\u2028',
      '\u3000',
      '\uFEFF',
      '\u180e',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.string({ unit }), async (text) => expect(normalText(text)).toBe(await words(text))),
    fuzz(400),
  );
});
