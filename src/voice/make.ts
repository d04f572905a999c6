import { mkdir, rm } from 'node:fs/promises';
import pLimit from 'p-limit';
import { messageOf, UserError, userErrorsOf } from '../errors.js';
import { problemOfTool } from '../machine-errors.js';
import { decodingFaults, encodeLine } from './encode.js';
import { soundPath } from './entry.js';
import type { PlannedLine, VoicePlan } from './plan.js';
import type { Checking, Sound, Sounds } from './sounds.js';
import { type LineToSpeak, speak } from './speak.js';
import { type VoiceChoice, VoiceUnavailable } from './voices.js';

/** How the programs that speak are had; each is asked for only where a line must be spoken. */
export interface Backends {
  /** The Python that has piper; throws where it cannot be had. */
  piper(): Promise<string>;
  /** Any Python from 3.9: for espeak's program and the guard. */
  python(): Promise<string>;
  /** Makes sure that espeak-ng is there. */
  espeak(): Promise<void>;
}

export interface MakeOptions extends Checking {
  readonly choice: VoiceChoice;
  readonly backends: Backends;
  /** A folder of our own for what comes in between. */
  readonly workDir: string;
  readonly signal?: AbortSignal | undefined;
}

interface Failure {
  readonly message: string;
  readonly hint?: string | undefined;
}

/**
 * Has lines spoken and encoded into a folder; a line whose text stands under several keys, once. Gives what was made and
 * an error for each line that failed. Throws VoiceUnavailable where `auto` has no piper, what `backends` throws otherwise.
 */
export async function makeSounds(
  lines: readonly PlannedLine[],
  plan: VoicePlan,
  folder: string,
  options: MakeOptions,
): Promise<{ readonly sounds: Sounds; readonly errors: readonly UserError[] }> {
  if (lines.length === 0) return { sounds: new Map(), errors: [] };
  const python = await pythonFor(plan, options);
  const { concurrency, tools, log, signal } = options;
  const toSpeak = [...new Map(lines.map((line) => [line.identity, line])).values()];
  log.info(`voice: ${plan.voice.model} speaks ${toSpeak.length} of ${plan.lines.length} lines`);

  const sounds = new Map<string, Sound>();
  const failures = new Map<string, Failure>();
  const limit = pLimit(concurrency);
  const encode = async (line: LineToSpeak, wav: string, seconds: number): Promise<void> => {
    const file = soundPath(folder, line.identity);
    try {
      const made = await encodeLine({ wav, mp3: file, identity: line.identity, seconds }, tools);
      sounds.set(line.identity, { file, ...made, source: 'spoken' });
      log.info(`voice: "${line.key}" spoken (${made.seconds.toFixed(1)} s)`);
    } catch (error) {
      failures.set(line.identity, { message: messageOf(error), hint: userErrorsOf(error)?.[0]?.hint });
    } finally {
      await rm(wav, { force: true });
    }
  };
  const encodings: Promise<void>[] = [];
  await mkdir(options.workDir, { recursive: true });
  const unspoken = await speak(toSpeak, {
    voice: plan.voice,
    ...python,
    workDir: options.workDir,
    concurrency,
    onSpoken: (line, wav, seconds) => encodings.push(limit(() => encode(line, wav, seconds))),
    log,
    signal,
  });
  await Promise.all(encodings);
  await rm(options.workDir, { recursive: true, force: true });
  signal?.throwIfAborted();
  const problem = problemOfTool(unspoken.broken ?? '', options.workDir);
  if (problem) throw new UserError(problem.message, { hint: problem.hint });
  if (unspoken.broken !== undefined && options.choice === 'auto' && plan.backend === 'piper')
    throw new VoiceUnavailable('piper', unspoken.broken);
  for (const [line, message] of unspoken.failures) failures.set(line.identity, { message });

  const files = new Map([...sounds].map(([identity, { file }]) => [file, identity]));
  for (const [file, fault] of await decodingFaults([...files.keys()], concurrency, tools))
    failures.set(files.get(file) ?? '', { message: `its mp3 ${fault}` });
  for (const identity of failures.keys()) sounds.delete(identity);
  return { sounds, errors: errorsOf(lines, failures, plan) };
}

async function pythonFor(
  { backend }: VoicePlan,
  { backends, choice, tools }: MakeOptions,
): Promise<{ readonly python: string; readonly guardPython: string }> {
  const own = await backends.python();
  const guardPython = tools.guardPython ?? own;
  if (backend === 'espeak') {
    await backends.espeak();
    return { python: own, guardPython };
  }
  const python = await backends.piper().catch((cause: unknown) => {
    if (choice !== 'auto') throw cause;
    throw new VoiceUnavailable('piper', messageOf(cause), { cause, hint: userErrorsOf(cause)?.[0]?.hint });
  });
  return { python, guardPython };
}

function errorsOf(
  lines: readonly PlannedLine[],
  failures: ReadonlyMap<string, Failure>,
  { narration }: VoicePlan,
): UserError[] {
  return lines.flatMap(({ key, line, identity }) => {
    const failure = failures.get(identity);
    if (!failure) return [];
    return new UserError(`narration line "${key}" could not be spoken: ${failure.message}`, {
      place: { file: narration.file, line },
      ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    });
  });
}
