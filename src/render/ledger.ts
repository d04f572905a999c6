import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeFile } from '../machine-errors.js';
import { count, readJson, seconds, texts } from '../store/json.js';
import { type Canonical, cacheKey, contentKey, sha256 } from '../store/keys.js';
import type { Store } from '../store/store.js';
import type { Ingredients, Opened } from './content.js';

const LEDGER_FORMAT = 2;
const LEDGER_FILE = 'ledger.json';

/** What the last build knew of a scene. Nothing here decides what is reused: it explains, orders and asks precisely. */
export interface LedgerScene {
  readonly ingredients: Ingredients;
  /** The files that its render opened. */
  readonly opened: Opened;
  /** Why its result is not kept; empty where it is. */
  readonly unsafe: readonly string[];
  readonly renderSeconds: number;
  readonly frames: number;
}

/** What the last build of a project knew, by scene id. */
export type Ledger = ReadonlyMap<string, LedgerScene>;

export interface LedgerPlace {
  readonly store: Store;
  readonly cachePrefix: string;
  readonly folder: string;
  /** The project, by a name that no other project of the same store has. */
  readonly projectName: string;
}

const sceneSchema = v.object({
  ingredients: texts,
  opened: texts,
  unsafe: v.array(v.string()),
  renderSeconds: seconds,
  frames: count,
});
const ledgerSchema = v.object({
  format: v.literal(LEDGER_FORMAT),
  scenes: v.array(v.tuple([v.string(), sceneSchema])),
});

function ledgerPrefix({ cachePrefix, projectName }: LedgerPlace): string {
  return `${cacheKey(cachePrefix, 'ledger', `v${LEDGER_FORMAT}`, sha256(projectName).slice(0, 16))}-`;
}

/** The ledger of the newest build; empty where there is none that can be read. */
export async function readLedger(place: LedgerPlace): Promise<Ledger> {
  const prefix = ledgerPrefix(place);
  const read = (folder: string) => readJson(join(folder, LEDGER_FILE), ledgerSchema);
  const found = await place.store.restore({ key: `${prefix}newest`, path: place.folder }, read, [prefix]);
  return new Map(found.outcome === 'found' ? found.value.scenes : []);
}

/** Saves what this build knows, where it differs from `before`. */
export async function saveLedger(ledger: Ledger, before: Ledger, place: LedgerPlace): Promise<void> {
  const same = contentKey(stable(ledger)) === contentKey(stable(before));
  if (same) return;
  await mkdir(place.folder, { recursive: true });
  const text = JSON.stringify({ format: LEDGER_FORMAT, scenes: [...ledger] });
  await writeFile(join(place.folder, LEDGER_FILE), text);
  place.store.save({ key: `${ledgerPrefix(place)}${sha256(text).slice(0, 16)}`, path: place.folder });
}

/** The ledger without times, which differ from build to build. */
function stable(ledger: Ledger): Canonical {
  return [...ledger]
    .map(([id, { ingredients, opened, unsafe }]) => ({ id, ingredients, opened, unsafe }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
