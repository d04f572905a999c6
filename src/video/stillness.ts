import { runFfmpeg, type Tools } from './ffmpeg.js';

/** What a scene shows that shows one picture from its start to its end. */
export type Still = 'black' | 'one colour' | 'one picture';

/** A packet of a video: its size in bytes, and whether its picture needs no other. */
export interface Packet {
  readonly bytes: number;
  readonly isKey: boolean;
}

/** A shorter one may be meant: a cut, a card. */
const LEAST_SECONDS = 1;
/** Bytes by which the packets of a picture that stands still may differ under the fast encoder: it copies all of them. */
const SAME_BYTES = 2;
/** Bytes of a packet from which on something moves, under any encoder: even at 3840x2160, repeats take less. */
const MOVING_BYTES = 1000;
/** Levels, of 255, by which a pixel may differ from the first picture's: Manim's own encoder improves a still picture. */
const SAME_LEVELS = 20;
/** The comparison is done at this width, since it costs more than decoding does. */
const COMPARED_WIDTH = 640;
const BLACK_LEVELS = 4;

/**
 * Finds a scene that shows one picture throughout. The sizes of its packets rule out nearly every scene that moves, at
 * no cost; only where they do not are pictures decoded: key frames of the fast encoder, which writes nothing at all for
 * what stands still, and every picture of another.
 */
export async function stillness(
  scene: { readonly video: string; readonly fps: number; readonly isFast: boolean },
  packets: readonly Packet[],
  tools: Tools,
): Promise<Still | undefined> {
  const between = packets.filter(({ isKey }) => !isKey).map(({ bytes }) => bytes);
  if (packets.length < 2 || packets.length / scene.fps < LEAST_SECONDS || between.length === 0) return undefined;
  const [least, most] = extremes(between);
  if (scene.isFast ? most - least > SAME_BYTES : most > MOVING_BYTES) return undefined;
  if ((await mostDifferent(scene, tools)) > SAME_LEVELS) return undefined;
  const { stdout } = await runFfmpeg([...QUIET, '-i', scene.video, '-frames:v', '1', ...printed('signalstats')], tools);
  const [y, u, v] = (['Y', 'U', 'V'] as const).map((plane) => levelsOf(stdout, plane));
  if (!y || !u || !v) throw new Error(`ffmpeg told nothing of the pictures of ${scene.video}`);
  if ([y, u, v].some(([lowest, highest]) => highest - lowest > BLACK_LEVELS)) return 'one picture';
  const isBlack = y[1] <= 16 + BLACK_LEVELS && [u, v].every(([, level]) => Math.abs(level - 128) <= BLACK_LEVELS);
  return isBlack ? 'black' : 'one colour';
}

const QUIET = ['-hide_banner', '-nostdin', '-loglevel', 'error'];

function printed(filters: string): string[] {
  return ['-filter_complex', `[0:v]${filters},metadata=print:file=-`, '-f', 'null', '-'];
}

/** The most by which a pixel of any picture differs from the first picture's. */
async function mostDifferent({ video, isFast }: { video: string; isFast: boolean }, tools: Tools): Promise<number> {
  const filters = [
    `scale='min(${COMPARED_WIDTH},iw)':-2:flags=area,split[all][first]`,
    '[first]trim=end_frame=1,loop=-1:1[held]',
    '[all][held]blend=all_mode=difference:shortest=1,signalstats',
  ].join(';');
  const which = isFast ? ['-skip_frame', 'nokey'] : [];
  const { stdout } = await runFfmpeg([...QUIET, ...which, '-i', video, ...printed(filters)], tools);
  const found = [...stdout.matchAll(/signalstats\.[YUV]MAX=(\d+)/g)].map(([, level]) => Number(level));
  if (found.length === 0) throw new Error(`ffmpeg told nothing of the pictures of ${video}`);
  return extremes(found)[1];
}

function levelsOf(printedStats: string, plane: string): [lowest: number, highest: number] | undefined {
  const level = (name: string): number | undefined => {
    const found = new RegExp(`signalstats\\.${plane}${name}=(\\d+)`).exec(printedStats)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [lowest, highest] = [level('MIN'), level('MAX')];
  return lowest === undefined || highest === undefined ? undefined : [lowest, highest];
}

/** The least and the most of numbers; a spread call would overflow the stack with those of a long video. */
function extremes(numbers: readonly number[]): [least: number, most: number] {
  return numbers.reduce<[number, number]>(
    ([least, most], number) => [Math.min(least, number), Math.max(most, number)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}
