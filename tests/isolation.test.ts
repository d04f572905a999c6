import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { watchCommandFiles } from '../src/command-files.js';
import { silentLog } from '../src/log.js';
import type { RenderLimits } from '../src/render/limits.js';
import { startRenderServer } from '../src/render/server.js';
import { actionRoot, shippedFile } from '../src/shipped.js';
import { temporaryFolders } from './support/folder.js';
import { renderFolder } from './support/renders.js';

const newFolder = temporaryFolders();
const onLinux = process.platform === 'linux' ? test : test.skip;
const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? test : test.skip;

const NODES = [process.execPath, join(actionRoot(), '.tools', 'node24', 'node', 'bin', 'node')];
const SECRET = 'a-token-of-the-step';

describe.each(NODES)('on %s', (node) => {
  onLinux('the environment that the action was started with can no longer be read, and is all there for itself', () => {
    const program = `
      import { readFileSync } from 'node:fs';
      import { spawnSync } from 'node:child_process';
      import { blankEnvironmentBlock } from ${JSON.stringify(pathToFileURL(join(actionRoot(), 'src', 'own-environment.ts')).href)};
      const seen = () => readFileSync('/proc/self/environ', 'latin1').includes(process.env.STEP_TOKEN);
      const before = seen();
      const names = Object.keys(process.env).length;
      const why = blankEnvironmentBlock();
      const child = spawnSync('sh', ['-c', 'echo $STEP_TOKEN $EMPTY.'], { encoding: 'utf8' }).stdout.trim();
      const late = new Date(0).toLocaleTimeString() !== '';
      console.log(JSON.stringify({ before, after: seen(), why, same: Object.keys(process.env).length === names, child, late }));`;
    const hooks = pathToFileURL(join(actionRoot(), 'tests', 'support', 'typescript-hooks.mjs')).href;
    const ran = spawnSync(node, ['--import', hooks, '--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', STEP_TOKEN: SECRET, EMPTY: '', LONG: 'x'.repeat(100_000) },
    });
    expect(ran.stderr).toBe('');
    expect(JSON.parse(ran.stdout)).toEqual({
      before: true,
      after: false,
      same: true,
      child: `${SECRET} .`,
      late: true,
    });
  });
});

/** A program that tries to read what belongs to each process above it, and prints what it got. */
const PEEK = `
import os, pathlib
def above():
    pid = os.getppid()
    while pid > 0:
        yield pid
        pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
def namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/user")
    except OSError:
        return None
def peek(beyond=False):
    got = set()
    for pid in above():
        if beyond and namespace(pid) == namespace("self"):
            continue
        for what in ("environ", "auxv", "maps", "mem"):
            try:
                with open(f"/proc/{pid}/{what}", "rb") as file:
                    data = b"opened" if what == "mem" else file.read()
                if data:
                    got.add(what)
                if ${JSON.stringify(SECRET)}.encode() in data:
                    got.add("SECRET")
            except OSError:
                pass
        for link in ("cwd", "root", "exe", "fd/1"):
            try:
                os.readlink(f"/proc/{pid}/{link}")
                got.add(link)
            except OSError:
                pass
    return sorted(got)
`;

/** Runs the peeking program under the guard, below a shell whose environment holds the secret. */
function peek(
  folder: string,
  flags: readonly string[],
  wrapper: readonly string[] = [],
): { got: string[]; stderr: string } {
  // a copy: another user may not look into the checkout
  for (const name of ['guard.py', 'confine.py']) copyFileSync(shippedFile(`python/${name}`), join(folder, name));
  const file = join(folder, 'peek.py');
  writeFileSync(file, `${PEEK}\nprint(*peek())\n`);
  chmodSync(folder, 0o755);
  const guard = ['/usr/bin/env', 'python3', '-I', '-S', join(folder, 'guard.py'), ...flags];
  const command = [...wrapper, ...guard, 'env', '-i', process.env.PYTHON ?? '/usr/bin/python3', file];
  const ran = spawnSync('sh', ['-c', '"$@"; exit $?', 'sh', ...command], {
    encoding: 'utf8',
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', STEP_TOKEN: SECRET },
  });
  return {
    got: ran.stdout
      .trim()
      .split(' ')
      .filter((word) => word !== ''),
    stderr: ran.stderr,
  };
}

