import { mkdir, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { runnerPlaces } from '../src/confinement.js';
import { childEnvironment } from '../src/process.js';
import { trustSystemPrograms } from '../src/search-path.js';
import { findOnPath } from '../src/setup/path.js';
import { temporaryFolders, writeFiles } from './support/folder.js';

const newFolder = temporaryFolders();
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** Paths below `base` that are hidden and read-only, for a runner in it. */
async function placesOf(
  base: string,
  env: NodeJS.ProcessEnv,
  { actionRoot = 'work/_actions/flaming-horse/build/v1', node = 'runner/externals/node24/bin/node' } = {},
): Promise<{ hide: string[]; readOnly: string[]; words: string[] }> {
  const home = join(base, 'home');
  await writeFiles(base, { [node]: '', [`${actionRoot}/action.yml`]: '', 'home/file': '' });
  await mkdir(join(base, 'work', 'videos', 'videos'), { recursive: true });
  const variables = {
    GITHUB_WORKSPACE: join(base, 'work/videos/videos'),
    XDG_CACHE_HOME: join(home, '.cache'),
    ...env,
  };
  const runner = { home, uid: 4321, node: join(base, node), actionRoot: join(base, actionRoot) };
  const { hide, readOnly } = runnerPlaces(variables, runner);
  const below = (places: typeof hide): string[] =>
    places.flatMap(({ path }) => (path.startsWith(`${base}/`) ? [path.slice(base.length + 1)] : [])).sort();
  return { hide: below(hide), readOnly: below(readOnly), words: hide.flatMap(({ what }) => what ?? []) };
}

const COMMANDS = 'work/_temp/_runner_file_commands';

test('a hosted runner: command files, tokens and credentials are hidden, programs of later steps are read-only', async () => {
  const base = await newFolder();
  const workspace = 'work/videos/videos';
  const secret = '[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic eDp5\n';
  await writeFiles(base, {
    [`${COMMANDS}/set_env_1`]: '',
    [`${COMMANDS}/add_path_1`]: '',
    'work/_temp/git-credentials-1.config': secret,
    'work/_temp/other.config': '',
    [`${workspace}/.git/config`]: secret,
    [`${workspace}/.git/modules/sub/config`]: '[remote "origin"]\n\turl = https://x-access-token:abc@github.com/a/b\n',
    [`${workspace}/.git/modules/plain/config`]: '[remote "origin"]\n\turl = https://github.com/a/b\n',
    [`${workspace}/projects/one/.git/config`]: '[remote "origin"]\n\turl = git@github.com:a/b\n',
    'home/.netrc': '',
    'home/.docker/config.json': '{}',
    'home/.ssh/id_ed25519': '',
    'home/work/google.json': '',
    'tools/Python/3.11/bin/python': '',
    'runner/bin/Runner.Worker': '',
  });
  const env = {
    GITHUB_ENV: join(base, COMMANDS, 'set_env_1'),
    GITHUB_PATH: join(base, COMMANDS, 'add_path_1'),
    GITHUB_OUTPUT: join(base, COMMANDS, 'missing'),
    RUNNER_TEMP: join(base, 'work/_temp'),
    RUNNER_TOOL_CACHE: join(base, 'tools'),
    GOOGLE_APPLICATION_CREDENTIALS: join(base, 'home/work/google.json'),
    INPUT_PROJECT: 'projects/one',
  };
  expect(await placesOf(base, env)).toMatchObject({
    hide: [
      'home/.docker/config.json',
      'home/.netrc',
      'home/.ssh',
      'home/work/google.json',
      COMMANDS,
      'work/_temp/git-credentials-1.config',
      `${workspace}/.git/config`,
      `${workspace}/.git/modules/sub/config`,
    ],
    readOnly: ['runner/bin', 'runner/externals', 'tools', 'work/_actions'],
  });
});

test('a self-hosted runner that works in its own folder: its registration is hidden, the work stays writable', async () => {
  const base = await newFolder();
  await writeFiles(base, {
    'runner/.credentials': '',
    'runner/.credentials_rsaparams': '',
    'runner/.env': '',
    'runner/bin/x': '',
    'runner/_work/videos/videos/file': '',
  });
  const env = { GITHUB_WORKSPACE: join(base, 'runner/_work/videos/videos') };
  expect(await placesOf(base, env, { actionRoot: 'runner/_work/_actions/a/b/v1' })).toEqual({
    hide: ['runner/.credentials', 'runner/.credentials_rsaparams'],
    readOnly: ['runner/.env', 'runner/_work/_actions', 'runner/bin', 'runner/externals'],
    words: ["the runner's registration", "the runner's registration"],
  });
});

test('places that a build needs are left open: its own checkout as action, a tool cache around it, command files among it', async () => {
  const base = await newFolder();
  await writeFiles(base, { 'work/videos/videos/envs.txt': '', 'work/other.txt': '' });
  const env = {
    GITHUB_ENV: join(base, 'work/videos/videos/envs.txt'),
    GITHUB_OUTPUT: join(base, 'work/other.txt'),
    RUNNER_TOOL_CACHE: join(base, 'work'),
    KUBECONFIG: join(base, 'work'),
  };
  const node = 'usr/bin/node';
  expect(await placesOf(base, env, { actionRoot: 'work/videos/videos', node })).toEqual({
    hide: ['work/other.txt', 'work/videos/videos/envs.txt'],
    readOnly: [],
    words: [],
  });
});

test('services that this user may ask are hidden and named, those that it may not are no finding', async () => {
  const base = await newFolder();
  const socket = join(base, 'docker.sock');
  servers.push(createServer().listen(socket));
  await symlink(socket, join(base, 'agent'));
  const { hide, words } = await placesOf(base, { DOCKER_HOST: `unix://${socket}`, SSH_AUTH_SOCK: join(base, 'agent') });
  expect(hide).toEqual(['docker.sock']);
  expect(words).toContain('container services such as Docker');
  expect((await placesOf(base, { DOCKER_HOST: `unix://${base}/missing` })).hide).toEqual([]);
});

test('nothing at all is known of the runner', async () => {
  expect(await placesOf(await newFolder(), {}, { actionRoot: 'a', node: 'node' })).toMatchObject({
    hide: [],
    readOnly: [],
  });
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('what the action starts itself comes from folders of the system, what a build runs from PATH', async () => {
  const before = process.env.PATH;
  const folder = await newFolder();
  await writeFiles(folder, { tar: '#!/bin/sh\n' });
  const { chmod } = await import('node:fs/promises');
  await chmod(join(folder, 'tar'), 0o755);
  process.env.PATH = `${folder}:${before}`;
  try {
    trustSystemPrograms();
    const own = await import('@actions/io');
    expect(await own.which('tar', true)).toMatch(/^\/(usr\/)?s?bin\/tar$/);
    expect(await findOnPath('tar')).toBe(join(folder, 'tar'));
    expect(childEnvironment().PATH).toBe(`${folder}:${before}`);
  } finally {
    process.env.PATH = before;
  }
});
