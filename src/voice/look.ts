import { join } from 'node:path';
import type { Store } from '../store/store.js';
import { readStored } from './entry.js';
import type { VoicePlan } from './plan.js';

/** The identities of lines that the store has spoken, as far as the newest entry of the plan's voice tells. */
export async function storedIdentities(plan: VoicePlan, store: Store, workDir: string): Promise<ReadonlySet<string>> {
  const entry = { key: plan.cacheKey, path: join(workDir, 'entry') };
  const found = await store.restore(entry, (folder) => readStored(folder, plan.voice.fingerprint), [
    plan.restorePrefix,
  ]);
  return new Set(found.outcome === 'found' ? found.value.lines.map(({ identity }) => identity) : []);
}
