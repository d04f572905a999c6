import { UserError } from '../errors.js';
import type { Machine } from './machine.js';

/** Something of the system that is missing, and the packages that bring it. */
export interface Need {
  readonly what: string;
  readonly apt: readonly string[];
  readonly brew: readonly string[];
}

/** Fonts: also those that LaTeX brings along, so that every job of a build sees the same, with LaTeX or without. */
const FONTS = ['fontconfig', 'fonts-dejavu-core', 'fonts-lmodern', 'fonts-urw-base35'] as const;

/** Everything of the system that a build can need. Package lists are the smallest that were found to work. */
export const NEEDS = {
  ffmpeg: {
    what: 'ffmpeg and ffprobe with libx264',
    apt: ['ffmpeg', ...FONTS],
    brew: ['ffmpeg'],
  },
  fonts: {
    what: 'fonts and fontconfig',
    apt: FONTS,
    brew: ['fontconfig'],
  },
  latex: {
    what: 'LaTeX with standalone, preview, babel and amsmath, and dvisvgm',
    apt: ['texlive-latex-extra', 'texlive-fonts-recommended', 'dvisvgm'],
    brew: ['texlive'],
  },
  espeak: { what: 'espeak-ng', apt: ['espeak-ng'], brew: ['espeak-ng'] },
  libraries: {
    what: 'the drawing libraries cairo and pango',
    apt: ['libcairo2', 'libpangocairo-1.0-0', 'libpangoft2-1.0-0'],
    brew: ['cairo', 'pango'],
  },
  compiler: { what: 'a C and C++ compiler', apt: ['g++'], brew: [] },
  development: {
    what: 'pkg-config, and cairo and pango for development',
    apt: ['pkg-config', 'libcairo2-dev', 'libpango1.0-dev'],
    brew: ['pkgconf', 'cairo', 'pango'],
  },
} as const satisfies Record<string, Need>;

/** What Debian splits off the Python it ships: `part` is "venv" or "dev". */
export function pythonPart(part: 'venv' | 'dev', version: string): Need {
  const name = `python${version.split('.').slice(0, 2).join('.')}`;
  const what = part === 'venv' ? `the venv module of ${name}` : `the headers of ${name}`;
  return { what, apt: [`${name}-${part}`], brew: [] };
}

type Command = readonly string[];

/** Commands that meet the needs, in order; empty where there are none or the machine has no package manager. */
export function installCommands(needs: readonly Need[], machine: Machine): Command[] {
  const { manager } = machine;
  if (!manager) return [];
  const packages = [...new Set(needs.flatMap((need) => need[manager]))];
  if (packages.length === 0) return [];
  if (manager === 'brew') return [['brew', 'install', ...packages]];
  const install = aptCommand(machine, ['install', '--yes', '--no-install-recommends', ...packages]);
  return machine.listsMissing ? [updateCommand(machine), install] : [install];
}

/** Fetches apt's lists of packages. */
export function updateCommand(machine: Machine): Command {
  return aptCommand(machine, ['update']);
}

function aptCommand({ sudo }: Machine, args: readonly string[]): Command {
  return [...(sudo ? ['sudo', '-n'] : []), 'apt-get', ...args];
}

/** What to tell the user whose machine lacks things that we may not, or cannot, install. */
export function missingError(
  needs: readonly Need[],
  machine: Machine,
  why: string,
  python: { readonly lacking: readonly string[]; readonly executable: string; readonly command: string } | undefined,
): UserError {
  const missing = needs.map(({ what }) => what);
  if (python) missing.push(`${python.lacking.join(', ')} for ${python.executable}`);
  const commands = installCommands(needs, machine).map((command) => command.join(' ').replace('sudo -n', 'sudo'));
  if (python) commands.push(python.command);
  return new UserError(`missing: ${missing.join('; ')} (not installed by us: ${why})`, {
    hint:
      commands.length > 0
        ? `Install it with: ${commands.join(' && ')}`
        : 'Install it with the package manager of this system.',
  });
}
