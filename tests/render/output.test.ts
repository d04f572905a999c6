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
  ])('drops %s', (_what, lines, kept) => {
    expect(withoutNoise(lines)).toEqual(kept);
  });

  it('keeps what only looks like it', () => {
    const lines = ['the user says: SoX could not be found!', ...Array.from({ length: 20 }, (_, i) => `line ${i}`)];
    expect(withoutNoise(lines)).toEqual(lines.slice(1));
    expect(withoutNoise(['sox: not found', 'Caching disabled.'])).toEqual(['sox: not found', 'Caching disabled.']);
  });
});
