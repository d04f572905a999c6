"""One continuous H.264 encoder for a whole scene, fed from a thread of its own through a short queue."""

from __future__ import annotations

import queue
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from .film import Film
from .job import JobError

QUEUE = 6
OWN = {"preset": "ultrafast", "crf": "26"}
OF_THE_WRAPPER = ("preset", "tune", "profile", "crf", "qp")


class FramePathError(Exception):
    """Our own frame path failed: the scene may still render in Manim's own way."""


def encoder_options(wanted: dict[str, str], threads: int) -> dict[str, str]:
    """Give the encoder's options: ours, overruled by those wanted (x264's names). A preset wanted replaces all of ours."""
    merged = dict(wanted) if "preset" in wanted else {**OWN, **wanted}
    direct = {name: value for name, value in merged.items() if name in OF_THE_WRAPPER}
    others = {name: value for name, value in merged.items() if name not in OF_THE_WRAPPER}
    # Several threads split frames in time, never in slices: slices cost quality.
    others.setdefault("threads", str(threads))
    for name, value in others.items():
        if ":" in name or "=" in name or ":" in value:
            raise JobError(f"encoder_options: {name}={value} is not an option of x264")
    return {**direct, "x264-params": ":".join(f"{name}={value}" for name, value in others.items())}


class Encoder:
    """Encodes pictures as they come. Errors of the encoding thread are raised at the next call."""

    def __init__(self, path: Path, width: int, height: int, fps: Fraction, options: dict[str, str]) -> None:
        self._film = Film(path, fps)
        self._stream = self._film.add_encoder(width, height, options)
        self._queue: queue.Queue[tuple[npt.NDArray[np.uint8], int] | None] = queue.Queue(QUEUE)
        self._failure: BaseException | None = None
        self._next = 0
        self.seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    def add(self, planes: npt.NDArray[np.uint8], repeat: int) -> None:
        """Encode a picture (planes Y, U, V as yuv420p, shape (height * 3 / 2, width)) so many times."""
        self._check()
        self._queue.put((planes, repeat))

    def finish(self) -> int:
        """Encode what is left, close the file and return the number of frames in it."""
        self._queue.put(None)
        self._thread.join()
        self._check()
        return self._film.frames

    def abandon(self) -> None:
        """Stop without finishing the file."""
        self._failure = self._failure or FramePathError("abandoned")
        self._queue.put(None)
        self._thread.join()

    def _check(self) -> None:
        if self._failure is not None:
            raise FramePathError(f"encoding failed: {self._failure}") from self._failure

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failure is None:
                try:
                    self._encode(*item)
                except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the other thread
                    self._failure = error
        try:
            if self._failure is None:
                self._film.add(self._stream.encode(None))
            self._film.close()
        except BaseException as error:  # noqa: BLE001
            self._failure = self._failure or error

    def _encode(self, planes: npt.NDArray[np.uint8], repeat: int) -> None:
        started = time.thread_time()
        for _ in range(repeat):
            frame: Any = av.VideoFrame.from_numpy_buffer(planes, "yuv420p")
            frame.pts = self._next
            frame.time_base = self._stream.codec_context.time_base
            self._next += 1
            self._film.add(self._stream.encode(frame))
        self.seconds += time.thread_time() - started
