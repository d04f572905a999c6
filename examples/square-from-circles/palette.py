"""The look that all scenes share: colours, and text that is set the same way everywhere."""

from manim import LEFT, RIGHT, UP, Dot, Text, VGroup

BACKGROUND = "#0E1420"
INK = "#F2EFE6"
MUTED = "#6F7C91"
FAINT = "#2B3547"
GOLD = "#F6C453"
CORAL = "#FF7A6B"
VIOLET = "#A78BFA"
TEAL = "#4FD1C5"
WAVE_COLORS = (GOLD, CORAL, VIOLET)

LEFT_EDGE = 8.1
"""Half of the width that scenes fill, in Manim's units; the frame itself reaches 8.89."""

FONT = "DejaVu Serif"
"""Comes with fontconfig on Debian and Ubuntu, so text is as wide on every machine."""

DRAWN_SIZE = 120


def label(words, size, color=INK):
    """Text of the given font size.

    It is set large and then scaled, because letters set small are moved to whole pixels and end up unevenly spaced.
    """
    return Text(words, font=FONT, font_size=DRAWN_SIZE, color=color).scale(size / DRAWN_SIZE)


def heading(words, color):
    """A scene's title in the upper left corner, led by a dot in the scene's colour."""
    dot = Dot(radius=0.13, color=color)
    line = VGroup(dot, label(words, 40)).arrange(RIGHT, buff=0.3)
    line.move_to(UP * 3.75 + LEFT * LEFT_EDGE, aligned_edge=LEFT)
    return line
