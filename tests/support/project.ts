import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFiles } from './folder.js';

export interface ProjectParts {
  /** Entries of "scenes" in project_state.json; the default is one for each scene file. */
  readonly scenes?: readonly Record<string, unknown>[];
  /** Further fields of project_state.json, over the usual ones. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** Texts by key, or the whole text of narration_script.py. */
  readonly narration?: Readonly<Record<string, string>> | string;
  /** Files by path relative to the project folder; `../../` leads to the repository root. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A small scene file as authors write them, speaking these narration lines. */
export function sceneSource(className: string, keys: readonly string[] = [], above = ''): string {
  const lines = keys.map((key) => `        with self.voiceover(text=SCRIPT["${key}"]):\n            self.wait(1)\n`);
  return `from pathlib import Path
from manim import *
from manim_voiceover_plus import VoiceoverScene
from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT
${above}

class ${className}(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
${lines.join('')}        self.wait(1)
`;
}

/** Writes a project `projects/video` in a repository of its own under `root` and returns the project folder. */
export async function writeProject(root: string, parts: ProjectParts = {}): Promise<string> {
  const folder = join(root, 'projects', 'video');
  await mkdir(join(root, '.git'), { recursive: true });
  const narration = parts.narration ?? { intro: 'Welcome to the show.', outro: 'Good bye.' };
  const scenes = parts.scenes ?? [
    { id: 'scene_01_intro', title: 'Intro', file: 'scene_01_intro.py', class_name: 'Intro', status: 'built' },
    { id: 'scene_02_outro', title: 'Outro', file: 'scene_02_outro.py', class_name: 'Outro', status: 'built' },
  ];
  const state = {
    project_name: 'video',
    phase: 'final_render',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    run_count: 0,
    scenes,
    current_scene_index: 0,
    errors: [],
    history: [],
    flags: { needs_human_review: false, dry_run: false, force_replan: false },
    ...parts.state,
  };
  await writeFiles(folder, {
    'project_state.json': `${JSON.stringify(state, null, 2)}\n`,
    'narration_script.py':
      typeof narration === 'string' ? narration : `SCRIPT = ${JSON.stringify(narration, null, 4)}\n`,
    'scene_01_intro.py': sceneSource('Intro', ['intro']),
    'scene_02_outro.py': sceneSource('Outro', ['outro']),
    ...parts.files,
  });
  return folder;
}
