"""The picture on its way to the encoder: what changed, converted from RGBA to yuv420p."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from .pictures import Pictures, Pixels
from .regions import Rect, covering

# The converter looks at neighbouring pixels; this far from an edge its result is the one for the whole picture.
MARGIN = 2
# Converting a size for the first time takes a set-up, so there shall not be many sizes.
QUANTUM = (64, 32)
CONVERTERS = 64
# By how many bits the planes Y, U and V are smaller than the picture.
HALVED = (0, 1, 1)
READ_AT_ONCE = 16


@dataclass(frozen=True)
class Patch:
    """A converted part of a picture: `rect` is valid; `outer` is what `frame` (a yuv420p frame of PyAV) covers."""

    rect: Rect
    outer: Rect
    frame: Any


class Canvas:
    """Finds and converts what changed from frame to frame."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._converters: dict[tuple[int, int], Any] = {}
        self._own: Pictures | None = None

    def changes(self, pixels: Pixels, pictures: Pictures | None) -> list[Patch]:
        """Give the converted parts in which a frame differs from the last one; none if it does not.

        `pictures` is where the frame is followed, None if it is not.
        """
        started = time.thread_time()
        rects = self._differing(pixels) if pictures is None else pictures.send()
        patches = [self._convert(pixels, rect) for rect in rects or ()]
        self.seconds += time.thread_time() - started
        return patches

    def _differing(self, pixels: Pixels) -> list[Rect] | None:
        if self._own is None or self._own.pixels.shape != pixels.shape:
            self._own = Pictures(pixels.copy())
        else:
            np.copyto(self._own.pixels, pixels)
            self._own.mark_everywhere()
        return self._own.send()

    def _convert(self, pixels: Pixels, rect: Rect) -> Patch:
        height, width = pixels.shape[:2]
        x0, y0, x1, y1 = rect
        # A row of chroma is made of four rows of pixels, so one above and one below changes with them.
        even = (x0 & ~1, max(0, y0 - 1) & ~1, min(width, (x1 + 1) & ~1), min(height, (y1 + 2) & ~1))
        outer = covering(even, MARGIN, QUANTUM, (width, height))
        size = (outer[2] - outer[0], outer[3] - outer[1])
        converter = self._converters.get(size)
        if converter is None:
            if len(self._converters) >= CONVERTERS:
                self._converters.clear()
            converter = self._converters[size] = VideoReformatter()
        source = _frame_of(pixels[outer[1] : outer[3], outer[0] : outer[2]])
        return Patch(even, outer, converter.reformat(source, format="yuv420p"))


def _frame_of(pixels: Pixels) -> Any:
    """Give a part of an RGBA picture as a frame: as it lies there, or copied where PyAV (before 14) knows no better.

    Narrow pictures are copied, too: the converter reads this many pixels of a line at once, past the end of the last.
    """
    if pixels.shape[1] >= READ_AT_ONCE:
        with contextlib.suppress(ValueError):
            return av.VideoFrame.from_numpy_buffer(pixels, "rgba")
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba")


class Planes:
    """A whole yuv420p picture that patches are laid on. `frame` is the same picture, for PyAV: it shares the memory."""

    def __init__(self, width: int, height: int) -> None:
        self.frame: Any = av.VideoFrame(width, height, "yuv420p")
        # PyAV makes lines longer than the picture is wide, so that each begins where fast code wants it.
        self._planes: list[npt.NDArray[np.uint8]] = [
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: height >> half, : width >> half]
            for plane, half in zip(self.frame.planes, HALVED, strict=True)
        ]
        for plane in self._planes:
            plane[...] = 0

    def lay(self, patches: Sequence[Patch]) -> None:
        """Lay converted parts on the picture."""
        for patch in patches:
            x0, y0, x1, y1 = patch.rect
            left, top = patch.outer[:2]
            for plane, source, half in zip(self._planes, patch.frame.planes, HALVED, strict=True):
                part = np.frombuffer(source, np.uint8).reshape(-1, source.line_size)
                plane[y0 >> half : y1 >> half, x0 >> half : x1 >> half] = part[
                    (y0 - top) >> half : (y1 - top) >> half, (x0 - left) >> half : (x1 - left) >> half
                ]
