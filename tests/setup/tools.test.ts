import { execFileSync } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath } from '../../src/setup/path.js';
import { ffmpegVersion, findLatex, fontsHash, hasEspeak, lackingToCompile } from '../../src/setup/tools.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();
const usual = { ...process.env };
afterEach(() => {
  process.env.PATH = usual.PATH;
  delete process.env.FONTCONFIG_FILE;
});

async function onlyOnPath(programs: Record<string, string>): Promise<void> {
  const folder = await newFolder();
  await writeFiles(folder, programs);
  for (const name of Object.keys(programs)) execFileSync('chmod', ['755', join(folder, name)]);
  process.env.PATH = folder;
}

/** What the real program is, for a script that stands in for it. */
async function real(program: string): Promise<string> {
  return `#!/bin/sh\nexec ${await findOnPath(program, usual.PATH)} "$@"\n`;
}

describe('ffmpeg', () => {
  test('is found with its version', async () => {
    const expected = execFileSync('ffmpeg', ['-version'], { encoding: 'utf8' }).split(' ')[2];
    expect(await ffmpegVersion()).toBe(expected);
  });

  test('does not count without ffprobe', async () => {
    await onlyOnPath({ ffmpeg: await real('ffmpeg') });
    expect(await ffmpegVersion()).toBeUndefined();
  });

  test('does not count without libx264', async () => {
    const bare = '#!/bin/sh\necho "ffmpeg version 7.0 Copyright"\necho "configuration: --disable-gpl"\n';
    await onlyOnPath({ ffmpeg: bare, ffprobe: await real('ffprobe') });
    expect(await ffmpegVersion()).toBeUndefined();
  });
});

describe('fonts', () => {
  /** Makes fontconfig see the fonts of that folder and no others. */
  async function seeOnly(folder: string): Promise<void> {
    const settings = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/cache</cachedir></fontconfig>`;
    await writeFiles(folder, { 'fonts.conf': settings });
    process.env.FONTCONFIG_FILE = join(folder, 'fonts.conf');
  }
  const fileOf = (family: string): string =>
    execFileSync('fc-match', ['--format', '%{file}', family], { encoding: 'utf8', env: usual });

  test('have the same hash wherever they lie, and another when one is added', async () => {
    const [sans, mono] = [fileOf('DejaVu Sans'), fileOf('DejaVu Sans Mono')];
    expect(sans).not.toBe(mono);
    const hashes: (string | undefined)[] = [];
    for (const fonts of [[sans], [sans], [sans, mono]]) {
      const folder = await newFolder();
      await mkdir(join(folder, 'fonts'));
      for (const [index, font] of fonts.entries()) await copyFile(font, join(folder, 'fonts', `${index}.ttf`));
      await seeOnly(folder);
      hashes.push(await fontsHash());
    }
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  test('are missing where there are none', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'fonts'));
    await seeOnly(folder);
    expect(await fontsHash()).toBeUndefined();
  });
});

describe('LaTeX', () => {
  test('is found with its release, and a hash over what every formula uses', async () => {
    expect(await findLatex()).toEqual({
      version: expect.stringMatching(/^TeX Live 20\d\d.*, dvisvgm \d/),
      packages: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('does not count without dvisvgm', async () => {
    await onlyOnPath({ latex: await real('latex'), kpsewhich: await real('kpsewhich') });
    expect(await findLatex()).toBeUndefined();
  });

  test('does not count where a package is missing that the default template uses', async () => {
    await onlyOnPath({
      latex: await real('latex'),
      dvisvgm: await real('dvisvgm'),
      kpsewhich: `#!/bin/sh\n${await findOnPath('kpsewhich', usual.PATH)} article.cls amsmath.sty\n`,
    });
    expect(await findLatex()).toBeUndefined();
  });
});

test('espeak-ng is there or not', async () => {
  expect(await hasEspeak()).toBe(true);
  await onlyOnPath({});
  expect(await hasEspeak()).toBe(false);
});

test('what compiles is there or named', async () => {
  expect(await lackingToCompile()).toEqual([]);
  await onlyOnPath({ 'pkg-config': await real('pkg-config') });
  expect(await lackingToCompile()).toEqual(['compiler']);
  await onlyOnPath({ cc: await real('cc'), 'c++': await real('c++') });
  expect(await lackingToCompile()).toEqual(['development']);
});
