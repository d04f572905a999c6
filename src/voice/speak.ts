import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.js';
import { writeFile } from '../machine-errors.js';
import { childEnvironment, run } from '../process.js';
import { shippedFile } from '../shipped.js';
import type { Voice } from './voices.js';

/** A line to speak, once whatever keys it stands under. */
export interface LineToSpeak {
  readonly key: string;
  readonly text: string;
  readonly identity: string;
}

export interface SpeakOptions {
  readonly voice: Voice;
  /** The Python that has the voice. */
  readonly python: string;
  readonly guardPython: string;
  /** An existing folder of our own for jobs and sounds. */
  readonly workDir: string;
  /** Processes side by side. */
  readonly concurrency: number;
  /** Called as soon as a line's WAV is whole. */
  readonly onSpoken: (line: LineToSpeak, wav: string, seconds: number) => void;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
}

/** What was not spoken. */
export interface Unspoken {
  /** Lines with the reason, in the voice's words. */
  readonly failures: ReadonlyMap<LineToSpeak, string>;
  /** Why no line at all could be spoken: the voice itself did not start. */
  readonly broken: string | undefined;
}

/** Seconds without a line after which a voice counts as stuck. */
const IDLE_LIMIT = 600;

/** Speaks lines in several processes of the voice's program; see docs/protocol.md. A failing line loses no other. */
export async function speak(lines: readonly LineToSpeak[], options: SpeakOptions): Promise<Unspoken> {
  const shares = shareOut(lines, options.concurrency);
  const ended = await Promise.all(shares.map((share, index) => speakShare(share, index, options)));
  const failures = new Map(ended.flatMap((share) => [...share.failures]));
  const none = failures.size === lines.length && ended.every(({ broken }) => broken !== undefined);
  return { failures, broken: none ? ended[0]?.broken : undefined };
}

/** Shares of about the same number of letters, the longest lines first; no more shares than lines. */
export function shareOut<T extends { readonly text: string }>(lines: readonly T[], count: number): T[][] {
  const shares = Array.from({ length: Math.min(count, lines.length) }, () => ({ letters: 0, lines: [] as T[] }));
  for (const line of [...lines].sort((a, b) => b.text.length - a.text.length)) {
    const [least] = shares.sort((a, b) => a.letters - b.letters);
    least?.lines.push(line);
    if (least) least.letters += line.text.length;
  }
  return shares.map((share) => share.lines);
}

async function speakShare(lines: readonly LineToSpeak[], index: number, options: SpeakOptions): Promise<Unspoken> {
  const { voice, python, guardPython, workDir, log, signal } = options;
  await mkdir(workDir, { recursive: true });
  const wavOf = (line: LineToSpeak): string => join(workDir, `${line.identity}.wav`);
  const job = join(workDir, `job_${index}.json`);
  await writeFile(
    job,
    JSON.stringify({
      format: 1,
      parameters: voice.parameters,
      lines: lines.map((line) => ({ key: line.key, text: line.text, wav: wavOf(line) })),
    }),
  );

  const open = new Map(lines.map((line) => [line.key, line]));
  const failures = new Map<LineToSpeak, string>();
  let started = false;
  let broken: string | undefined;
  const onEvent = (event: Record<string, unknown>): void => {
    const line = open.get(String(event.key));
    if (event.event === 'error' && typeof event.traceback === 'string' && event.traceback !== '') {
      log.debug(event.traceback);
    }
    if (event.event === 'error' && !line) broken = String(event.message);
    if (!line) return;
    started = true;
    open.delete(line.key);
    if (event.event === 'error') failures.set(line, String(event.message));
    else options.onSpoken(line, wavOf(line), Number(event.seconds));
  };
  const ended = await run(python, ['-P', '-m', `flaming_horse_build.voice_${voice.backend}`, job], {
    cwd: workDir,
    env: childEnvironment({
      PYTHONPATH: shippedFile('python'),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONNOUSERSITE: '1',
      PYTHONIOENCODING: 'utf-8',
      TMPDIR: workDir, // what a killed voice leaves there is swept with it
    }),
    guardPython,
    idleLimit: IDLE_LIMIT,
    onEvent,
    ...(signal ? { signal } : {}),
  });
  if (open.size > 0) {
    const words = ended.stderr.trim().split('\n').at(-1);
    broken ??= `${voice.backend} ended early (${ended.reason ?? `status ${ended.status}`})${words ? `: ${words}` : ''}`;
    for (const line of open.values()) failures.set(line, broken);
  }
  return { failures, broken: started ? undefined : broken };
}
