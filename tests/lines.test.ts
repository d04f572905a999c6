import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { eachLine, withCut } from '../src/lines.js';

async function linesOf(chunks: readonly Uint8Array[], longest = 1000): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  eachLine(stream, longest, (line, cut) => lines.push(withCut(line, cut)));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, 'close');
  return lines;
}

test.each<[string, string[]]>([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\r\nb\rc\n\nd', ['a', 'b', 'c', '', 'd']],
  ['\n', ['']],
  ['é', ['é']],
])('%j are the lines %j', async (text, expected) => {
  expect(await linesOf([Buffer.from(text)])).toEqual(expected);
});

test('however a stream is cut, its lines are the same', async () => {
  const words = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a', 'é', '🐎', 'long line'), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(words, fc.array(fc.nat(100), { maxLength: 10 }), async (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''));
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      expect(await linesOf(chunks)).toEqual(await linesOf([bytes]));
    }),
  );
});

test('a line that is too long is cut, and says so', async () => {
  const chunks = Array.from({ length: 10 }, () => Buffer.from('x'.repeat(100)));
  expect(await linesOf([...chunks, Buffer.from('\nshort')], 250)).toEqual([
    `${'x'.repeat(250)} [... 750 characters left out]`,
    'short',
  ]);
});
