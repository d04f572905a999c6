import { execFileSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findPython } from '../../src/setup/find.js';
import { isAtLeast, lackingForScenes, probePython } from '../../src/setup/probe.js';
import { actionRoot } from '../../src/shipped.js';
import { userError } from '../support/errors.js';
import { temporaryFolders, writeFiles } from '../support/folder.js';

const newFolder = temporaryFolders();
const MANIM_PYTHON = join(actionRoot(), '.tools', 'render', 'bin', 'python');
const BARE_PYTHON = join(actionRoot(), '.tools', 'piper', 'bin', 'python');

const usualPath = process.env.PATH;
afterEach(() => {
  process.env.PATH = usualPath;
});

/** A folder that is all of PATH but for the system's own programs, which hold no Python beside env and sh. */
async function path(programs: Record<string, string>): Promise<string> {
  const folder = await newFolder();
  await writeFiles(
    folder,
    Object.fromEntries(Object.entries(programs).map(([name, text]) => [name, `#!/bin/sh\n${text}\n`])),
  );
  for (const name of Object.keys(programs)) await chmod(join(folder, name), 0o755);
  process.env.PATH = folder;
  return folder;
}

const runs = (python: string): string => `exec '${python}' "$@"`;
/** What environment.py prints under a Python of that version, as far as it is looked at. */
const claims = (version: string): string => `echo '{"version": "${version}", "modules": [], "distributions": {}}'`;

describe('a Python is probed', () => {
  test('for the versions that pip sees, without importing Manim', async () => {
    const facts = await probePython(MANIM_PYTHON);
    const listed = JSON.parse(
      execFileSync(MANIM_PYTHON, ['-m', 'pip', 'list', '--format=json'], { encoding: 'utf8' }),
    ) as { name: string; version: string }[];
    const expected = listed.map(({ name, version }) => [name.toLowerCase().replaceAll(/[_.]/g, '-'), version]);
    expect(facts.distributions).toEqual(Object.fromEntries(expected));
    expect(facts.executable).toBe(MANIM_PYTHON);
    expect(facts.libraries).toEqual({ cairo: expect.stringMatching(/^1\./), pango: expect.stringMatching(/^1\./) });
    expect(facts.broken).toEqual([]);
    expect(lackingForScenes(facts)).toEqual([]);
  });

  test('and one without Manim lacks it by the names that pip knows', async () => {
    const facts = await probePython(BARE_PYTHON);
    expect(lackingForScenes(facts)).toEqual(expect.arrayContaining(['manim', 'manim-voiceover-plus']));
    expect(facts.modules).toContain('piper');
  });

  test('and what is no Python is an error that says so', async () => {
    await expect(probePython('/bin/false')).rejects.toThrow('/bin/false does not work as a Python 3: it ended with 1');
    await expect(probePython('/no/such/python')).rejects.toThrow('cannot be started (ENOENT)');
  });
});

describe('a Python is found', () => {
  test('by its path, as given', async () => {
    const found = await findPython(MANIM_PYTHON);
    expect(found.source).toBe('input');
    expect(found.facts.executable).toBe(MANIM_PYTHON);
  });

  test('by a name on PATH, as given', async () => {
    process.env.PATH = [join(actionRoot(), '.tools', 'render', 'bin'), usualPath].join(delimiter);
    expect((await findPython('python')).facts.executable).toBe(MANIM_PYTHON);
  });

  test('on PATH: the one that has Manim before one that has not', async () => {
    await path({ python3: runs(BARE_PYTHON), python: runs(MANIM_PYTHON) });
    const { facts, source } = await findPython('');
    expect(source).toBe('path');
    expect(facts.executable).toBe(MANIM_PYTHON);
  });

  test('on PATH: python3 where none has Manim', async () => {
    await path({ python3: runs(BARE_PYTHON), python: 'exit 1' });
    expect((await findPython('')).facts.executable).toBe(BARE_PYTHON);
  });

  test('under a name with a version where python3 is too old', async () => {
    await path({ python3: claims('3.9.18'), 'python3.12': runs(BARE_PYTHON) });
    expect((await findPython('')).facts.executable).toBe(BARE_PYTHON);
  });

  test('nowhere: the error names what was seen', async () => {
    const folder = await path({ python3: claims('3.9.18'), python: 'echo "no module named x" >&2; exit 3' });
    const error = await userError(() => findPython(''));
    expect(error.message).toContain('no Python 3.11 or later on PATH');
    expect(error.message).toContain(`${folder}/python3 is Python 3.9.18`);
    expect(error.message).toContain('no module named x');
    expect(error.hint).toContain('setup-python');
  });

  test('not where the one that was given is missing, broken or too old', async () => {
    const folder = await path({ ancient: claims('2.7.18'), broken: 'exit 1' });
    expect((await userError(() => findPython('nowhere'))).message).toBe('python: there is no "nowhere" on PATH');
    expect((await userError(() => findPython('broken'))).message).toContain('does not work as a Python 3');
    expect((await userError(() => findPython(join(folder, 'ancient')))).message).toContain('is Python 2.7.18');
  });
});

test.each([
  ['3.11.7', '3.11', true],
  ['3.11.2', '3.11.6', false],
  ['3.9.18', '3.11', false],
  ['3.14.0rc2', '3.14.0', true],
  ['4.0.0', '3.11.6', true],
])('version %s is at least %s: %s', (version, least, expected) => {
  expect(isAtLeast(version, least)).toBe(expected);
});
