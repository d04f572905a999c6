/** What to restore or save: one folder (absolute path) under one key. */
export interface StoreEntry {
  /** At most 512 characters, no comma, ends in hexadecimal digits; see src/store/keys.ts. */
  readonly key: string;
  /** The folder, absolute. Its place plays no part in finding the entry again. */
  readonly path: string;
  /**
   * Absent: the entry holds plain files and folders only. Else it may also hold links that stay inside it, and links
   * `bin/python*` to this file: the interpreter of a virtual environment.
   */
  readonly linksTo?: string;
}

/** How a save ended. `exists`: the store had an entry of that key already, which serves as well. */
export type SaveOutcome = 'saved' | 'exists' | 'off' | 'failed';

/** What a restore found. `damaged`: only entries that cannot be used; the next save puts another one beside them. */
export type Restored<T> =
  | { readonly outcome: 'found'; readonly key: string; readonly value: T }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'damaged'; readonly why: string };

/** A save under way. Neither promise ever rejects. */
export interface Saving {
  /** The content was read: the folder may change again. */
  readonly taken: Promise<void>;
  readonly outcome: Promise<SaveOutcome>;
}

/**
 * Results under content keys. No method throws: a store that fails costs time, never the build. Made by `openStore` on one
 * of the backends below.
 */
export interface Store {
  /** For logs: "the folder ~/.cache/flaming-horse/store", "off". */
  readonly name: string;
  /**
   * Brings back the entry of `key` or else the newest one whose key starts with one of `prefixes` (in order), and reads it.
   * `read` throws where the entry cannot be used. `path` then holds this entry and nothing else; without one it is an
   * empty folder.
   */
  restore<T>(
    entry: StoreEntry,
    read: (folder: string) => Promise<T>,
    prefixes?: readonly string[],
  ): Promise<Restored<T>>;
  /** The key that `restore` would bring back; nothing is brought or read. */
  find(key: string, prefixes?: readonly string[]): Promise<string | undefined>;
  /** Says that a restored entry turned out to be unusable after all: the next save of its key puts another beside it. */
  condemn(key: string): void;
  /** Saves in the background. */
  save(entry: StoreEntry): Saving;
  /** Ends the saves under way, within limits, and closes the store. */
  settle(): Promise<void>;
}

/** An entry that a backend found. `fault`: why it cannot be used, such as a link that leads out of it. */
export interface Brought {
  readonly key: string;
  readonly fault?: string;
}

/**
 * Where entries are kept: the cache service of a runner, a folder, nothing. An entry never changes once it is saved.
 * No method throws.
 */
export interface Backend {
  readonly name: string;
  /**
   * Puts the entry of `key`, or else the newest one of a prefix, into `path`, an empty folder. What an entry must not hold
   * is never written.
   */
  restore(entry: StoreEntry, prefixes: readonly string[]): Promise<Brought | undefined>;
  find(key: string, prefixes: readonly string[]): Promise<string | undefined>;
  /** `taken` is called once the content was read. */
  save(entry: StoreEntry, taken: () => void): Promise<SaveOutcome>;
  /** The build is about to end: saves that wait for a second try shall not wait any longer. */
  hurry(): void;
  close(): Promise<void>;
}

/** The backend of `cache: off`: never holds anything. */
export const noBackend: Backend = {
  name: 'off',
  restore: async () => undefined,
  find: async () => undefined,
  save: async () => 'off',
  hurry: () => {},
  close: async () => {},
};

/** The same backend, never written to: `cache: read`. */
export function readOnly(backend: Backend): Backend {
  return {
    name: `${backend.name} (read only)`,
    restore: (entry, prefixes) => backend.restore(entry, prefixes),
    find: (key, prefixes) => backend.find(key, prefixes),
    save: async () => 'off',
    hurry: () => {},
    close: () => backend.close(),
  };
}
