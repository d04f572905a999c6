import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runnerHost } from '../src/host.js';
import { isLowTrust } from '../src/trust.js';
import { temporaryFolders } from './support/folder.js';

const newFolder = temporaryFolders();

const pull = (head: unknown, base: unknown): unknown => ({
  action: 'opened',
  pull_request: { head: { ref: 'fix', repo: head }, base: { ref: 'main', repo: base } },
});
const own = { full_name: 'team/videos' };
const fork = { full_name: 'stranger/videos' };

test.each<[string, string, unknown, boolean]>([
  ['a push', 'push', {}, false],
  ['a schedule', 'schedule', {}, false],
  ['a run started by hand', 'workflow_dispatch', {}, false],
  ['a repository dispatch', 'repository_dispatch', {}, false],
  ['a merge queue', 'merge_group', {}, false],
  ['a release', 'release', {}, false],
  ['no event at all: a local run', '', undefined, false],
  ['a pull request of our own', 'pull_request', pull(own, own), false],
  ['a pull request from a fork', 'pull_request', pull(fork, own), true],
  ['a pull request from a fork that was deleted', 'pull_request', pull(null, own), true],
  ['a pull request without any repository', 'pull_request', pull(null, null), true],
  ['a pull request with repositories that have no name', 'pull_request', pull({}, {}), true],
  ['a pull request with empty names', 'pull_request', pull({ full_name: '' }, { full_name: '' }), true],
  ['a pull request with names that are no text', 'pull_request', pull({ full_name: 1 }, { full_name: 1 }), true],
  ['a pull request whose payload cannot be read', 'pull_request', undefined, true],
  ['a pull request whose payload is a list', 'pull_request', [], true],
  ['a review of our own pull request', 'pull_request_review', pull(own, own), false],
  ['a review of a pull request from a fork', 'pull_request_review', pull(fork, own), true],
  ['a review comment on our own pull request', 'pull_request_review_comment', pull(own, own), false],
  ['a review comment on a pull request from a fork', 'pull_request_review_comment', pull(fork, own), true],
  ['a review comment on a pull request of a deleted fork', 'pull_request_review_comment', pull(null, own), true],
  ['a pull request seen with the rights of its target', 'pull_request_target', pull(own, own), true],
  ['a comment', 'issue_comment', {}, true],
  ['an issue', 'issues', {}, true],
  ['a discussion', 'discussion', {}, true],
  ['a discussion comment', 'discussion_comment', {}, true],
  ['a run after another workflow, which may be that of a fork', 'workflow_run', {}, true],
  ['a fork', 'fork', {}, true],
  ['a star', 'watch', {}, true],
  ['a wiki page', 'gollum', {}, true],
  ['a check of any app', 'check_run', {}, true],
  ['the status of a commit', 'status', {}, true],
  ['the status of a deployment', 'deployment_status', {}, true],
  ['a label', 'label', {}, true],
  ['a new member', 'member', {}, true],
  ['an event that is not known', 'something_new', {}, true],
  ['an event named like a method', 'constructor', {}, true],
])('%s is judged by where its code may come from', (_, event, payload, expected) => {
  expect(isLowTrust(event, payload)).toBe(expected);
});

test.each<[string, string | undefined, boolean]>([
  ['a fork', JSON.stringify(pull(fork, own)), true],
  ['a branch of our own', JSON.stringify(pull(own, own)), false],
  ['nobody knows where: its file is no JSON', '{"pull_request": ', true],
  ['nobody knows where: its file is missing', undefined, true],
])('a review on a runner whose event comes from %s', async (_, payload, expected) => {
  const path = join(await newFolder(), 'event.json');
  if (payload !== undefined) await writeFile(path, payload);
  const env = { GITHUB_EVENT_NAME: 'pull_request_review', GITHUB_EVENT_PATH: path };
  expect(runnerHost(env).lowTrust).toBe(expected);
});
