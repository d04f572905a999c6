import { stoodAt, withoutNoise } from '../../src/render/output.js';

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

describe('stoodAt', () => {
  const stack = [
    'Current thread 0x00007fb288bc3b80 (most recent call first):',
    '  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at',
    '  File "/repo/.venv/lib/python3.11/site-packages/a.py", line 3 in call',
    '  File "/repo/projects/video/scene, one.py", line 19 in construct',
    '  File "/repo/projects/video/other.py", line 5 in <module>',
  ];

  it("names the user's line nearest to the end", () => {
    const place = { file: '/repo/projects/video/scene, one.py', line: 19 };
    const fatal = ['Fatal Python error: Segmentation fault', '', ...stack, '', 'Extension modules: a (total: 1)'];
    expect(stoodAt(fatal, ['/repo'])).toEqual({ fatal: 'Segmentation fault', place });
    expect(stoodAt(['first', ...stack], ['/repo'])).toEqual({ fatal: undefined, place });
    expect(stoodAt(stack, ['/re'])).toEqual({ fatal: undefined, place: undefined });
    expect(stoodAt(['Traceback (most recent call last):'], ['/repo'])).toBeUndefined();
  });
});