onLinux('a command finds the secrets of the processes above it without being confined', async () => {
  expect(peek(await newFolder(), []).got).toEqual(expect.arrayContaining(['SECRET', 'environ', 'maps', 'mem', 'cwd']));
});

onLinux('a confined command reads nothing of the processes above it', async () => {
  expect(peek(await newFolder(), ['--confine'])).toEqual({ got: [], stderr: '' });
});

asRoot('a confined command of a user without rights reads nothing of the processes above it', async () => {
  const other = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'];
  const folder = await newFolder();
  expect(peek(folder, [], other).got).toContain('SECRET');
  expect(peek(folder, ['--confine'], other).got).toEqual([]);
});

onLinux('a command that cannot be confined runs all the same, and the reason is reported', async () => {
  const folder = await newFolder();
  const events = join(folder, 'events');
  const inner = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@" 3>>"$0"';
  const forbid = ['unshare', '--user', '--map-root-user', 'sh', '-c', inner, events];
  writeFileSync(events, '');
  const guard = ['python3', '-I', '-S', shippedFile('python/guard.py'), '--confine', 'echo', 'ran'];
  const may = spawnSync('unshare', ['--user', 'true']).status === 0;
  const [program = '', ...args] = may ? [...forbid, ...guard] : ['sh', '-c', 'exec "$@" 3>>"$0"', events, ...guard];
  const ran = spawnSync(program, args, { encoding: 'utf8', cwd: '/', env: { PATH: '/usr/bin:/bin' } });
  expect(ran.stdout).toBe('ran\n');
  expect(readFileSync(events, 'utf8')).toContain('{"event": "unconfined", "why": "no user namespace: ');
});

const LIMITS: RenderLimits = { sceneSeconds: 120, stallSeconds: 60 };
const SCENE = `${PEEK}
from manim import Scene
class Main(Scene):
    def construct(self):
        status = pathlib.Path("/proc/self/status").read_text().split()
        raise RuntimeError(f"got {peek(beyond=True)}, no new privileges {status[status.index('NoNewPrivs:') + 1]}")
`;

onLinux('a scene reads nothing of the processes above it, rendered by the server or directly', async () => {
  const folder = await renderFolder(await newFolder());
  const server = startRenderServer(folder.place, silentLog);
  try {
    const shared = await server.shared;
    expect(shared).toBeDefined();
    const went = await Promise.all([
      folder.render('direct', SCENE, LIMITS),
      folder.render('forked', SCENE, LIMITS, shared),
    ]);
    for (const { error } of went) expect(error?.message).toContain('got [], no new privileges 1');
  } finally {
    await server.stop();
  }
});

test('command files of the runner that were written to are put back and named', async () => {
  const folder = await newFolder();
  const files = { GITHUB_ENV: 'A=1\n', GITHUB_PATH: '', GITHUB_OUTPUT: 'x=1\n', GITHUB_STEP_SUMMARY: '# before\n' };
  const env: NodeJS.ProcessEnv = { GITHUB_STATE: join(folder, 'missing') };
  for (const [name, text] of Object.entries(files)) {
    env[name] = join(folder, name);
    await writeFile(join(folder, name), text);
  }
  const restore = watchCommandFiles(env);
  expect(restore()).toEqual([]);
  await appendFile(join(folder, 'GITHUB_ENV'), 'LD_PRELOAD=/tmp/evil.so\n');
  await appendFile(join(folder, 'GITHUB_PATH'), '/tmp/evil\n');
  await writeFile(join(folder, 'GITHUB_OUTPUT'), '');
  expect(restore()).toEqual(['GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_OUTPUT']);
  for (const [name, text] of Object.entries(files)) expect(await readFile(join(folder, name), 'utf8')).toBe(text);
});
