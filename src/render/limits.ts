/** How long a scene may render, and how long it may do so without progress; seconds. */
export interface RenderLimits {
  readonly sceneSeconds: number;
  readonly stallSeconds: number;
}

/** What is known beforehand of a scene's render; seconds. */
export interface Expected {
  /** How long the scene will be. */
  readonly length: number;
  /** How long it will render: as the last build recorded it, else a guess. */
  readonly render: number;
}

const LEAST_SCENE = 60 * 60;
/** Seconds of rendering for a second of video: four seconds a frame at 60 frames a second. */
const SLOWEST = 240;
/** Times the expected render. */
const SLOWER = 20;
const LEAST_STALL = 15 * 60;
/** A stall may take this share of the whole: one part of a long scene may be slow. */
const STALL_SHARE = 1 / 8;
const MOST_STALL = 60 * 60;

/**
 * The limits of a scene: those given (minutes), else generous ones from what is expected of it, since a slow scene on a
 * slow machine must pass. `crowding`: renders for each core, where there are more than cores.
 */
export function limitsFor(
  { length, render }: Expected,
  crowding: number,
  given: { readonly sceneTimeoutMinutes: number | undefined; readonly stallMinutes: number | undefined },
): RenderLimits {
  const slowness = Math.max(1, crowding);
  const scene = given.sceneTimeoutMinutes
    ? given.sceneTimeoutMinutes * 60
    : slowness * Math.max(LEAST_SCENE, length * SLOWEST, render * SLOWER);
  const stall = given.stallMinutes
    ? given.stallMinutes * 60
    : Math.max(slowness * LEAST_STALL, Math.min(MOST_STALL, scene * STALL_SHARE));
  return { sceneSeconds: Math.min(scene, LONGEST), stallSeconds: Math.min(stall, LONGEST) };
}

/** A timer of Node.js takes no more. */
const LONGEST = 2 ** 31 / 1000 - 1;

/** "15 min", "1.5 min", "40 s". */
export function duration(seconds: number): string {
  return seconds < 60 ? `${Math.round(seconds)} s` : `${Number((seconds / 60).toFixed(1))} min`;
}
