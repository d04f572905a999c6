import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { actionRoot } from '../../src/shipped.js';

export interface RunningProgram {
  readonly process: ChildProcess;
  /** Waits until the program has printed this and gives what matched. */
  until(words: string | RegExp): Promise<string>;
  /** SIGKILL: nothing of the program runs any more. */
  kill(): void;
}

const started = new Set<ChildProcess>();
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** Starts a TypeScript program in a node of its own; it is killed when the tests of the file are over. */
export function startTypeScript(program: string, args: readonly string[], env = process.env): RunningProgram {
  const hooks = pathToFileURL(join(actionRoot(), 'tests', 'support', 'typescript-hooks.mjs')).href;
  const child = spawn(process.execPath, ['--import', hooks, program, ...args], {
    env: { ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  let printed = '';
  const waiting = new Set<() => void>();
  const heard = (data: Buffer): void => {
    printed += data.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  child.on('close', () => {
    started.delete(child);
    for (const look of waiting) look();
  });
  return {
    process: child,
    kill: () => child.kill('SIGKILL'),
    until: (words) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match =
            typeof words === 'string' ? (printed.includes(words) ? words : undefined) : words.exec(printed)?.[0];
          const ended = child.exitCode !== null || child.signalCode !== null;
          if (match === undefined && !ended) return;
          waiting.delete(look);
          if (match !== undefined) resolve(match);
          else reject(new Error(`the program ended without printing ${words}: ${printed}`));
        };
        waiting.add(look);
        look();
      }),
  };
}
