import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { python } from './python.js';

/** A member of an archive, as tarfile's TarInfo: `type` one of its constants' characters. */
export interface Member {
  readonly name: string;
  readonly type?: string;
  readonly content?: string;
  readonly link?: string;
  readonly mode?: number;
  /** What the header claims, where that is not the content's length. */
  readonly size?: number;
  readonly pax?: Readonly<Record<string, string>>;
}

const PROGRAM = `
import io, json, sys, tarfile
for path, members in json.load(sys.stdin):
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member["name"])
            info.type = member.get("type", "0").encode()
            info.linkname = member.get("link", "")
            info.mode = member.get("mode", 0o644)
            info.pax_headers = member.get("pax", {})
            content = member.get("content", "").encode()
            info.size = member.get("size", len(content))
            if info.type == b"3":
                info.devmajor, info.devminor = 1, 3
            archive.fileobj.write(info.tobuf(tarfile.PAX_FORMAT))
            archive.fileobj.write(content + b"\\0" * (-len(content) % 512))
            archive.offset = archive.fileobj.tell()
print("{}")
`;

/** Writes archives (.tar.gz) with these members, as they are. */
export function writeArchives(archives: Readonly<Record<string, readonly Member[]>>): void {
  python(PROGRAM, Object.entries(archives));
}

/** The same archive as zstd compresses it. */
export function asZstd(archive: string): Buffer {
  const tar = spawnSync('gzip', ['-dc', archive], { maxBuffer: 1 << 28 }).stdout;
  const { status, stdout, stderr } = spawnSync('zstd', ['-q', '-c'], { input: tar, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`zstd: ${stderr} of ${readFileSync(archive).length} bytes`);
  return stdout;
}
