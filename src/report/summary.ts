import { shownPlace } from '../errors.js';
import type { VideoFacts } from '../video/assemble.js';
import { type Failure, headline, placesOf } from './failures.js';
import { code, markdown } from './text.js';

/** How a scene got into the video. */
export interface SceneLine {
  readonly id: string;
  readonly title: string;
  readonly how: 'reused' | 'rendered';
  /** Why it was rendered; empty for a reused scene. */
  readonly why: string;
  readonly seconds: number;
  readonly renderSeconds: number;
}

/** What a build did, as data; what a person is shown is made from it. */
export interface BuildReport {
  readonly projectName: string;
  /** Absolute; undefined where a shard joined nothing. */
  readonly video: string | undefined;
  readonly facts: VideoFacts | undefined;
  readonly captions: string | undefined;
  readonly scenes: readonly SceneLine[];
  readonly voice: {
    readonly backend: string;
    readonly cacheHit: boolean;
    readonly cacheKey: string;
    /** The lines that were spoken, each with the reason. */
    readonly synthesized: readonly { readonly key: string; readonly why: string }[];
  };
  readonly store: string;
  /** Whether the state asks a person to look at the project. */
  readonly needsHumanReview: boolean;
  /** Fallbacks and findings that the user should know of. */
  readonly notes: readonly string[];
  /** Wall time in seconds of the steps, by name. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** Characters of a title in the summary. */
const TITLE = 200;

/** "1 min 52 s" */
export function humanSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The report of a build as Markdown, for the summary of the job. */
export function buildSummary(report: BuildReport): string {
  const { facts } = report;
  const rows = report.scenes.map(
    (scene) =>
      `| ${markdown(scene.title, TITLE)} | ${scene.how} | ${markdown(scene.why)} | ${scene.seconds.toFixed(2)} s | ${scene.how === 'rendered' ? humanSeconds(scene.renderSeconds) : ''} |`,
  );
  const spoken = report.voice.synthesized;
  return [
    `## ${markdown(report.projectName, TITLE)}`,
    '',
    facts
      ? `**${humanSeconds(facts.durationSeconds)}** of video, ${facts.frames} frames at ${facts.fps} a second. `
      : 'One share of the scenes; the video is joined by the final job. ',
    `${count(report.scenes.filter(({ how }) => how === 'rendered').length, 'scene')} rendered, ${report.scenes.filter(({ how }) => how === 'reused').length} reused; ${count(spoken.length, 'narration line')} spoken${listOf(spoken)} by ${report.voice.backend}.`,
    ...(report.needsHumanReview
      ? ['', '**The project is marked for review by a person** (`needs_human_review` is true).']
      : []),
    '',
    '| Scene | | Why | Length | Render time |',
    '| --- | --- | --- | ---: | ---: |',
    ...rows,
    '',
    ...(report.notes.length > 0 ? ['### Notes', '', ...report.notes.map((note) => `- ${markdown(note)}`), ''] : []),
    `Time: ${Object.entries(report.seconds)
      .map(([name, seconds]) => `${name} ${humanSeconds(seconds)}`)
      .join(', ')}. Store: ${code(report.store)}.`,
  ].join('\n');
}

/** Spoken lines that are listed with their reasons. */
const MOST_LINES = 30;

function listOf(spoken: BuildReport['voice']['synthesized']): string {
  if (spoken.length === 0) return '';
  const listed = spoken.slice(0, MOST_LINES).map(({ key, why }) => `${code(key)}: ${markdown(why)}`);
  const more = spoken.length > MOST_LINES ? [`and ${spoken.length - MOST_LINES} more`] : [];
  return ` (${[...listed, ...more].join(', ')})`;
}

/** The report of a failed build as Markdown. `folder`: places are shown relative to it. */
export function failureSummary(projectName: string, failures: readonly Failure[], folder: string): string {
  return [
    `## ${markdown(projectName, TITLE)}: the build failed`,
    '',
    ...failures.flatMap((failure) => {
      const [first] = failure.of;
      const place = first?.place && failure.of.length === 1 ? `${code(shownPlace(folder, first.place))}: ` : '';
      const hint = failure.hint ? `. ${markdown(failure.hint)}` : '';
      return [
        `- ${place}${markdown(headline(failure))}${hint}`,
        ...placesOf(failure, folder).map((where) => `  - ${markdown(where)}`),
      ];
    }),
  ].join('\n');
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
