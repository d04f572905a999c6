import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { internalError, shownPlace, userErrorsOf } from '../errors.js';
import type { Host } from '../host.js';
import { type Scene, sceneVideoPath } from '../project/scenes.js';
import { nextDocument, type ProjectState, writeState } from '../project/state.js';
import { isWhole } from '../render/schedule.js';
import { groupErrors } from '../report/failures.js';
import { type BuildReport, buildSummary, count, failureSummary, humanSeconds } from '../report/summary.js';
import { cut, readableLine } from '../report/text.js';
import type { AssembledVideo } from '../video/assemble.js';
import { type BuildContext, type FinishedScenes, finishedOf } from './context.js';

/** Enters a finished video into the project's state. */
export async function recordSuccess(
  scenes: readonly Scene[],
  finished: FinishedScenes,
  video: AssembledVideo,
  { project, options }: BuildContext,
): Promise<void> {
  const outcomes = await Promise.all(
    scenes.map(async (scene) => {
      const { facts } = finishedOf(finished, scene).result;
      const videoFile = sceneVideoPath(scene, facts);
      return {
        id: scene.id,
        file: scene.fileName,
        className: scene.className,
        videoFile,
        fileSizeBytes: (await stat(join(project.folder, videoFile))).size,
        durationSeconds: facts.frames / facts.fps,
      };
    }),
  );
  const summary = `${count(scenes.length, 'scene')}, ${video.facts.durationSeconds.toFixed(3)} s`;
  const outcome = { ok: true as const, scenes: outcomes, summary, whole: isWhole(options) };
  await writeState(project.state, nextDocument(project.state, outcome, new Date()));
}

/** Characters of an error in the state. */
const STATE_ERROR = 500;

/** The errors into the state, and into the summary. What cannot be written is told, never thrown over the first error. */
export async function recordFailure(state: ProjectState, error: unknown, host: Host): Promise<void> {
  const errors = userErrorsOf(error) ?? [internalError(error)];
  const lines = errors.map(({ message, place: at }) =>
    cut(readableLine(at ? `${shownPlace(host.workspace, at)}: ${message}` : message), STATE_ERROR),
  );
  host.summarise(failureSummary(state.projectName, groupErrors(errors), host.workspace));
  try {
    const outcome = { ok: false as const, errors: lines, summary: `${count(lines.length, 'error')}` };
    await writeState(state, nextDocument(state, outcome, new Date()));
  } catch (second) {
    host.log.warning(
      `project_state.json does not hold these errors: ${(userErrorsOf(second)?.[0] ?? internalError(second)).message}`,
    );
  }
}

/** Tells the story's end on the log and in the summary. */
export function tell(report: BuildReport, host: Host): BuildReport {
  host.summarise(buildSummary(report));
  const rendered = report.scenes.filter(({ how }) => how === 'rendered').length;
  const made = `${count(rendered, 'scene')} rendered, ${report.scenes.length - rendered} reused, ${count(report.voice.synthesized.length, 'narration line')} spoken`;
  const times = Object.entries(report.seconds)
    .map(([name, seconds]) => `${name} ${humanSeconds(seconds)}`)
    .join(', ');
  if (report.facts)
    host.log.info(`${report.video}: ${humanSeconds(report.facts.durationSeconds)} of video; ${made}; ${times}`);
  else host.log.info(`${made}; ${times}`);
  return report;
}
