import { readFile } from 'node:fs/promises';
import { childEnvironment, run } from '../process.js';
import { contentKey, sha256 } from '../store/keys.js';
import { findOnPath } from './path.js';

/** Standard output of a short program, undefined where it is missing or fails. */
async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  const path = await findOnPath(program);
  if (path === undefined) return undefined;
  const { status, stdout } = await run(path, args, { env: childEnvironment(), wallLimit: 60 });
  return status === 0 ? stdout : undefined;
}

/** The version of ffmpeg; undefined where it or ffprobe is missing, or where it cannot encode H.264. */
export async function ffmpegVersion(): Promise<string | undefined> {
  const [text, ffprobe] = await Promise.all([output('ffmpeg', ['-version']), findOnPath('ffprobe')]);
  if (text === undefined || ffprobe === undefined || !text.includes('--enable-libx264')) return undefined;
  return /^ffmpeg version (\S+)/.exec(text)?.[1];
}

/** Generic families: what they stand for depends on fontconfig's settings, not on the installed fonts alone. */
const GENERIC_FAMILIES = ['sans', 'serif', 'monospace'];
const FONT_FORMAT = '%{family}|%{style}|%{postscriptname}|%{fontversion}|%{fontformat}\n';

/** A hash over the fonts that a scene can use, wherever they lie; undefined where there are none or no fontconfig. */
export async function fontsHash(): Promise<string | undefined> {
  const [list, ...generic] = await Promise.all([
    output('fc-list', ['--format', FONT_FORMAT]),
    ...GENERIC_FAMILIES.map((family) => output('fc-match', ['--format', FONT_FORMAT, family])),
  ]);
  // Pango draws with no Type 1 font
  const fonts = (list ?? '').split('\n').filter((line) => line !== '' && !line.endsWith('|Type 1'));
  if (fonts.length === 0) return undefined;
  return contentKey([[...new Set(fonts)].sort(), generic.map((match) => match ?? '')]);
}

/** What the default template of Tex and MathTex needs. */
const LATEX_FILES = [
  'article.cls',
  'standalone.cls',
  'preview.sty',
  'babel.sty',
  'english.ldf',
  'amsmath.sty',
  'amssymb.sty',
];

export interface Latex {
  /** E.g. "TeX Live 2022/Debian, dvisvgm 3.0.3". */
  readonly version: string;
  /** A hash over the packages that every formula is set with. */
  readonly packages: string;
}

/** The LaTeX of this machine; undefined where it lacks something that Tex and MathTex need. */
export async function findLatex(): Promise<Latex | undefined> {
  const [latex, dvisvgm, found] = await Promise.all([
    output('latex', ['--version']),
    output('dvisvgm', ['--version']),
    output('kpsewhich', LATEX_FILES),
  ]);
  const files = (found ?? '').split('\n').filter((line) => line !== '');
  if (latex === undefined || dvisvgm === undefined || files.length < LATEX_FILES.length) return undefined;
  const contents = await Promise.all(files.map(async (file) => sha256(await readFile(file))));
  const release = /\(([^)]+)\)/.exec(latex)?.[1] ?? latex.split('\n')[0];
  return { version: `${release}, ${dvisvgm.trim()}`, packages: contentKey(contents) };
}

/** Whether espeak-ng is on PATH. */
export async function hasEspeak(): Promise<boolean> {
  return (await findOnPath('espeak-ng')) !== undefined;
}

/** What is missing of that which compiles Python packages against cairo and pango. */
export async function lackingToCompile(): Promise<('compiler' | 'development')[]> {
  const [cc, cxx, development] = await Promise.all([
    findOnPath('cc'),
    findOnPath('c++'),
    output('pkg-config', ['--exists', 'cairo', 'pango', 'pangocairo', 'pangoft2']),
  ]);
  const lacking: ('compiler' | 'development')[] = [];
  if (!cc || !cxx) lacking.push('compiler');
  if (development === undefined) lacking.push('development');
  return lacking;
}
