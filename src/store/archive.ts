import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  createReadStream,
  futimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { linkFault, UnsafeEntry } from './tree.js';

/*
 * Archives of a cache service are unpacked here, not by tar: @actions/cache calls it with -P, so that an archive could write
 * anywhere on the machine. This reader knows what our own archives hold (files, folders, and links in virtual environments)
 * and refuses the rest before it writes it.
 */

const BLOCK = 512;
/** More than any result or environment takes; ends archives that unpack without end. */
const MOST_BYTES = 4 * 2 ** 30;
const MOST_ENTRIES = 500_000;
/** A name or a set of attributes that is longer is an attack. */
const MOST_HEADER = 1 << 20;

/**
 * Unpacks a .tar.gz or .tar.zst into an empty folder. Nothing is written outside of it, whatever the archive holds.
 * Throws UnsafeEntry for what an entry must not hold (see StoreEntry), Error for an archive that cannot be read whole; the
 * folder then holds a part. `progress` is called with the bytes written.
 */
export async function unpack(
  archive: string,
  folder: string,
  linksTo: string | undefined,
  progress: (bytes: number) => void = () => {},
  mostBytes = MOST_BYTES,
): Promise<void> {
  const { stream, end } = await decompressed(archive);
  try {
    await unpackTar(stream, folder, linksTo, progress, mostBytes);
    await end;
  } finally {
    stream.destroy();
    end.catch(() => {}); // thrown already, or of no matter after another error
  }
}

interface Decompressed {
  readonly stream: NodeJS.ReadableStream & AsyncIterable<Buffer> & { destroy(): void };
  /** Rejects where the end of the stream is not the end of the content. */
  readonly end: Promise<void>;
}

async function decompressed(archive: string): Promise<Decompressed> {
  const file = await open(archive);
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0).finally(() => file.close());
  if (buffer.readUInt16BE(0) === 0x1f8b) {
    const stream = createGunzip();
    const source = createReadStream(archive);
    source.on('error', (error) => stream.destroy(error));
    source.pipe(stream);
    return { stream, end: Promise.resolve() }; // the stream itself fails when it is cut off
  }
  if (buffer.readUInt32BE(0) !== 0x28b52ffd) throw new Error('it is not an archive');
  const child = spawn('zstd', ['-d', '-c', '-q', archive], { stdio: ['ignore', 'pipe', 'ignore'] });
  const end = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error('it cannot be decompressed'))));
  });
  end.catch(() => {}); // heard by the caller once the stream is read
  return { stream: child.stdout, end };
}

/** Attributes that a header of their own gives to the entry that follows. */
interface Attributes {
  path?: string;
  linkpath?: string;
  size?: number;
  mtime?: number;
}

interface Header {
  readonly name: string;
  readonly link: string;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  /** Seconds. */
  readonly mtime: number;
}

async function unpackTar(
  source: AsyncIterable<Buffer>,
  folder: string,
  linksTo: string | undefined,
  progress: (bytes: number) => void,
  mostBytes: number,
): Promise<void> {
  const bytes = new Bytes(source);
  const place = new Place(folder);
  let [written, entries] = [0, 0];
  let extra: Attributes = {};
  for (;;) {
    const block = await bytes.exactly(BLOCK);
    if (block.every((byte) => byte === 0)) break;
    const header = readHeader(block);
    if (++entries > MOST_ENTRIES) throw new UnsafeEntry('it holds too many files');
    const text = async (): Promise<string> => {
      if (header.size > MOST_HEADER) throw new UnsafeEntry('it holds a name that is too long');
      return (await bytes.padded(header.size)).toString('utf8');
    };
    if (header.type === 'x') extra = { ...extra, ...readAttributes(await text()) };
    else if (header.type === 'g') readAttributes(await text());
    else if (header.type === 'L') extra = { ...extra, path: withoutEnd(await text()) };
    else if (header.type === 'K') extra = { ...extra, linkpath: withoutEnd(await text()) };
    else {
      const { path = header.name, linkpath = header.link, size = header.size, mtime = header.mtime } = extra;
      extra = {};
      const name = cleanName(path);
      if (header.type === '5') place.folder(name);
      else if (header.type === '0' || header.type === '\0') {
        written += size;
        if (written > mostBytes) throw new UnsafeEntry(`it holds more than ${mostBytes} bytes`);
        await place.file(name, bytes, size, header.mode, mtime, progress);
      } else if (header.type === '2') {
        const fault = await linkFault(name, linkpath, linksTo);
        if (fault) throw new UnsafeEntry(`"${name}" ${fault}`);
        place.link(name, linkpath);
      } else throw new UnsafeEntry(`"${name}" is neither a file nor a folder`);
    }
  }
  await bytes.drain();
}

/** Where entries are written. Folders are those that this made itself, so that no path leads through a link. */
class Place {
  private readonly made = new Set(['']);

  constructor(private readonly root: string) {}

