"""Scene 3: the recipe as a formula, term by term. The only scene that needs LaTeX."""

from pathlib import Path

from manim import *
from manim_voiceover_plus import VoiceoverScene

from flaming_horse.scene_helpers import BeatPlan, play_next
from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT
from palette import BACKGROUND, FAINT, INK, LEFT_EDGE, TEAL, WAVE_COLORS, heading, label
from waves import curve, partial_sum, square

config.frame_height = 10
config.frame_width = 10 * 16 / 9
config.pixel_height = 1440
config.pixel_width = 2560


TURNS = 2
MANY = 20
"""How many waves the curve holds at the end."""
LEVEL = -1.45
SCALE = 1.75


class Scene03Recipe(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        self.camera.background_color = BACKGROUND

        title = heading("The recipe", WAVE_COLORS[2])
        start = (r"f(x) =", r"\frac{4}{\pi}")
        terms = MathTex(
            *start,
            r"\Big(",
            r"\sin x",
            r"+ \tfrac{1}{3}\sin 3x",
            r"+ \tfrac{1}{5}\sin 5x",
            r"+ \cdots",
            r"\Big)",
            font_size=60,
            color=INK,
        ).move_to(UP * 2.0)
        for term, color in zip(terms[3:6], WAVE_COLORS, strict=True):
            term.set_color(color)
        short = MathTex(*start, r"\sum_{k = 1, 3, 5, \ldots} \frac{\sin kx}{k}", font_size=60, color=INK).move_to(terms)

        axes = Axes(
            x_range=[0, TURNS * TAU, PI],
            y_range=[-1.35, 1.35, 1],
            x_length=2 * LEFT_EDGE,
            y_length=2.7 * SCALE,
            tips=False,
            axis_config={"color": FAINT, "stroke_width": 3, "include_ticks": False},
        ).move_to(UP * LEVEL)
        goal = VGroup()
        for half in range(2 * TURNS):
            height = square((half + 0.5) * PI)
            goal.add(DashedLine(axes.c2p(half * PI, height), axes.c2p((half + 1) * PI, height), dash_length=0.12))
        goal.set_stroke(color=INK, width=3, opacity=0.5)

        count = ValueTracker(0)
        x = np.linspace(0, TURNS * TAU, 1201)
        along = axes.c2p(0, 0)[0] + (axes.c2p(TURNS * TAU, 0)[0] - axes.c2p(0, 0)[0]) * x / (TURNS * TAU)
        total = always_redraw(lambda: curve(along, LEVEL + SCALE * partial_sum(count.get_value(), x), TEAL, width=7))
        counted = VGroup(*(label(f"{number} waves", 30, TEAL) for number in range(4, MANY + 1)))
        counted.move_to([LEFT_EDGE, 3.75, 0], aligned_edge=RIGHT)

        def tally():
            number = int(count.get_value() + 0.01)
            return counted[number - 4].copy().align_to([LEFT_EDGE, 0, 0], RIGHT) if number >= 4 else VGroup()

        # "Joseph Fourier wrote down ... Only odd speeds, each wave ... With every new term, the curve settles ..."
        with self.voiceover(text=SCRIPT["recipe"]) as tracker:
            beats = BeatPlan(tracker.duration, [10, 13, 11, 11, 11, 11, 23, 10])
            play_next(self, beats, AnimationGroup(FadeIn(title, shift=RIGHT * 0.3), FadeIn(axes), FadeIn(goal)))
            self.add(total)
            play_next(self, beats, Write(terms[:3]))
            for index in range(3):
                play_next(self, beats, AnimationGroup(Write(terms[index + 3]), count.animate.set_value(index + 1)))
            self.add(always_redraw(tally))
            play_next(self, beats, AnimationGroup(FadeIn(terms[6:], shift=LEFT * 0.2), count.animate.set_value(5)))
            play_next(
                self,
                beats,
                AnimationGroup(
                    ReplacementTransform(terms[:2], short[:2]),
                    FadeOut(terms[2:], rate_func=squish_rate_func(smooth, 0, 0.4)),
                    FadeIn(short[2], rate_func=squish_rate_func(smooth, 0.4, 0.9)),
                    count.animate(rate_func=rate_functions.ease_in_out_quad).set_value(MANY),
                ),
            )
        self.wait(0.4)
        self.play(*map(FadeOut, self.mobjects), run_time=0.4)
