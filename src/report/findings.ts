import type { Inspection, SceneInspection } from '../video/probe.js';
import { count, humanSeconds } from './summary.js';

/** Something about a finished video that its author should know. */
export interface Finding {
  readonly message: string;
  /** The scene that it is in; undefined for the whole video. */
  readonly sceneId: string | undefined;
  /** Whether it is hardly ever meant: an error where gates are strict. */
  readonly isFault: boolean;
}

/** Sound shorter than this share of the picture is a fault that the pipeline's own check rejects. */
const LEAST_SOUND = 0.9;
/** The same -50 dB below which silences are looked for. */
const SILENT = 10 ** (-50 / 20);
/** Seconds; a shorter scene that shows nothing, or nothing that moves, may be a card or a pause. */
const CARD = 3;
/** So few distorted places are not heard. */
const CLIPPED = 3;

/** What the quality checks find in a joined video, in the order of the video. */
export function findingsOf(inspection: Inspection): Finding[] {
  const { scenes, audioSeconds, videoSeconds, audioVideoRatio } = inspection;
  const whole: Finding[] = [];
  const add = (message: string): void => void whole.push({ message, sceneId: undefined, isFault: true });
  if (audioVideoRatio < LEAST_SOUND)
    add(`the sound of the video lasts only ${audioSeconds.toFixed(1)} s of ${videoSeconds.toFixed(1)} s`);
  const isStill = scenes.length > 1 && scenes.every(({ still }) => still !== null);
  if (isStill)
    add(
      scenes.every(({ still }) => still === 'black')
        ? 'the whole video is black'
        : 'nothing moves in the whole video: each scene shows one picture',
    );
  const isSilent =
    scenes.length > 1 && scenes.some(({ lines }) => lines > 0) && scenes.every(({ sound }) => sound.peak < SILENT);
  if (isSilent) add('nothing is heard in the whole video, though its scenes speak lines');
  // what is said of the whole is not said again of each scene
  const ofEach = scenes.map((scene) => ({ ...scene, ...(isStill && { still: null }), ...(isSilent && { lines: 0 }) }));
  return [...whole, ...ofEach.flatMap(ofScene), ...(isSilent ? [] : silences(inspection))];
}

function ofScene({ id, seconds, lines, still, sound }: SceneInspection): Finding[] {
  const found: Finding[] = [];
  const add = (message: string, isFault: boolean): void =>
    void found.push({ message: `scene ${id}: ${message}`, sceneId: id, isFault });
  const length = humanSeconds(seconds);
  if (still === 'black') add(`black throughout (${length})`, seconds >= CARD);
  if (still === 'one colour') add(`one colour throughout (${length})`, false);
  if (still === 'one picture') add(`nothing moves throughout (${length})`, seconds >= CARD);
  if (lines > 0 && sound.peak < SILENT) add(`nothing is heard, though it speaks ${count(lines, 'line')}`, true);
  else if (sound.ratio < LEAST_SOUND)
    add(`its sound lasts only ${humanSeconds(sound.ratio * seconds)} of ${length}`, true);
  if (sound.clipped >= CLIPPED) add(`its sound is too loud and distorted at ${count(sound.clipped, 'place')}`, false);
  return found;
}

/** The silences, each with the scenes in which it lies. A scene in which nothing at all is heard was told already. */
function silences({ silences: found, scenes }: Inspection): Finding[] {
  let end = 0;
  const placed = scenes.map((scene) => {
    const start = end;
    end += scene.seconds;
    return { ...scene, start, end };
  });
  return found.flatMap((silence) => {
    const within = placed.filter(
      (scene) => Math.min(scene.end, silence.end) - Math.max(scene.start, silence.start) > 0.1,
    );
    if (within.length > 0 && within.every(({ lines, sound }) => lines > 0 && sound.peak < SILENT)) return [];
    const [first, ...others] = within.map(({ id }) => id);
    const where = first === undefined ? '' : `scene ${[first, ...others.slice(-1)].join(' to ')}: `;
    const when = `${silence.start.toFixed(1)} s to ${silence.end.toFixed(1)} s of the video`;
    return [{ message: `${where}nothing is heard from ${when}`, sceneId: first, isFault: false }];
  });
}
