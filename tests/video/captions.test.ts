import fc from 'fast-check';
import { mergeCaptions, oneAtATime, toSrt, toTrackSource, toWebVtt } from '../../src/video/captions.js';

const caption = (start: number, end: number, text: string) => ({ start, end, text });

describe('captions of scenes become captions of the video', () => {
  test('moved to where their scene starts', () => {
    const merged = mergeCaptions([
      { start: 0, end: 4, captions: [caption(0, 2, 'a'), caption(2, 3.5, 'b')] },
      { start: 4, end: 5, captions: [] },
      { start: 5, end: 9, captions: [caption(0.5, 3, 'c')] },
    ]);
    expect(merged).toEqual([caption(0, 2, 'a'), caption(2, 3.5, 'b'), caption(5.5, 8, 'c')]);
  });

  test('cut where their scene ends', () => {
    const merged = mergeCaptions([
      { start: 0, end: 4, captions: [caption(3, 9, 'a')] },
      { start: 4, end: 8, captions: [caption(0, 1, 'b')] },
    ]);
    expect(merged).toEqual([caption(3, 4, 'a'), caption(4, 5, 'b')]);
  });

  test.each([
    ['captions that overlap', [caption(0, 5, 'a'), caption(3, 6, 'b')]],
    ['captions that start together', [caption(0, 1, 'line'), caption(0, 5, 'note')]],
    ['three at once', [caption(0, 3, 'a'), caption(0, 3, 'b'), caption(0, 3, 'c')]],
    ['captions of equal text', [caption(0, 3, 'a'), caption(0, 3, 'a'), caption(2, 4, 'a')]],
    ['one within another', [caption(0, 9, 'a'), caption(3, 4, 'b')]],
  ])('all of them: %s', (_, captions) => {
    expect(mergeCaptions([{ start: 0, end: 9, captions }])).toEqual(captions);
  });

  test('in the order in which Manim writes them: by start, end and place in the scene', () => {
    const captions = [caption(1, 9, 'd'), caption(1, 2, 'b'), caption(1, 2, 'c'), caption(0, 9, 'a')];
    const merged = mergeCaptions([{ start: 0, end: 9, captions }]);
    expect(merged.map(({ text }) => text).join('')).toBe('abcd');
  });

  test('in the order of time, whatever order they come in', () => {
    const merged = mergeCaptions([{ start: 0, end: 9, captions: [caption(4, 5, 'b'), caption(0, 1, 'a')] }]);
    expect(merged.map(({ text }) => text)).toEqual(['a', 'b']);
  });

  test('dropped where nothing of them is left, without cutting others', () => {
    const merged = mergeCaptions([
      {
        start: 0,
        end: 4,
        captions: [
          caption(0, 3, 'a'),
          caption(1, 1, 'no time'),
          caption(2, 2.0001, 'no time'),
          caption(6, 9, 'after the scene'),
        ],
      },
      { start: 4, end: 9, captions: [caption(0, 5, 'b'), caption(2, 3, ' \n ')] },
    ]);
    expect(merged).toEqual([caption(0, 3, 'a'), caption(4, 9, 'b')]);
  });

  test('without blank lines and spaces at the ends of lines', () => {
    const text = '  one  \r\n\r\n\n two\r three\t';
    expect(mergeCaptions([{ start: 0, end: 4, captions: [caption(0, 1, text)] }])[0]?.text).toBe('one\ntwo\nthree');
  });
});

test('times are written in hours, minutes, seconds and milliseconds, rounded once', () => {
  const times = [caption(0, 0.0005, 'x'), caption(59.9996, 61.0004, 'x'), caption(3599.9999, 36_000.25, 'x')];
  expect(toSrt(times).match(/^.* --> .*$/gm)).toEqual([
    '00:00:00,000 --> 00:00:00,001',
    '00:01:00,000 --> 00:01:01,000',
    '01:00:00,000 --> 10:00:00,250',
  ]);
  expect(toWebVtt(times).match(/^.* --> .*$/gm)?.[2]).toBe('01:00:00.000 --> 10:00:00.250');
});

test('an arrow in a text cannot be taken for a line of times', () => {
  const arrow = [caption(0, 1, 'from a --> b')];
  expect(toSrt(arrow)).toBe('1\n00:00:00,000 --> 00:00:01,000\nfrom a → b\n\n');
  expect(toWebVtt(arrow)).toBe('WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nfrom a --&gt; b\n\n');
});

test('SubRip counts its captions from 1', () => {
  expect(toSrt([caption(0, 1, 'a'), caption(1, 2, 'b')])).toBe(
    '1\n00:00:00,000 --> 00:00:01,000\na\n\n2\n00:00:01,000 --> 00:00:02,000\nb\n\n',
  );
});

test('WebVTT escapes what would be markup', () => {
  expect(toWebVtt([caption(0, 1, '<b>&amp;</b>')])).toContain('\n&lt;b&gt;&amp;amp;&lt;/b&gt;\n');
});

test('the track of the video has twins for what ffmpeg reads as styling', () => {
  expect(toTrackSource([caption(0, 1, '{\\an8}x')])).toContain('\n｛＼an8｝x\n');
});

describe('the track of the video, which shows one text at a time, stacks captions that overlap', () => {
  test.each([
    ['nothing', [], []],
    ['none overlap', [caption(0, 1, 'a'), caption(1, 2, 'b')], [caption(0, 1, 'a'), caption(1, 2, 'b')]],
    [
      'one goes on into the next',
      [caption(0, 5, 'a'), caption(3, 6, 'b')],
      [caption(0, 3, 'a'), caption(3, 5, 'a\nb'), caption(5, 6, 'b')],
    ],
    [
      'two start together',
      [caption(0, 2, 'line'), caption(0, 5, 'note')],
      [caption(0, 2, 'line\nnote'), caption(2, 5, 'note')],
    ],
    ['three at once', [caption(0, 3, 'a'), caption(0, 3, 'b'), caption(0, 3, 'c')], [caption(0, 3, 'a\nb\nc')]],
    ['equal texts are shown once', [caption(0, 3, 'a'), caption(0, 3, 'a'), caption(2, 4, 'a')], [caption(0, 4, 'a')]],
    ['equal texts with a gap', [caption(0, 1, 'a'), caption(2, 3, 'a')], [caption(0, 1, 'a'), caption(2, 3, 'a')]],
    [
      'less than a millisecond apart',
      [caption(0, 1.0001, 'a'), caption(0.9999, 2, 'b')],
      [caption(0, 1, 'a'), caption(1, 2, 'b')],
    ],
  ])('%s', (_, captions, shown) => {
    expect(oneAtATime(captions)).toEqual(shown);
  });

  test('at each moment exactly the texts of the captions that are shown then, for any captions', () => {
    const times = fc.integer({ min: 0, max: 40 });
    const any = fc.record({ at: times, lasts: fc.integer({ min: 1, max: 20 }), text: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), (found) => {
        const scene = found.map(({ at, lasts, text }) => caption(at / 8, (at + lasts) / 8, text));
        const captions = mergeCaptions([{ start: 0, end: 9, captions: scene }]);
        const track = oneAtATime(captions);
        for (let moment = 1 / 16; moment < 9; moment += 1 / 8) {
          const at = ({ start, end }: { start: number; end: number }): boolean => start < moment && moment < end;
          const read = track.filter(at);
          expect(read.length).toBeLessThanOrEqual(1);
          const texts = new Set(captions.filter(at).map(({ text }) => text));
          expect(new Set(read.flatMap(({ text }) => text.split('\n')))).toEqual(texts);
        }
      }),
    );
  });
});