  folder(name: string): void {
    if (this.made.has(name)) return;
    this.parentOf(name);
    this.unused(name, () => mkdirSync(join(this.root, name), 0o755));
    this.made.add(name);
  }

  link(name: string, target: string): void {
    this.parentOf(name);
    this.unused(name, () => symlinkSync(target, join(this.root, name)));
  }

  async file(
    name: string,
    bytes: Bytes,
    size: number,
    mode: number,
    mtime: number,
    progress: (bytes: number) => void,
  ): Promise<void> {
    if (name === '') throw new UnsafeEntry('it is a file, not a folder');
    this.parentOf(name);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const file = this.unused(name, () => openSync(join(this.root, name), flags, (mode & 0o777) | 0o600));
    try {
      for (let left = size; left > 0; ) {
        const part = await bytes.some(left);
        for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
        left -= part.length;
        progress(part.length);
      }
      futimesSync(file, mtime, mtime);
    } finally {
      closeSync(file);
    }
    await bytes.exactly(padding(size));
  }

  private parentOf(name: string): void {
    const at = name.lastIndexOf('/');
    if (at > 0) this.folder(name.slice(0, at));
  }

  private unused<T>(name: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'ELOOP')
        throw new UnsafeEntry(`"${name}" is there twice, or leads through something that is no folder`);
      throw error;
    }
  }
}

/** A name as a path inside the folder; "" for the folder itself. */
function cleanName(path: string): string {
  if (path.startsWith('/')) throw new UnsafeEntry(`"${path}" is an absolute path`);
  if (path.includes('\0')) throw new UnsafeEntry('it holds a name with a NUL');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new UnsafeEntry(`"${path}" leads out of the entry`);
  return parts.join('/');
}

function readHeader(block: Buffer): Header {
  const text = (at: number, length: number): string => {
    const field = block.subarray(at, at + length);
    const end = field.indexOf(0);
    return (end < 0 ? field : field.subarray(0, end)).toString('utf8');
  };
  const number = (at: number, length: number): number => {
    // base 256, for what octal digits cannot hold
    if ((block[at] ?? 0) & 0x80) return Number(BigInt(`0x${block.subarray(at + 1, at + length).toString('hex')}`));
    const digits = text(at, length).trim();
    return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN;
  };
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  const size = number(124, 12);
  if (number(148, 8) !== sum || !Number.isSafeInteger(size)) throw new Error('it is no tar archive, or it is damaged');
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(345, 155) : '';
  return {
    name: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    link: text(157, 100),
    type: String.fromCharCode(block[156] ?? 0),
    size,
    mode: number(100, 8) || 0o644,
    mtime: number(136, 12) || 0,
  };
}

/** The attributes of a pax header: records "LENGTH NAME=VALUE\n", the length in bytes of all of it. */
function readAttributes(text: string): Attributes {
  const found: Attributes = {};
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    const length = Number(/^(\d{1,9}) /.exec(rest.toString('latin1', 0, 16))?.[1] ?? 0);
    const record = rest.toString('utf8', 0, length);
    const match = /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(record);
    if (!match || length > rest.length) throw new Error('it is damaged: an attribute cannot be read');
    const [, name = '', value = ''] = match;
    if (name.startsWith('GNU.sparse')) throw new UnsafeEntry('it holds a sparse file');
    if (name === 'path' || name === 'linkpath') found[name] = value;
    else if (name === 'size' || name === 'mtime') {
      if (!/^-?\d+(\.\d+)?$/.test(value)) throw new Error(`it is damaged: ${name} is no number`);
      found[name] = Number(value);
      if (name === 'size' && !(Number.isSafeInteger(found.size) && Number(value) >= 0))
        throw new Error('it is damaged: a size is no size');
    }
    rest = rest.subarray(length);
  }
  return found;
}

function withoutEnd(text: string): string {
  return text.replace(/\0.*$/s, '');
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Takes bytes off a stream. Throws where it ends too early. */
class Bytes {
  private readonly source: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** From one to `most` bytes. */
  async some(most: number): Promise<Buffer> {
    while (this.rest.length === 0) {
      const { value, done } = await this.source.next();
      if (done) throw new Error('it is cut off');
      this.rest = value;
    }
    const taken = this.rest.subarray(0, most);
    this.rest = this.rest.subarray(taken.length);
    return taken;
  }

  async exactly(count: number): Promise<Buffer> {
    if (this.rest.length >= count) return count === 0 ? Buffer.alloc(0) : this.some(count);
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const part = await this.some(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Bytes of content, with the padding behind them taken too. */
  async padded(count: number): Promise<Buffer> {
    const content = Buffer.from(await this.exactly(count));
    await this.exactly(padding(count));
    return content;
  }

  /** Reads on to the end: only there does what decompresses tell whether all was whole. */
  async drain(): Promise<void> {
    for (let left = MOST_HEADER; ; ) {
      const { value, done } = await this.source.next();
      if (done) return;
      left -= value.length;
      if (left < 0) throw new UnsafeEntry('it goes on after its end');
    }
  }
}
