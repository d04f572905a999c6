import { withoutNoise } from '../../src/render/output.js';

const SOX = `/bin/sh: 1: sox: not found
[11/27/26 04:37:31] WARNING  SoX could not be found!                                                   __init__.py:10

                                 If you do not have SoX, proceed here:
                                  - - - http://sox.sourceforge.net/ - - -

                                 If you do (or think that you should) have SoX, double-check your
                                 path variables.

`.split('\n');

describe('withoutNoise', () => {
  it.each<[string, string[], string[]]>([
    ['the warning of SoX, over several lines', [...SOX, 'NameError: x'], ['NameError: x']],
    ['the warning of SoX in the middle', ['one', ...SOX, 'two'], ['one', '', 'two']],
    [
      'the modules that a crash lists',
      ['  File "a"', '', 'Extension modules: numpy, av (total: 122)'],
      ['  File "a"', ''],
    ],
    [
      'what setuptools warns of',
      ['a/__init__.py:4: UserWarning: pkg_resources is deprecated as an API. See x', '  import pkg_resources', 'mine'],
      ['mine'],
    ],
    [
      "Manim's word on caching",
      ['[11/27/26 04:37:32] INFO     Caching disabled.   cairo_renderer.py:89', 'mine'],
      ['mine'],
    ],
    [
      'records of no weight, over several lines',
      [`${' '.repeat(20)}DEBUG    x`, `${' '.repeat(29)}goes on`, `${' '.repeat(20)}INFO     y`, 'mine'],
      ['mine'],
    ],
    [
      'progress bars',
      ['Animation 0: Create(Square):  20%|██    | 3/15 [00:00<00:00, 28.5it/s]', ' 50%|#####     | 5/10 [00:01<00:01]'],
      [],
    ],
    ['the banner', ['Manim Community v0.22.0', 'mine'], ['mine']],
  ])('drops %s', (_what, lines, kept) => {
    expect(withoutNoise(lines)).toEqual(kept);
  });

  it.each([
    [['[11/27/26 04:25:00] WARNING  Your font is missing', `${' '.repeat(29)}on this machine`]],
    [['[11/27/26 04:25:00] INFO     x', `${' '.repeat(20)}ERROR    LaTeX failed`], 1],
    [['Traceback (most recent call last):', '  File "a.py", line 1', `${' '.repeat(36)}^^^^^`, 'NameError: x']],
    [['100% of users', 'INFO is a word', 'Manim is fine']],
  ])('keeps %j', (lines, from = 0) => expect(withoutNoise(lines)).toEqual(lines.slice(from)));

  it('keeps what only looks like it', () => {
    const lines = ['the user says: SoX could not be found!', ...Array.from({ length: 20 }, (_, i) => `line ${i}`)];
    expect(withoutNoise(lines)).toEqual(lines.slice(1));
    expect(withoutNoise(['sox: not found', 'Caching disabled.'])).toEqual(['sox: not found', 'Caching disabled.']);
  });
});
