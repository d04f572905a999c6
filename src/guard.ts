import { readFileSync } from 'node:fs';
import { shippedFile } from './shipped.js';

let program: string | undefined;

/**
 * python/guard.py with python/confine.py, as a program for `python -c`. They are read once, before any code of the project
 * runs: the guard itself is not confined, and a scene may be able to change the files of the action.
 */
export function guardProgram(): string {
  if (program === undefined) {
    const [guard, confine] = ['guard', 'confine'].map((name) => readLiteral(`python/${name}.py`));
    program = `exec(compile(${guard}, "guard.py", "exec"), {"__name__": "__main__", "CONFINE": ${confine}})`;
  }
  return program;
}

/** The text of a file as a literal of Python, which takes those of JSON. */
function readLiteral(file: string): string {
  return JSON.stringify(readFileSync(shippedFile(file), 'utf8'));
}
