import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentKey, sha256 } from '../../src/store/keys.js';
import type { VoicePlan } from '../../src/voice/plan.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { decoded, LINES, makePlace, plan, provide, readEntries, record, writeEntries, writeLines } from './support.js';

const fresh = temporaryFolders();

function identities({ lines }: VoicePlan): string[] {
  return lines.map(({ identity }) => identity);
}

describe('the identity of a line', () => {
  test('is the same before it is spoken, after, without the index, and on another machine', async () => {
    const place = await makePlace(await fresh());
    const before = await plan(place);
    await provide(place);
    const after = await plan(place);
    await rm(join(place.voices, 'cache.json'));
    const withoutIndex = await plan(place);
    const elsewhere = await plan(await makePlace(await fresh()));
    for (const other of [after, withoutIndex, elsewhere]) {
      expect(identities(other)).toEqual(identities(before));
      expect(other.cacheKey).toBe(before.cacheKey);
    }
    expect(withoutIndex.lines.map(({ sound }) => sound?.file)).toEqual(after.lines.map(({ sound }) => sound?.file));
  });

  test('is the same where another voice spoke the line that lies in the project', async () => {
    const place = await makePlace(await fresh());
    const before = await plan(place, { backend: 'piper' });
    await provide(place);
    const after = await plan(place, { backend: 'piper' });
    expect(identities(after)).toEqual(identities(before));
    expect(after.lines.map(({ sound }) => sound)).toEqual([undefined, undefined, undefined]);
  });

  test('follows words and voice, not layout or bookmarks', async () => {
    const place = await makePlace(await fresh(), {
      plain: 'One two three.',
      layout: '  One\n   two three. ',
      bookmark: "One <bookmark mark='A'/>two three.",
      other: 'One two four.',
    });
    const [plain, layout, bookmark, other] = identities(await plan(place));
    expect([layout, bookmark]).toEqual([plain, plain]);
    expect(other).not.toBe(plain);
    expect(identities(await plan(place, { backend: 'piper' }))).not.toContain(plain);
  });

  test('of a recording is that of its bytes, whatever voice speaks the rest', async () => {
    const place = await makePlace(await fresh());
    const file = join(place.voices, 'intro.mp3');
    await record(LINES.intro, file);
    await writeEntries(place.voices, [{ narration_key: 'intro', text: LINES.intro, audio_file: 'intro.mp3' }]);
    const expected = sha256(await readFile(file));
    for (const backend of ['espeak', 'piper'] as const) {
      const [intro, middle] = (await plan(place, { backend })).lines;
      expect(intro).toMatchObject({ origin: 'project', identity: expected, sound: { file, spoken: false } });
      expect(middle).toMatchObject({ origin: 'voice', sound: undefined });
    }
  });

  test('covers every recording of a text that stands under several keys', async () => {
    const place = await makePlace(await fresh(), { one: 'Take this.', two: 'Take this.' });
    const shas = await Promise.all(
      ['one', 'two'].map(async (key) => {
        await record(`${key} take`, join(place.voices, `${key}.mp3`));
        return sha256(await readFile(join(place.voices, `${key}.mp3`)));
      }),
    );
    await writeEntries(
      place.voices,
      ['one', 'two'].map((key) => ({ narration_key: key, text: 'Take this.', audio_file: `${key}.mp3` })),
    );
    const { lines } = await plan(place);
    expect(lines.map(({ sound }) => sound?.sha256)).toEqual(shas);
    expect(lines.map(({ identity }) => identity)).toEqual([0, 1].map(() => contentKey([...shas].sort())));
  });
});

describe('the cache key', () => {
  test('ends with the narration where the voice speaks all of it', async () => {
    const place = await makePlace(await fresh());
    const { cacheKey, restorePrefix, narration, voice } = await plan(place);
    expect(cacheKey).toBe(`${restorePrefix}${narration.sha256}`);
    expect(restorePrefix).toBe(`test-voice-v1-${voice.fingerprint.slice(0, 16)}-`);
  });

  test('leaves out recorded lines, which the entry does not hold', async () => {
    const place = await makePlace(await fresh());
    const all = await plan(place);
    await record(LINES.intro, join(place.voices, 'intro.mp3'));
    await writeEntries(place.voices, [{ narration_key: 'intro', text: LINES.intro, audio_file: 'intro.mp3' }]);
    const { cacheKey, restorePrefix } = await plan(place);
    const { intro: _recorded, ...spoken } = LINES;
    expect(cacheKey).toBe(`${restorePrefix}${contentKey(spoken)}`);
    expect(restorePrefix).toBe(all.restorePrefix);
  });
});

