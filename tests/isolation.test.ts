import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { appendFile, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commandFiles } from '../src/command-files.js';
import { silentLog } from '../src/log.js';
import type { RenderLimits } from '../src/render/limits.js';
import { startRenderServer } from '../src/render/server.js';
import { actionRoot, shippedFile } from '../src/shipped.js';
import { temporaryFolders, writeFiles } from './support/folder.js';
import { writeProject } from './support/project.js';
import { python } from './support/python.js';
import { MANIM_PYTHON, renderFolder } from './support/renders.js';

const newFolder = temporaryFolders();
const onLinux = process.platform === 'linux' ? test : test.skip;

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

const SUPPORT = join(actionRoot(), 'tests', 'python', 'isolation');
/** One that every user may start. */
const PYTHON = '/usr/bin/python3';
const AS_ROOT = process.getuid?.() === 0;

/** What of the kernel's means there is on this machine, asked in ways that are not ours. */
const HAS = {
  namespaces: spawnSync('unshare', ['--user', '--map-current-user', 'true']).status === 0,
  mounts: spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0,
  landlock: python(
    'import json, ctypes; print(json.dumps(ctypes.CDLL(None).syscall(444, None, 0, 1)))',
    null,
  ) as number,
};

/** What everybody may do with the processes of the same user, and what root may. */
const READING = ['SECRET', 'auxv', 'environ', 'files', 'links', 'maps', 'memory'];
const PLACES = ['add to hidden', 'change fixed', 'change fixed.txt', 'list hidden', 'read token'];

interface Attempt {
  readonly user: 'root' | 'a user without rights';
  /** System calls that the kernel refuses; see tests/python/isolation/refuse.py. */
  readonly refused: string;
  readonly confined: boolean;
}

/** Runs the spy under the guard, below a shell whose environment holds the secret. */
async function attempt({ user, refused, confined }: Attempt): Promise<{ got: string[]; told: unknown[] }> {
  const folder = await newFolder();
  // copies: another user may not look into the checkout
  const programs = [shippedFile('python/guard.py'), shippedFile('python/confine.py')];
  for (const file of [...programs, join(SUPPORT, 'refuse.py'), join(SUPPORT, 'spy.py')])
    copyFileSync(file, join(folder, basename(file)));
  mkdirSync(join(folder, 'hidden'));
  mkdirSync(join(folder, 'fixed'));
  for (const name of ['hidden/file', 'token', 'fixed.txt', 'events']) writeFileSync(join(folder, name), 'content');
  const setuid = join(folder, 'id');
  copyFileSync('/usr/bin/id', setuid);
  for (const [name, mode] of [
    ['', 0o755],
    ['hidden', 0o777],
    ['fixed', 0o777],
    ['fixed.txt', 0o666],
    ['events', 0o666],
    ['id', 0o4755],
  ] as const)
    chmodSync(join(folder, name), mode);
  writeFileSync(join(folder, 'events'), '');
  const paths = (...names: string[]): string[] => names.map((name) => join(folder, name));
  const [hide, readOnly] = [paths('hidden', 'token'), paths('fixed', 'fixed.txt')];
  const places = JSON.stringify({ hide, read_only: readOnly });
  const flags = [
    '--confine',
    ...hide.flatMap((path) => ['--hide', path]),
    ...readOnly.flatMap((path) => ['--read-only', path]),
  ];
  const other = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'];
  const command = [
    ...(refused ? [PYTHON, join(folder, 'refuse.py'), refused] : []),
    ...(user === 'root' || !AS_ROOT ? [] : other),
    ...['sh', '-c', '"$@" 3>>"$EVENTS"; exit $?', 'sh', 'env', '-u', 'STEP_TOKEN'],
    ...[PYTHON, '-I', '-S', join(folder, 'guard.py'), ...(confined ? flags : [])],
    ...[PYTHON, join(folder, 'spy.py'), SECRET, places, setuid],
  ];
  const [program = '', ...args] = command;
  const ran = spawnSync(program, args, {
    encoding: 'utf8',
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ignore'],
    env: { PATH: '/usr/sbin:/usr/bin:/bin', STEP_TOKEN: SECRET, EVENTS: join(folder, 'events') },
  });
  expect(ran.stderr).toBe('');
  const lines = readFileSync(join(folder, 'events'), 'utf8').split('\n');
  const events = lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { event: string; what?: string });
  return {
    got: JSON.parse(ran.stdout),
    told: events.filter(({ event }) => event === 'unconfined').map(({ what }) => what),
  };
}

