import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { COMMAND_FILES } from './command-files.js';
import { cacheHome } from './setup/options.js';
import { actionRoot } from './shipped.js';

/*
 * What children that run code of the project, or code from the cache, must not reach beside the processes above them:
 * python/confine.py carries it out, src/process.ts asks it to.
 */

/** A file or folder, with the words for it where a person should know that it could not be closed. */
export interface Place {
  readonly path: string;
  readonly what?: string | undefined;
}

export interface Places {
  /** Covered by something empty. */
  readonly hide: readonly Place[];
  readonly readOnly: readonly Place[];
}

/** What a runner is, beside its variables. */
export interface Runner {
  readonly home: string;
  readonly uid: number;
  /** The program that runs the action; it lies in the runner's own folder. */
  readonly node: string;
  readonly actionRoot: string;
}

/** Sockets of services that do things in the name of whoever asks. */
const CONTAINERS = ['/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock'];
const SYSTEM = ['/run/dbus/system_bus_socket', '/run/systemd/private'];

/** Where programs leave credentials in the home folder. */
const CREDENTIALS = [
  '.aws',
  '.azure',
  '.cargo/credentials.toml',
  '.config/gcloud',
  '.config/gh',
  '.config/git/credentials',
  '.config/pypoetry/auth.toml',
  '.docker/config.json',
  '.git-credentials',
  '.gnupg',
  '.kube',
  '.m2/settings.xml',
  '.netrc',
  '.npmrc',
  '.pypirc',
  '.ssh',
  '.terraform.d/credentials.tfrc.json',
];
/** Variables that name such files. */
const CREDENTIAL_VARIABLES = [
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'GOOGLE_GHA_CREDS_PATH',
  'KUBECONFIG',
  'NETRC',
  'NPM_CONFIG_USERCONFIG',
  'SSH_AUTH_SOCK',
];

/** A header or a password in a repository's settings, as actions/checkout leaves it before version 6. */
const TOKEN_IN_CONFIG = /extraheader\s*=|:\/\/[^/@\s]*:[^/@\s]+@/i;

/** The places of a runner that are not for project code. Only what exists, links resolved; nothing that a build needs. */
export function runnerPlaces(env: NodeJS.ProcessEnv, runner: Runner = thisRunner()): Places {
  const { home, uid, node } = runner;
  const workspace = env.GITHUB_WORKSPACE ?? process.cwd();
  const written = [workspace, home, tmpdir(), cacheHome(env), ...(env.RUNNER_TEMP ? [env.RUNNER_TEMP] : [])];
  const needed = [...written, runner.actionRoot, node];

  const folders = existing([...new Set(commandFiles(env).map(({ path }) => dirname(path)))].map((path) => ({ path })));
  const commands = folders.flatMap((folder) =>
    holdsAny(folder.path, needed) ? commandFiles(env).filter(({ path }) => isIn(path, folder.path)) : [folder],
  );
  const named = (what: string | undefined, paths: readonly string[]): Place[] => paths.map((path) => ({ path, what }));
  const sockets = [...CONTAINERS, ...(env.DOCKER_HOST?.startsWith('unix://') ? [env.DOCKER_HOST.slice(7)] : [])];
  const program = /^(.*)\/externals\/node\d+[^/]*\/bin\/node$/.exec(node)?.[1];
  const actions = /^(.*\/_actions)\//.exec(`${runner.actionRoot}/`)?.[1];
  const hide = [
    ...commands,
    ...named('container services such as Docker', sockets.filter(mayConnect)),
    ...named(uid === 0 ? 'services of the system' : undefined, SYSTEM.filter(mayConnect)),
    ...named(undefined, [`/run/user/${uid}`]),
    ...named(
      'credentials in the home folder',
      CREDENTIALS.map((name) => join(home, name)),
    ),
    ...named(
      'credentials of this step',
      CREDENTIAL_VARIABLES.flatMap((name) => env[name] ?? []),
    ),
    ...named('the token of actions/checkout (set persist-credentials: false)', checkoutTokens(env, workspace)),
    ...named(
      "the runner's registration",
      program ? ['.credentials', '.credentials_rsaparams'].map((name) => join(program, name)) : [],
    ),
  ];
  const readOnly = named('programs of later steps', [
    ...(actions ? [actions] : []),
    ...(program ? ['bin', 'externals', '.env', '.path'].map((name) => join(program, name)) : []),
    ...(env.RUNNER_TOOL_CACHE ? [env.RUNNER_TOOL_CACHE] : []),
  ]);
  return {
    hide: existing(hide).filter(({ path }) => !holdsAny(path, needed)),
    readOnly: existing(readOnly).filter(({ path }) => !holdsAny(path, written)),
  };
}

