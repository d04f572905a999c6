import { readdir, readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { childEnvironment, run } from '../process.js';
import { findOnPath } from './path.js';

/** What decides how packages of the system are installed. */
export interface Machine {
  /** The system and its version, e.g. "debian-12", "darwin-24": part of keys of what was compiled here. */
  readonly system: string;
  readonly manager: 'apt' | 'brew' | undefined;
  /** Why we cannot install packages ourselves; undefined where we can. */
  readonly obstacle: string | undefined;
  /** Whether a command of the manager needs sudo before it. */
  readonly sudo: boolean;
  /** Whether the manager has never fetched its lists of packages. */
  readonly listsMissing: boolean;
}

/** Looks at this machine. */
export async function readMachine(): Promise<Machine> {
  const [system, apt, brew] = await Promise.all([systemName(), findOnPath('apt-get'), findOnPath('brew')]);
  const bare = { system, sudo: false, listsMissing: false };
  if (process.platform === 'darwin') {
    return brew
      ? { ...bare, manager: 'brew', obstacle: undefined }
      : { ...bare, manager: undefined, obstacle: 'Homebrew is not installed' };
  }
  if (!apt) return { ...bare, manager: undefined, obstacle: 'only apt and Homebrew are known to this action' };
  const sudo = process.getuid?.() !== 0;
  const [obstacle, listsMissing] = await Promise.all([sudo ? sudoObstacle() : undefined, hasNoLists()]);
  return { system, manager: 'apt', obstacle, sudo, listsMissing };
}

async function sudoObstacle(): Promise<string | undefined> {
  const sudo = await findOnPath('sudo');
  if (!sudo) return 'this user is not root and there is no sudo';
  const { status } = await run(sudo, ['-n', 'true'], { env: childEnvironment(), wallLimit: 20 });
  return status === 0 ? undefined : 'sudo asks for a password';
}

async function hasNoLists(): Promise<boolean> {
  const names = await readdir('/var/lib/apt/lists').catch(() => []);
  return !names.some((name) => name.includes('_Packages') || name.includes('_InRelease'));
}

async function systemName(): Promise<string> {
  if (process.platform !== 'linux') return `${process.platform}-${release().split('.')[0]}`;
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return [value('ID') || 'linux', value('VERSION_ID')].filter((part) => part !== '').join('-');
}
