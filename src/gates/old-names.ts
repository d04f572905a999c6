import { importsOf } from '../project/imports.js';
import { type Check, findingAt } from './check.js';

/** Names of old Manim, and of 3b1b's, that Manim Community no longer has, with what takes their place. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  ShowCreation: 'Create',
  TextMobject: 'Tex',
  TexMobject: 'MathTex',
  TexText: 'Tex',
  OldTex: 'MathTex',
  OldTexText: 'Tex',
  FadeInFrom: 'FadeIn(mobject, shift=...)',
  FadeInFromDown: 'FadeIn(mobject, shift=UP)',
  FadeInFromPoint: 'FadeIn(mobject, target_position=...)',
  FadeInFromLarge: 'FadeIn(mobject, scale=...)',
  FadeOutAndShift: 'FadeOut(mobject, shift=...)',
  FadeOutAndShiftDown: 'FadeOut(mobject, shift=DOWN)',
  FadeOutToPoint: 'FadeOut(mobject, target_position=...)',
  VFadeIn: 'FadeIn',
  VFadeOut: 'FadeOut',
  VFadeInThenOut: 'FadeIn, then FadeOut',
  ShowCreationThenDestruction: 'ShowPassingFlash',
  ShowCreationThenFadeOut: 'Create, then FadeOut',
  ShowCreationThenFadeAround: 'Circumscribe',
  ShowCreationThenDestructionAround: 'Circumscribe',
  AnimationOnSurroundingRectangle: 'Circumscribe',
  ShowPassingFlashAround: 'Circumscribe',
  CircleIndicate: 'Circumscribe(mobject, Circle)',
  FlashAround: 'Circumscribe',
  FlashUnder: 'Circumscribe',
  WiggleOutThenIn: 'Wiggle',
  GraphScene: 'Axes in a Scene',
  ParametricSurface: 'Surface',
  ContinualAnimation: 'an updater (mobject.add_updater)',
  ContinualRotation: 'Rotating, or an updater',
  CodeMobject: 'Code',
  LabelledDot: 'LabeledDot',
  FullScreenFadeRectangle: 'FullScreenRectangle',
  ReconfigurableScene: 'Scene',
  InteractiveScene: 'Scene',
  FRAME_WIDTH: 'config.frame_width',
  FRAME_HEIGHT: 'config.frame_height',
  FRAME_X_RADIUS: 'config.frame_x_radius',
  FRAME_Y_RADIUS: 'config.frame_y_radius',
  PIXEL_WIDTH: 'config.pixel_width',
  PIXEL_HEIGHT: 'config.pixel_height',
  COLOR_MAP: 'the colours by name, or manim_colors',
  hex_to_color: 'ManimColor',
  Color: 'ManimColor',
  get_norm: 'np.linalg.norm',
  CYAN: 'PURE_CYAN or ManimColor("#00FFFF")',
  MAGENTA: 'PURE_MAGENTA or ManimColor("#FF00FF")',
};

const MANIM = /^manim(\.|$)/;

/** Names that Manim had once and no longer has. */
export const oldNames: Check = (under) => {
  const isBound = (name: string): boolean =>
    under.sources.some(({ reading }) => reading.bound.has(name) || reading.texts.some(({ value }) => value === name));
  return under.sources.flatMap(({ reading, severityAt }) => {
    const imports = importsOf(reading.source).filter(({ level }) => level === 0);
    const taken = imports.flatMap(({ module, names, at }) =>
      MANIM.test(module) ? (names ?? []).map(({ name, as }) => ({ name, as, at })) : [],
    );
    const stars = imports.filter(({ names }) => names?.some(({ name }) => name === '*'));
    const isManims = stars.some(({ module }) => MANIM.test(module));
    // another package may bring the name
    const isOnlyManims = stars.every(({ module }) => MANIM.test(module) || KNOWN_STARS.test(module));
    const finding = (name: string, at: number, severity = severityAt(at)) =>
      findingAt(
        under,
        severity,
        reading.placeOf(at),
        `Manim has no ${name} any more`,
        `Write ${OLD_NAMES[name]} instead.`,
      );
    const fromImports = taken.flatMap(({ name, at }) => (Object.hasOwn(OLD_NAMES, name) ? [finding(name, at)] : []));
    const fromUses = isManims
      ? reading.uses.flatMap(({ name, at }) =>
          Object.hasOwn(OLD_NAMES, name) && !isBound(name)
            ? [finding(name, at, isOnlyManims ? severityAt(at) : 'warning')]
            : [],
        )
      : [];
    return [...fromImports, ...firstOfEach(fromUses)];
  });
};

/** Modules whose `import *` brings none of these names. */
const KNOWN_STARS =
  /^(math|numpy|typing|pathlib|manim_voiceover(_plus)?|narration_script|flaming_horse(_voice)?)(\.|$)/;

/** One finding for each message: the first that is an error, else the first. */
function firstOfEach<T extends { readonly message: string; readonly severity: string }>(findings: readonly T[]): T[] {
  const first = new Map<string, T>();
  for (const found of findings) {
    const before = first.get(found.message);
    if (!before || (before.severity === 'warning' && found.severity === 'error')) first.set(found.message, found);
  }
  return [...first.values()];
}
