import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '../../src/log.js';
import { run } from '../../src/process.js';
import { chapterTitle } from '../../src/video/ffmpeg.js';
import { joinScenes } from '../../src/video/join.js';
import { temporaryFolders } from '../support/folder.js';
import { ffmpeg, makeScene, tools } from '../support/scene-result.js';

const newFolder = temporaryFolders();

/** Titles and captions as authors and hostile authors write them, and what must be in the file. */
const TEXTS: readonly (readonly [written: string, read: string])[] = [
  ['plain', 'plain'],
  ['a=b;c#d\\e', 'a=b;c#d\\e'],
  ['ends in \\', 'ends in \\ '],
  ['one\n[CHAPTER]\nSTART=0\nEND=1\ntitle=forged', 'one [CHAPTER] START=0 END=1 title=forged'],
  ['nul\0title=forged', 'nultitle=forged'],
  [';FFMETADATA1', ';FFMETADATA1'],
  ['[STREAM]', '[STREAM]'],
  ['\x1b[31mred\x1b[0m\x07\x9b2J\x7f', 'red'],
  ['lines\u2028and\u2029more\x85', 'lines and more'],
  ['שלום עולם \u202bx\u202c', 'שלום עולם \u202bx\u202c'],
  ['👩‍👩‍👧 🎬 e\u0301', '👩‍👩‍👧 🎬 e\u0301'],
  ['half \ud83d', 'half \ufffd'],
  ['  spaces\t in   it ', 'spaces in it'],
  ['%{pts} $HOME `id` <b>', '%{pts} $HOME `id` <b>'],
  ['🎬'.repeat(100), `${'🎬'.repeat(63)}…`],
  ['x'.repeat(1_000_000), `${'x'.repeat(252)}…`],
];

test('titles of any kind become one chapter each, as they were written', async () => {
  const folder = await newFolder();
  const result = await makeScene(join(folder, 'scene'), { id: 'scene', frames: 15, fps: 15, width: 64, height: 64 });
  const output = join(folder, 'v.mp4');
  const scenes = TEXTS.map(([title]) => ({ result, title }));
  const video = await joinScenes({ ...tools, scenes, output, workDir: join(folder, 'work'), log: silentLog });
  const args = ['-v', 'error', '-of', 'json', '-show_chapters', '-show_format', output];
  const { stdout } = await run('ffprobe', args, { env: tools.env });
  const found = JSON.parse(stdout) as {
    chapters: { tags?: { title?: string }; start_time: string }[];
    format: { tags: object };
  };
  expect(found.chapters.map(({ tags }) => tags?.title)).toEqual(TEXTS.map(([, read]) => read));
  expect(found.chapters.map(({ start_time }) => Number(start_time))).toEqual(TEXTS.map((_, index) => index));
  expect(JSON.stringify(found.format.tags)).not.toContain('forged');
  expect(video.chapters.map(({ title }) => title)).toEqual(TEXTS.map(([, read]) => read.trimEnd()));
  // the older list of chapters, which some players read: a byte of length each, and whole characters
  const bytes = await readFile(output);
  for (const [, read] of TEXTS.slice(0, 4)) expect(bytes.includes(Buffer.from(read))).toBe(true);
});

test('a title without any character that can be shown is empty', () => expect(chapterTitle('\0\x1b[0m\n')).toBe(''));

test('captions of any kind stay captions, in the file and beside it', async () => {
  const folder = await newFolder();
  const captions = TEXTS.map(([text], index) => ({
    start: index,
    end: index + 1,
    text: `${text}\n\n2\n00:00:00,000 --> 00:00:09,000\nforged`,
  }));
  const result = await makeScene(join(folder, 'scene'), {
    id: 'scene',
    frames: 15 * TEXTS.length,
    fps: 15,
    width: 64,
    height: 64,
    captions,
  });
  const output = join(folder, 'v.mp4');
  await joinScenes({
    ...tools,
    scenes: [{ result, title: '' }],
    output,
    workDir: join(folder, 'work'),
    log: silentLog,
  });
  const track = join(folder, 'track.srt');
  await ffmpeg(['-v', 'error', '-i', output, '-map', '0:s:0', track]);
  for (const file of [join(folder, 'v.srt'), join(folder, 'v.vtt'), track]) {
    const text = await readFile(file, 'utf8');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    const controls = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g; // ffmpeg ends lines of SubRip with \r\n
    expect([...text.matchAll(controls)].map(({ index }) => text.slice(index - 20, index + 20))).toEqual([]);
    // ffmpeg writes an arrow in a text as it is
    if (file !== track) expect(text.match(/ --> /g)).toHaveLength(TEXTS.length);
    expect(text).toContain('שלום עולם');
    expect(text).toContain('👩‍👩‍👧');
  }
  const { stdout } = await run(
    'ffprobe',
    ['-v', 'error', '-select_streams', 's', '-show_entries', 'packet=size', '-of', 'csv=p=0', output],
    { env: tools.env },
  );
  const sizes = stdout.trim().split('\n').map(Number);
  expect(sizes.filter((size) => size > 2)).toHaveLength(TEXTS.length);
});
