import type { Machine } from '../../src/setup/machine.js';
import { installCommands, missingError, NEEDS, type Need, pythonPart, updateCommand } from '../../src/setup/needs.js';

const root: Machine = {
  system: 'debian-12',
  manager: 'apt',
  obstacle: undefined,
  sudo: false,
  listsMissing: false,
};
const user: Machine = { ...root, sudo: true };
const mac: Machine = { ...root, system: 'darwin-24', manager: 'brew' };
const other: Machine = {
  ...root,
  system: 'fedora-43',
  manager: undefined,
  obstacle: 'only apt and Homebrew are known',
};

const APT = 'apt-get install --yes --no-install-recommends';

describe('the commands for what is missing', () => {
  const rows: [string, Need[], Machine, string[]][] = [
    ['nothing', [], root, []],
    ['espeak-ng, as root', [NEEDS.espeak], root, [`${APT} espeak-ng`]],
    ['espeak-ng, as another user', [NEEDS.espeak], user, [`sudo -n ${APT} espeak-ng`]],
    [
      'espeak-ng, where no lists were fetched',
      [NEEDS.espeak],
      { ...user, listsMissing: true },
      ['sudo -n apt-get update', `sudo -n ${APT} espeak-ng`],
    ],
    ['LaTeX', [NEEDS.latex], root, [`${APT} texlive-latex-extra texlive-fonts-recommended dvisvgm`]],
    [
      'two needs with packages in common, each once',
      [NEEDS.fonts, NEEDS.ffmpeg],
      root,
      [`${APT} fontconfig fonts-dejavu-core fonts-lmodern fonts-urw-base35 ffmpeg`],
    ],
    [
      'what compiles for the Python of Debian',
      [NEEDS.compiler, NEEDS.development, pythonPart('venv', '3.11.2'), pythonPart('dev', '3.11.2')],
      root,
      [`${APT} g++ pkg-config libcairo2-dev libpango1.0-dev python3.11-venv python3.11-dev`],
    ],
    ['ffmpeg and LaTeX on macOS', [NEEDS.ffmpeg, NEEDS.latex], mac, ['brew install ffmpeg texlive']],
    ['a compiler on macOS, which Homebrew needs itself', [NEEDS.compiler], mac, []],
    ['ffmpeg where no package manager is known', [NEEDS.ffmpeg], other, []],
  ];

  test.each(rows)('%s', (_, needs, machine, expected) => {
    expect(installCommands(needs, machine).map((command) => command.join(' '))).toEqual(expected);
  });

  test('lists are fetched with sudo by who is not root', () => {
    expect(updateCommand(user)).toEqual(['sudo', '-n', 'apt-get', 'update']);
  });
});

describe('the error for what may not be installed', () => {
  test('lists all that is missing and the commands that install it', () => {
    const error = missingError([NEEDS.ffmpeg, NEEDS.latex], user, 'setup is "never"', {
      lacking: ['manim', 'manim-voiceover-plus'],
      executable: '/usr/bin/python3',
      command: '/usr/bin/python3 -m pip install --require-hashes --requirement render.txt',
    });
    expect(error.message).toBe(
      'missing: ffmpeg and ffprobe with libx264; LaTeX with standalone, preview, babel and amsmath, and dvisvgm; ' +
        'manim, manim-voiceover-plus for /usr/bin/python3 (not installed by us: setup is "never")',
    );
    expect(error.hint).toBe(
      `Install it with: sudo ${APT} ffmpeg fontconfig fonts-dejavu-core fonts-lmodern fonts-urw-base35 texlive-latex-extra ` +
        'texlive-fonts-recommended dvisvgm && /usr/bin/python3 -m pip install --require-hashes --requirement render.txt',
    );
  });

  test('points to the package manager of the system where we know none', () => {
    const error = missingError([NEEDS.espeak], other, 'only apt and Homebrew are known', undefined);
    expect(error.message).toContain('espeak-ng');
    expect(error.hint).toBe('Install it with the package manager of this system.');
  });
});
