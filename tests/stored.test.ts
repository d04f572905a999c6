import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { QUICK, type Workshop, workshop } from './support/cli.js';

let shop: Workshop;
let store: string;

beforeEach(() => {
  shop = workshop();
  store = join(shop.base, 'cache', 'flaming-horse', 'store');
});

afterEach(() => shop.remove());

const entries = (kind: string): string[] => readdirSync(store).filter((name) => name.includes(`-${kind}-`));
const counts = (log: string): string => /(\d+ scenes? rendered, \d+ reused)/.exec(log)?.[1] ?? log;

/** Gives a stored scene another video, with checksums that say that it was rendered so. */
function forge(scene: string, change: (video: Buffer) => Buffer): void {
  const folder = entries('scene')
    .map((name) => join(store, name))
    .find((path) => readFileSync(join(path, 'result.json'), 'utf8').includes(`"${scene}"`));
  if (folder === undefined) throw new Error(`${scene} is not stored`);
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  const hash = (name: string): string => createHash('sha256').update(read(name)).digest('hex');
  writeFileSync(join(folder, 'video.mp4'), change(read('video.mp4')));
  const facts = JSON.parse(read('result.json').toString());
  facts.files['video.mp4'] = hash('video.mp4');
  writeFileSync(join(folder, 'result.json'), JSON.stringify(facts));
  const entry = JSON.parse(read('entry.json').toString());
  entry.files['result.json'] = hash('result.json');
  writeFileSync(join(folder, 'entry.json'), JSON.stringify(entry));
}

test('a stored scene that fails only at the join is rendered again in the same build, and kept beside', async () => {
  const scenes = ['--scenes', 'scene_02_middle'];
  const build = async (): Promise<string> => {
    const { status, stderr } = await shop.cli('build', shop.project, ...QUICK, ...scenes, '--quality', 'low');
    if (status !== 0) throw new Error(stderr);
    return stderr;
  };
  expect(counts(await build())).toBe('1 scene rendered, 0 reused');
  forge('scene_02_middle', (video) => Buffer.concat([Buffer.from('INFO  Animation 0\n'), video.subarray(18)]));
  for (const name of entries('video')) rmSync(join(store, name), { recursive: true });

  const log = await build();
  expect(log).toContain('Scene scene_02_middle is rendered again, because its stored result cannot be joined: ');
  expect(counts(log)).toBe('1 scene rendered, 0 reused');
  for (const name of entries('video')) rmSync(join(store, name), { recursive: true });
  const again = await build();
  expect(counts(again)).toBe('0 scenes rendered, 1 reused');
  expect(again).not.toContain('warning');
});

test('projects without git that are built from one folder at once share no work and no ledger, nor does their status', async () => {
  const projects = ['first', 'second'].map((name) => join(shop.base, name));
  const lines: Record<string, string> = { first: 'Two and two is not five.', second: 'Three and three is six.' };
  for (const project of projects) cpSync(shop.project, project, { recursive: true });
  for (const [name, line] of Object.entries(lines)) {
    const path = join(shop.base, name, 'narration_script.py');
    writeFileSync(path, readFileSync(path, 'utf8').replace('Two plus two is four.', line));
  }
  const args = [...QUICK, '--quality', 'low', '--scenes', 'scene_02_middle'];
  const builds = projects.map((project) => shop.start('build', project, ...args).ended);
  for (let times = 0; times < 3; times++) await shop.cli('status', projects[0] as string, ...args);
  for (const { status, stderr } of await Promise.all(builds)) expect([status, stderr]).toEqual([0, expect.any(String)]);
  for (const [name, line] of Object.entries(lines))
    expect(readFileSync(join(shop.base, name, 'partial_video.srt'), 'utf8').replaceAll('\n', ' ')).toContain(line);

  expect(entries('ledger')).toHaveLength(2);
  expect(readdirSync(join(shop.base, '.flaming-horse')).filter((name) => name !== '.gitignore')).toHaveLength(2);
  for (const project of projects) {
    const { stdout } = await shop.cli('status', project, '--json', ...args);
    expect(JSON.parse(stdout).scenes).toMatchObject([{ reused: true, why: '' }]);
  }
  expect(existsSync(join(shop.base, '.flaming-horse', 'scenes'))).toBe(false);
});
