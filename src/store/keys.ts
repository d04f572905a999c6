import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** A value that has one canonical JSON form. */
export type Canonical =
  | null
  | boolean
  | number
  | string
  | readonly Canonical[]
  | { readonly [name: string]: Canonical };

/**
 * The canonical JSON of a value: object members sorted by name, no spaces. Two equal values give the same text whatever
 * the order in which they were built; no two different values do.
 */
export function canonicalJson(value: Canonical): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value as Record<string, Canonical>)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of a text (as UTF-8) or of bytes, in lower-case hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** SHA-256 of a value's canonical JSON. */
export function contentKey(value: Canonical): string {
  return sha256(canonicalJson(value));
}

/** SHA-256 of a file's bytes. Throws where it cannot be read. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * A cache key from its parts, as the cache service takes it: parts joined by `-`, lower case (some servers fold case),
 * no comma, at most 512 characters. Throws RangeError for a key that is longer.
 */
export function cacheKey(...parts: readonly string[]): string {
  const key = parts.map((part) => part.toLowerCase().replaceAll(/[^a-z0-9._/+]+/g, '_')).join('-');
  if (key.length > 512) throw new RangeError(`cache key of ${key.length} characters: ${key.slice(0, 80)}...`);
  return key;
}
