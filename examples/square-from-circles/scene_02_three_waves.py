"""Scene 2: three circles draw three waves, and their sum grows corners."""

from pathlib import Path

from manim import *
from manim_voiceover_plus import VoiceoverScene

from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT
from palette import BACKGROUND, FAINT, INK, LEFT_EDGE, MUTED, TEAL, WAVE_COLORS, heading, label
from waves import amplitude, curve, partial_sum, so_far, speed, square, wave

config.frame_height = 10
config.frame_width = 10 * 16 / 9
config.pixel_height = 1440
config.pixel_width = 2560


ROWS = (1.35, -1.2, -2.85)
"""Heights of the three rows of the first part, one for each circle."""
CIRCLE_X = -6.4
PEN_START = -4.3
PEN_END = 4.6
ROW_SCALE = 1.05
PACE = ("", "3 × as fast", "5 × as fast")
SIZE = ("one circle", "⅓ of the size", "⅕ of the size")

TURNS = 2
SUM_LEVEL = -0.6
SUM_SCALE = 2.3


class Scene02ThreeWaves(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        self.camera.background_color = BACKGROUND
        self.title = heading("Three circles", WAVE_COLORS[0])

        self.turn_three_circles()
        self.add_their_heights()
        self.wait(0.4)
        self.play(*map(FadeOut, self.mobjects), run_time=0.4)

    def turn_three_circles(self):
        """Each circle turns at its own speed and draws its own row."""
        turned = ValueTracker(0)
        self.shown = [ValueTracker(0) for _ in ROWS]

        def row(index):
            shown = self.shown[index].get_value()
            color = WAVE_COLORS[index]
            centre = np.array([CIRCLE_X, ROWS[index], 0.0])
            radius = ROW_SCALE * amplitude(index)
            angle = TAU * turned.get_value() * speed(index)
            point = centre + radius * np.array([np.cos(angle), np.sin(angle), 0.0])
            along = so_far(turned.get_value(), TURNS, 320)
            x = PEN_START + along * (PEN_END - PEN_START) / TURNS
            y = ROWS[index] + ROW_SCALE * wave(index, TAU * along)
            pen = np.array([x[-1], y[-1], 0.0])
            return VGroup(
                Line(
                    [PEN_START, ROWS[index], 0],
                    [PEN_END, ROWS[index], 0],
                    color=FAINT,
                    stroke_width=3,
                    stroke_opacity=shown,
                ),
                Circle(radius=radius, color=MUTED, stroke_width=3, stroke_opacity=shown).move_to(centre),
                Line(centre, point, color=color, stroke_width=4, stroke_opacity=shown),
                Line(point, pen, color=INK, stroke_width=1.5, stroke_opacity=0.35 * shown),
                curve(x, y, color, width=6, opacity=shown),
                Dot(point, radius=0.09, color=color, fill_opacity=shown),
                Dot(pen, radius=0.07, color=INK, fill_opacity=shown),
            )

        self.rows = VGroup(*(always_redraw(lambda index=index: row(index)) for index in range(3)))
        self.names = VGroup()
        for index, level in enumerate(ROWS):
            lines = [label(words, 28, WAVE_COLORS[index]) for words in (PACE[index], SIZE[index]) if words]
            lines = VGroup(*lines).arrange(DOWN, buff=0.12, aligned_edge=LEFT)
            self.names.add(lines.move_to([PEN_END + 0.5, level, 0], aligned_edge=LEFT))

        def show(index):
            return AnimationGroup(self.shown[index].animate.set_value(1), FadeIn(self.names[index], shift=LEFT * 0.2))

        # "Now take three circles. The second ... at a third of the size. The third ... at a fifth."
        # Beats: 0.10 + 0.11 + 0.10 + 0.28 + 0.10 + 0.31 = 1.0; the circles turn at one pace in all but the first.
        with self.voiceover(text=SCRIPT["ingredients"]) as tracker:
            beat = tracker.duration
            self.add(self.rows)
            self.play(FadeIn(self.title, shift=RIGHT * 0.3), show(0), run_time=0.10 * beat)
            turning = 0.0
            for length, index in ((0.11, None), (0.10, 1), (0.28, None), (0.10, 2), (0.29, None)):
                turning += length
                steps = [turned.animate(rate_func=linear).set_value(TURNS * turning / 0.88)]
                if index is not None:
                    steps.append(show(index))
                self.play(*steps, run_time=length * beat)

    def add_their_heights(self):
        """The three waves move onto one axis; a sweep adds them up, height on height."""
        axes = Axes(
            x_range=[0, TURNS * TAU, TAU],
            y_range=[-1.6, 1.6, 1],
            x_length=2 * LEFT_EDGE,
            y_length=3.2 * SUM_SCALE,
            tips=False,
            axis_config={"color": FAINT, "stroke_width": 3, "include_ticks": False},
        ).move_to(UP * SUM_LEVEL)
        left, right = axes.c2p(0, 0)[0], axes.c2p(TURNS * TAU, 0)[0]
        at = ValueTracker(0)

        small = VGroup()
        large = VGroup()
        for index, level in enumerate(ROWS):
            x = np.linspace(0, TURNS * TAU, 321)
            along = PEN_START + (PEN_END - PEN_START) * x / (TURNS * TAU)
            small.add(curve(along, level + ROW_SCALE * wave(index, x), WAVE_COLORS[index], width=6))
            large.add(
                axes.plot(
                    lambda x, index=index: wave(index, x), x_range=[0, TURNS * TAU, 0.04], color=WAVE_COLORS[index]
                )
            )
        large.set_stroke(width=4, opacity=0.45)

        def heights():
            here = at.get_value()
            x = left + (right - left) * here / (TURNS * TAU)
            level = 0.0
            stack = VGroup()
            for index, color in enumerate(WAVE_COLORS):
                top = level + wave(index, here)
                side = x + 0.11 * (index - 1)
                stack.add(
                    Line(
                        [side, SUM_LEVEL + SUM_SCALE * level, 0],
                        [side, SUM_LEVEL + SUM_SCALE * top, 0],
                        color=color,
                        stroke_width=9,
                    )
                )
                level = top
            return stack.add(Dot([x, SUM_LEVEL + SUM_SCALE * level, 0], radius=0.12, color=INK))

        def total():
            x = so_far(at.get_value(), TURNS * TAU, 500)
            along = left + (right - left) * x / (TURNS * TAU)
            return curve(along, SUM_LEVEL + SUM_SCALE * partial_sum(3, x), TEAL, width=8)

        # "Add their heights ... The hills grow flat, the sides grow steep ... something with corners."
        # Beats: 0.16 + 0.58 + 0.16 + 0.10 = 1.0
        with self.voiceover(text=SCRIPT["addition"]) as tracker:
            beat = tracker.duration
            for row in self.rows:
                row.clear_updaters()
            self.add(small)
            added = heading("Their heights, added", TEAL)
            self.play(
                ReplacementTransform(small, large),
                FadeOut(self.rows, rate_func=squish_rate_func(smooth, 0, 0.4)),
                FadeOut(self.names, shift=RIGHT * 0.3, rate_func=squish_rate_func(smooth, 0, 0.4)),
                FadeOut(self.title, rate_func=squish_rate_func(smooth, 0, 0.4)),
                FadeIn(added, rate_func=squish_rate_func(smooth, 0.5, 1)),
                FadeIn(axes),
                run_time=0.16 * beat,
            )
            stack = always_redraw(heights)
            sum_curve = always_redraw(total)
            self.add(sum_curve, stack)
            self.play(at.animate(rate_func=linear).set_value(TURNS * TAU), run_time=0.58 * beat)
            stack.clear_updaters()
            sum_curve.clear_updaters()
            corners = square_outline(axes)
            self.play(FadeOut(large), FadeOut(stack), Create(corners), run_time=0.16 * beat)
            self.play(sum_curve.animate(rate_func=there_and_back).set_stroke(width=14), run_time=0.10 * beat)


def square_outline(axes):
    """The square wave that the sum is on its way to, dashed."""
    corners = [axes.c2p(0, 0)]
    for half in range(2 * TURNS):
        height = square((half + 0.5) * PI)
        corners += [axes.c2p(half * PI, height), axes.c2p((half + 1) * PI, height)]
    outline = VMobject(color=INK, stroke_width=3).set_points_as_corners([*corners, axes.c2p(TURNS * TAU, 0)])
    return DashedVMobject(outline, num_dashes=120, dashed_ratio=0.55).set_stroke(opacity=0.7)
