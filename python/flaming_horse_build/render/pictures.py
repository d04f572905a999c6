"""What a scene's picture looks like, what it looked like before, and where the two differ.

Manim clears its whole picture before each frame and copies it after. Here every picture is kept, with the rectangles in
which it may differ from a common base, so that clearing, copying and comparing touch only those.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .regions import Rect, merged

Pixels = npt.NDArray[np.uint8]
"""An RGBA picture, shape (height, width, 4)."""

Words = npt.NDArray[np.uint32]
"""The same with one number a pixel, shape (height, width)."""


def words(pixels: Pixels) -> Words:
    """View a picture as one number a pixel. Raises ValueError for another layout than Manim's."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4 or not pixels.flags.c_contiguous:
        raise ValueError(f"not a picture of 8-bit RGBA: {pixels.dtype} {pixels.shape}")
    return pixels.view(np.uint32).reshape(pixels.shape[:2])


@dataclass
class Layer:
    """A picture, and where it may differ from the picture named `base` and from the background."""

    words: Words
    base: int
    over_base: list[Rect] = field(default_factory=list)
    over_background: list[Rect] = field(default_factory=list)

    def adopt(self, other: Layer) -> None:
        """Note that this picture is now equal to the other."""
        self.base = other.base
        self.over_base = list(other.over_base)
        self.over_background = list(other.over_background)


class Pictures:
    """The live picture of one camera, its background, the picture kept for static mobjects, and the last one sent."""

    def __init__(self, live: Pixels) -> None:
        self.pixels = live
        height, width = live.shape[:2]
        self._everywhere: Rect = (0, 0, width, height)
        self._names = itertools.count(1)
        self._scratch = np.zeros((height, width), np.bool_)
        self._live = self._unknown(words(live))
        self._sent: Layer | None = None
        self._kept: Layer | None = None
        self._kept_pixels: Pixels | None = None
        self._background: Layer | None = None
        self._background_pixels: Pixels | None = None

    def mark(self, rect: Rect) -> None:
        """Note that something was drawn within a rectangle."""
        self._live.over_base.append(rect)
        self._live.over_background.append(rect)

    def mark_everywhere(self) -> None:
        """Note that something was drawn nobody knows where."""
        self.mark(self._everywhere)

    def restore(self, source: Pixels, background: Pixels | None) -> bool:
        """Make the live picture equal to the background or to the picture kept; False if the source is neither."""
        if source is self._kept_pixels and self._kept is not None:
            self._copy(self._live, self._kept)
            return True
        if source is not background or source.shape != self.pixels.shape or np.may_share_memory(source, self.pixels):
            return False
        if source is not self._background_pixels or self._background is None:
            self._background_pixels = source
            self._background = Layer(words(source), next(self._names))
            for layer in (self._live, self._sent, self._kept):
                if layer is not None:
                    layer.over_background = [self._everywhere]
        self._copy(self._live, self._background)
        return True

    def keep(self) -> Pixels:
        """Keep a copy of the live picture to restore later, and return it. There is one such copy at a time."""
        if self._kept is None or self._kept_pixels is None:
            self._kept_pixels = self.pixels.copy()
            self._kept = self._unknown(words(self._kept_pixels))
            self._kept.over_background = list(self._live.over_background)
        else:
            self._copy(self._kept, self._live)
        self._kept.base = self._live.base = next(self._names)
        self._kept.over_base = []
        self._live.over_base = []
        return self._kept_pixels

    def send(self) -> list[Rect] | None:
        """Give the rectangles in which the live picture differs from the last one sent: all of it the first time.

        None if there is no difference.
        """
        if self._sent is None:
            self._sent = Layer(self._live.words.copy(), 0)
            self._sent.adopt(self._live)
            return [self._everywhere]
        changed = []
        for rect in self._suspects(self._sent, self._live):
            smaller = self._trim(rect, self._live.words, self._sent.words)
            if smaller is not None:
                x0, y0, x1, y1 = smaller
                self._sent.words[y0:y1, x0:x1] = self._live.words[y0:y1, x0:x1]
                changed.append(smaller)
        self._live.over_base = merged(self._live.over_base)
        self._live.over_background = merged(self._live.over_background)
        self._sent.adopt(self._live)
        return changed or None

    def _unknown(self, picture: Words) -> Layer:
        return Layer(picture, next(self._names), [], [self._everywhere])

    @staticmethod
    def _suspects(one: Layer, other: Layer) -> Sequence[Rect]:
        if one.base == other.base:
            return merged(one.over_base + other.over_base)
        return merged(one.over_background + other.over_background)

    def _copy(self, target: Layer, source: Layer) -> None:
        for x0, y0, x1, y1 in self._suspects(target, source):
            target.words[y0:y1, x0:x1] = source.words[y0:y1, x0:x1]
        target.adopt(source)

    def _trim(self, rect: Rect, one: Words, other: Words) -> Rect | None:
        """The smallest rectangle within the given one that holds every difference."""
        x0, y0, x1, y1 = rect
        differs = self._scratch[: y1 - y0, : x1 - x0]
        np.not_equal(one[y0:y1, x0:x1], other[y0:y1, x0:x1], out=differs)
        rows = np.flatnonzero(differs.any(axis=1))
        if not rows.size:
            return None
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(differs[top:bottom].any(axis=0))
        return x0 + int(columns[0]), y0 + top, x0 + int(columns[-1]) + 1, y0 + bottom
