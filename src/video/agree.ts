import type { Rate } from './ffmpeg.js';
import { PARAMETERS, type Parameters } from './probe.js';

/** A scene's stream parameters and the weight of its vote: its number of frames. */
export interface Voter {
  readonly parameters: Parameters;
  readonly frames: number;
}

/**
 * Which scene the others must agree with, and which do not: the parameters that most frames have win, the earlier scene
 * where two have as many.
 */
export function majority(scenes: readonly Voter[]): { readonly model: number; readonly odd: readonly number[] } {
  const weights = new Map<string, { first: number; frames: number }>();
  const signature = (scene: Voter): string => JSON.stringify(PARAMETERS.map((name) => scene.parameters[name]));
  scenes.forEach((scene, index) => {
    const known = weights.get(signature(scene)) ?? { first: index, frames: 0 };
    weights.set(signature(scene), { first: known.first, frames: known.frames + scene.frames });
  });
  const [best] = [...weights.values()].sort((a, b) => b.frames - a.frames || a.first - b.first);
  const model = best?.first ?? 0;
  const winner = scenes[model];
  const odd = scenes.flatMap((scene, index) => (winner && signature(scene) !== signature(winner) ? [index] : []));
  return { model, odd };
}

/** How one scene's parameters differ from those it must have, in words. */
export function differences(found: Parameters, expected: Parameters): string {
  const differing = PARAMETERS.filter((name) => found[name] !== expected[name]);
  const telling = differing.filter((name) => name !== 'extradata_hash');
  if (telling.length === 0) return 'encoder settings differ';
  return telling.map((name) => `${name} ${found[name]} instead of ${expected[name]}`).join(', ');
}

/** A rate as ffprobe writes it ("60/1"). Throws RangeError for anything else. */
export function parseRate(text: string): Rate {
  const match = /^([1-9]\d*)\/([1-9]\d*)$/.exec(text);
  if (!match) throw new RangeError(`not a frame rate: ${text}`);
  return { num: Number(match[1]), den: Number(match[2]) };
}
