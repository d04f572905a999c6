import { randomFillSync } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { PATIENCE } from '../../src/store/cache-client.js';
import { sha256OfFile } from '../../src/store/keys.js';
import { cacheBench } from '../support/cache-service.js';
import { temporaryFolders } from '../support/folder.js';
import { recordingLog } from '../support/log.js';

const newFolder = temporaryFolders();
const MEGABYTES = 300;

test.each(['v1', 'v2'] as const)(
  'an entry of 300 MB is kept and comes back within the limits, protocol %s',
  async (version) => {
    const base = await newFolder();
    await mkdir(join(base, 'from'));
    await mkdir(join(base, 'to'));
    const file = await open(join(base, 'from', 'large'), 'w');
    const part = Buffer.alloc(1 << 20);
    for (let count = 0; count < MEGABYTES; count++) await file.write(randomFillSync(part));
    await file.close();
    const { service } = await cacheBench(version, recordingLog(), { ...PATIENCE, start: 60_000 });
    expect(await service.save('k', join(base, 'from'), () => {})).toEqual({ kind: 'saved' });
    expect(await service.restore('k', [], join(base, 'to'))).toEqual({ kind: 'found', key: 'k' });
    expect(await sha256OfFile(join(base, 'to', 'large'))).toBe(await sha256OfFile(join(base, 'from', 'large')));
  },
);
