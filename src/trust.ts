/**
 * Events that only people with write access to the repository cause, and that run its own code. Every other event, also one
 * that GitHub adds later, is of low trust: strangers can cause it, or it may run their code.
 */
const OWN_EVENTS = new Set([
  'push', // a fork's pushes run in the fork
  'schedule',
  'workflow_dispatch',
  'repository_dispatch',
  'merge_group', // only those who may write can queue a pull request
  'create',
  'delete',
  'release',
  'deployment',
  'page_build',
  'registry_package',
  'branch_protection_rule',
]);

/** Events about a pull request, which are our own when its branch lies in the repository itself. */
const PULL_REQUEST_EVENTS = new Set(['pull_request', 'pull_request_review', 'pull_request_review_comment']);

/**
 * Whether a workflow run may execute code of people who may not write to the repository: an event that strangers can cause,
 * or a pull request from a fork. `payload` is the parsed event; one that does not say where the code is from counts as low trust.
 */
export function isLowTrust(event: string, payload: unknown): boolean {
  if (event === '' || OWN_EVENTS.has(event)) return false;
  if (!PULL_REQUEST_EVENTS.has(event)) return true;
  const head = repositoryOf(payload, 'head');
  const base = repositoryOf(payload, 'base');
  return head === undefined || base === undefined || head !== base;
}

/** The full name of the repository of one side of a pull request; undefined where a fork was deleted or nothing is said. */
function repositoryOf(payload: unknown, side: 'head' | 'base'): string | undefined {
  const name = at(at(at(at(payload, 'pull_request'), side), 'repo'), 'full_name');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function at(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
