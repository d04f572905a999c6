import { mergeCaptions, toSrt, toTrackSource, toWebVtt } from '../../src/video/captions.js';

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

  test('cut where the next one starts', () => {
    const merged = mergeCaptions([{ start: 0, end: 9, captions: [caption(0, 5, 'a'), caption(3, 6, 'b')] }]);
    expect(merged).toEqual([caption(0, 3, 'a'), caption(3, 6, 'b')]);
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
