import { implausible, normalText, spokenText, tooShort } from '../../src/voice/text.js';

test('what is said is on one line and without bookmarks', () => {
  expect(spokenText(" One\n two <bookmark mark='A'/>three ")).toBe('One two three');
  expect(normalText(" One\n two <bookmark mark='A'/>three ")).toBe("One two <bookmark mark='A'/>three");
});

test.each([
  ['Hi.', 0.4, undefined],
  ['Hi.', 6, undefined],
  ['Hi.', 12, /too long for 2 letters/],
  ['A line of ordinary length, spoken as people do.', 3, undefined],
  ['A line of ordinary length, spoken as people do.', 0.5, /too short for 37 letters/],
  ['1048576', 4, undefined],
  ['', 1, undefined],
])('a voice that says %j in %d s', (text, seconds, expected) => {
  const said = implausible(text, seconds);
  if (expected === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(expected);
});

test('a recording may be as long as it likes', () => {
  expect(tooShort('Hi.', 60)).toBeUndefined();
  expect(tooShort('A line of ordinary length.', 0.1)).toMatch(/too short/);
});
