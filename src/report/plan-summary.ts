import type { MatrixJob } from '../matrix.js';
import type { SurveyedScene } from '../survey.js';

/** What a build would do with each scene, and which job would render it, as Markdown. */
export function planSummary(scenes: readonly SurveyedScene[], jobs: readonly MatrixJob[]): string {
  const jobOf = (id: string): string =>
    jobs.find((job) => job.scenes.split(',').includes(id))?.shard ?? 'the final job';
  const rows = scenes.map(({ planned: { scene }, stored, why }) =>
    stored
      ? `| ${scene.id} | reused | | |`
      : `| ${scene.id} | rendered | ${why.replaceAll('|', '\\|')} | ${jobOf(scene.id)} |`,
  );
  return ['## Plan', '', '| Scene | | Why | Shard |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
