/** What to restore or save: one folder (absolute path) under one key. */
export interface StoreEntry {
  /** At most 512 characters, no comma; see src/store/keys.ts. */
  readonly key: string;
  /**
   * The folder, absolute. An entry is found again only under the path it was saved from (relative to the workspace or
   * the home folder), since the cache service mixes the path into the identity of an entry.
   */
  readonly path: string;
}

/** How a save ended. `exists`: an entry of that key was there already, which is as good. */
export type SaveOutcome = 'saved' | 'exists' | 'off' | 'failed';

/**
 * A home for results under content keys: the cache service on a runner, a folder on a developer's machine, nothing.
 * An entry never changes once it is saved. No method throws: a store that fails costs time, never the build.
 */
export interface Store {
  /** For logs: "the GitHub Actions cache", "the folder ~/.cache/flaming-horse/store", "off". */
  readonly name: string;
  /**
   * Brings back the entry of `key` or, failing that, the newest one whose key starts with one of `prefixes` (tried in
   * order). Returns the key that was restored, undefined where there is none. `path` then holds the entry's files
   * beside whatever was there before.
   */
  restore(entry: StoreEntry, prefixes?: readonly string[]): Promise<string | undefined>;
  /** The key that `restore` would bring back, without bringing anything. */
  find(entry: StoreEntry, prefixes?: readonly string[]): Promise<string | undefined>;
  save(entry: StoreEntry): Promise<SaveOutcome>;
}

/** The store of `cache: off`: never holds anything. */
export const noStore: Store = {
  name: 'off',
  restore: async () => undefined,
  find: async () => undefined,
  save: async () => 'off',
};

/** The same store, never written to: `cache: read`. */
export function readOnly(store: Store): Store {
  return {
    name: `${store.name} (read only)`,
    restore: store.restore.bind(store),
    find: store.find.bind(store),
    save: async () => 'off',
  };
}
