"""Handing a mobject's curves to cairo: what Manim does, in half the time.

The same calls with the same numbers; but on Python's own floats, and comparing the ends of curves one by one, which for
outlines of a usual length is quicker than an array operation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

POINTS_A_CURVE = 4
RELATIVE_TOLERANCE = 1e-5
# From this many points on, Manim's array operations are as quick.
LONG = 4000
ASKED = (
    "consider_points_equals_2d",
    "gen_subpaths_from_points_2d",
    "get_subpath_split_indices_from_points",
    "gen_cubic_bezier_tuples_from_points",
)


class Outlines:
    """Draws outlines of mobjects of which it knows that they answer as Manim's do."""

    def __init__(self, vmobject_class: type) -> None:
        self._own = {name: getattr(vmobject_class, name, None) for name in ASKED}
        self._known: dict[type, bool] = {}

    def trace(self, camera: Any, ctx: Any, vmobject: Any) -> bool:
        """Set the context's path to the mobject's outline; False, and nothing done, where Manim must do it."""
        kind = type(vmobject)
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = all(getattr(kind, name, None) is own for name, own in self._own.items())
        if not known or vmobject.n_points_per_cubic_curve != POINTS_A_CURVE:
            return False
        points = camera.transform_points_pre_display(vmobject, vmobject.points)
        count = len(points)
        if not 0 < count < LONG or count % POINTS_A_CURVE or points.dtype != np.float64:
            return False
        _trace(ctx, points[:, :2].ravel().tolist(), vmobject.tolerance_for_point_equality)
        return True


def _trace(ctx: Any, flat: list[float], tolerance: float) -> None:
    """Draw curves given as x, y, x, y ...; a new outline begins where one does not start at the end of the last."""
    ctx.new_path()
    curve_to = ctx.curve_to
    size = 2 * POINTS_A_CURVE
    start = 0
    for at in range(0, len(flat), size):
        if at == start:
            ctx.new_sub_path()
            ctx.move_to(flat[at], flat[at + 1])
        end = at + size
        curve_to(*flat[at + 2 : end])
        x, y = flat[end - 2 : end]
        if end < len(flat) and _near(x, flat[end], tolerance) and _near(y, flat[end + 1], tolerance):
            continue
        if _near(flat[start], x, tolerance) and _near(flat[start + 1], y, tolerance):
            ctx.close_path()
        start = end


def _near(one: float, other: float, tolerance: float) -> bool:
    """What numpy.isclose says of two numbers."""
    if one == other:
        return True
    difference = abs(one - other)
    return difference <= tolerance + RELATIVE_TOLERANCE * abs(other) and math.isfinite(difference)
