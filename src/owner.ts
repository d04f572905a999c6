import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What tells a process from all others, those of other machines, containers and times too. */
export interface Owner {
  readonly pid: number;
  /** When it began, in ticks since the machine started; empty where there is no /proc. */
  readonly start: string;
  /** Where its number means something: a run of a machine and a PID namespace, hashed to ten characters. */
  readonly space: string;
}

/** Ticks a second of /proc: 100 on every Linux that Node.js runs on. */
const TICKS = 100;

/** This process. */
export function thisOwner(): Owner {
  return { pid: process.pid, start: processFacts(process.pid)?.start ?? '', space: thisSpace() };
}

/** Whether a process still runs; undefined for one of another machine or container, of which nothing is known here. */
export function isRunning({ pid, start, space }: Owner): boolean | undefined {
  if (space !== thisSpace()) return undefined;
  if (start === '') return existsNow(pid);
  const facts = processFacts(pid);
  return facts !== undefined && !facts.ended && facts.start === start;
}

/**
 * Whether a process of which only the number is known may be the one that wrote something at a time (ms): it exists, and
 * existed by then.
 */
export function existedAt(pid: number, time: number): boolean {
  if (!existsNow(pid)) return false;
  const facts = processFacts(pid);
  if (facts === undefined) return true;
  const booted = Number(/^btime (\d+)$/m.exec(read('/proc/stat'))?.[1] ?? 0);
  const begun = (booted + Number(facts.start) / TICKS) * 1000;
  return !facts.ended && begun <= time + CLOCK_SLACK_MS;
}

/** The time that the machine started is known in whole seconds. */
const CLOCK_SLACK_MS = 3000;

function existsNow(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function processFacts(pid: number): { readonly start: string; readonly ended: boolean } | undefined {
  // the name in parentheses may hold anything; the state follows it, the start is the 20th field from there
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  const start = fields[19];
  return start === undefined ? undefined : { start, ended: /^[ZX]/.test(fields[0] ?? '') };
}

let space: string | undefined;

function thisSpace(): string {
  const machine = read('/proc/sys/kernel/random/boot_id') || hostname();
  space ??= createHash('sha256').update(`${machine} ${namespace()}`).digest('hex').slice(0, 10);
  return space;
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
