import { join, relative } from 'node:path';
import type { Host } from './host.js';
import type { Options } from './inputs.js';
import { logText, readableLine } from './report/text.js';
import { type Survey, survey } from './survey.js';
import { storedIdentities } from './voice/look.js';

/** What a build would do now; see `flaming-horse status --json`. */
export interface ProjectStatus {
  readonly project: string;
  readonly store: string;
  readonly voice: { readonly backend: string; readonly cacheKey: string };
  readonly lines: readonly LineStatus[];
  readonly scenes: readonly SceneStatus[];
  /** Scenes that a build would leave out, before it fails with these errors. */
  readonly faults: readonly { readonly id: string; readonly errors: readonly FaultStatus[] }[];
}

export interface FaultStatus {
  readonly message: string;
  /** Relative to the repository. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly hint: string | undefined;
}

export interface LineStatus {
  readonly key: string;
  /** `recording`: lies in the project; `spoken`: our voice's, in the project or the cache; `missing`: would be spoken. */
  readonly from: 'recording' | 'spoken' | 'missing';
  readonly file: string | undefined;
  /** Scenes that use it. */
  readonly scenes: readonly string[];
}

export interface SceneStatus {
  readonly id: string;
  readonly reused: boolean;
  /** Why it would be rendered; empty for a reused one. */
  readonly why: string;
  /** Expected render time in seconds; 0 for a reused one. */
  readonly seconds: number;
}

/** Looks at a project without changing anything. Throws UserError(s) for what is wrong with the project as a whole. */
export async function projectStatus(options: Options, host: Host): Promise<ProjectStatus> {
  return survey({ ...options, setup: 'never' }, host, statusOf);
}

async function statusOf({ project, context, voice, scenes, faults }: Survey): Promise<ProjectStatus> {
  const { store } = context;
  const stored = await storedIdentities(voice, store, join(context.workDir, 'voice'));
  return {
    project: project.state.projectName,
    store: store.name,
    voice: { backend: voice.backend, cacheKey: voice.cacheKey },
    lines: voice.lines.map(({ key, origin, identity, sound }) => ({
      key,
      from: origin === 'project' ? 'recording' : sound || stored.has(identity) ? 'spoken' : 'missing',
      file: sound && relative(project.repoRoot, sound.file),
      scenes: scenes
        .filter(({ planned }) => project.dependencies.get(planned.scene.id)?.narrationKeys.includes(key))
        .map(({ planned }) => planned.scene.id),
    })),
    scenes: scenes.map(({ planned, stored: reused, why }) => ({
      id: planned.scene.id,
      reused,
      why,
      seconds: reused ? 0 : Math.round(planned.cost),
    })),
    faults: faults.map(({ id, errors }) => ({
      id,
      errors: errors.map(({ message, place, hint }) => ({
        message,
        file: place && relative(project.repoRoot, place.file),
        line: place?.line,
        hint,
      })),
    })),
  };
}

/** The status for a terminal. */
export function statusText(status: ProjectStatus): string {
  const names = [...status.lines.map(({ key }) => key), ...[...status.scenes, ...status.faults].map(({ id }) => id)];
  const width = Math.max(...names.map((name) => name.length));
  const words = { recording: 'recording in the project', spoken: 'spoken already', missing: 'to speak' };
  return [
    `${status.project}: voice ${status.voice.backend}, store ${status.store}`,
    '',
    'Narration lines',
    ...status.lines.map(({ key, from }) => `  ${readableLine(key).padEnd(width)}  ${words[from]}`),
    '',
    'Scenes',
    ...status.scenes.map(({ id, reused, why }) => `  ${id.padEnd(width)}  ${reused ? 'reused' : `to render: ${why}`}`),
    ...status.faults.flatMap(({ id, errors }) =>
      errors.map(
        ({ message, file, line }) => `  ${id.padEnd(width)}  cannot be rendered: ${placed(file, line)}${message}`,
      ),
    ),
    '',
  ]
    .map(logText)
    .join('\n');
}

function placed(file: string | undefined, line: number | undefined): string {
  if (file === undefined) return '';
  return line === undefined ? `${file}: ` : `${file}:${line}: `;
}
