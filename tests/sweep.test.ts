import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { thisOwner } from '../src/owner.js';
import { sweep } from '../src/steps/sweep.js';
import { makeTemporary } from '../src/temporary.js';
import { temporaryFolders, writeFiles } from './support/folder.js';

const newFolder = temporaryFolders();
const { pid: ENDED } = spawnSync('true');

test('what killed builds have left is removed, and nothing else', async () => {
  const folder = await newFolder();
  const places = {
    projectDir: join(folder, 'project'),
    workDir: join(folder, 'work'),
    output: join(folder, 'videos', 'out.mp4'),
  };
  const left = [
    'work/jobs/scene.json',
    'work/media/scene/x.svg',
    'work/voice/jobs/job_0.json',
    'work/video/abc.work/list',
    `work/video/abc/video.mp4.${ENDED}.partial`,
    `project/.final_video.mp4.${ENDED}.partial`,
    `project/.scenes.txt.${process.pid}.partial`,
    `project/media/videos/scene/480p15/.A.mp4.${ENDED}.partial`,
    `project/media/voiceovers/qwen/.cache.json.${ENDED}.partial`,
    `videos/.out.mp4.${ENDED}.partial`,
    `videos/.out.srt.${ENDED}.partial`,
  ];
  const own = [
    'work/scenes/abc/video.mp4',
    'work/video/abc/video.mp4',
    'work/tex-1/a.svg',
    'work/ledger/ledger.json',
    'project/media/voiceovers/qwen/cache.json',
    'project/notes.partial',
    'project/assets/.a.1.partial',
    `videos/.other.mp4.${ENDED}.partial`,
    `videos/.out.mp4.${process.ppid}.partial`, // of a build that runs
    'elsewhere/.a.1.partial',
  ];
  await writeFiles(folder, Object.fromEntries([...left, ...own].map((name) => [name, ''])));
  await symlink(join(folder, 'elsewhere'), join(folder, 'project', 'media', 'videos', 'link'));
  await sweep(places);
  expect(left.filter((name) => existsSync(join(folder, name)))).toEqual([]);
  expect(own.filter((name) => !existsSync(join(folder, name)))).toEqual([]);
  expect(await sweep(places)).toEqual([]);
});

test('temporary folders of ended builds are removed, and no others', async () => {
  const folder = await newFolder();
  const { start, space } = thisOwner();
  const made: Record<string, boolean> = {};
  const make = async (name: string, stays: boolean, age = 0): Promise<void> => {
    const path = await mkdtemp(join(tmpdir(), name));
    await mkdir(join(path, 'inside'));
    const then = new Date(Date.now() - age);
    await utimes(path, then, then);
    made[path] = stays;
  };
  made[await makeTemporary()] = true;
  await make(`flaming-horse-${ENDED}-5-${space}-`, false);
  await make(`flaming-horse-${process.pid}-${Number(start) + 1}-${space}-`, false); // the number came again
  await make(`flaming-horse-${ENDED}-5-0123456789-`, true); // of another container
  await make(`flaming-horse-${ENDED}-5-0123456789-`, false, 3 * 24 * 3600 * 1000);
  await make('flaming-horse-', true);
  await make(`flaming-horse-notes-${ENDED}-`, true);
  const link = join(tmpdir(), `flaming-horse-${ENDED}-5-${space}-link00`);
  await symlink(folder, link);
  made[link] = true;
  try {
    await sweep({ projectDir: folder, workDir: join(folder, 'work'), output: join(folder, 'out.mp4') });
    for (const [path, stays] of Object.entries(made))
      expect([basename(path), existsSync(path)]).toEqual([basename(path), stays]);
  } finally {
    for (const path of Object.keys(made)) await rm(path, { recursive: true, force: true });
  }
});
