import { join } from 'node:path';
import { dependenciesOf } from '../project/project.js';
import { readCapacity } from '../render/capacity.js';
import type { PlannedScene } from '../render/schedule.js';
import type { Runtime } from '../setup/runtime.js';
import { prepareEspeak, preparePiper } from '../setup/voices.js';
import type { VoicePlan } from '../voice/plan.js';
import { provideVoice, type VoiceReport } from '../voice/provide.js';
import { type BuildContext, guardedBy, setupOf } from './context.js';

/** The narration lines of the scenes to render, spoken where they are not there; only those. */
export async function speakFor(
  plan: VoicePlan,
  missing: readonly PlannedScene[],
  runtime: Runtime,
  context: BuildContext,
): Promise<VoiceReport> {
  const { options, host, store, project } = context;
  const keys = new Set(missing.flatMap(({ scene }) => dependenciesOf(project, scene).narrationKeys));
  const setup = { ...setupOf(context), python: runtime.python };
  const report = await provideVoice(plan, {
    choice: options.voice,
    lineKeys: keys,
    store,
    workDir: join(context.workDir, 'voice'),
    backends: {
      piper: () => preparePiper(setup),
      python: async () => runtime.python,
      espeak: () => prepareEspeak(setup),
    },
    tools: guardedBy(runtime, context),
    concurrency: Math.max(1, Math.floor(readCapacity().cores)),
    log: host.log,
    signal: context.signal,
  });
  context.notes.push(...report.warnings); // told on the log already
  return report;
}
