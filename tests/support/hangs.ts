/** A scene that never ends by itself. A line with `# here` is the one to name. */
export interface Hang {
  readonly source: string;
  readonly lines: readonly number[];
}

const HEAD = `import os, queue, signal, socket, subprocess, sys, threading, time
from manim import *
`;

function hang(body: string, above = ''): Hang {
  const source = `${HEAD}${above}
class Main(Scene):
    def construct(self):
        self.wait(0.2)
${body
  .split('\n')
  .map((line) => `        ${line}`)
  .join('\n')}
`;
  const lines = source.split('\n').flatMap((text, index) => (text.includes('# here') ? [index + 1] : []));
  return { source, lines };
}

/** Scenes that wait for ever. */
export const WAITING: Readonly<Record<string, Hang>> = {
  'it sleeps': hang('time.sleep(100000)  # here'),
  'it waits for a lock': hang('lock = threading.Lock()\nlock.acquire()\nlock.acquire()  # here'),
  'it reads from a socket that says nothing': hang(
    'server = socket.create_server(("127.0.0.1", 0))\nserver.accept()  # here',
  ),
  'it waits for a process': hang('subprocess.run(["sleep", "100000"])  # here'),
  'it opens a pipe that nobody writes to': hang('name = f"pipe_{os.getpid()}"\nos.mkfifo(name)\nopen(name)  # here'),
  'it waits for an item of a queue': hang('queue.Queue().get()  # here'),
  'it waits for a thread, which waits': hang(
    'def work():\n    threading.Event().wait()\nthread = threading.Thread(target=work)\nthread.start()\nthread.join()  # here',
  ),
  'its module is never imported': hang('pass', 'time.sleep(100000)  # here\n'),
  'it takes no signals': hang('signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\ntime.sleep(100000)  # here'),
};

/** Scenes that are busy for ever. */
export const BUSY: Readonly<Record<string, Hang>> = {
  'it prints without end': hang('while True: os.write(1, b"busy" * 4000 + b"\\n")  # here'),
  'it loops': hang('while True: pass  # here'),
  'it is in C code that holds the interpreter': hang('import re\nre.match(r"(a+)+$", "a" * 60 + "b")  # here'),
  'an updater never ends': hang(
    'self.add(Dot().add_updater(lambda dot, dt: sum(endless())))  # here\nself.wait(1)',
    'def endless():\n    while True: yield 1  # here\n',
  ),
  'it catches whatever is raised': hang(
    'while True:  # here\n    try: raise SystemExit  # here\n    except BaseException: pass  # here',
  ),
};

/** Scenes that go on when they are continued. */
export const STOPPED: Readonly<Record<string, Hang>> = {
  'stops itself': hang('os.kill(os.getpid(), signal.SIGSTOP)  # here'),
  'stops its whole process group': hang('os.killpg(0, signal.SIGSTOP)  # here'),
};
