import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childEnvironment, killAll, type RunOptions, run } from '../src/process.js';
import { actionRoot, shippedFile } from '../src/shipped.js';
import { temporaryFolders } from './support/folder.js';
import { python } from './support/python.js';
import { startTypeScript } from './support/typescript.js';

const newFolder = temporaryFolders();
const env = childEnvironment();
/** Python itself, where python3 is a script that looks for one and sets variables on its way. */
const PYTHON = python('import sys, json; print(json.dumps(sys.executable))', null) as string;

/** The two ways in which children are started. */
const WAYS: readonly (readonly [string, Partial<RunOptions>])[] = [
  ['bare', {}],
  ['under the guard', { guardPython: PYTHON }],
];

const shell = (script: string, options: Partial<RunOptions> = {}) => run('sh', ['-c', script], { env, ...options });

/** Whether a process runs; one that has ended and was not yet collected does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/^\d+ \(.*\) [ZX]/s.test(readFileSync(stat, 'utf8'));
}

/** The processes with this in their environment. */
function marked(mark: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(mark);
    } catch {
      return false; // it has ended
    }
  });
}

/** Waits until processes have ended. Fails where they are still there after a long time. */
async function ended(pids: readonly number[]): Promise<void> {
  for (let tries = 0; pids.some(isRunning); tries++) {
    if (tries > 300) {
      for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
      throw new Error(`still running: ${pids.filter(isRunning).join(', ')}`);
    }
    await sleep(100);
  }
}

/** A child that says nothing and does not end by itself, whatever polite signals it gets. */
const STUBBORN = 'trap "" TERM INT HUP; sleep 1000';

