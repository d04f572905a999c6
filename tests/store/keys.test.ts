import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheKey, canonicalJson, contentKey, sha256, sha256OfFile } from '../../src/store/keys.js';
import { temporaryFolders } from '../support/folder.js';

const newFolder = temporaryFolders();

test.each([
  [null, 'null'],
  [-0.5, '-0.5'],
  ['a"\n', '"a\\"\\n"'],
  [[], '[]'],
  [{}, '{}'],
  [{ b: [1, 'x', null], a: { d: true, c: false } }, '{"a":{"c":false,"d":true},"b":[1,"x",null]}'],
] as const)('the canonical form of a value is JSON with sorted names: %j', (value, text) => {
  expect(canonicalJson(value)).toBe(text);
  expect(JSON.parse(text)).toEqual(value);
});

test('the order in which a value was made does not matter, the order in a list does', () => {
  expect(contentKey({ a: 1, b: { c: 2, d: 3 } })).toBe(contentKey({ b: { d: 3, c: 2 }, a: 1 }));
  expect(contentKey(['a', 'b'])).not.toBe(contentKey(['b', 'a']));
});

test('different values have different keys, however alike they look run together', () => {
  const values = [
    ...[{ a: 'b,c' }, { a: 'b', c: '' }, { a: ['b', 'c'] }, { a: 'b', c: 'd' }, { 'a:b': 'c' }, { a: ':b' }],
    ...['1', 1, true, 'true', null, 'null', [], [[]], {}, '', ['']],
    ...[['a', 'b'], ['ab'], ['a,b'], ['a","b'], { '': 'ab' }],
  ];
  expect(new Set(values.map(contentKey)).size).toBe(values.length);
});

test('hashes are those that everybody computes', async () => {
  const file = join(await newFolder(), 'f');
  const bytes = Buffer.from('é\0 and more'.repeat(100_000));
  await writeFile(file, bytes);
  const expected = createHash('sha256').update(bytes).digest('hex');
  expect(await sha256OfFile(file)).toBe(expected);
  expect(sha256(bytes)).toBe(expected);
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  await expect(sha256OfFile(join(file, 'missing'))).rejects.toThrow();
});

test.each([
  [['flaming-horse', 'scene', 'v1', 'abc'], 'flaming_horse-scene-v1-abc'],
  [['Upper', 'CASE'], 'upper-case'],
  [['a,b', 'c d', 'e\nf', 'ü'], 'a_b-c_d-e_f-_'],
  [['v1.2', 'linux/x64', 'a+b_c'], 'v1.2-linux/x64-a+b_c'],
])('a cache key is its parts in what every service takes: %j', (parts, key) => {
  expect(cacheKey(...parts)).toBe(key);
});

test('the parts of a cache key cannot run together', () => {
  expect(cacheKey('a-b', 'c')).not.toBe(cacheKey('a', 'b-c'));
});

test('a cache key that no service takes is refused', () => {
  expect(cacheKey('a'.repeat(512))).toHaveLength(512);
  expect(() => cacheKey('a'.repeat(500), 'b'.repeat(20))).toThrow(RangeError);
});
