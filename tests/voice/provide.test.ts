import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBackend } from '../../src/store/folder.js';
import { sha256 } from '../../src/store/keys.js';
import { readOnly } from '../../src/store/store.js';
import { VoiceUnavailable } from '../../src/voice/provide.js';
import { userError, userErrors } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { folderStore, noStore, testStore } from '../support/store.js';
import {
  backends,
  decoded,
  LINES,
  makePlace,
  type Place,
  plan,
  provide,
  readEntries,
  record,
  writeEntries,
  writeLines,
} from './support.js';

const fresh = temporaryFolders();
const KEYS = Object.keys(LINES);

/** The bytes and times of everything in a folder. */
async function snapshot(folder: string): Promise<Record<string, unknown>> {
  const files: Record<string, unknown> = {};
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    files[name] = [(await stat(path)).mtimeMs, sha256(await readFile(path))];
  }
  return files;
}

/** As on a new runner: the store is all that is left. */
async function loseProjectFolder(place: Place): Promise<void> {
  await rm(join(place.project, 'media'), { recursive: true, force: true });
  await rm(join(place.root, 'work'), { recursive: true, force: true });
}

describe('lines that nobody recorded', () => {
  test('a first run speaks every line and saves them', async () => {
    const place = await makePlace(await fresh());
    const report = await provide(place);
    expect(report).toMatchObject({ cacheHit: false, synthesized: KEYS, saved: 'saved', warnings: [] });
    expect(report.restoredKey).toBeUndefined();
    expect(report.lines.map(({ key, file, source }) => [key, file, source])).toEqual(
      KEYS.map((key) => [key, join(place.voices, `${key}.mp3`), 'spoken']),
    );
    for (const line of report.lines) expect(decoded(line.file).length / 2 / 24_000).toBeCloseTo(line.seconds, 3);
  });

  test('they are mono, 24 kHz, and marked as ours', async () => {
    const place = await makePlace(await fresh(), { intro: LINES.intro });
    const [line] = (await plan(place)).lines;
    await provide(place);
    const bytes = await readFile(join(place.voices, 'intro.mp3'));
    expect(bytes.toString('latin1')).toContain(`flaming-horse-build ${line?.identity}`);
    const planned = await plan(place);
    expect(planned.lines[0]).toMatchObject({ origin: 'voice', identity: line?.identity, sound: { spoken: true } });
  });

  test('a second run speaks nothing and touches no file', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const before = await snapshot(place.voices);
    const report = await provide(place);
    expect(report).toMatchObject({ cacheHit: true, synthesized: [], saved: 'not-needed' });
    expect(report.lines.map(({ source }) => source)).toEqual(['project', 'project', 'project']);
    expect(await snapshot(place.voices)).toEqual(before);
  });

  test('on a new machine all lines come from the exact key', async () => {
    const place = await makePlace(await fresh());
    const first = await provide(place);
    const sounds = first.lines.map(({ file }) => decoded(file));
    await loseProjectFolder(place);
    const report = await provide(place);
    expect(report).toMatchObject({ cacheHit: true, synthesized: [], restoredKey: (await plan(place)).cacheKey });
    expect(report.lines.map(({ source }) => source)).toEqual(['cache', 'cache', 'cache']);
    expect(report.lines.map(({ file }) => decoded(file))).toEqual(sounds);
  });

  test('a changed line is spoken, the others come by the prefix', async () => {
    const place = await makePlace(await fresh());
    const before = (await provide(place)).lines.map(({ file }) => decoded(file));
    await loseProjectFolder(place);
    await writeLines(place.project, { ...LINES, middle: 'A circle has no corners at all.' });
    const report = await provide(place);
    expect(report).toMatchObject({ cacheHit: false, synthesized: ['middle'], saved: 'saved' });
    expect(report.restoredKey).not.toBe((await plan(place)).cacheKey);
    expect(report.lines.map(({ source }) => source)).toEqual(['cache', 'spoken', 'cache']);
    const after = report.lines.map(({ file }) => decoded(file));
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    expect(after[1]).not.toEqual(before[1]);

    await loseProjectFolder(place);
    expect(await provide(place)).toMatchObject({ cacheHit: true, synthesized: [] });
  });

  test('the entry that is saved holds the current lines only', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    await loseProjectFolder(place);
    await writeLines(place.project, { intro: LINES.intro, end: 'The very end.' });
    await provide(place);
    const entry = join(place.root, 'work', 'entry');
    const { lines } = JSON.parse(await readFile(join(entry, 'lines.json'), 'utf8')) as { lines: { key: string }[] };
    expect(lines.map(({ key }) => key).sort()).toEqual(['end', 'intro']);
    expect((await readdir(entry)).filter((name) => name.endsWith('.mp3'))).toHaveLength(2);
  });

  test('a comment, the layout and the order of lines change nothing', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const { cacheKey } = await plan(place);
    await loseProjectFolder(place);
    const reordered = Object.fromEntries(Object.entries(LINES).reverse());
    await writeLines(place.project, reordered, '"""Notes."""\n# A remark\n\n');
    expect((await plan(place)).cacheKey).toBe(cacheKey);
    expect(await provide(place)).toMatchObject({ cacheHit: true, synthesized: [] });
  });

  test('other white space in a text is another key, but nothing is spoken', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    await loseProjectFolder(place);
    await writeLines(place.project, { ...LINES, middle: LINES.middle.replace(', ', ',\n      ') });
    expect(await provide(place)).toMatchObject({ cacheHit: false, synthesized: [], saved: 'saved' });
  });

  test('two lines that swap their texts get the right sounds', async () => {
    const place = await makePlace(await fresh());
    const sounds = new Map((await provide(place)).lines.map(({ key, file }) => [key, decoded(file)]));
    await writeLines(place.project, { ...LINES, intro: LINES.outro, outro: LINES.intro });
    const report = await provide(place);
    expect(report).toMatchObject({ synthesized: [], cacheHit: true });
    expect(decoded(join(place.voices, 'intro.mp3'))).toEqual(sounds.get('outro'));
    expect(decoded(join(place.voices, 'outro.mp3'))).toEqual(sounds.get('intro'));
    expect((await readEntries(place.voices)).map(({ narration_key, text }) => [narration_key, text]).sort()).toEqual([
      ['intro', LINES.outro],
      ['middle', LINES.middle],
      ['outro', LINES.intro],
    ]);
    expect(await provide(place)).toMatchObject({ synthesized: [], warnings: [] });
  });

  test('a renamed key is not spoken again', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    await writeLines(place.project, { opening: LINES.intro, middle: LINES.middle, outro: LINES.outro });
    const report = await provide(place);
    expect(report.synthesized).toEqual([]);
    expect(report.lines[0]?.file).toBe(join(place.voices, 'opening.mp3'));
  });

  test('a text under two keys is spoken once and lies under both', async () => {
    const place = await makePlace(await fresh(), { one: LINES.intro, two: LINES.intro });
    const log = recordingLog();
    const report = await provide(place, { log });
    expect(log.told.filter((line) => line.includes('spoken ('))).toHaveLength(1);
    expect(report.lines.map(({ file }) => file)).toEqual(['one', 'two'].map((key) => join(place.voices, `${key}.mp3`)));
  });

  test('only the lines that are asked for are spoken, and what is stored stays with them', async () => {
    const place = await makePlace(await fresh());
    expect(await provide(place, { lineKeys: ['intro'] })).toMatchObject({ synthesized: ['intro'], saved: 'saved' });
    await loseProjectFolder(place);
    expect(await provide(place, { lineKeys: ['outro'] })).toMatchObject({ synthesized: ['outro'], saved: 'saved' });
    await loseProjectFolder(place);
    expect(await provide(place)).toMatchObject({ synthesized: ['middle'], saved: 'saved' });
    await loseProjectFolder(place);
    expect(await provide(place)).toMatchObject({ synthesized: [], cacheHit: true });
  });

  test('without a store, lines are spoken and lie in the project', async () => {
    const place = await makePlace(await fresh());
    expect(await provide(place, { store: noStore })).toMatchObject({ synthesized: KEYS, saved: 'off' });
    expect(
      await provide(place, {
        store: testStore(readOnly(folderBackend(join(place.root, 'store'), recordingLog()))),
      }),
    ).toMatchObject({ synthesized: [] });
  });
});

