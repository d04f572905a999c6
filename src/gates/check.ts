import type { Place } from '../errors.js';
import type { SceneDependencies } from '../project/dependencies.js';
import type { Finding } from '../project/finding.js';
import type { Project } from '../project/project.js';
import type { PythonSource } from '../project/python-source.js';
import { alwaysRuns } from '../project/reach.js';
import type { Scene } from '../project/scenes.js';
import { type Reading, readingOf } from './reading.js';

/** One scene under check: pure data, read before. */
export interface SceneUnderCheck {
  readonly project: Project;
  readonly scene: Scene;
  readonly dependencies: SceneDependencies;
  /** Its own source first, then those of the project's modules that it imports. */
  readonly sources: readonly SourceUnderCheck[];
  /** Texts of recordings in the project, white space normalised. */
  readonly recorded: ReadonlySet<string>;
  /** Files of the project folder that exist, by path relative to it: asked for through this. */
  readonly exists: (path: string) => boolean;
}

export interface SourceUnderCheck {
  readonly reading: Reading;
  readonly isOwn: boolean;
  /** `error` where the code at an offset is sure to run when the scene is rendered. */
  severityAt(at: number): Finding['severity'];
}

/** A small pure look at one scene. */
export type Check = (scene: SceneUnderCheck) => Finding[];

/** The sources of a scene as checks look at them. */
export function sourcesUnderCheck(scene: Scene, { sources, certain }: SceneDependencies): SourceUnderCheck[] {
  const named = [...sources];
  const own = named.filter(([, source]) => source === scene.source);
  const others = named.filter(([, source]) => source !== scene.source);
  return [...own, ...others].map(([name, source]) => underCheck(source, scene, certain.has(name)));
}

function underCheck(source: PythonSource, scene: Scene, isSure: boolean): SourceUnderCheck {
  const isOwn = source === scene.source;
  return {
    reading: readingOf(source),
    isOwn,
    severityAt: (at) => (isSure && alwaysRuns(source, at, isOwn ? scene.className : undefined) ? 'error' : 'warning'),
  };
}

/** A finding of a scene at a place of its sources. */
export function findingAt(
  { scene }: SceneUnderCheck,
  severity: Finding['severity'],
  place: Place,
  message: string,
  hint: string,
): Finding {
  return { severity, message, place, hint, sceneId: scene.id };
}
