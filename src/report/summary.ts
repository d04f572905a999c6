import type { VideoFacts } from '../video/assemble.js';

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
      `| ${cell(scene.title)} | ${scene.how} | ${cell(scene.why)} | ${scene.seconds.toFixed(2)} s | ${scene.how === 'rendered' ? humanSeconds(scene.renderSeconds) : ''} |`,
  );
  const spoken = report.voice.synthesized;
  return [
    `## ${cell(report.projectName)}`,
    '',
    facts
      ? `**${humanSeconds(facts.durationSeconds)}** of video, ${facts.frames} frames at ${facts.fps} a second. `
      : 'One share of the scenes; the video is joined by the final job. ',
    `${count(report.scenes.filter(({ how }) => how === 'rendered').length, 'scene')} rendered, ${report.scenes.filter(({ how }) => how === 'reused').length} reused; ${count(spoken.length, 'narration line')} spoken${spoken.length > 0 ? ` (${spoken.map(({ key, why }) => `${key}: ${why}`).join(', ')})` : ''} by ${report.voice.backend}.`,
    '',
    '| Scene | | Why | Length | Render time |',
    '| --- | --- | --- | ---: | ---: |',
    ...rows,
    '',
    ...(report.notes.length > 0 ? ['### Worth knowing', '', ...report.notes.map((note) => `- ${cell(note)}`), ''] : []),
    `Time: ${Object.entries(report.seconds)
      .map(([name, seconds]) => `${name} ${humanSeconds(seconds)}`)
      .join(', ')}. Store: ${report.store}.`,
  ].join('\n');
}

/** The report of a failed build as Markdown. */
export function failureSummary(
  projectName: string,
  errors: readonly { message: string; at: string; hint?: string | undefined }[],
): string {
  return [
    `## ${cell(projectName)}: the build failed`,
    '',
    ...errors.map(
      ({ message, at, hint }) => `- ${at ? `\`${at}\`: ` : ''}${cell(message)}${hint ? ` — ${cell(hint)}` : ''}`,
    ),
  ].join('\n');
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** A text as it may stand in a list or a table of Markdown. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
