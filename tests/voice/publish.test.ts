import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { fileNameFor } from '../../src/voice/publish.js';
import { temporaryFolders } from '../support/folder.js';
import { fuzz } from '../support/fuzz.js';
import { LINES, makePlace, PYTHON, provide, readEntries, record, writeEntries, writeLines } from './support.js';

const fresh = temporaryFolders();

test('an entry has the fields that existing projects read, and the exact text', async () => {
  const place = await makePlace(await fresh(), { intro: '  Hello,\n  world. ' });
  const { lines } = await provide(place);
  const [entry, ...others] = await readEntries(place.voices);
  expect(others).toEqual([]);
  expect(entry).toEqual({
    narration_key: 'intro',
    text: '  Hello,\n  world. ',
    audio_file: 'intro.mp3',
    model_id: expect.stringContaining('espeak-ng '),
    ref_audio: '',
    duration_seconds: Number(lines[0]?.seconds.toFixed(6)),
    created_at: expect.any(Number),
    audio_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('.cache_hash is what the pipeline computes of the narration file', async () => {
  const place = await makePlace(await fresh());
  const file = join(place.project, 'narration_script.py');
  await writeFile(
    file,
    (await readFile(file, 'utf8')).replaceAll('\n', '\r\n').replace('SCRIPT', '# ünïcode\r\nSCRIPT'),
  );
  await provide(place);
  const program = `import hashlib, pathlib, sys
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
print(hashlib.sha256(text.encode("utf-8")).hexdigest(), end="")`;
  const expected = spawnSync(PYTHON, ['-c', program, file], { encoding: 'utf8' }).stdout;
  expect(expected).toHaveLength(64);
  expect(await readFile(join(place.voices, '.cache_hash'), 'utf8')).toBe(expected);
});

test('.cache_hash is written only when every line is there', async () => {
  const place = await makePlace(await fresh());
  await provide(place, { lineKeys: ['intro', 'middle'] });
  await expect(readFile(join(place.voices, '.cache_hash'))).rejects.toThrow('ENOENT');
  await provide(place);
  await expect(readFile(join(place.voices, '.cache_hash'))).resolves.toHaveLength(64);
});

test('ready.json names the voice; one that the pipeline wrote is left alone', async () => {
  const place = await makePlace(await fresh());
  await provide(place);
  const stamp = JSON.parse(await readFile(join(place.voices, 'ready.json'), 'utf8')) as Record<string, unknown>;
  expect(stamp).toMatchObject({ backend: 'espeak', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });

  const theirs = await makePlace(await fresh());
  await mkdir(theirs.voices, { recursive: true });
  await writeFile(join(theirs.voices, 'ready.json'), '{"fingerprint": "f00", "model_id": "Qwen"}');
  await provide(theirs);
  expect(await readFile(join(theirs.voices, 'ready.json'), 'utf8')).toBe('{"fingerprint": "f00", "model_id": "Qwen"}');
});

test('entries of others stay as they are, in their order; old ones of current lines go; no key is there twice', async () => {
  const place = await makePlace(await fresh());
  const kept = [
    { narration_key: 'elsewhere', text: 'Not of this script.', audio_file: 'elsewhere.mp3', extra: [1, 2] },
    { input_text: 'No key at all.', final_audio: 'other.mp3' },
  ];
  await writeEntries(place.voices, [
    kept[0],
    { narration_key: 'intro', text: 'An older text.', audio_file: 'intro.mp3' },
    { narration_key: 'intro', text: 'Older still.', audio_file: 'intro.mp3' },
    kept[1],
    // would give the line another sound where a scene asks by text
    { input_text: LINES.middle, final_audio: 'gone.mp3' },
  ]);
  await provide(place);
  const entries = await readEntries(place.voices);
  expect(entries.slice(0, 2)).toEqual(kept);
  expect(entries.slice(2).map(({ narration_key, text }) => [narration_key, text])).toEqual(Object.entries(LINES));
});

test('an old entry of a current line goes even where nobody asks for the line', async () => {
  const place = await makePlace(await fresh());
  await writeEntries(place.voices, [{ narration_key: 'outro', text: 'An older end.', audio_file: 'outro.mp3' }]);
  await provide(place, { lineKeys: ['intro'] });
  expect((await readEntries(place.voices)).map(({ narration_key }) => narration_key)).toEqual(['intro']);
});

test('an entry keeps its time while its content stays', async () => {
  const place = await makePlace(await fresh());
  await provide(place);
  const before = await readEntries(place.voices);
  await writeLines(place.project, { ...LINES, outro: 'Another end.' });
  await provide(place);
  const after = await readEntries(place.voices);
  expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  expect(after[2]).not.toEqual(before[2]);
});

test('a spoken line does not write over a file that is not ours', async () => {
  const place = await makePlace(await fresh());
  await record('Precious.', join(place.voices, 'intro.mp3'));
  const before = await readFile(join(place.voices, 'intro.mp3'));
  await writeEntries(place.voices, []);
  const { lines } = await provide(place);
  expect(await readFile(join(place.voices, 'intro.mp3'))).toEqual(before);
  expect(lines[0]?.file).toMatch(/\/intro\.[0-9a-f]{8}\.mp3$/);
  expect(await provide(place)).toMatchObject({ synthesized: [], cacheHit: true });
});

test.each([
  ['scene_01_intro', [], 'scene_01_intro'],
  ['Teil 1: Größe', [], /^Teil_1_Größe-[0-9a-f]{8}$/],
  ['../../escape', [], /^_escape-[0-9a-f]{8}$/],
  ['.hidden', [], /^_hidden-[0-9a-f]{8}$/],
  ['Intro', ['intro'], /^Intro-[0-9a-f]{8}$/],
])('the key %j beside %j is a safe file name', (key, others, expected) => {
  const name = fileNameFor(
    key,
    [key, ...others].map((one) => ({ key: one })),
  );
  if (typeof expected === 'string') expect(name).toBe(expected);
  else expect(name).toMatch(expected);
});

test('no two keys have file names that a file system may take for the same, or refuse', () => {
  const key = fc.oneof(
    fc.constantFrom('a', 'A', 'é', 'e\u0301', 'ﬁ', 'fi', 'ß', 'SS', 'a/b', 'a_b', '..', '', ' ', 'a.', 'K', '\u212a'),
    fc.string({ unit: fc.constantFrom('a', 'B', '🐎', '/', '\\', '\0', '\n', '𝒜', '.', ' ', 'é'), maxLength: 300 }),
  );
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 8 }), (keys) => {
      // a key that is the made name of another one
      const all = [...new Set([...keys, ...keys.map((one) => fileNameFor(one, []))])].map((one) => ({ key: one }));
      const names = all.map((one) => fileNameFor(one.key, all));
      expect(new Set(names.map((name) => name.normalize('NFKC').toUpperCase().toLowerCase())).size).toBe(names.length);
      for (const name of names) {
        expect(name).not.toMatch(/[/\\\p{Cc}]|^\.|^$/u);
        expect(Buffer.byteLength(`${name}.01234567.mp3`)).toBeLessThanOrEqual(255);
      }
    }),
    fuzz(300),
  );
});

test('keys that are no file names work all the same', async () => {
  const place = await makePlace(await fresh(), {
    '../up': 'One line here.',
    UP: 'And two.',
    up: 'And three.',
    'a\0b\nc': 'And four.',
    [`${'long '.repeat(100)}`]: 'And five.',
    '🐎': 'And six.',
    __proto__1: 'And seven.',
  });
  const { lines, warnings } = await provide(place);
  expect(warnings).toEqual([]);
  expect(new Set(lines.map(({ file }) => file)).size).toBe(7);
  for (const { file } of lines) expect(file.startsWith(`${place.voices}/`)).toBe(true);
  expect(await provide(place)).toMatchObject({ synthesized: [], cacheHit: true, warnings: [] });
});
