import { join } from 'node:path';
import { copyFileInside, isInside, writeFileInside } from '../files.js';
import type { Options } from '../inputs.js';
import type { Project } from '../project/project.js';
import { type Scene, sceneVideoPath } from '../project/scenes.js';
import { isWhole } from '../render/schedule.js';
import { prepareFfmpeg } from '../setup/runtime.js';
import { type AssembledVideo, assemble } from '../video/assemble.js';
import { type BuildContext, type FinishedScenes, finishedOf, note, setupOf } from './context.js';

/** The video at its place, and the paths beside it that projects expect. */
export async function joinVideo(
  scenes: readonly Scene[],
  finished: FinishedScenes,
  output: string,
  context: BuildContext,
): Promise<AssembledVideo> {
  const { options, project, host, store } = context;
  const video = await assemble({
    scenes: scenes.map((scene) => ({ finished: finishedOf(finished, scene), title: scene.title })),
    output,
    // what the workflow names may lie anywhere, what the project holds may not lead out of it
    within: [project.folder, host.workspace].find((folder) => isInside(output, folder)),
    store,
    cachePrefix: options.cachePrefix,
    folder: join(context.workDir, 'video'),
    tools: context.tools,
    log: host.log,
    ready: async () => {
      const installed = await prepareFfmpeg(setupOf(context));
      for (const line of installed) host.log.info(line);
    },
  });
  for (const scene of scenes) {
    const { result, sceneVideo } = finishedOf(finished, scene);
    await copyFileInside(sceneVideo, join(project.folder, sceneVideoPath(scene, result.facts)), project.folder);
  }
  if (isWhole(options)) {
    const list = scenes.map((scene) => {
      const path = sceneVideoPath(scene, finishedOf(finished, scene).result.facts);
      return `file '${path.replaceAll("'", "'\\''")}'\n`;
    });
    await writeFileInside(join(project.folder, 'scenes.txt'), list.join(''), project.folder);
    const usual = join(project.folder, FINAL_VIDEO);
    if (output !== usual) await copyFileInside(output, usual, project.folder);
  }
  for (const { sceneId, why } of video.facts.reencoded)
    note(context, `scene ${sceneId} was encoded again to fit the others: ${why}`);
  for (const finding of findings(video)) note(context, finding);
  return video;
}

const FINAL_VIDEO = 'final_video.mp4';
const PARTIAL_VIDEO = 'partial_video.mp4';
/** Sound shorter than this share of the picture is a fault that the pipeline's own check rejects. */
const LEAST_SOUND = 0.9;

/** Where the video of a build goes. */
export function outputOf(options: Options, project: Project): string {
  return options.output ?? join(project.folder, isWhole(options) ? FINAL_VIDEO : PARTIAL_VIDEO);
}

/** What the quality check finds in a joined video, in words. */
function findings({ facts: { inspection } }: AssembledVideo): string[] {
  const silences = inspection.silences.map(
    ({ start, end }) => `nothing is heard from ${start.toFixed(1)} s to ${end.toFixed(1)} s of the video`,
  );
  if (inspection.audioVideoRatio >= LEAST_SOUND) return silences;
  return [
    `the sound lasts only ${inspection.audioSeconds.toFixed(1)} s of ${inspection.videoSeconds.toFixed(1)} s`,
    ...silences,
  ];
}
