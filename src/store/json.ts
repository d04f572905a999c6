import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as v from 'valibot';

/** Reads a JSON file of an entry. Throws an Error that names the file where it is not what `schema` says. */
export async function readJson<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T> {
  const name = basename(path);
  const text = await readFile(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${name} is not JSON`);
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`${name} is not valid: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}

/** Texts by name. Any name will do, `__proto__` too, which v.record drops. */
export const texts = v.custom<Readonly<Record<string, string>>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((member) => typeof member === 'string'),
  'expected texts by name',
);

/** A number of something: 0, 1, 2 ... */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A length in seconds. */
export const seconds = v.pipe(v.number(), v.finite(), v.minValue(0));
