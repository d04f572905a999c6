import { join } from 'node:path';
import { type Place, UserError, UserErrors } from '../errors.js';
import { copyFileInside, isInside, writeFileInside } from '../files.js';
import type { Options } from '../inputs.js';
import type { Project } from '../project/project.js';
import { type Scene, sceneVideoPath } from '../project/scenes.js';
import { isWhole } from '../render/schedule.js';
import { findingsOf } from '../report/findings.js';
import { prepareFfmpeg } from '../setup/runtime.js';
import { type AssembledVideo, assemble, type VideoFacts } from '../video/assemble.js';
import { type BuildContext, type FinishedScenes, finishedOf, note, setupOf } from './context.js';

/**
 * The video at its place, and the paths beside it that projects expect. Throws UserErrors, and leaves an earlier video in
 * its place, where gates are strict and the video has faults.
 */
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
    accept: (facts) => judge(facts, scenes, context),
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
  return video;
}

const FINAL_VIDEO = 'final_video.mp4';
const PARTIAL_VIDEO = 'partial_video.mp4';
/** Where the video of a build goes. */
export function outputOf(options: Options, project: Project): string {
  return options.output ?? join(project.folder, isWhole(options) ? FINAL_VIDEO : PARTIAL_VIDEO);
}

/** Tells what was found in a video. Throws UserErrors for faults where gates are strict. */
function judge({ inspection }: VideoFacts, scenes: readonly Scene[], context: BuildContext): void {
  const placeOf = (id: string | undefined): Place | undefined => {
    const file = scenes.find((scene) => scene.id === id)?.file;
    return file === undefined ? undefined : { file };
  };
  const errors: UserError[] = [];
  for (const { message, sceneId, isFault } of findingsOf(inspection)) {
    const place = placeOf(sceneId);
    if (isFault && context.options.gates === 'strict')
      errors.push(new UserError(message, { ...(place && { place }), hint: 'With gates: warn, this is a warning.' }));
    else note(context, message, place);
  }
  if (errors.length > 0) throw new UserErrors(errors);
}
