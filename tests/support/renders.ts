import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { UserError } from '../../src/errors.js';
import { userErrorsOf } from '../../src/errors.js';
import { childEnvironment } from '../../src/process.js';
import type { Scene } from '../../src/project/scenes.js';
import type { RenderLimits } from '../../src/render/limits.js';
import type { SceneResult } from '../../src/render/result.js';
import { type RenderPlace, type RenderSettings, renderScene, type SharedImport } from '../../src/render/scene.js';
import { actionRoot } from '../../src/shipped.js';
import { writeFiles } from './folder.js';
import { type RecordingLog, recordingLog } from './log.js';

/** The Python of the tests that has Manim. */
export const MANIM_PYTHON = join(actionRoot(), '.tools', 'render', 'bin', 'python');

/** How a render went. */
export interface Went {
  readonly result: SceneResult | undefined;
  readonly error: UserError | undefined;
  readonly log: RecordingLog;
}

/** A project folder of scenes that are rendered one by one, without a build around them. */
export interface RenderFolder {
  readonly place: RenderPlace;
  readonly projectDir: string;
  readonly logDir: string;
  /** Renders a scene from its source, small and fast. Throws what is no user error. */
  render(id: string, source: string, limits: RenderLimits, shared?: SharedImport): Promise<Went>;
}

export async function renderFolder(folder: string): Promise<RenderFolder> {
  const [projectDir, workDir] = [join(folder, 'project'), join(folder, 'work')];
  await mkdir(projectDir);
  const place = { python: MANIM_PYTHON, projectDir, repoRoot: projectDir, workDir, env: childEnvironment() };
  const logDir = join(projectDir, 'log');
  return {
    place,
    projectDir,
    logDir,
    render: async (id, source, limits, shared) => {
      await writeFiles(projectDir, { [`${id}.py`]: source });
      const file = join(projectDir, `${id}.py`);
      const scene = { id, file, className: 'Main', index: 0, title: id } as unknown as Scene;
      const settings: RenderSettings = {
        ...place,
        size: { width: 64, height: 36, fps: 5 },
        encoder: 'fast',
        encoderOptions: {},
        texDir: join(workDir, 'tex'),
        logDir,
        shared,
      };
      const log = recordingLog();
      try {
        const result = await renderScene(scene, join(workDir, 'scenes', id), settings, {
          onFrames: () => {},
          limits,
          log,
        });
        return { result, error: undefined, log };
      } catch (error) {
        const [first] = userErrorsOf(error) ?? [];
        if (!first) throw error;
        return { result: undefined, error: first, log };
      }
    },
  };
}
