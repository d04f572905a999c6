import { spawnSync } from 'node:child_process';

/** Runs a program with the python3 of the machine, JSON in and JSON out. */
export function python(program: string, input: unknown): unknown {
  const { status, stdout, stderr } = spawnSync('python3', ['-I', '-c', program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`python3: ${stderr}`);
  return JSON.parse(stdout);
}
