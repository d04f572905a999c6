"""Scene 4: twelve wheels, each on the rim of the one before, draw the square wave."""

from pathlib import Path

from manim import *
from manim_voiceover_plus import VoiceoverScene

from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT
from palette import BACKGROUND, FAINT, INK, LEFT_EDGE, MUTED, TEAL, WAVE_COLORS, heading, label
from waves import amplitude, curve, speed

config.frame_height = 10
config.frame_width = 10 * 16 / 9
config.pixel_height = 1440
config.pixel_width = 2560


HUB = np.array([-4.3, -0.5, 0.0])
SCALE = 1.5
WHEELS = 12
PEN_START = 0.2
PAPER_SPEED = 3.1
"""Units that the paper moves in one turn of the first wheel."""
POINTS_A_TURN = 360
TURNS = 4.0
FIRST_ALONE = 0.7
JOINING = 1.5
"""The first wheel turns alone this many turns, then the others join one after another within so many."""


def grown(index, turns):
    """How far the wheel of this index has grown after so many turns of the first, 0 to 1 (turns: number or array)."""
    start = FIRST_ALONE + JOINING * (index - 1) / WHEELS if index else -1.0
    return np.clip((turns - start) / 0.35, 0, 1)


def rims(turns):
    """The centres of all wheels and then the pen, as points of the frame, after so many turns of the first."""
    points = [HUB]
    for index in range(WHEELS):
        radius = SCALE * amplitude(index) * grown(index, turns)
        angle = TAU * speed(index) * turns
        points.append(points[-1] + radius * np.array([np.cos(angle), np.sin(angle), 0.0]))
    return points


def pen_height(turns):
    """The height of the pen above the hub after so many turns (an array)."""
    return sum(SCALE * amplitude(i) * grown(i, turns) * np.sin(TAU * speed(i) * turns) for i in range(WHEELS))


class Scene04Wheels(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        self.camera.background_color = BACKGROUND

        title = heading("Wheels on wheels", WAVE_COLORS[1])
        level = Line([PEN_START, HUB[1], 0], [LEFT_EDGE, HUB[1], 0], color=FAINT, stroke_width=3)
        turns = ValueTracker(0)
        opacity = ValueTracker(0)

        def machine():
            now = turns.get_value()
            shown = opacity.get_value()
            points = rims(now)
            wheels = VGroup()
            for index in range(WHEELS):
                radius = SCALE * amplitude(index) * grown(index, now)
                if radius < 0.01:
                    continue
                color = WAVE_COLORS[index] if index < len(WAVE_COLORS) else MUTED
                wheels.add(
                    Circle(radius=radius, color=color, stroke_width=2.5, stroke_opacity=0.55 * shown).move_to(
                        points[index]
                    ),
                    Line(points[index], points[index + 1], color=color, stroke_width=4, stroke_opacity=shown),
                )
            tip = np.array([PEN_START, points[-1][1], 0.0])
            wheels.add(Line(points[-1], tip, color=INK, stroke_width=2, stroke_opacity=0.5 * shown))
            wheels.add(Dot(points[-1], radius=0.08, color=INK, fill_opacity=shown))
            wheels.add(Dot(tip, radius=0.1, color=TEAL, fill_opacity=shown))
            return wheels

        held = int((LEFT_EDGE - PEN_START) / PAPER_SPEED * POINTS_A_TURN)

        def paper():
            now = turns.get_value()
            # Times on a fixed grid, and the present: the curve's points move with the paper, so it does not shimmer.
            times = np.append((np.floor(now * POINTS_A_TURN) - np.arange(held)) / POINTS_A_TURN, now)
            times = np.sort(np.maximum(times, 0))
            return curve(PEN_START + PAPER_SPEED * (now - times), HUB[1] + pen_height(times), TEAL, width=7)

        # "Put each circle on the rim of the one before ... Twelve wheels ... up, rests, and drops again."
        # Beats: 0.08 + 0.92 = 1.0
        with self.voiceover(text=SCRIPT["wheels"]) as tracker:
            beat = tracker.duration
            self.add(level, always_redraw(paper), always_redraw(machine))
            self.play(
                FadeIn(title, shift=RIGHT * 0.3), FadeIn(level), opacity.animate.set_value(1), run_time=0.08 * beat
            )
            names = label("12 wheels, 12 waves", 30, MUTED).move_to([LEFT_EDGE, -3.6, 0], aligned_edge=RIGHT)
            self.play(
                turns.animate(rate_func=linear).set_value(TURNS),
                FadeIn(names, rate_func=squish_rate_func(smooth, 0.5, 0.58)),
                run_time=0.92 * beat,
            )
        self.wait(0.3)
        self.play(*map(FadeOut, self.mobjects), run_time=0.4)
