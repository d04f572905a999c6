"""The mathematics: the Fourier series of a square wave of height 1, and curves drawn through many points at once."""

import numpy as np
from manim import VMobject


def speed(index):
    """How many times faster than the first the wave of this index turns: 1, 3, 5, ..."""
    return 2 * index + 1


def amplitude(index):
    """The height of the wave of this index: 4/pi, a third of it, a fifth of it, ..."""
    return 4 / (np.pi * speed(index))


def wave(index, x):
    """One term of the series at x (a number or an array)."""
    return amplitude(index) * np.sin(speed(index) * x)


def partial_sum(count, x):
    """The sum of the first `count` waves at x; 2.5 of them hold half of the third, so that counts can be animated."""
    whole = int(count)
    total = sum((wave(index, x) for index in range(whole)), np.zeros_like(x, dtype=float))
    return total + (count - whole) * wave(whole, x)


def square(x):
    """The square wave itself: 1 where the sine is positive, -1 where it is negative."""
    return np.sign(np.sin(x))


def so_far(now, end, steps):
    """Points from 0 to `end`, those beyond `now` moved back to it, for a curve that grows.

    Its points stay as many and where they are: it does not shimmer, and Manim redraws it several times as fast.
    """
    return np.minimum(np.linspace(0, end, steps + 1), now)


def curve(x, y, color, width=5, opacity=1.0):
    """A line through the points (x, y) of the frame; x and y are arrays of one length."""
    line = VMobject(stroke_color=color, stroke_width=width, stroke_opacity=opacity)
    return line.set_points_as_corners(np.column_stack([x, y, np.zeros_like(x)]))
