import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../store/store.js';
import { readStored } from './entry.js';
import type { VoicePlan } from './plan.js';

/** The identities of lines that the store has spoken, as far as the newest entry of the plan's voice tells. */
export async function storedIdentities(plan: VoicePlan, store: Store, workDir: string): Promise<ReadonlySet<string>> {
  const path = join(workDir, 'entry'); // an entry is found only under the path it was saved from
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  if ((await store.restore({ key: plan.cacheKey, path }, [plan.restorePrefix])) === undefined) return new Set();
  const { lines } = await readStored(path, plan.voice.fingerprint);
  return new Set(lines.map(({ identity }) => identity));
}
