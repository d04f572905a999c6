import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/**
 * Calls `onLine` with each line of a stream, without its end; `cut` is the number of characters that were left out of a
 * line longer than `longest`. Memory stays bounded whatever comes. A last line without an end counts too.
 */
export function eachLine(stream: Readable, longest: number, onLine: (line: string, cut: number) => void): void {
  const decoder = new StringDecoder('utf8');
  let held = '';
  let cut = 0;
  let afterReturn = false;
  const add = (text: string): void => {
    const room = longest - held.length;
    held += text.slice(0, room);
    cut += Math.max(0, text.length - room);
  };
  const end = (): void => {
    const [line, dropped] = [held, cut];
    [held, cut] = ['', 0];
    onLine(line, dropped);
  };
  const take = (text: string): void => {
    if (text === '') return;
    // "\r\n" may be torn in two
    const [first = '', ...rest] = (afterReturn && text.startsWith('\n') ? text.slice(1) : text).split(/\r\n|\r|\n/);
    afterReturn = text.endsWith('\r');
    add(first);
    for (const line of rest) {
      end();
      add(line);
    }
  };
  stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)));
  const finish = (): void => {
    take(decoder.end());
    if (held !== '' || cut > 0) end();
  };
  stream.once('end', finish);
  stream.prependOnceListener('close', finish); // without an end, where it is destroyed; before whoever waits for that
}

/**
 * Keeps the end of a stream: at least so many characters of it. Gives them as whole lines, "\n" being the only line end, when
 * the stream has ended.
 */
export function endOf(stream: Readable, characters: number): () => string {
  const decoder = new StringDecoder('utf8');
  let kept = '';
  stream.on('data', (chunk: Buffer) => {
    kept += decoder.write(chunk);
    // cut now and then, not at each chunk: each cut copies what is kept
    if (kept.length > 2 * characters) kept = kept.slice(-characters);
  });
  return () => {
    const text = (kept + decoder.end()).replaceAll(/\r\n?/g, '\n');
    return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  };
}

/** A line as it is shown: with a note where it was cut. */
export function withCut(line: string, cut: number): string {
  return cut > 0 ? `${line} [... ${cut} characters left out]` : line;
}
