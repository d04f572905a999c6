"""Rectangles of a picture, in pixels: (left, top, right, bottom), the last two exclusive."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

Rect = tuple[int, int, int, int]

# Rectangles this close in height are handled as one: a few rows too many cost less than another call.
GAP = 16
_TOP = itemgetter(1)


def merged(rects: Iterable[Rect]) -> list[Rect]:
    """Cover rectangles by as few that do not share a row, from top to bottom."""
    found: list[Rect] = []
    left = top = right = bottom = 0
    for x0, y0, x1, y1 in sorted(rects, key=_TOP):
        if bottom and y0 <= bottom + GAP:
            left, right, bottom = min(left, x0), max(right, x1), max(bottom, y1)
            continue
        if bottom:
            found.append((left, top, right, bottom))
        left, top, right, bottom = x0, y0, x1, y1
    if bottom:
        found.append((left, top, right, bottom))
    return found


def covering(rect: Rect, margin: int, quantum: tuple[int, int], size: tuple[int, int]) -> Rect:
    """Widen a rectangle by a margin, and to multiples of a quantum where the picture has room for that."""
    left, right = _span(rect[0] - margin, rect[2] + margin, quantum[0], size[0])
    top, bottom = _span(rect[1] - margin, rect[3] + margin, quantum[1], size[1])
    return left, top, right, bottom


def _span(start: int, end: int, quantum: int, size: int) -> tuple[int, int]:
    start = max(0, start) & ~1
    length = min(size, -(-(end - start) // quantum) * quantum)
    start = min(start, size - length) & ~1
    return start, min(size, start + length)
