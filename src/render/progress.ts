import type { Log } from '../log.js';

/** Seconds between two lines of progress. */
const INTERVAL = 10;

/** A build's renders as they happen. */
export interface Progress {
  started(id: string): void;
  frames(id: string, frames: number): void;
  ended(id: string): void;
  stop(): void;
}

/**
 * Tells on the log how far the renders are: scenes done, frames, and the time left as the frames so far promise. `expected`:
 * frames by scene id, as well as they are known beforehand.
 */
export function reportProgress(expected: ReadonlyMap<string, number>, log: Log): Progress {
  const done = new Map<string, number>();
  const running = new Map<string, number>();
  const start = performance.now();
  const timer = setInterval(() => log.info(line()), INTERVAL * 1000);
  timer.unref();

  const line = (): string => {
    const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
    const frames = sum(done.values()) + sum(running.values());
    // a scene counts for what is known of it: its frames when done, else what it was expected to have
    const total = sum([...expected].map(([id, count]) => done.get(id) ?? Math.max(count, running.get(id) ?? 0)));
    return progressLine(done.size, expected.size, frames, total, (performance.now() - start) / 1000);
  };
  return {
    started: (id) => running.set(id, 0),
    frames: (id, frames) => running.set(id, frames),
    ended: (id) => {
      done.set(id, running.get(id) ?? 0);
      running.delete(id);
      log.info(line());
    },
    stop: () => clearInterval(timer),
  };
}

/** "2 of 6 scenes, 1830 of about 6600 frames, about 40 s left". */
export function progressLine(done: number, scenes: number, frames: number, total: number, seconds: number): string {
  const left = frames > 0 && total > frames ? Math.ceil(((total - frames) * seconds) / frames) : 0;
  const promise = done < scenes && left > 0 ? `, about ${left} s left` : '';
  return `rendered: ${done} of ${scenes} scenes, ${frames} of about ${Math.max(frames, Math.round(total))} frames${promise}`;
}
