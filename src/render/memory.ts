import { UserError } from '../errors.js';
import type { Finished } from '../process.js';
import type { Scene } from '../project/scenes.js';
import type { MemoryFacts } from './capacity.js';

/** A render that ended for want of memory. With all of the memory for itself it may end well. */
export class OutOfMemory extends UserError {}

/** What is known of memory when a render has ended. */
export interface MemorySeen extends MemoryFacts {
  /** MemoryFacts.kills when the render began. */
  readonly killsBefore: number;
  /** The most that the render had; undefined where nobody told. */
  readonly peakBytes: number | undefined;
}

const KILLED = 128 + 9;
const ABORTED = 128 + 6;
/** From this share of the memory on, a render that was killed by nobody we know was most likely killed for it. */
const MUCH = 0.5;

/**
 * The failure of a render as one of memory: killed by SIGKILL, or ended by an error that says so. Undefined where it was
 * anything else.
 */
export function memoryFailure(
  scene: Scene,
  finished: Finished,
  failure: { readonly type: string; readonly error: UserError } | undefined,
  lastLines: readonly string[],
  memory: MemorySeen,
): OutOfMemory | undefined {
  if (finished.reason !== undefined) return undefined; // we ended it
  const hint = `Draw less at once in this scene, choose a smaller quality, or use a machine with more memory.`;
  const figures = inFigures(memory);
  if (failure) {
    const { type, error } = failure;
    const says = /MemoryError$/.test(type) || /cannot allocate memory|unable to allocate/i.test(error.message);
    if (!says) return undefined;
    return new OutOfMemory(`${error.message} (out of memory: ${figures})`, {
      hint,
      ...(error.place && { place: error.place }),
    });
  }
  const place = { file: scene.file };
  if (finished.status === ABORTED && lastLines.some((line) => /bad_alloc|cannot allocate memory/i.test(line)))
    return new OutOfMemory(`scene ${scene.id}: out of memory: ${figures}`, { hint, place });
  if (finished.status !== KILLED && finished.signal !== 'SIGKILL') return undefined;
  const available = Math.min(memory.machineBytes, memory.limitBytes ?? Number.POSITIVE_INFINITY);
  const how =
    memory.kills > memory.killsBefore
      ? 'the kernel killed the render, out of memory'
      : (memory.peakBytes ?? 0) > MUCH * available
        ? 'the render was killed, most likely out of memory'
        : 'the render was killed (SIGKILL) by another program or out of memory';
  return new OutOfMemory(`scene ${scene.id}: ${how}: ${figures}`, { hint, place });
}

function inFigures({ peakBytes, machineBytes, limitBytes }: MemorySeen): string {
  const peak = peakBytes === undefined ? '' : `it used up to ${size(peakBytes)}; `;
  const limit = limitBytes === undefined ? '' : `, of which this job may use ${size(limitBytes)}`;
  return `${peak}the machine has ${size(machineBytes)}${limit}`;
}

/** "3.2 GiB", "512 MiB". */
function size(bytes: number): string {
  const gib = bytes / 2 ** 30;
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}
