"""Scene 1: a point on a circle draws a sine wave."""

from pathlib import Path

from manim import *
from manim_voiceover_plus import VoiceoverScene

from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT
from palette import BACKGROUND, CORAL, FAINT, GOLD, INK, LEFT_EDGE, MUTED, heading, label
from waves import curve, so_far

config.frame_height = 10
config.frame_width = 10 * 16 / 9
config.pixel_height = 1440
config.pixel_width = 2560


CENTRE = np.array([-5.6, -0.5, 0.0])
RADIUS = 2.2
PEN_START = -2.5
TURN_WIDTH = (LEFT_EDGE - PEN_START) / 2
"""The length of paper that one turn of the circle takes."""


class Scene01Circle(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        self.camera.background_color = BACKGROUND

        title = heading("A square wave from circles", GOLD)
        circle = Circle(radius=RADIUS, color=MUTED, stroke_width=4).move_to(CENTRE)
        level = Line(CENTRE + LEFT * RADIUS, [LEFT_EDGE, CENTRE[1], 0], color=FAINT, stroke_width=3)

        turns = ValueTracker(0)  # the point's way around; the paper starts to roll after the first turn
        height_shown = ValueTracker(0)

        def point():
            angle = TAU * turns.get_value()
            return CENTRE + RADIUS * np.array([np.cos(angle), np.sin(angle), 0.0])

        def pen():
            rolled = max(0.0, turns.get_value() - 1)
            return np.array([PEN_START + rolled * TURN_WIDTH, point()[1], 0.0])

        def trace():
            rolled = max(0.0, turns.get_value() - 1)
            along = so_far(rolled, 2, 400)
            return curve(PEN_START + along * TURN_WIDTH, CENTRE[1] + RADIUS * np.sin(TAU * along), GOLD, width=8)

        def height():
            foot = np.array([point()[0], CENTRE[1], 0.0])
            return Line(foot, point(), color=CORAL, stroke_width=7).set_stroke(opacity=height_shown.get_value())

        def carry():
            line = DashedLine(point(), pen(), color=INK, stroke_width=2.5, dash_length=0.12)
            return line.set_stroke(opacity=0.6 * height_shown.get_value())

        spoke = always_redraw(lambda: Line(CENTRE, point(), color=GOLD, stroke_width=5))
        bead = always_redraw(lambda: Dot(point(), radius=0.16, color=GOLD))
        tip = always_redraw(lambda: Dot(pen(), radius=0.12, color=INK).set_opacity(height_shown.get_value()))

        # Beats: 0.12 + 0.25 + 0.05 + 0.44 + 0.14 = 1.0
        with self.voiceover(text=SCRIPT["one_circle"]) as tracker:
            self.play(
                FadeIn(title, shift=RIGHT * 0.3),
                Create(circle),
                GrowFromPoint(spoke, CENTRE),
                FadeIn(bead),
                run_time=0.12 * tracker.duration,
            )
            self.play(
                turns.animate(rate_func=rate_functions.ease_in_sine).set_value(1), run_time=0.25 * tracker.duration
            )
            self.add(level, always_redraw(height), always_redraw(carry), always_redraw(trace), bead, tip)
            self.play(Create(level), height_shown.animate.set_value(1), run_time=0.05 * tracker.duration)
            self.play(turns.animate(rate_func=linear).set_value(3), run_time=0.44 * tracker.duration)
            name = label("sine wave", 44, GOLD).move_to([PEN_START + TURN_WIDTH, -3.45, 0])
            self.play(FadeIn(name, shift=UP * 0.2), run_time=0.08 * tracker.duration)
        self.wait(0.3)
        self.play(*map(FadeOut, self.mobjects), run_time=0.4)
