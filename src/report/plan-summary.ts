import type { MatrixJob } from '../matrix.js';
import type { SurveyedScene } from '../survey.js';
import { markdown } from './text.js';

/** What a build would do with each scene, and which job would render it, as Markdown. */
export function planSummary(scenes: readonly SurveyedScene[], jobs: readonly MatrixJob[]): string {
  const jobOf = (id: string): string =>
    jobs.find((job) => job.scenes.split(',').includes(id))?.shard ?? 'the final job';
  const rows = scenes.map(({ planned: { scene }, stored, why }) =>
    stored
      ? `| ${markdown(scene.id)} | reused | | |`
      : `| ${markdown(scene.id)} | rendered | ${markdown(why)} | ${jobOf(scene.id)} |`,
  );
  return ['## Plan', '', '| Scene | | Why | Shard |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
