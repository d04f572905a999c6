import { shareOut } from '../../src/voice/speak.js';

test('lines are shared out by length, the longest first', () => {
  const lines = [3, 11, 4, 9, 2].map((length) => ({ text: 'x'.repeat(length) }));
  const shares = shareOut(lines, 2).map((share) => share.map(({ text }) => text.length));
  expect(shares.sort()).toEqual([
    [11, 3],
    [9, 4, 2],
  ]);
});

test('there are no more shares than lines, and each has one', () => {
  expect(shareOut([{ text: 'a' }, { text: 'b' }], 8).map((share) => share.length)).toEqual([1, 1]);
});
