import * as core from '@actions/core';
import { runAction } from './action.js';
import { UserError, UserErrors } from './errors.js';
import { runnerHost } from './host.js';
import { readOptions } from './inputs.js';
import { planMatrix } from './matrix.js';
import { protectRunner } from './protect.js';
import { readCapacity } from './render/capacity.js';
import { planSummary } from './report/plan-summary.js';
import { survey } from './survey.js';

/** GitHub allows 256 jobs a matrix. */
const MOST_SHARDS = 256;

/** The plan action: which scenes are missing, as a matrix of jobs. */
export function plan(): Promise<void> {
  return runAction(async (host) => {
    const number = (name: string, least: number, most: number): number => {
      const value = core.getInput(name);
      if (/^\d+(\.\d+)?$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
      throw new UserError(`${name}: "${value}" is not allowed; expected a number from ${least} to ${most}`);
    };
    const limits = {
      maxShards: Math.floor(number('max-shards', 1, MOST_SHARDS)),
      targetMinutes: number('target-minutes', 0.01, 360),
      cores: Math.max(1, Math.floor(readCapacity().cores)),
    };
    const options = readOptions(host.rawInputs, host);
    const { scenes, faults } = await survey(options, host, async ({ scenes, faults }) => ({ scenes, faults }));
    if (options.failFast && faults.length > 0) throw new UserErrors(faults.flatMap(({ errors }) => errors));
    // the build that joins the shares fails with them, once the other scenes are rendered
    for (const { message, place } of faults.flatMap(({ errors }) => errors)) host.log.warning(message, place);
    const missing = scenes.filter(({ stored }) => !stored).map(({ planned }) => planned);
    // shards that may not save would render for nothing
    const mayShare = options.cache === 'read-write';
    const jobs = mayShare ? planMatrix(missing, limits) : [];
    host.summarise(planSummary(scenes, faults, jobs));
    for (const { planned, why } of scenes) host.log.info(`${planned.scene.id}: ${why === '' ? 'stored' : why}`);
    for (const job of jobs) host.log.info(`shard ${job.shard}: ${job.scenes}, about ${job.seconds} s`);
    host.setOutput('matrix', JSON.stringify({ include: jobs }));
    host.setOutput('shards', jobs.length);
    host.setOutput('scenes-missing', missing.length);
  }, protectRunner(runnerHost()));
}