/** Rows that this machine can show. Signals are refused by Landlock, from its version 6 on. */
type Row = readonly [what: string, attempt: Attempt, got: readonly string[], told: readonly string[], can: boolean];
const [root, nobody] = ['root', 'a user without rights'] as const;
const signal = HAS.landlock >= 6 ? [] : ['signal'];
const landlock = HAS.landlock >= 2;
const ROWS: readonly Row[] = (
  [
    [
      'a command of root finds the secret without being confined',
      { user: root, refused: '', confined: false },
      [...READING, ...PLACES, 'signal', 'trace'],
      [],
      true,
    ],
    [
      'a command of a user without rights finds the secret without being confined, and becomes root',
      { user: nobody, refused: '', confined: false },
      [...READING, ...PLACES, 'setuid', 'signal', 'trace'],
      [],
      true,
    ],
    ...([root, nobody] as const).map(
      (user): Row => [
        `a confined command of ${user} reaches nothing`,
        { user, refused: '', confined: true },
        signal,
        [],
        HAS.mounts,
      ],
    ),
    ...([root, nobody] as const).map(
      (user): Row => [
        `a confined command of ${user} reaches no process where namespaces are forbidden, as in Docker, and says what is open`,
        { user, refused: 'unshare,mount', confined: true },
        [...PLACES, ...signal],
        ['places'],
        landlock,
      ],
    ),
    ...([root, nobody] as const).map(
      (user): Row => [
        `a confined command of ${user} reaches no process where mounts are forbidden, as on Ubuntu 24.04, and says what is open`,
        { user, refused: 'mount', confined: true },
        [...PLACES, ...signal],
        ['places'],
        landlock,
      ],
    ),
    ...([root, nobody] as const).map(
      (user): Row => [
        `a confined command of ${user} reads nothing on a kernel without Landlock`,
        { user, refused: 'landlock', confined: true },
        ['signal'],
        [],
        HAS.mounts,
      ],
    ),
    [
      'a confined command of root reads no process where neither namespaces nor Landlock are to be had',
      { user: root, refused: 'unshare,mount,landlock', confined: true },
      [...PLACES, 'signal'],
      ['places'],
      true,
    ],
    [
      'a confined command of a user without rights says so where nothing helps but the ban on setuid programs',
      { user: nobody, refused: 'unshare,mount,landlock', confined: true },
      [...READING, ...PLACES, 'signal', 'trace'],
      ['places', 'processes'],
      true,
    ],
  ] satisfies readonly Row[]
).filter(([, { user }, , , can]) => can && process.platform === 'linux' && (user !== root || AS_ROOT));

test.each(ROWS)('%s', async (_, row, got, told) => {
  const seen = await attempt(row);
  expect({ got: seen.got, told: [...seen.told].sort() }).toEqual({ got: [...got].sort(), told });
});

const LIMITS: RenderLimits = { sceneSeconds: 120, stallSeconds: 60 };
const SCENE = `
import sys
from pathlib import Path
sys.path.append(${JSON.stringify(SUPPORT)})
import spy
from manim import Scene

class Main(Scene):
    def construct(self):
        status = Path("/proc/self/status").read_text().split()
        got = spy.spy(${JSON.stringify(SECRET)}, {}, own=("render.server",))
        raise RuntimeError(f"got {got}, no new privileges {status[status.index('NoNewPrivs:') + 1]}")
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
    for (const { error } of went)
      expect(error?.message).toContain(`got [${signal.map((name) => `'${name}'`)}], no new privileges 1`);
  } finally {
    await server.stop();
  }
});

onLinux('the guard, which is not confined, stays what it was when a scene changes its file', async () => {
  const copy = await newFolder();
  for (const name of ['src', 'python', 'package.json'])
    cpSync(join(actionRoot(), name), join(copy, name), { recursive: true });
  await symlink(join(actionRoot(), 'node_modules'), join(copy, 'node_modules'));
  const program = join(copy, 'program.ts');
  await writeFile(
    program,
    `import { writeFileSync } from 'node:fs';
     import { childEnvironment, run } from './src/process.ts';
     const options = { env: childEnvironment(), guardPython: ${JSON.stringify(PYTHON)} };
     const said = [];
     for (let time = 0; time < 2; time++) {
       said.push((await run('echo', ['the command'], options)).stdout);
       for (const name of ['guard', 'confine']) writeFileSync(\`${copy}/python/\${name}.py\`, 'print("the scene")');
     }
     console.log(JSON.stringify(said));`,
  );
  const hooks = pathToFileURL(join(actionRoot(), 'tests', 'support', 'typescript-hooks.mjs')).href;
  const ran = spawnSync(process.execPath, ['--import', hooks, program], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  expect(ran.stdout).toBe('["the command\\n","the command\\n"]\n');
});