describe('damage', () => {
  /** Overwrites bytes in the middle of a file. */
  async function damage(file: string): Promise<void> {
    const bytes = await readFile(file);
    bytes.fill(0xaa, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 300);
    await writeFile(file, bytes);
  }

  test('a damaged sound in the project is reported and comes from the store again', async () => {
    const place = await makePlace(await fresh());
    const [, middle] = (await provide(place)).lines;
    const sound = decoded(middle?.file ?? '');
    await damage(join(place.voices, 'middle.mp3'));
    const report = await provide(place);
    expect(report.warnings).toEqual([
      expect.stringMatching(/middle\.mp3 is not used for the line "middle": it is damaged/),
    ]);
    expect(report.lines.map(({ source }) => source)).toEqual(['project', 'cache', 'project']);
    expect(decoded(join(place.voices, 'middle.mp3'))).toEqual(sound);
  });

  test('a torn sound in the project is spoken again where no store has it', async () => {
    const place = await makePlace(await fresh());
    await provide(place, { store: noStore });
    const file = join(place.voices, 'middle.mp3');
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 5000));
    const report = await provide(place, { store: noStore });
    expect(report.warnings).toEqual([expect.stringContaining('it is cut off after')]);
    expect(report.synthesized).toEqual(['middle']);
    expect(await readFile(file)).toEqual(bytes);
  });

  test('a damaged sound in the store is reported and spoken again', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const { cacheKey, lines } = await plan(place);
    const entry = join(place.root, 'store', encodeURIComponent(cacheKey));
    await damage(join(entry, `${lines[1]?.identity}.mp3`));
    await loseProjectFolder(place);
    const report = await provide(place);
    expect(report).toMatchObject({ cacheHit: false, synthesized: ['middle'] });
    expect(report.warnings).toEqual([expect.stringMatching(/the line "middle" was damaged after it was spoken/)]);
  });

  test('an entry with a damaged sound is replaced beside, and what replaces it too', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const { cacheKey, lines } = await plan(place);
    const name = encodeURIComponent(cacheKey);
    for (const entry of [name, `${name}-r1`]) {
      await damage(join(place.root, 'store', entry, `${lines[1]?.identity}.mp3`));
      await loseProjectFolder(place);
      const store = folderStore(join(place.root, 'store')); // another build
      expect(await provide(place, { store })).toMatchObject({ synthesized: ['middle'], saved: 'saved' });
    }
    expect((await readdir(join(place.root, 'store'))).sort()).toEqual([name, `${name}-r1`, `${name}-r2`]);
    await loseProjectFolder(place);
    const store = folderStore(join(place.root, 'store'));
    expect(await provide(place, { store })).toMatchObject({ cacheHit: true, synthesized: [], warnings: [] });
  });

  test('a line that was kept alone is replaced beside', async () => {
    const place = await makePlace(await fresh());
    const only = { lineKeys: ['intro'] };
    await provide(place, only);
    const [entry] = await readdir(join(place.root, 'store'));
    const [identity] = (await plan(place)).lines.map((line) => line.identity);
    await damage(join(place.root, 'store', String(entry), `${identity}.mp3`));
    for (const synthesized of [['intro'], []]) {
      await loseProjectFolder(place);
      const store = folderStore(join(place.root, 'store'));
      expect(await provide(place, { ...only, store })).toMatchObject({ synthesized });
    }
    expect(await readdir(join(place.root, 'store'))).toEqual([entry, `${entry}-r1`]);
  });

  test.each([
    ['no list', 'lines.json', '{"format": 1, "lines": 3}', /lines\.json is not valid: lines/],
    ['another format', 'lines.json', '{"format": 2, "lines": []}', /lines\.json is not valid: format/],
  ])('an entry with %s counts as none', async (_, name, content, told) => {
    const place = await makePlace(await fresh());
    await provide(place);
    const entry = join(place.root, 'store', encodeURIComponent((await plan(place)).cacheKey));
    await writeFile(join(entry, name), content);
    await loseProjectFolder(place);
    const report = await provide(place);
    expect(report.synthesized).toEqual(KEYS);
    expect(report.warnings).toEqual([expect.stringMatching(told)]);
  });

  test('a sound that stands in the entry for another line is not taken', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const { cacheKey, lines } = await plan(place);
    const entry = join(place.root, 'store', encodeURIComponent(cacheKey));
    const path = (index: number): string => join(entry, `${lines[index]?.identity}.mp3`);
    await rename(path(0), join(entry, 'x'));
    await rename(path(2), path(0));
    await rename(join(entry, 'x'), path(2));
    await loseProjectFolder(place);
    const report = await provide(place);
    expect(report.synthesized).toEqual(['intro', 'outro']);
  });

  test('a list of lines that claims a sound for another text is not believed', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const list = join(place.root, 'store', encodeURIComponent((await plan(place)).cacheKey), 'lines.json');
    await writeFile(list, (await readFile(list, 'utf8')).replace(LINES.middle, 'Something else.'));
    await loseProjectFolder(place);
    const report = await provide(place);
    expect(report.synthesized).toEqual(['middle']);
    expect(report.warnings).toEqual([expect.stringContaining('is not of this text and voice')]);
  });
});

