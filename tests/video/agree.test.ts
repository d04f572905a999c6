import { differences, majority, parseRate } from '../../src/video/agree.js';
import { PARAMETERS, type Parameters } from '../../src/video/probe.js';

const BASE = Object.fromEntries(PARAMETERS.map((name) => [name, `${name} value`])) as Parameters;
const voter = (frames: number, changed: Partial<Parameters> = {}) => ({ frames, parameters: { ...BASE, ...changed } });

test('scenes that agree have no odd ones', () => {
  expect(majority([voter(1), voter(5), voter(3)])).toEqual({ model: 0, odd: [] });
  expect(majority([voter(1)])).toEqual({ model: 0, odd: [] });
});

test.each(PARAMETERS)('a difference in %s makes a scene odd', (name) => {
  expect(majority([voter(2), voter(1, { [name]: 'other' }), voter(2)])).toEqual({ model: 0, odd: [1] });
});

test('frames decide, not scenes', () => {
  const small = { width: '320' };
  expect(majority([voter(10, small), voter(10, small), voter(30), voter(9, small)])).toEqual({
    model: 2,
    odd: [0, 1, 3],
  });
});

test('the earlier wins where two have as many frames', () => {
  expect(majority([voter(5), voter(5, { width: '320' })])).toEqual({ model: 0, odd: [1] });
});

test('differences are told in words, hidden ones as settings', () => {
  expect(differences({ ...BASE, width: '320', level: '31' }, { ...BASE, width: '640', level: '30' })).toBe(
    'width 320 instead of 640, level 31 instead of 30',
  );
  expect(differences({ ...BASE, extradata_hash: 'a' }, BASE)).toBe('encoder settings differ');
});

test('rates are fractions', () => {
  expect(parseRate('30000/1001')).toEqual({ num: 30000, den: 1001 });
  for (const wrong of ['0/0', '30', '30/0', '', '-1/2', '29.97/1']) expect(() => parseRate(wrong)).toThrow(RangeError);
});
