import { runAction } from './action.js';
import { build } from './build.js';
import { runnerHost } from './host.js';
import { readOptions } from './inputs.js';
import { protectRunner } from './protect.js';
import { validate } from './validate.js';

/** The build action: inputs in, outputs out. */
export function main(): Promise<void> {
  return runAction(async (host, signal) => {
    const options = readOptions(host.rawInputs, host);
    if (options.validateOnly !== 'false') return validate(options, host, signal);
    const report = await build(options, host, signal);
    const rendered = report.scenes.filter(({ how }) => how === 'rendered').length;
    host.setOutput('video', report.video ?? '');
    host.setOutput('duration-seconds', report.facts?.durationSeconds ?? 0);
    host.setOutput('voice-cache-hit', report.voice.cacheHit);
    host.setOutput('voice-lines-synthesized', report.voice.synthesized.length);
    host.setOutput('voice-cache-key', report.voice.cacheKey);
    host.setOutput('scenes-rendered', rendered);
    host.setOutput('scenes-reused', report.scenes.length - rendered);
    host.setOutput('captions', report.captions ?? '');
    host.setOutput('needs-human-review', report.needsHumanReview);
  }, protectRunner(runnerHost()));
}
