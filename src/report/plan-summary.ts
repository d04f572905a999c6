import type { MatrixJob } from '../matrix.js';
import type { SceneFault } from '../project/scenes.js';
import type { SurveyedScene } from '../survey.js';
import { markdown } from './text.js';

/** What a build would do with each scene, and which job would render it, as Markdown. */
export function planSummary(
  scenes: readonly SurveyedScene[],
  faults: readonly SceneFault[],
  jobs: readonly MatrixJob[],
): string {
  const jobOf = (id: string): string =>
    jobs.find((job) => job.scenes.split(',').includes(id))?.shard ?? 'the final job';
  const rows = scenes.map(({ planned: { scene }, stored, why }) =>
    stored
      ? `| ${markdown(scene.id)} | reused | | |`
      : `| ${markdown(scene.id)} | rendered | ${markdown(why)} | ${jobOf(scene.id)} |`,
  );
  const left = faults.map(({ id, errors }) => {
    const why = errors.map(({ message }) => message.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' '));
    return `| ${id} | cannot be rendered | ${why.join('; ')} | |`;
  });
  return ['## Plan', '', '| Scene | | Why | Shard |', '| --- | --- | --- | --- |', ...rows, ...left].join('\n');
}
