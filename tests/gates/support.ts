import { join } from 'node:path';
import { checkScenes } from '../../src/gates/gates.js';
import type { PythonToAsk } from '../../src/gates/python.js';
import type { Finding } from '../../src/project/finding.js';
import { type Project, readProject } from '../../src/project/project.js';
import { readState } from '../../src/project/state.js';
import { probePython } from '../../src/setup/probe.js';
import { actionRoot } from '../../src/shipped.js';
import { pythonToAsk } from '../../src/steps/check.js';
import { writeProject } from '../support/project.js';

/** The Python of the tests, which has Manim. */
export const PYTHON = join(actionRoot(), '.tools', 'render', 'bin', 'python');

export async function python(): Promise<PythonToAsk> {
  return pythonToAsk(await probePython(PYTHON));
}

export interface CheckOptions {
  readonly gates?: 'strict' | 'warn' | 'off';
  readonly quality?: 'project' | 'low';
  readonly python?: PythonToAsk | undefined;
  readonly isWhole?: boolean;
}

/** What the checks say of a project. */
export async function check(project: Project, options: CheckOptions = {}): Promise<readonly Finding[]> {
  const { gates = 'warn', quality = 'project', python: ask, isWhole = false } = options;
  const workDir = join(project.folder, '.work');
  return checkScenes(project, project.scenes, { options: { gates, quality }, python: ask, workDir, isWhole });
}

/** A project with one scene for each source, named s0, s1, ...; each may speak the lines one and two. */
export async function projectOf(
  root: string,
  sources: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<Project> {
  const folder = await writeProject(root, {
    narration: { one: 'The first line.', two: 'The second line.' },
    scenes: sources.map((_, index) => ({ id: `s${index}` })),
    files: { ...Object.fromEntries(sources.map((source, index) => [`s${index}.py`, source])), ...files },
  });
  return readProject(await readState(folder));
}

/** The top of a scene file as authors write it: seven lines. */
export const TOP = `from pathlib import Path
from manim import *
from manim_voiceover_plus import VoiceoverScene
from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT


`;

/** A scene whose construct has these lines; the first of them is line 11 of the file. */
export function sceneWith(body: string, top = TOP, more = ''): string {
  const lines = body.split('\n').map((line) => `        ${line}\n`);
  return `${top}class A(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
${lines.join('')}${more}`;
}