describe('recordings', () => {
  async function withRecordings(...keys: (keyof typeof LINES)[]): Promise<Place> {
    const place = await makePlace(await fresh());
    for (const key of keys) await record(LINES[key], join(place.voices, `${key}.mp3`));
    await writeEntries(
      place.voices,
      keys.map((key) => ({ narration_key: key, text: LINES[key], audio_file: `${key}.mp3`, model_id: 'me' })),
    );
    return place;
  }

  test('are used as they are, and nothing is spoken, stored or written', async () => {
    const place = await withRecordings('intro', 'middle', 'outro');
    const before = await snapshot(place.voices);
    const report = await provide(place, { choice: 'cached' });
    expect(report).toMatchObject({ cacheHit: true, synthesized: [], saved: 'not-needed', warnings: [] });
    expect(await snapshot(place.voices)).toMatchObject(before);
    expect(await readdir(place.voices)).not.toContain('ready.json');
    const intro = report.lines[0];
    expect(decoded(intro?.file ?? '').length / 2 / 24_000).toBeCloseTo(intro?.seconds ?? 0, 3);
  });

  test('beside spoken lines are a warning that names both', async () => {
    const place = await withRecordings('intro');
    const before = await readFile(join(place.voices, 'intro.mp3'));
    const report = await provide(place);
    expect(report.synthesized).toEqual(['middle', 'outro']);
    expect(report.warnings).toEqual(['the video has several voices: recordings of intro; espeak speaks middle, outro']);
    expect(await readFile(join(place.voices, 'intro.mp3'))).toEqual(before);
    expect((await readEntries(place.voices))[0]).toEqual({
      narration_key: 'intro',
      text: LINES.intro,
      audio_file: 'intro.mp3',
      model_id: 'me',
    });
  });

  test('a recording of an old text is not used, reported, and not written over', async () => {
    const place = await withRecordings('intro');
    const recording = await readFile(join(place.voices, 'intro.mp3'));
    await writeLines(place.project, { ...LINES, intro: 'Welcome, all of you.' });
    const report = await provide(place);
    expect(report.synthesized).toEqual(KEYS);
    expect(report.warnings).toEqual([
      'projects/video/media/voiceovers/qwen/intro.mp3 is not used for the line "intro": it is a recording of another text',
    ]);
    expect(await readFile(join(place.voices, 'intro.mp3'))).toEqual(recording);
    const entries = (await readEntries(place.voices)).filter(({ narration_key }) => narration_key === 'intro');
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ text: 'Welcome, all of you.' });
    const spoken = join(place.voices, String(entries[0]?.audio_file));
    expect(report.lines[0]?.file).toBe(spoken);
    expect(await provide(place)).toMatchObject({ synthesized: [], warnings: [] });
  });

  test('a recording put over a spoken line is taken', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    await record(LINES.intro, join(place.voices, 'intro.mp3'));
    const recording = await readFile(join(place.voices, 'intro.mp3'));
    const planned = await plan(place);
    expect(planned.lines[0]).toMatchObject({ origin: 'project', identity: sha256(recording) });
    const report = await provide(place);
    expect(report.synthesized).toEqual([]);
    expect(await readFile(join(place.voices, 'intro.mp3'))).toEqual(recording);
    const [entry] = await readEntries(place.voices);
    expect(entry).toMatchObject({ narration_key: 'intro', model_id: 'recording' });
    expect(entry).not.toHaveProperty('audio_sha256');
  });

  test('a recording that cannot be decoded is an error at its file', async () => {
    const place = await withRecordings('intro');
    const file = join(place.voices, 'intro.mp3');
    const bytes = await readFile(file);
    // the headers of frames stay as they are, what follows them becomes nonsense
    const header = bytes.subarray(bytes.indexOf('fffb', 0, 'hex')).subarray(0, 2);
    for (let at = bytes.indexOf(header); at !== -1; at = bytes.indexOf(header, at + 40))
      bytes.fill(0xfe, at + 4, at + 36);
    await writeFile(file, bytes);
    expect((await plan(place)).lines[0]).toMatchObject({ origin: 'project' });
    const error = await userError(() => provide(place));
    expect(error.message).toContain('the recording of narration line "intro" cannot be decoded');
    expect(error.place?.file).toBe(file);
  });
});

