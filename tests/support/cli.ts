import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..', '..');
const CLI = join(ROOT, 'dist', 'cli.js');

/** For small builds in seconds: the Python of the tests, nothing installed, the voice that takes milliseconds. */
export const QUICK = [
  '--python',
  join(ROOT, '.tools', 'render', 'bin', 'python'),
  '--setup',
  'never',
  '--voice',
  'espeak',
];

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of the tiny project in a folder of its own, and the command line of the bundle with a store of its own. */
export interface Workshop {
  readonly base: string;
  readonly project: string;
  /** Changes a file of the project. */
  edit(name: string, change: (text: string) => string): void;
  start(...args: string[]): { readonly ended: Promise<Ran>; kill(signal: NodeJS.Signals): void };
  cli(...args: string[]): Promise<Ran>;
  /** The same within a control group, given by its file of processes. */
  within(procs: string, ...args: string[]): Promise<Ran>;
  remove(): void;
}

export function workshop(): Workshop {
  const base = mkdtempSync(join(tmpdir(), 'fh-cli-'));
  const project = join(base, 'projects', 'tiny');
  cpSync(join(ROOT, 'tests', 'fixtures', 'tiny'), project, { recursive: true });
  const launch = (command: readonly string[]): ReturnType<Workshop['start']> => {
    const env = { ...process.env, XDG_CACHE_HOME: join(base, 'cache'), NODE_OPTIONS: '' };
    const [program = '', ...rest] = command;
    const child = spawn(program, rest, { cwd: base, env });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const ended = new Promise<Ran>((done) => {
      child.on('close', (status) => done({ status, stdout, stderr }));
    });
    return { ended, kill: (signal) => child.kill(signal) };
  };
  const start: Workshop['start'] = (...args) => launch([process.execPath, CLI, ...args]);
  return {
    base,
    project,
    edit: (name, change) => {
      const path = join(project, name);
      writeFileSync(path, change(readFileSync(path, 'utf8')));
    },
    start,
    cli: (...args) => start(...args).ended,
    within: (procs, ...args) =>
      launch(['sh', '-c', 'echo $$ > "$0" && exec "$@"', procs, process.execPath, CLI, ...args]).ended,
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}
