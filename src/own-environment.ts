import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * Blanks the block in which Linux keeps the environment that this process was started with. Whatever process.env says later,
 * other processes of the same user can read that block as /proc/PID/environ; a step's secrets are among it. The process
 * itself keeps all its variables. Returns why that was not possible, undefined where it was.
 */
export function blankEnvironmentBlock(): string | undefined {
  if (process.platform !== 'linux') return 'it takes Linux';
  try {
    // setting a variable copies it out of the block
    for (const [name, value] of Object.entries(process.env)) process.env[name] = value;
    const { start, length } = environmentBlock(readFileSync('/proc/self/stat', 'utf8'));
    const memory = openSync('/proc/self/mem', 'r+');
    try {
      writeSync(memory, Buffer.alloc(length), 0, length, start);
    } finally {
      closeSync(memory);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Fields 50 and 51 of /proc/PID/stat (proc_pid_stat(5)); the second field, the program's name, may hold anything. */
function environmentBlock(stat: string): { start: number; length: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [start, end] = [Number(fields[50 - 3]), Number(fields[51 - 3])];
  if (!(start > 0) || !(end >= start) || end - start > 2 ** 24)
    throw new Error('/proc/self/stat does not say where it lies');
  return { start, length: end - start };
}
