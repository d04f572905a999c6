import { FAULTS, testFaults } from '../support/cache-faults.js';

/* Some of the table; all of it is in cache-faults.slow.test.ts. */

describe('a cache service that fails costs little, with protocol v1', () => {
  testFaults('v1', [
    'answers 500',
    'answers 403',
    'answers with null',
    'cuts a download off',
    'has lost what it lists',
    'takes no upload',
  ]);
});

describe('a cache service that fails costs little, with protocol v2', () => {
  testFaults('v2', ['answers 429', 'has no room left', 'gives addresses that are none', 'accepts and never answers']);
});

test('the faults are named as in the table', () => {
  const names = FAULTS.map(([name]) => name);
  expect(new Set(names).size).toBe(names.length);
});