describe('entries of cache.json', () => {
  test.each<[string, Record<string, unknown>]>([
    ['the usual names', { narration_key: 'intro', text: LINES.intro, audio_file: 'my.mp3' }],
    ['input_text and final_audio', { narration_key: 'intro', input_text: LINES.intro, final_audio: 'my.mp3' }],
    ['original_audio', { narration_key: 'intro', text: LINES.intro, original_audio: 'my.mp3' }],
    ['input_data and no key', { input_data: { text: LINES.intro }, final_audio: 'my.mp3' }],
    ['another key', { narration_key: 'welcome', text: LINES.intro, audio_file: 'my.mp3' }],
    [
      'other white space',
      { narration_key: 'intro', text: `  ${LINES.intro.replace(' ', '\n ')}`, audio_file: 'my.mp3' },
    ],
  ])('are read with %s', async (_, entry) => {
    const place = await makePlace(await fresh());
    const file = join(place.voices, 'my.mp3');
    await record(LINES.intro, file);
    await writeEntries(place.voices, ['not an entry', entry]);
    const [intro] = (await plan(place)).lines;
    expect(intro).toMatchObject({ origin: 'project', sound: { file } });
    await provide(place);
    const written = await readEntries(place.voices);
    expect(written).toContainEqual(entry);
    expect(written.find(({ narration_key }) => narration_key === 'intro')).toMatchObject(
      entry.narration_key === 'intro' ? entry : { text: LINES.intro, audio_file: 'my.mp3' },
    );
  });

  test.each<[string, Record<string, unknown>, string | undefined]>([
    [
      'an old text',
      { narration_key: 'intro', text: 'Something else.', audio_file: 'my.mp3' },
      'it is a recording of another text',
    ],
    ['no text', { narration_key: 'intro', audio_file: 'my.mp3' }, 'it is a recording of another text'],
    ['a missing file', { narration_key: 'intro', text: LINES.intro, audio_file: 'gone.mp3' }, 'it is not there'],
    [
      'a file elsewhere',
      { narration_key: 'intro', text: LINES.intro, audio_file: '../../../../../../outside.mp3' },
      'it lies outside the repository',
    ],
    [
      'an absolute path elsewhere',
      { narration_key: 'intro', text: LINES.intro, audio_file: '/etc/hostname' },
      'it lies outside the repository',
    ],
    [
      'a file that is no mp3',
      { narration_key: 'intro', text: LINES.intro, audio_file: 'text.mp3' },
      'it is not an mp3 file',
    ],
    [
      'a pointer',
      { narration_key: 'intro', text: LINES.intro, audio_file: 'pointer.mp3' },
      'it is a Git LFS pointer; check out with lfs: true',
    ],
    [
      'a sound far too short',
      { narration_key: 'intro', text: LINES.intro, audio_file: 'short.mp3' },
      'it is not the whole line: ',
    ],
    [
      'a spoken line that was never committed',
      { narration_key: 'intro', text: LINES.intro, audio_file: 'gone.mp3', audio_sha256: 'abc' },
      undefined,
    ],
  ])('with %s are not used', async (_, entry, told) => {
    const place = await makePlace(await fresh());
    await record(LINES.intro, join(place.voices, 'my.mp3'));
    await record('Oh', join(place.root, 'outside.mp3'));
    await record('I', join(place.voices, 'short.mp3'));
    await writeLines(place.project, {
      ...LINES,
      intro: entry.audio_file === 'short.mp3' ? LINES.intro.repeat(9) : LINES.intro,
    });
    await writeFile(join(place.voices, 'text.mp3'), 'no sound at all');
    await writeFile(join(place.voices, 'pointer.mp3'), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n');
    await writeEntries(place.voices, [
      entry.audio_file === 'short.mp3' ? { ...entry, text: LINES.intro.repeat(9) } : entry,
    ]);
    const { lines, warnings } = await plan(place);
    expect(lines[0]).toMatchObject({ origin: 'voice', sound: undefined });
    expect(warnings).toEqual(told === undefined ? [] : [expect.stringContaining(`the line "intro": ${told}`)]);
  });

  test('are not needed where there is no index: a file of a line’s name is its recording, and that is said', async () => {
    const place = await makePlace(await fresh());
    await record(LINES.intro, join(place.voices, 'intro.mp3'));
    const { lines, warnings } = await plan(place);
    expect(lines.map(({ origin }) => origin)).toEqual(['project', 'voice', 'voice']);
    expect(warnings).toEqual([expect.stringContaining('has no entry in cache.json')]);
    await provide(place);
    expect((await plan(place)).warnings).toEqual([]);
  });

  test('keep their spelling where others wrote them, and what is no entry is told', async () => {
    const place = await makePlace(await fresh());
    const theirs =
      '{"narration_key": "other", "text": "Of another script.",\n     "audio_file": "x.mp3", "seed": 12345678901234567890, "created_at": 1.0}';
    await mkdir(place.voices, { recursive: true });
    await writeFile(join(place.voices, 'cache.json'), `[\n  ${theirs},\n  7\n]`);
    const report = await provide(place);
    expect(report.warnings).toEqual([expect.stringMatching(/cache\.json:4: an entry is not an object; it is dropped/)]);
    expect(await readFile(join(place.voices, 'cache.json'), 'utf8')).toContain(theirs);
    expect(await readEntries(place.voices)).toHaveLength(4);
  });

  test('that are not a list are set aside, and that is said', async () => {
    const place = await makePlace(await fresh());
    await mkdir(place.voices, { recursive: true });
    await writeFile(join(place.voices, 'cache.json'), '{"intro": {}');
    const report = await provide(place);
    expect(report.warnings).toEqual([expect.stringMatching(/cache\.json:1: .*not valid JSON.*it is set aside/)]);
    expect(await readFile(join(place.voices, 'cache.json.unreadable'), 'utf8')).toBe('{"intro": {}');
    expect(await readEntries(place.voices)).toHaveLength(3);
  });

  test('of ours for another text of the same key are spoken again', async () => {
    const place = await makePlace(await fresh());
    await provide(place);
    const sound = decoded(join(place.voices, 'intro.mp3'));
    await writeLines(place.project, { ...LINES, intro: 'Hello again, everybody.' });
    const report = await provide(place);
    expect(report).toMatchObject({ synthesized: ['intro'], warnings: [] });
    expect(decoded(join(place.voices, 'intro.mp3'))).not.toEqual(sound);
    expect((await readEntries(place.voices)).map(({ narration_key }) => narration_key).sort()).toEqual(
      Object.keys(LINES).sort(),
    );
  });
});

describe('the output folder', () => {
  const config = (value: unknown): string => JSON.stringify({ model_id: 'x', output_dir: value });

  test('moves with voice_clone_config.json', async () => {
    const place = await makePlace(await fresh());
    await writeFile(join(place.project, 'voice_clone_config.json'), config('../shared/voices'));
    const { lines } = await provide(place);
    expect(lines[0]?.file).toBe(join(place.root, 'repository', 'projects', 'shared', 'voices', 'intro.mp3'));
    expect(await provide(place)).toMatchObject({ synthesized: [] });
  });

  test.each([
    ['above the repository', '../../../elsewhere'],
    ['absolute', '/tmp'],
    ['in the home folder', '~/voices'],
    ['behind a link', 'link/voices'],
  ])('must not lie outside the repository: %s', async (_, folder) => {
    const place = await makePlace(await fresh());
    const file = join(place.project, 'voice_clone_config.json');
    await symlink(place.root, join(place.project, 'link'));
    await writeFile(file, config(folder));
    const error = await userError(() => plan(place));
    expect(error.message).toBe(`voice_clone_config.json: output_dir: "${folder}" lies outside the repository`);
    expect(error.place?.file).toBe(file);
  });

  test('is refused where the usual one is a link out of the repository', async () => {
    const place = await makePlace(await fresh());
    await rm(join(place.project, 'media'), { recursive: true, force: true });
    await symlink(place.root, join(place.project, 'media'));
    const error = await userError(() => plan(place));
    expect(error.message).toBe('media/voiceovers/qwen leads out of the repository through a link');
  });

  test.each([
    ['no JSON', '{', /not valid JSON/],
    ['no text', config(3), /output_dir: found 3, expected a text/],
    ['a list', '[]', /does not hold an object/],
    ['NaN, which Python writes', '{"x": NaN}', /NaN is no JSON number/],
    ['a folder of git', config('../../.git/hooks'), /"..\/..\/.git\/hooks" belongs to git/],
    ['a null character', config('a\0b'), /holds a control character/],
  ])('must be named by a configuration that can be read: %s', async (_, text, message) => {
    const place = await makePlace(await fresh());
    await writeFile(join(place.project, 'voice_clone_config.json'), text);
    expect((await userError(() => plan(place))).message).toMatch(message);
  });
});