/** A scene that spies, writes where it should not, and leaves a program behind that the build starts later. */
const HOSTILE = `
import json, os, sys
from pathlib import Path
sys.path.append(${JSON.stringify(SUPPORT)})
import spy
from manim import Scene

HOME = Path(os.environ["HOME"])
PROGRAM = f"""#!/bin/sh
/usr/bin/python3 {spy.__file__} $SECRET '{{}}' '' "$0" > {HOME}/by-$(basename "$0").json
PATH=/usr/local/bin:/usr/bin:/bin exec "$(basename "$0")" "$@"
"""

class Intro(Scene):
    def construct(self):
        secret = Path("secret.txt").read_text()[::-1]
        got = spy.spy(secret, {"hide": json.loads(Path("places.json").read_text())}, own=("render.server",))
        Path("got.json").write_text(json.dumps(got))
        for name in ("ffprobe", "tar"):
            program = HOME / ".local/bin" / name
            program.write_text(PROGRAM.replace("$SECRET", secret))
            program.chmod(0o755)
        for file in (HOME.parent / "temp/_runner_file_commands").glob("*"):
            try:
                file.open("a").write("LD_PRELOAD=/tmp/evil.so\\n")
            except OSError:
                pass
        self.wait(0.2)
`;

interface Built {
  readonly output: string;
  /** What the scene reached, and what the programs that it left behind did, by their names. */
  readonly got: Readonly<Record<string, readonly string[]>>;
  readonly files: Readonly<Record<string, string>>;
}

/** Builds a project with that scene as on a runner, where the kernel refuses some system calls. */
async function buildHostile(refused: string): Promise<Built> {
  const base = await newFolder();
  const [home, commands] = [join(base, 'home'), join(base, 'temp', '_runner_file_commands')];
  const project = await writeProject(join(base, 'work'), {
    scenes: [{ id: 'scene_01_intro', title: 'Intro', file: 'scene_01_intro.py', class_name: 'Intro' }],
    files: {
      'scene_01_intro.py': HOSTILE,
      'secret.txt': [...SECRET].reverse().join(''),
      'places.json': JSON.stringify([commands, join(home, '.netrc'), join(base, 'work', '.git', 'config')]),
    },
  });
  const names = ['GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY'];
  await writeFiles(base, {
    'home/.netrc': 'machine example.org password x',
    'home/.local/bin/readme': '',
    'work/.git/config': '[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic eDp5',
    'build.ts': `import { main } from ${JSON.stringify(join(actionRoot(), 'src', 'main.ts'))}; await main();`,
    ...Object.fromEntries(names.map((name) => [`temp/_runner_file_commands/${name}`, ''])),
  });
  const hooks = pathToFileURL(join(actionRoot(), 'tests', 'support', 'typescript-hooks.mjs')).href;
  const node = [process.execPath, '--import', hooks, join(base, 'build.ts')];
  const [program = '', ...args] = refused ? [PYTHON, join(SUPPORT, 'refuse.py'), refused, ...node] : node;
  const ran = spawnSync(program, args, {
    encoding: 'utf8',
    cwd: base,
    env: {
      PATH: `${join(home, '.local/bin')}:${process.env.PATH}`,
      HOME: home,
      STEP_TOKEN: SECRET,
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_NAME: 'push',
      GITHUB_WORKSPACE: join(base, 'work'),
      RUNNER_TEMP: join(base, 'temp'),
      INPUT_PROJECT: project,
      INPUT_PYTHON: MANIM_PYTHON,
      INPUT_VOICE: 'espeak',
      INPUT_SETUP: 'never',
      INPUT_QUALITY: 'low',
      INPUT_CACHE: 'off',
      INPUT_GATES: 'off',
      ...Object.fromEntries(names.map((name) => [name, join(commands, name)])),
    },
  });
  const output = ran.stdout + ran.stderr;
  if (ran.status !== 0) throw new Error(output);
  const json = (path: string): string[] => JSON.parse(readFileSync(path, 'utf8')) as string[];
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(commands, name), 'utf8')]));
  const got = { scene: json(join(project, 'got.json')), ffprobe: json(join(home, 'by-ffprobe.json')) };
  return { output, got, files };
}

