import { UserError } from '../errors.js';
import { decodeText } from '../files.js';

/** PEP 263: how a comment in the first two lines names the encoding. */
const COOKIE = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/;
const BLANK = /^[ \t\f]*(#.*)?$/;
/** Encodings that agree with ASCII where a file holds nothing else. */
const LIKE_ASCII =
  /^(us_)?ascii|^(cp|windows_?)\d+$|^(iso_?)?8859_?\d+$|^iso_?8859|^koi8|^mac|^gb|^big5|^euc|^shift_?jis|^s?jis/;

/**
 * The text of a Python file as Python decodes it. Throws UserError, at its line, for an encoding that is not UTF-8 or
 * Latin-1, and for bytes that do not fit.
 */
export function decodePython(path: string, bytes: Buffer): string {
  const lines = bytes.toString('latin1', 0, 4096).split(/\r\n?|\n/, 2);
  const hasMark = bytes.subarray(0, 3).toString('latin1') === '\xef\xbb\xbf';
  if (hasMark) lines[0] = lines[0]?.slice(3) ?? '';
  const at = lines.findIndex((line, index) => COOKIE.test(line) && (index === 0 || BLANK.test(lines[0] ?? '')));
  const name = COOKIE.exec(lines[at] ?? '')?.[1] ?? 'utf-8';
  const encoding = name.toLowerCase().replaceAll(/[-.]/g, '_');
  const refuse = (what: string): never => {
    throw new UserError(`${what}; only UTF-8 and Latin-1 are read`, {
      place: { file: path, line: at + 1 },
      hint: `Save the file as UTF-8, and remove "coding: ${name}" from line ${at + 1}.`,
    });
  };
  // beside a byte order mark, Python takes this one spelling
  if (hasMark ? /^utf_8($|_)/.test(encoding) : /^(utf_?8|u8)($|_)/.test(encoding)) return decodeText(path, bytes);
  if (hasMark) return refuse(`the file begins with the mark of UTF-8, and names the encoding "${name}"`);
  if (/^(latin_?1|iso_?8859_1|iso_latin_1|l1|cp819)($|_)/.test(encoding)) return bytes.toString('latin1');
  if (LIKE_ASCII.test(encoding) && bytes.every((byte) => byte < 0x80)) return bytes.toString('latin1');
  return refuse(`the file names the encoding "${name}"`);
}