describe('choices', () => {
  test('cached names every missing line at its place', async () => {
    const place = await makePlace(await fresh());
    const errors = await userErrors(() => provide(place, { choice: 'cached' }));
    expect(errors.map(({ place: at }) => at?.line)).toEqual([2, 3, 4]);
    expect(errors.map(({ message }) => message)).toEqual(
      KEYS.map((key) => `narration line "${key}" has no recording, and voice "cached" speaks nothing`),
    );
    for (const { hint } of errors) expect(hint).not.toContain('intro');
  });

  test('cached takes what the store holds', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    await loseProjectFolder(place);
    expect(await provide(place, { choice: 'cached' })).toMatchObject({ cacheHit: true, synthesized: [] });
  });

  test('cached takes lines that another voice spoke; auto has them spoken by its own', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const report = await provide(place, { choice: 'cached', backend: 'piper' });
    expect(report).toMatchObject({ synthesized: [], cacheHit: true });
    const planned = await plan(place, { backend: 'piper' });
    expect(planned.lines.map(({ origin, sound }) => [origin, sound])).toEqual(KEYS.map(() => ['voice', undefined]));
  });

  test('auto says that piper cannot be had, and why', async () => {
    const place = await makePlace(await fresh());
    const piper = (): Promise<string> => Promise.reject(new Error('no wheel for this machine'));
    const work = provide(place, { backend: 'piper', backends: { piper } });
    await expect(work).rejects.toThrow(VoiceUnavailable);
    await expect(work).rejects.toThrow('the voice piper is not available: no wheel for this machine');
    expect(await provide(place)).toMatchObject({ synthesized: KEYS });
  });

  test('auto says so where the Python of piper turns out to lack it', async () => {
    const place = await makePlace(await fresh());
    const work = provide(place, { backend: 'piper', backends: { piper: backends.python } });
    await expect(work).rejects.toThrow(VoiceUnavailable);
    await expect(work).rejects.toThrow(/needs the Python package/);
  });

  test('piper, asked for by name, fails for each line', async () => {
    const place = await makePlace(await fresh());
    const errors = await userErrors(() =>
      provide(place, { choice: 'piper', backend: 'piper', backends: { piper: backends.python } }),
    );
    expect(errors).toHaveLength(3);
    expect(errors[0]?.message).toMatch(/"intro" could not be spoken: the voice piper needs the Python package/);
  });
});

describe('lines that fail', () => {
  test('lose no other: what was spoken is saved, and each failure is told at its place', async () => {
    const place = await makePlace(await fresh(), { ...LINES, dots: "<bookmark mark='A'/>" });
    const error = await userError(() => provide(place));
    expect(error.message).toMatch(/^narration line "dots" could not be spoken: it has no text to speak/);
    expect(error.place).toEqual({ file: join(place.project, 'narration_script.py'), line: 5 });
    expect((await readEntries(place.voices)).map(({ narration_key }) => narration_key)).toEqual(KEYS);
    expect(await readdir(place.voices)).not.toContain('.cache_hash');

    await loseProjectFolder(place);
    await writeLines(place.project, { ...LINES, dots: 'Dot, dot, dot.' });
    expect(await provide(place)).toMatchObject({ synthesized: ['dots'] });
  });

  test('cancelling ends the voice and is not told as a failure of the lines', async () => {
    const place = await makePlace(await fresh());
    const stop = new AbortController();
    const work = provide(place, {
      signal: stop.signal,
      backends: {
        espeak: async () => {
          stop.abort();
        },
      },
    });
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
  });
});
