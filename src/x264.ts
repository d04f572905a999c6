/** What an option of x264 takes: a description for people, and whether a value is one. */
interface Kind {
  readonly what: string;
  accepts(value: string): boolean;
}

const kind = (what: string, pattern: RegExp): Kind => ({ what, accepts: (value) => pattern.test(value) });
const NUMBER = String.raw`[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`;
const INTEGER = String.raw`[+-]?(0[xX][0-9a-fA-F]+|\d{1,9})`;
const SWITCH = '1|0|true|false|yes|no';

const WHOLE = kind('a whole number', new RegExp(`^${INTEGER}$`));
const FRACTION = kind('a number', new RegExp(`^${NUMBER}$`));
const YES_NO = kind('0 or 1', new RegExp(`^(${SWITCH})$`, 'i'));
const AUTO = kind('a whole number or auto', new RegExp(`^(auto|${INTEGER})$`, 'i'));
const PAIR = kind('two numbers with | between them', new RegExp(`^${NUMBER}(\\|${NUMBER})?$`));
const oneOf = (...words: string[]): Kind =>
  kind(`one of ${words.join(', ')}`, new RegExp(`^(${words.map((word) => word.replace('+', '\\+')).join('|')})$`));

/** Options by kind, with both of x264's names where there are two. */
const KINDS: readonly (readonly [Kind, string])[] = [
  [
    WHOLE,
    `ref frameref dpb-size min-keyint keyint-min bframes b-bias cabac-idc slices slices-max slice-max-size
     slice-max-mbs slice-min-mbs weightp chroma-qp-offset merange me-range mvrange mv-range mvrange-thread
     mv-range-thread subme subq trellis deadzone-inter deadzone-intra nr bitrate qp rc-lookahead qpmin qp-min qpmax qp-max
     qpstep qp-step vbv-maxrate vbv-bufsize aq-mode sps-id chromaloc frame-packing`,
  ],
  [FRACTION, 'crf crf-max vbv-init ipratio ip-factor pbratio pb-factor aq-strength qcomp qblur cplxblur cplx-blur'],
  [
    YES_NO,
    `sliced-threads deterministic n-deterministic cpu-independent bluray-compat intra-refresh open-gop nf cabac
     interlaced tff bff constrained-intra 8x8dct weightb weight-b psy chroma-me mixed-refs fast-pskip dct-decimate mbtree
     aud force-cfr filler pic-struct fake-interlaced stitchable`,
  ],
  [AUTO, 'threads lookahead-threads sync-lookahead'],
  [PAIR, 'psy-rd'],
  [kind('a level like 4.1', /^(1b|1(\.[0-3])?|[2-6](\.[0-2])?|1[0-3]|[2-6][0-2])$/), 'level level-idc'],
  [kind('a whole number or infinite', new RegExp(`^(infinite|${INTEGER})$`)), 'keyint'],
  [kind('a whole number', new RegExp(`^(${SWITCH}|${INTEGER})$`, 'i')), 'scenecut b-adapt'],
  [kind('none, strict, normal or 0 to 2', /^(none|strict|normal|[0-2])$/), 'b-pyramid'],
  [kind('a whole number', new RegExp(`^(${SWITCH}|${INTEGER})$`, 'i')), 'deblock filter'],
  [kind('flat or jvt', /^(flat|jvt)$/), 'cqm'],
  [kind('a number or inf', new RegExp(`^(inf|${NUMBER})$`)), 'ratetol'],
  [
    kind(
      'parts like i4x4+p8x8, or none or all',
      /^(none|all|(i4x4|i8x8|p8x8|p4x4|b8x8)([+|](i4x4|i8x8|p8x8|p4x4|b8x8))*)$/,
    ),
    'analyse partitions',
  ],
  [oneOf('none', 'spatial', 'temporal', 'auto'), 'direct direct-pred'],
  [oneOf('dia', 'hex', 'umh', 'esa', 'tesa'), 'me'],
  [oneOf('none', 'vbr', 'cbr'), 'nal-hrd'],
  [oneOf('undef', 'show', 'crop'), 'overscan'],
  [
    oneOf(
      ...['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow', 'slower', 'veryslow', 'placebo'],
    ),
    'preset',
  ],
  [oneOf('baseline', 'main', 'high'), 'profile'],
  [
    kind(
      'names like animation or film+fastdecode',
      /^(film|animation|grain|stillimage|psnr|ssim|fastdecode|zerolatency)([+.](film|animation|grain|stillimage|psnr|ssim|fastdecode|zerolatency))*$/,
    ),
    'tune',
  ],
];

const OPTIONS: ReadonlyMap<string, Kind> = new Map(
  KINDS.flatMap(([what, names]) => names.split(/\s+/).map((name) => [name, what] as const)),
);

/** Options that would break what we promise of a video, and why. */
const OURS: ReadonlyMap<string, string> = new Map([
  ...['fps', 'sar', 'crop-rect'].map((name) => [name, 'the scene decides the picture'] as const),
  ...['fullrange', 'colorprim', 'transfer', 'colormatrix', 'videoformat'].map(
    (name) => [name, 'the colours are those of Manim'] as const,
  ),
  ...['pass', 'stats', 'dump-yuv', 'cqmfile', 'zones', 'asm', 'opencl'].map(
    (name) => [name, 'a scene is encoded once, without files beside it'] as const,
  ),
  ...['psnr', 'ssim', 'log'].map((name) => [name, 'what x264 prints is not shown'] as const),
  ...['avcintra-class', 'avcintra-flavor'].map((name) => [name, 'pictures have 8 bits a colour'] as const),
  ...['annexb', 'repeat-headers', 'global-header'].map((name) => [name, 'the file format decides it'] as const),
]);

/** Why x264 would not take an option, undefined where it would. */
export function problemOfOption(name: string, value: string): string | undefined {
  const dashed = name.replaceAll('_', '-');
  const ours = OURS.get(dashed);
  if (ours !== undefined) return `"${name}" cannot be set: ${ours}`;
  const found = OPTIONS.get(dashed);
  // "no-mbtree=1" is "mbtree=0"
  const negated = /^no-?(.+)$/.exec(dashed)?.[1];
  const what = found ?? (negated !== undefined && OPTIONS.get(negated) === YES_NO ? YES_NO : undefined);
  if (!what) return `x264 has no option "${name}"`;
  return what.accepts(value) ? undefined : `"${name}" takes ${what.what}`;
}

/** Every option that may be set. */
export const X264_OPTIONS: readonly string[] = [...OPTIONS.keys()];