describe.each(WAYS)('a child started %s', (_, way) => {
  test('gives its status, its output and its lines', async () => {
    const lines: string[] = [];
    const script = 'echo out; echo err >&2; printf "no line end"; exit 3';
    const finished = await shell(script, { ...way, onLine: (line) => lines.push(line) });
    expect(finished).toMatchObject({ status: 3, signal: null, reason: undefined, stderr: 'err\n' });
    expect(finished.stdout).toBe('out\nno line end\n');
    expect(lines.sort()).toEqual(['err', 'no line end', 'out']);
  });

  test('has an empty standard input', async () => {
    expect(await shell('cat; echo end', way)).toMatchObject({ status: 0, stdout: 'end\n' });
  });

  test('sends events: whole JSON objects only, the last one even without a line end', async () => {
    const events: unknown[] = [];
    const script = `exec python3 -c '
import os
out = os.fdopen(3, "w")
print("{\\"event\\": \\"start\\", \\"text\\": \\"é\\"}", file=out)
print("not json", file=out)
print("[1]\\n7\\nnull\\n", file=out)
for number in range(2000): print("{\\"frames\\": %d}" % number, file=out)
out.write("{\\"event\\": \\"done\\"}")
'`;
    const finished = await shell(script, { ...way, onEvent: (event) => events.push(event) });
    expect(finished.status).toBe(0);
    expect(events).toHaveLength(2003);
    expect(events[0]).toEqual({ event: 'start', text: 'é' });
    expect(events.at(-1)).toEqual({ event: 'done' });
  });

  test('sees the environment that it is given, and nothing else', async () => {
    process.env.INPUT_SECRET = 'x';
    const { stdout } = await run('env', [], { env: { PATH: process.env.PATH, ONE: '1' }, ...way });
    delete process.env.INPUT_SECRET;
    const own = /^(PATH|ONE|PWD|SHLVL|_|OLDPWD|LC_CTYPE|__CF_USER_TEXT_ENCODING)=/;
    expect(stdout.split('\n').filter((line) => line !== '' && !own.test(line))).toEqual([]);
    expect(stdout).toContain('ONE=1\n');
  });

  test('runs in the folder that it is given', async () => {
    const folder = await newFolder();
    expect((await shell('pwd -P', { ...way, cwd: folder })).stdout.trim()).toBe(folder);
  });

  test('is killed when it is silent for too long', async () => {
    const finished = await shell(`echo begins; ${STUBBORN}`, { ...way, idleLimit: 1 });
    expect(finished.reason).toBe('no progress for 1 s');
    expect(finished.stdout).toBe('begins\n');
    expect(finished.status).not.toBe(0);
  });

  test('is not killed while events come', async () => {
    const script = 'for i in 1 2 3 4 5 6; do sleep 0.6; echo "{}" >&3; done';
    expect(await shell(script, { ...way, idleLimit: 3 })).toMatchObject({ status: 0, reason: undefined });
  });

  test.each([
    ['prints without end', 'while :; do echo busy; sleep 0.05; done'],
    ['sends events that show no progress', 'while :; do echo "{\\"frames\\": 3}" >&3; sleep 0.05; done'],
    ['sends what is no event', 'while :; do echo "progress!" >&3; sleep 0.05; done'],
  ])('is killed where it makes no progress, though it %s', async (_, script) => {
    let frames = 0;
    const isProgress = (event: Record<string, unknown>): boolean => {
      const before = frames;
      frames = Number(event.frames);
      return frames > before;
    };
    const finished = await shell(script, { ...way, idleLimit: 1, isProgress });
    expect(finished).toMatchObject({ limit: 'idle', reason: 'no progress for 1 s' });
  });

  test('is killed when its time is over, however busy it is', async () => {
    const finished = await shell('while :; do echo busy; sleep 0.05; done', { ...way, wallLimit: 1 });
    expect(finished).toMatchObject({ limit: 'wall', reason: 'not finished after 1 s' });
  });

  test('is killed when the build is cancelled, or was already', async () => {
    const stop = new AbortController();
    const onLine = (): void => stop.abort();
    expect((await shell(`echo ready; ${STUBBORN}`, { ...way, signal: stop.signal, onLine })).reason).toBe('cancelled');
    expect((await shell(STUBBORN, { ...way, signal: stop.signal })).reason).toBe('cancelled');
  });

  test('is killed with all that it started', async () => {
    const pids: number[] = [];
    const stop = new AbortController();
    const script = `(${STUBBORN}) & echo $!; (sleep 1000; :) & echo $!; echo $$; ${STUBBORN}`;
    await shell(script, {
      ...way,
      signal: stop.signal,
      onLine: (line) => {
        pids.push(Number(line));
        if (pids.length === 3) stop.abort();
      },
    });
    expect(pids).toHaveLength(3);
    await ended(pids);
  });

  test('leaves nothing running when it ends by itself, and does not wait for what it left', async () => {
    const { stdout, status } = await shell(`(${STUBBORN}) & echo $!; exit 5`, way);
    expect(status).toBe(5);
    await ended([Number(stdout)]);
  });

  test('may print without end: the last of it is kept', async () => {
    const { stdout } = await shell('seq 1 600000', way);
    expect(stdout.length).toBeLessThan(2_100_000);
    expect(stdout.endsWith('\n599999\n600000\n')).toBe(true);
  });

  test('may print a line without end, and send one: both are cut, and memory stays bounded', async () => {
    const events: unknown[] = [];
    const long: string[] = [];
    const script = `exec python3 -c '
import os, sys
for number in (3, 1, 2):
    for _ in range(60): os.write(number, b"x" * 1000000)
os.write(3, b"\\n{\\"event\\": \\"done\\"}\\n")
os.write(1, b"\\nend\\n")
'`;
    const finished = await shell(script, {
      ...way,
      onEvent: (event) => events.push(event),
      onLine: (line) => void (line.length > 10 && long.push(line.slice(1_000_000))),
    });
    expect(finished.status).toBe(0);
    expect(events).toEqual([{ event: 'done' }]);
    expect(long).toEqual(Array(2).fill(' [... 59000000 characters left out]'));
    expect(finished.stdout).toMatch(/^x+\nend\n$/);
    expect(finished.stdout.length).toBeLessThan(2_100_000);
  });

  test('is not waited for where a process that it left behind holds its output open', async () => {
    const script = `exec python3 -c '
import os, subprocess
left = subprocess.Popen(["sleep", "1000"], start_new_session=True)
os.write(1, b"%d" % left.pid)
'`;
    const { status, stdout } = await shell(script, way);
    expect(status).toBe(0);
    // only the guard finds it
    if (way.guardPython && process.platform === 'linux') await ended([Number(stdout)]);
    else process.kill(Number(stdout), 'SIGKILL');
  });
});

