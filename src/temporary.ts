import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Owner, thisOwner } from './owner.js';

/** Makes a temporary folder that later builds know for ours when we are gone. Its path is short: sockets lie in such. */
export function makeTemporary(base = tmpdir()): Promise<string> {
  const { pid, start, space } = thisOwner();
  return mkdtemp(join(base, `flaming-horse-${pid}-${start || '0'}-${space}-`));
}

/** Whose temporary folder this is by its name; undefined where it is none. */
export function ownerOfTemporary(name: string): Owner | undefined {
  const [, pid, start, space] = /^flaming-horse-(\d{1,10})-(\d+)-(\w{10})-\w{6}$/.exec(name) ?? [];
  if (pid === undefined || start === undefined || space === undefined) return undefined;
  return { pid: Number(pid), start: start === '0' ? '' : start, space };
}