function thisRunner(): Runner {
  return { home: homedir(), uid: process.getuid?.() ?? 0, node: process.execPath, actionRoot: actionRoot() };
}

function commandFiles(env: NodeJS.ProcessEnv): Place[] {
  return existing(COMMAND_FILES.flatMap((name) => (env[name] ? [{ path: env[name] }] : [])));
}

/** Files in which actions/checkout leaves its token: in the repository of the project, and since version 6 beside it. */
function checkoutTokens(env: NodeJS.ProcessEnv, workspace: string): string[] {
  const gits: string[] = [];
  for (let folder = resolve(workspace, env.INPUT_PROJECT ?? '.'); isIn(folder, workspace); folder = dirname(folder)) {
    gits.push(join(folder, '.git'));
  }
  const configs = gits.flatMap((git) => [
    join(git, 'config'),
    ...namesIn(join(git, 'modules')).map((name) => join(git, 'modules', name, 'config')),
  ]);
  const temporary = env.RUNNER_TEMP ?? '';
  const beside = namesIn(temporary).filter((name) => /^git-credentials-.*\.config$/.test(name));
  return [...configs.filter(hasToken), ...beside.map((name) => join(temporary, name))];
}

function hasToken(config: string): boolean {
  try {
    return TOKEN_IN_CONFIG.test(readFileSync(config, 'utf8'));
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return folder === '' ? [] : readdirSync(folder);
  } catch {
    return [];
  }
}

function mayConnect(socket: string): boolean {
  try {
    accessSync(socket, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function existing(places: readonly Place[]): Place[] {
  const found = places.filter(({ path }) => existsSync(path));
  const byPath = new Map(found.reverse().map((place) => [realpathSync(place.path), place.what]));
  return [...byPath].reverse().map(([path, what]) => ({ path, what }));
}

/** Whether any of the paths lies in a folder, or is it. */
function holdsAny(folder: string, paths: readonly string[]): boolean {
  return paths.some((path) => existsSync(path) && isIn(realpathSync(path), folder));
}

function isIn(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || !(way === '..' || way.startsWith('../'));
}

let closed: Places = { hide: [], readOnly: [] };

/** From now on, confined children do not reach these places. */
export function closePlaces(places: Places): void {
  closed = places;
}

/** The options of the guard that confine a command. `credentials`: leave all places as they are, as installers need. */
export function confining(credentials: boolean): string[] {
  const options = (name: string, places: readonly Place[]): string[] => places.flatMap(({ path }) => [name, path]);
  if (credentials) return ['--confine'];
  return ['--confine', ...options('--hide', closed.hide), ...options('--read-only', closed.readOnly)];
}

const told = new Set<string>();
let tell: ((text: string) => void) | undefined;

/** Names who is told, once for each kind, what a child is not kept from. */
export function tellUnconfined(listener: (text: string) => void): void {
  told.clear();
  tell = listener;
}

/** Takes an event `unconfined` of the guard. */
export function onUnconfined({ what, why }: Readonly<Record<string, unknown>>): void {
  const text =
    what === 'processes'
      ? 'scenes can read the memory and environment of other processes of this user'
      : openPlaces(closed);
  if (!text || told.has(text)) return;
  told.add(text);
  tell?.(
    `${text}, since this system does not let them be kept from it (${String(why).slice(0, 200)}); see SECURITY.md`,
  );
}

function openPlaces({ hide, readOnly }: Places): string | undefined {
  const reached = [...new Set(hide.flatMap(({ what }) => what ?? []))];
  const changed = [...new Set(readOnly.flatMap(({ what }) => what ?? []))];
  const parts = [
    ...(reached.length > 0 ? [`scenes can reach ${reached.join(', ')}`] : []),
    ...(changed.length > 0 ? [`scenes can change ${changed.join(', ')}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : undefined;
}