const onMounts = HAS.mounts && landlock ? onLinux : test.skip;
onMounts(
  'a build on a runner keeps the token, the command files and credentials from a scene and what it leaves behind',
  async () => {
    const { got, files, output } = await buildHostile('');
    expect(got).toEqual({ scene: signal, ffprobe: signal });
    expect(files).toMatchObject({ GITHUB_ENV: '', GITHUB_PATH: '', GITHUB_STATE: '' });
    expect(files.GITHUB_OUTPUT).toMatch(/^video<<.*final_video.mp4/s);
    expect(`${output}${Object.values(files).join()}`).not.toMatch(/evil|scenes can |SECURITY.md/);
  },
);

onLinux('a build that cannot keep them says so once, and puts the command files back', async () => {
  const { got, files, output } = await buildHostile('unshare,mount,landlock,prctl');
  // the blank block of the environment helps even here
  expect(got.scene).toEqual(
    ['add to _runner_file_commands', 'auxv', 'environ', 'files', 'links', 'list _runner_file_commands']
      .concat(['maps', 'memory', 'read .netrc', 'read config', 'signal', 'trace'])
      .sort(),
  );
  expect(got.ffprobe).toContain('memory');
  expect(files).toMatchObject({ GITHUB_ENV: '', GITHUB_PATH: '', GITHUB_STATE: '' });
  expect(`${Object.values(files).join()}`).not.toContain('evil');
  expect(output).toMatch(/::warning::something that this build ran wrote to files of the runner \(.*GITHUB_ENV.*\)/);
  for (const text of [
    'scenes can read the memory and environment of other processes of this user',
    'scenes can reach credentials in the home folder, the token of actions/checkout (set persist-credentials: false)',
  ]) {
    expect(output.split(text)).toHaveLength(2);
    expect(files.GITHUB_STEP_SUMMARY?.split(text)).toHaveLength(2);
  }
});

test('command files of the runner that were written to are put back and named, what the action writes stays', async () => {
  const folder = await newFolder();
  const texts = { GITHUB_ENV: 'A=1\n', GITHUB_PATH: '', GITHUB_OUTPUT: 'x=1\n', GITHUB_STEP_SUMMARY: '# before\n' };
  const env: NodeJS.ProcessEnv = { GITHUB_STATE: join(folder, 'GITHUB_STATE') };
  for (const [name, text] of Object.entries(texts)) {
    env[name] = join(folder, name);
    await writeFile(join(folder, name), text);
  }
  const files = commandFiles(env);
  expect(files.settle()).toEqual([]);
  await appendFile(join(folder, 'GITHUB_ENV'), 'LD_PRELOAD=/tmp/evil.so\n');
  await writeFile(join(folder, 'GITHUB_OUTPUT'), 'forged=1\n');
  files.write(() => writeFileSync(join(folder, 'GITHUB_OUTPUT'), 'x=1\ny=2\n'));
  await writeFile(join(folder, 'elsewhere'), 'kept');
  await rm(join(folder, 'GITHUB_PATH'));
  await symlink(join(folder, 'elsewhere'), join(folder, 'GITHUB_PATH'));
  await writeFile(join(folder, 'GITHUB_STATE'), 'came=later\n');
  expect(files.settle().sort()).toEqual(['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_PATH', 'GITHUB_STATE']);
  const content = (name: string): Promise<string> => readFile(join(folder, name), 'utf8').catch(() => 'missing');
  expect(await Promise.all([...Object.keys(texts), 'GITHUB_STATE', 'elsewhere'].map(content))).toEqual([
    'A=1\n',
    '',
    'x=1\ny=2\n',
    '# before\n',
    'missing',
    'kept',
  ]);
  expect(files.settle()).toEqual([]);
});
