import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFile } from '../machine-errors.js';
import { readJson, texts } from '../store/json.js';
import { type Canonical, cacheKey, contentKey } from '../store/keys.js';
import type { Store } from '../store/store.js';

/**
 * What set-up made of a machine, by what the machine was before: on a fresh runner, the versions that set-up will bring
 * are known from the last time, and where everything is stored under them nothing needs to be installed at all.
 */
export interface SetupRecord {
  /** The state of the machine before set-up. */
  readonly before: Canonical;
  readonly store: Store;
  readonly cachePrefix: string;
  readonly home: string;
}

type Versions = Readonly<{ [name: string]: string }>;

/** The versions that set-up brought from this state the last time; undefined where that is not known. */
export async function recordedVersions(record: SetupRecord): Promise<Versions | undefined> {
  const { folder, prefix } = placeOf(record);
  const read = (restored: string) => readJson(join(restored, FILE), texts);
  const found = await record.store.restore({ key: `${prefix}newest`, path: folder }, read, [prefix]);
  return found.outcome === 'found' ? found.value : undefined; // else set-up will tell
}

/** Notes what set-up made of the machine. The same state may lead elsewhere later; the newest record counts. */
export async function recordVersions(versions: Versions, record: SetupRecord): Promise<void> {
  const { folder, prefix } = placeOf(record);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, FILE), JSON.stringify(versions));
  } catch {
    return; // a cache home that cannot be written costs the next build a moment
  }
  record.store.save({ key: `${prefix}${contentKey(versions).slice(0, 24)}`, path: folder });
}

const FILE = 'versions.json';

function placeOf({ before, cachePrefix, home }: SetupRecord): { folder: string; prefix: string } {
  const state = contentKey(before).slice(0, 24);
  return { folder: join(home, 'runtime', state), prefix: `${cacheKey(cachePrefix, 'runtime', state)}-` };
}
