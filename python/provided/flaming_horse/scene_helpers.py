"""Helpers that Flaming Horse scenes import: positions, colours, and the timing of beats within a narration line.

Names, arguments and defaults are those that scenes rely on; lengths are Manim units, durations seconds.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from manim import BLUE, DOWN, GRAY, GREEN, LEFT, ORIGIN, RIGHT, UP, YELLOW, FadeIn, LaggedStart, ManimColor, VGroup

__all__ = [
    "BeatPlan",
    "adaptive_title_position",
    "harmonious_color",
    "play_in_slot",
    "play_next",
    "play_text_in_slot",
    "play_text_next",
    "polished_fade_in",
    "safe_layout",
    "safe_position",
]

M = TypeVar("M")

NAMED_COLORS = {"primary": GREEN, "secondary": BLUE, "accent": YELLOW, "neutral": GRAY}
TITLE_HEIGHT = 3.8
ROOM_UNDER_TITLE = 2.0
SECONDS_A_BEAT = 1.8
FEWEST_BEATS, MOST_BEATS = 12, 30
LAG_BETWEEN_ANIMATIONS = 0.15
SHORTEST_WAIT = 1e-6


def safe_position(
    mobject: M,
    max_y: float = 3.8,
    min_y: float = -3.8,
    max_x: float = 7.5,
    min_x: float = -7.5,
    buff: float = 0.2,
) -> M:
    """Shift a mobject so that it lies within the bounds, `buff` away from them. Returns the mobject.

    Where it is larger than the room, its bottom and its left edge are the ones kept inside.
    """
    box: Any = mobject
    box.shift(DOWN * max(0.0, box.get_top()[1] - (max_y - buff)))
    box.shift(UP * max(0.0, (min_y + buff) - box.get_bottom()[1]))
    box.shift(LEFT * max(0.0, box.get_right()[0] - (max_x - buff)))
    box.shift(RIGHT * max(0.0, (min_x + buff) - box.get_left()[0]))
    return mobject


def harmonious_color(base_color: Any, variations: int = 3, lightness_shift: float = 0.1) -> list[list[float]]:
    """Give `variations` colours [r, g, b, 1.0], evenly round the colour wheel from the base, each lighter by the shift.

    The base is a colour of Manim or one of the names primary, secondary, accent and neutral.
    """
    if isinstance(base_color, str) and not base_color.startswith("#"):
        base_color = NAMED_COLORS.get(base_color, GREEN)
    hue, lightness, saturation = colorsys.rgb_to_hls(*(float(part) for part in ManimColor(base_color).to_rgb()))
    palette = []
    for step in range(variations):
        lighter = min(1.0, max(0.0, lightness + lightness_shift * step))
        palette.append([*colorsys.hls_to_rgb((hue + step / variations) % 1, lighter, saturation), 1.0])
    return palette


def polished_fade_in(mobject: Any, lag_ratio: float = 0.2, scale_factor: float = 1.1, glow: bool = False) -> Any:
    """Animate a mobject in: it fades in, then swells by the factor and settles; with a faint outline if it glows."""
    if glow:
        mobject.set_stroke(width=3, opacity=0.5)
    swell = mobject.animate.scale(scale_factor).set_run_time(0.5).scale(1 / scale_factor)
    return LaggedStart(FadeIn(mobject), swell, lag_ratio=lag_ratio)


def adaptive_title_position(title: M, content_group: Any, max_shift: float = 0.5) -> M:
    """Move a title to the top, higher by up to `max_shift` the taller the content under it is. Returns the title."""
    height = content_group.height if content_group else 0
    box: Any = title
    box.move_to(UP * (TITLE_HEIGHT + min(max_shift, max(0, height - ROOM_UNDER_TITLE))))
    return title


def safe_layout(
    *mobjects: Any,
    alignment: Any = ORIGIN,
    h_buff: float = 0.5,
    v_buff: float = 0.3,
    max_y: float = 3.5,
    min_y: float = -3.5,
    max_x: float = 7.5,
    min_x: float = -7.5,
) -> Any:
    """Arrange mobjects in a row within the bounds, `h_buff` apart at least. Returns them as a group."""
    group = VGroup(*mobjects)
    group.arrange(RIGHT, buff=h_buff, aligned_edge=UP if v_buff else alignment)
    for mobject in mobjects:
        safe_position(mobject, max_y=max_y, min_y=min_y, max_x=max_x, min_x=min_x)
    for index, left in enumerate(mobjects):
        for right in mobjects[index + 1 :]:
            right.shift(RIGHT * max(0.0, left.get_right()[0] + h_buff - right.get_left()[0]))
    return group


class BeatPlan:
    """Shares a duration out to beats by weight; `next_slot` hands out the shares in order."""

    def __init__(self, total_duration: float, weights: Iterable[float] | None = None) -> None:
        self.total_duration = max(0.0, float(total_duration))
        if weights is None:
            beats = math.ceil(self.total_duration / SECONDS_A_BEAT)
            weights = [1.0] * max(FEWEST_BEATS, min(MOST_BEATS, beats))
        shares = np.maximum(0.0, np.array([float(weight) for weight in weights]))
        if not len(shares):
            raise ValueError("BeatPlan requires at least one weight")
        if shares.sum() <= 0:
            shares = np.ones(len(shares))
        slots = [self.total_duration * float(share / shares.sum()) for share in shares[:-1]]
        # The last beat takes the rest, so that the beats fill the duration to the last bit.
        self._slots = [*slots, max(0.0, self.total_duration - sum(slots))]
        self._next = 0

    def next_slot(self) -> float:
        """Give the seconds of the next beat, 0 when all are used up."""
        if self._next >= len(self._slots):
            return 0.0
        self._next += 1
        return self._slots[self._next - 1]


def play_in_slot(
    scene: Any,
    slot: float,
    *animations: Any,
    max_run_time: float | None = None,
    min_run_time: float = 0.3,
    **play_kwargs: Any,
) -> None:
    """Play animations within a slot of so many seconds, and wait for the rest of it. Raises ValueError for run_time."""
    if "run_time" in play_kwargs:
        raise ValueError("Do not pass run_time to play_next/play_text_next; slot helpers own timing.")
    slot = float(slot)
    if not animations or slot <= 0:
        return
    animation = animations[0] if len(animations) == 1 else LaggedStart(*animations, lag_ratio=LAG_BETWEEN_ANIMATIONS)
    longest = slot if max_run_time is None else min(slot, float(max_run_time))
    run_time = min(slot, max(float(min_run_time), longest))
    scene.play(animation, run_time=run_time, **play_kwargs)
    if slot - run_time > SHORTEST_WAIT:
        scene.wait(slot - run_time)


def play_text_in_slot(
    scene: Any,
    slot: float,
    *animations: Any,
    max_text_seconds: float = 1.5,
    min_run_time: float = 0.3,
    **play_kwargs: Any,
) -> None:
    """Play a text's animation within a slot, quickly: for `max_text_seconds` at most."""
    play_in_slot(scene, slot, *animations, max_run_time=max_text_seconds, min_run_time=min_run_time, **play_kwargs)


def play_next(
    scene: Any,
    beats: BeatPlan,
    *animations: Any,
    max_run_time: float | None = None,
    min_run_time: float = 0.3,
    **play_kwargs: Any,
) -> None:
    """Play animations within the next beat."""
    slot = beats.next_slot()
    play_in_slot(scene, slot, *animations, max_run_time=max_run_time, min_run_time=min_run_time, **play_kwargs)


def play_text_next(
    scene: Any,
    beats: BeatPlan,
    *animations: Any,
    max_text_seconds: float = 999,
    min_run_time: float = 0.3,
    **play_kwargs: Any,
) -> None:
    """Play a text's animation within the next beat."""
    slot = beats.next_slot()
    play_text_in_slot(
        scene, slot, *animations, max_text_seconds=max_text_seconds, min_run_time=min_run_time, **play_kwargs
    )
