import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Ran, type Workshop, workshop } from './support/cli.js';

/*
 * Disks that are full, and places that cannot be written, as they really are: small file systems in memory, and mounts
 * that are read-only. Rights would not do, since tests may run as root. Needs the right to mount.
 */
let shop: Workshop;
let mounted: string[];

beforeEach(() => {
  shop = workshop();
  mounted = [];
});
afterEach(() => {
  for (const path of mounted.reverse()) execFileSync('umount', ['--lazy', path]);
  shop.remove();
});

function mountSmall(path: string, size: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'flaming-horse-test', path]);
  mounted.push(path);
}

/** Makes what lies in a folder read-only, for whoever it is. */
function mountReadOnly(path: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['--bind', path, path]);
  mounted.push(path);
  execFileSync('mount', ['-o', 'remount,bind,ro', path]);
}

const build = (...args: string[]): Promise<Ran> =>
  shop.cli('build', shop.project, ...QUICK, '--quality', 'low', ...args);
const errors = ({ stderr }: Ran): string[] => stderr.split('\n').filter((line) => /(?:^|: )error: /.test(line));
/** The folder of the project in the work folder, as a first build made it. */
const workFolder = (): string => {
  const work = join(shop.base, '.flaming-horse');
  return join(work, readdirSync(work).find((name) => !name.startsWith('.')) as string);
};

describe('before any work', () => {
  test.each<[string, (path: (name: string) => string) => void, string[], string]>([
    [
      'a read-only project',
      (path) => mountReadOnly(path('projects/tiny')),
      [],
      'cannot write to the project folder BASE/projects/tiny: the file system is read-only (EROFS)',
    ],
    [
      'a read-only current folder',
      (path) => mountReadOnly(path('.')),
      [],
      'cannot write to the folder for work BASE/.flaming-horse: the file system is read-only (EROFS)',
    ],
    [
      'a read-only work folder',
      (path) => mountReadOnly(path('.flaming-horse')),
      [],
      'cannot write to the folder for work BASE/.flaming-horse: the file system is read-only (EROFS)',
    ],
    [
      'a file in place of the work folder',
      (path) => writeFileSync(path('.flaming-horse'), ''),
      [],
      'cannot write to the folder for work BASE/.flaming-horse: a part of the path is a file, not a folder (ENOTDIR)',
    ],
    [
      'a read-only folder of the output',
      (path) => mountReadOnly(path('out')),
      ['--output', 'out/deep/v.mp4'],
      'cannot write to the folder of the output BASE/out/deep: the file system is read-only (EROFS)',
    ],
    [
      'a disk with nothing left',
      (path) => {
        mountSmall(path('.flaming-horse'), '64k');
        writeFileSync(path('.flaming-horse/filler'), Buffer.alloc(65_536));
      },
      [],
      'cannot build: the disk of the folder for work BASE/.flaming-horse has 0.0 MiB left, and a build needs 16.0 MiB at the very least',
    ],
    [
      'a disk with too little left',
      (path) => mountSmall(path('out'), '8m'),
      ['--output', 'out/v.mp4'],
      'cannot build: the disk of the folder of the output BASE/out has 8.0 MiB left, and a build needs 16.0 MiB at the very least',
    ],
  ])('%s is an error at once', async (_, arrange, args, told) => {
    arrange((name) => join(shop.base, name));
    const ran = await build(...args);
    expect(errors(ran).map((line) => line.replaceAll(shop.base, 'BASE'))).toContain(`error: ${told}`);
    expect(ran.stderr).not.toContain('to render');
    expect(ran.stderr).not.toContain('internal error');
    expect(ran.status).toBe(1);
  });

  test('all such places are told together', async () => {
    mountReadOnly(shop.base);
    const ran = await build('--output', join(shop.base, 'out', 'v.mp4'));
    expect(errors(ran)).toHaveLength(3);
  });
});

describe('what a build can do without', () => {
  test('a read-only temporary folder is a warning', async () => {
    const folder = join(shop.base, 'tmp');
    mountReadOnly(folder);
    process.env.TMPDIR = folder;
    const ran = await build().finally(() => delete process.env.TMPDIR);
    expect(ran.stderr).toContain(
      `warning: cannot write to the temporary folder ${folder}: the file system is read-only (EROFS)`,
    );
    expect(ran.stderr).toContain('3 scenes rendered');
    expect(ran.status).toBe(0);
  });

  test('a read-only home with its store is a warning, and the build is whole', async () => {
    mountReadOnly(join(shop.base, 'cache'));
    const ran = await build();
    expect(ran.stderr).toMatch(/warning: .*cache/);
    expect(ran.stderr).toContain('3 scenes rendered');
    expect(ran.status).toBe(0);
  });
});

describe('a disk that is full at one stage', () => {
  // [what is full, where that lies, what is told]; each path is a file system of its own with 64 KiB
  test.each<[string, () => string, RegExp]>([
    ['jobs', () => join(workFolder(), 'jobs'), /cannot write .*\/jobs\/.*: no space left on the disk \(ENOSPC\)/],
    ['results of scenes', () => join(workFolder(), 'scenes'), /no space left on the disk/],
    ['private files of renders', () => join(workFolder(), 'media'), /no space left on the disk/],
    [
      'joined videos',
      () => join(workFolder(), 'video'),
      /cannot (?:make|write) .*\/video\/.*: no space left on the disk \(ENOSPC\)/,
    ],
    ['spoken lines on their way', () => join(workFolder(), 'voice'), /no space left on the disk/],
    [
      'spoken lines of the project',
      () => join(shop.project, 'media', 'voiceovers'),
      /\/voiceovers\/.* could not be written: no space left on the disk/,
    ],
    [
      'videos of scenes in the project',
      () => join(shop.project, 'media', 'videos'),
      /\/media\/videos\/.* could not be written: no space left on the disk/,
    ],
    [
      'what a build knows for the next',
      () => join(workFolder(), 'ledger'),
      /something else is using it|no space left on the disk/,
    ],
  ])(
    '%s: an error that names the place, in the log and in the state; the lock is given back',
    async (_, path, told) => {
      const first = await build('--cache', 'off');
      expect(first.status).toBe(0);
      for (const name of ['media', 'final_video.mp4', 'log'])
        rmSync(join(shop.project, name), { recursive: true, force: true });
      rmSync(path(), { recursive: true, force: true });
      mountSmall(path(), '64k');
      writeFileSync(join(path(), 'filler'), Buffer.alloc(65_536));
      const ran = await build('--cache', 'off');
      expect(errors(ran).join('\n')).toMatch(told);
      expect(ran.stderr).not.toContain('internal error');
      expect(ran.status).toBe(1);
      expect(JSON.parse(readFileSync(join(shop.project, 'project_state.json'), 'utf8')).errors.join('\n')).toMatch(
        told,
      );
      expect(existsSync(join(shop.project, '.build.lock'))).toBe(false);
    },
  );

  test('a log of a scene that cannot be written is a warning', async () => {
    mountSmall(join(shop.project, 'log'), '64k');
    writeFileSync(join(shop.project, 'log', 'filler'), Buffer.alloc(65_536));
    const ran = await build();
    expect(ran.stderr).toMatch(/warning: cannot write log\/scene_01_opening\.log \(ENOSPC\)/);
    expect(ran.status).toBe(0);
  });
});
