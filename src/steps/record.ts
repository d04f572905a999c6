import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { messageOf, UserError, userErrorsOf } from '../errors.js';
import type { Host } from '../host.js';
import { type Scene, sceneVideoPath } from '../project/scenes.js';
import { nextDocument, type ProjectState, writeState } from '../project/state.js';
import { isWhole } from '../render/schedule.js';
import { type BuildReport, buildSummary, count, failureSummary, humanSeconds } from '../report/summary.js';
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

/** The errors into the state, and into the summary. What cannot be written is told, never thrown over the first error. */
export async function recordFailure(state: ProjectState, error: unknown, host: Host): Promise<void> {
  const errors = userErrorsOf(error) ?? [new UserError(messageOf(error))];
  const told = errors.map(({ message, place: at, hint }) => ({
    message,
    at: at ? `${relative(host.workspace, at.file)}${at.line === undefined ? '' : `:${at.line}`}` : '',
    hint,
  }));
  const lines = told.map(({ message, at }) => (at ? `${at}: ${message}` : message));
  host.summarise(failureSummary(state.projectName, told));
  try {
    const outcome = { ok: false as const, errors: lines, summary: `${count(lines.length, 'error')}` };
    await writeState(state, nextDocument(state, outcome, new Date()));
  } catch (second) {
    host.log.warning(`the errors could not be entered into project_state.json: ${messageOf(second)}`);
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
