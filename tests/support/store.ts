import type { Log } from '../../src/log.js';
import { openStore } from '../../src/store/entries.js';
import { folderBackend } from '../../src/store/folder.js';
import { type Backend, noBackend, type SaveOutcome, type Store } from '../../src/store/store.js';
import { recordingLog } from './log.js';

/** A store that can be waited for, which builds do only at their end. */
export interface TestStore extends Store {
  /** Resolves once no save is under way, with how they ended. */
  idle(): Promise<SaveOutcome[]>;
}

export function testStore(backend: Backend, log: Log = recordingLog()): TestStore {
  const store = openStore(backend, log);
  let saves: Promise<SaveOutcome>[] = [];
  return {
    ...store,
    save: (entry) => {
      const saving = store.save(entry);
      saves.push(saving.outcome);
      return saving;
    },
    idle: () => {
      const ended = Promise.all(saves);
      saves = [];
      return ended;
    },
  };
}

/** A folder as store. */
export function folderStore(root: string, log: Log = recordingLog()): TestStore {
  return testStore(folderBackend(root, log), log);
}

/** A store that holds nothing. */
export const noStore = testStore(noBackend);
