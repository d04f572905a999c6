"""Scene 5: the overshoot that stays, and what sums of waves are good for."""

from pathlib import Path

from manim import *
from manim_voiceover_plus import VoiceoverScene

from flaming_horse.scene_helpers import BeatPlan, play_next
from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT
from palette import BACKGROUND, CORAL, FAINT, INK, LEFT_EDGE, MUTED, TEAL, WAVE_COLORS, heading, label
from waves import curve, partial_sum, wave

config.frame_height = 10
config.frame_width = 10 * 16 / 9
config.pixel_height = 1440
config.pixel_width = 2560


ASSETS = Path(__file__).resolve().parent / "assets"
USES = ("music", "pictures", "radio")
ICONS = ("music.svg", "picture.svg", "radio.svg")

RIGHT_END = 4.6
LEVEL = -0.6
SCALE = 2.25
FROM, TO = -1.0, PI + 1.0
OVERSHOOT = 1.179
"""How high the horns stay however many waves there are: 9 % of the step, which is 2 high."""
FEW, MANY = 5, 60


class Scene05Horns(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        self.camera.background_color = BACKGROUND

        title = heading("The horns that stay", TEAL)
        count = ValueTracker(FEW)
        x = np.linspace(FROM, TO, 3001)
        along = -LEFT_EDGE + (RIGHT_END + LEFT_EDGE) * (x - FROM) / (TO - FROM)

        def total():
            return curve(along, LEVEL + SCALE * partial_sum(count.get_value(), x), TEAL, width=6)

        def across(height, color, opacity):
            y = LEVEL + SCALE * height
            return DashedLine(
                [-LEFT_EDGE, y, 0], [RIGHT_END, y, 0], color=color, stroke_width=3, dash_length=0.12
            ).set_stroke(opacity=opacity)

        def measure(low, high, at, words, color):
            ends = [np.array([at, LEVEL + SCALE * height, 0.0]) for height in (low, high)]
            bar = VGroup(Line(*ends), *(Line(end + 0.12 * LEFT, end + 0.12 * RIGHT) for end in ends))
            bar.set_stroke(color=color, width=4)
            return VGroup(bar, label(words, 32, color).next_to(bar, RIGHT, buff=0.25))

        middle = Line([-LEFT_EDGE, LEVEL, 0], [RIGHT_END, LEVEL, 0], color=FAINT, stroke_width=3)
        levels = VGroup(across(1, INK, 0.5), across(-1, INK, 0.5))
        horns = across(OVERSHOOT, CORAL, 0.9)
        step = measure(-1, 1, RIGHT_END + 0.35, "the step", MUTED)
        over = measure(1, OVERSHOOT, RIGHT_END + 0.35, "9 % of it", CORAL)

        # "One flaw ... the curve overshoots, by nine percent of the step, and more waves only make the horns thinner.
        #  Thin enough ... And so music, pictures and radio can all be written as sums of waves."
        with self.voiceover(text=SCRIPT["horns"]) as tracker:
            beats = BeatPlan(tracker.duration, [8, 9, 8, 8, 22, 11, 6, 6, 6, 16])
            drawn = total()
            play_next(self, beats, AnimationGroup(FadeIn(title, shift=RIGHT * 0.3), FadeIn(middle), Create(drawn)))
            play_next(self, beats, FadeIn(levels))
            play_next(self, beats, AnimationGroup(Create(horns), FadeIn(over, shift=LEFT * 0.2)))
            play_next(self, beats, FadeIn(step, shift=LEFT * 0.2))
            self.remove(drawn)
            live = always_redraw(total)
            self.add(live)
            play_next(self, beats, count.animate(rate_func=rate_functions.ease_in_out_sine).set_value(MANY))
            live.clear_updaters()

            centre = middle.get_center()
            small = VGroup(middle, live).animate.scale(0.62).move_to(UP * 1.35).set_stroke(width=3.5)
            play_next(self, beats, AnimationGroup(small, *map(FadeOut, (levels, horns, step, over, title))))
            for column, (file, use, color) in enumerate(zip(ICONS, USES, WAVE_COLORS, strict=True)):
                icon = SVGMobject(ASSETS / file, height=1.4).set_style(fill_color=color, fill_opacity=1, stroke_width=0)
                icon.move_to([4.2 * (column - 1), -1.95, 0])
                name = label(use, 34, color).next_to(icon, DOWN, buff=0.35)
                # Each word has an i, and an i stands on the line: words with a p would otherwise sit higher.
                name.shift(UP * (-3.3 - name[use.index("i")].get_bottom()[1]))
                play_next(self, beats, FadeIn(VGroup(icon, name), shift=UP * 0.25))
            parts = VGroup(*(curve(along, LEVEL + SCALE * wave(i, x), WAVE_COLORS[i], width=4) for i in range(3)))
            parts.scale(0.62, about_point=ORIGIN).shift(middle.get_center() - 0.62 * centre)
            play_next(self, beats, AnimationGroup(*(Create(part) for part in parts)))
        self.wait(0.8)
        self.play(*map(FadeOut, self.mobjects), run_time=0.6)