describe('a command that cannot be started', () => {
  test('is an error without a guard', async () => {
    await expect(run('/nowhere/at-all', [], { env })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is a status and a message under the guard', async () => {
    const missing = await run('/nowhere/at-all', [], { env, guardPython: PYTHON });
    expect(missing).toMatchObject({ status: 127, stderr: expect.stringContaining('/nowhere/at-all') });
    const folder = await run('/', [], { env, guardPython: PYTHON });
    expect(folder.status).toBe(126);
  });
});

test('all children can be killed at once', async () => {
  const started: Promise<unknown>[] = [];
  const children = WAYS.map(([, way]) => {
    let begun: () => void = () => {};
    started.push(new Promise<void>((resolve) => (begun = resolve)));
    return shell(`echo; ${STUBBORN}`, { ...way, onLine: begun });
  });
  await Promise.all(started);
  killAll();
  for (const finished of await Promise.all(children)) expect(finished.status).not.toBe(0);
});

describe('when node is killed', () => {
  /** Starts children under the guard in a node of its own; gives that node and the processes that run. */
  async function family(): Promise<{ parent: ReturnType<typeof startTypeScript>; pids: number[] }> {
    const folder = await newFolder();
    const program = join(folder, 'family.ts');
    const script = `(${STUBBORN}) & echo $!; echo $$; echo $PPID; ${STUBBORN}`;
    await writeFile(
      program,
      `import { childEnvironment, run } from ${JSON.stringify(join(actionRoot(), 'src', 'process.ts'))};
       const onLine = (line) => process.stdout.write('pid ' + line + '\\n');
       for (let child = 0; child < 3; child++)
         void run('sh', ['-c', ${JSON.stringify(script)}], { env: childEnvironment(), guardPython: ${JSON.stringify(PYTHON)}, onLine });`,
    );
    const parent = startTypeScript(program, []);
    const printed = await parent.until(/(pid \d+\s+){9}/);
    return { parent, pids: [...printed.matchAll(/\d+/g)].map(Number) };
  }

  test.each(['SIGKILL', 'SIGTERM'] as const)('by %s, no child and no child of a child outlives it', async (signal) => {
    const { parent, pids } = await family();
    expect(pids).toHaveLength(9);
    expect(pids.every(isRunning)).toBe(true);
    parent.process.kill(signal);
    await ended(pids);
  });
});

describe('the guard', () => {
  const started: ChildProcess[] = [];
  afterAll(() => {
    for (const child of started) child.kill('SIGKILL');
  });
  /** Starts the guard as node does, with descriptor 3 as a pipe, or (`byHand`) without one. */
  function guard(command: readonly string[], byHand = false): { child: ChildProcess; ready: Promise<unknown> } {
    const child = spawn(PYTHON, ['-I', '-S', shippedFile('python/guard.py'), ...command], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(byHand ? [] : ['pipe' as const])],
    });
    started.push(child);
    return { child, ready: once(child.stdout as NodeJS.ReadableStream, 'data') };
  }
  const exitOf = async (child: ChildProcess): Promise<unknown> => (await once(child, 'exit'))[0];

  test.each(['SIGTERM', 'SIGINT'] as const)('passes %s on and ends as the command does', async (signal) => {
    const name = signal.slice(3);
    const { child, ready } = guard(['sh', '-c', `trap "exit 7" ${name}; echo ready; while :; do sleep 0.05; done`]);
    await ready;
    child.kill(signal);
    expect(await exitOf(child)).toBe(7);
  });

  test('ends with 128 + N where a signal ended the command', async () => {
    const { child } = guard(['sh', '-c', 'kill -9 $$']);
    expect(await exitOf(child)).toBe(137);
    expect((await shell('kill -11 $$', { guardPython: PYTHON })).status).toBe(139);
  });

  test('kills everything when its starter is gone', async () => {
    const { child, ready } = guard(['sh', '-c', `(${STUBBORN}) & echo $! $$; ${STUBBORN}`]);
    const [said] = (await ready) as [Buffer];
    child.stdio[3]?.destroy();
    await ended([child.pid as number, ...said.toString().trim().split(' ').map(Number)]);
  });

  test('takes the command along when it is itself killed', async () => {
    if (process.platform !== 'linux') return;
    const { child, ready } = guard(['sh', '-c', `echo $$; exec sleep 1000`]);
    const [said] = (await ready) as [Buffer];
    child.kill('SIGKILL');
    await ended([Number(said)]);
  });

  test.each(['outer', 'inner'])(
    'takes along all that left the process group when the %s one is killed',
    async (which) => {
      if (process.platform !== 'linux') return;
      const { child, ready } = guard(['sh', '-c', `setsid sh -c '${STUBBORN}' & echo $! $$ $PPID; ${STUBBORN}`]);
      const [said] = (await ready) as [Buffer];
      const pids = said.toString().trim().split(' ').map(Number);
      process.kill(which === 'outer' ? (child.pid as number) : (pids[2] as number), 'SIGKILL');
      await ended([child.pid as number, ...pids]);
    },
  );

  const LEFT: Readonly<Record<string, string>> = {
    'a session of its own': 'subprocess.Popen(SLEEP, start_new_session=True)',
    'a daemon that was forked twice':
      'if fork() == 0: os.setsid(); fork() and os._exit(0); say(); os.execvp("sleep", SLEEP)',
    'a stopped process': 'os.kill(subprocess.Popen(SLEEP, start_new_session=True).pid, signal.SIGSTOP)',
    'a process that ignores signals':
      'if fork() == 0: os.setsid(); [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; say(); time.sleep(1000)',
    'a process with other descriptors': 'if fork() == 0: os.setsid(); say(); os.closerange(0, 1000); time.sleep(1000)',
    'a process that forks and ends, again and again':
      'if fork() == 0:\n  while True:\n    if os.fork(): os._exit(0)\n    os.setsid(); say()',
    'a whole tree': 'subprocess.Popen(["sh", "-c", "setsid sh -c \'sleep 1000 & sleep 1000\' & setsid sleep 1000"])',
    'a process that follows its parent into a group': 'if fork() == 0: os.setpgid(0, 0); say(); time.sleep(1000)',
    'a process of another user':
      'if fork() == 0: os.setsid(); say(); os.getuid() or os.setuid(65534); time.sleep(1000)',
    'a thousand ended processes': 'for _ in range(1000): fork() or os._exit(0)',
  };
  const LEAVE = `
import os, signal, subprocess, sys, time
from os import fork
SLEEP = ["sleep", "1000"]
def say(): open(sys.argv[1], "w").close()
`;
  test.each(Object.keys(LEFT))('leaves nothing behind of %s', async (what) => {
    if (process.platform !== 'linux') return;
    // found by a variable in their environment, wherever they went
    const mark = `FLAMING_HORSE_TEST=${process.pid} ${what}`;
    const begun = join(await newFolder(), 'begun');
    const source = LEFT[what] as string;
    const wait = source.includes('say()') ? 'while not os.path.exists(sys.argv[1]): time.sleep(0.01)' : '';
    const program = `${LEAVE}${source.replaceAll('; ', ';')}\n${wait}\nsys.exit(9)`;
    const finished = await run(PYTHON, ['-c', program, begun], {
      env: { ...env, FLAMING_HORSE_TEST: mark.slice(19) },
      guardPython: PYTHON,
    });
    expect(finished).toMatchObject({ status: 9, stderr: '' });
    expect(finished.peakBytes).toBeGreaterThan(1_000_000);
    expect(marked(mark)).toEqual([]);
  });

  test('works by hand too, with nobody to watch', async () => {
    const { child } = guard(['sh', '-c', 'echo hi; exit 4'], true);
    expect(await exitOf(child)).toBe(4);
  });
});

describe('the environment of children', () => {
  const RUNNER = {
    PATH: '/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    LC_ALL: 'C',
    TMPDIR: '/t',
    RUNNER_TRACKING_ID: 'github_1',
    FLAMING_HORSE_TTS_BACKEND: 'qwen',
    INPUT_PROJECT: 'p',
    'INPUT_CACHE-PREFIX': 'x',
    ACTIONS_RUNTIME_TOKEN: 'secret',
    ACTIONS_CACHE_URL: 'http://cache',
    GITHUB_TOKEN: 'secret',
    GITHUB_ENV: '/file',
    GITHUB_WORKSPACE: '/w',
    RUNNER_TEMP: '/r',
    AWS_SECRET_ACCESS_KEY: 'secret',
    NODE_OPTIONS: '--inspect',
    PYTHONPATH: '/evil',
    LD_PRELOAD: '/evil.so',
    HTTPS_PROXY: 'http://user:password@proxy',
    PIP_INDEX_URL: 'http://user:password@mirror',
    MY_TOKEN: 'secret',
    EMPTY: undefined,
  };

  test('is a list of what is allowed: no input, no token, no address of the runner', () => {
    expect(childEnvironment({}, 'tool', RUNNER)).toEqual({
      PATH: '/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      LC_ALL: 'C',
      TMPDIR: '/t',
      RUNNER_TRACKING_ID: 'github_1',
      FLAMING_HORSE_TTS_BACKEND: 'qwen',
    });
  });

  test('has proxies and mirrors for installers alone', () => {
    const { HTTPS_PROXY, PIP_INDEX_URL, ...rest } = childEnvironment({}, 'installer', RUNNER);
    expect([HTTPS_PROXY, PIP_INDEX_URL]).toEqual([RUNNER.HTTPS_PROXY, RUNNER.PIP_INDEX_URL]);
    expect(rest).toEqual(childEnvironment({}, 'tool', RUNNER));
  });

  test('takes what is added over what is there', () => {
    expect(childEnvironment({ PATH: '/mine', NEW: '1' }, 'tool', RUNNER)).toMatchObject({ PATH: '/mine', NEW: '1' });
  });
});
