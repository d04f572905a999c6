"""Manim's file writer, replaced: frames go to one encoder, sounds and captions are noted at exact frames."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from .encoder import Encoder, FramePathError
from .events import Events
from .sound import Sound

Pixels = npt.NDArray[np.uint8]


@dataclass
class Recording:
    """What a scene did: its frames so far, its sounds and its captions. Shared by both frame paths."""

    events: Events
    fps: Fraction = Fraction(60)
    frames: int = 0
    sounds: list[Sound] = field(default_factory=list)
    writer: Any = None
    clock: Callable[[], float] = lambda: 0.0

    def count(self, frames: int) -> None:
        """Note that so many more frames were shown."""
        self.frames += frames
        self.events.frames(self.frames)

    def add_sound(self, writer: Any, sound_file: Any, at: float | None, gain: float | None, **more: Any) -> None:
        """Note a sound; `at` is a time on Manim's clock in seconds, None for now."""
        offset = 0.0 if at is None else at - self.clock()
        background = more.get("gain_to_background") or 0.0
        path = _sound_path(writer, sound_file)
        self.sounds.append(Sound(path, self.frames, offset, gain or 0.0, background))


def _sound_path(writer: Any, sound_file: Any) -> Path:
    from manim.utils.sounds import get_full_sound_file_path

    wants_folder = len(inspect.signature(get_full_sound_file_path).parameters) > 1
    arguments = [writer.settings.assets_dir] if wants_folder else []
    return Path(get_full_sound_file_path(sound_file, *arguments)).absolute()


class Canvas:
    """The picture being encoded, kept as yuv420p planes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.last: npt.NDArray[np.uint8] = np.zeros((0, 0), np.uint8)

    def convert(self, pixels: Pixels) -> npt.NDArray[np.uint8]:
        """Convert a frame, shape (height, width, 4)."""
        started = time.thread_time()
        frame: Any = av.VideoFrame.from_numpy_buffer(pixels, "rgba")
        planes: npt.NDArray[np.uint8] = frame.reformat(format="yuv420p").to_ndarray()
        self.seconds += time.thread_time() - started
        self.last = planes
        return planes


def recording_writer(base: type, recording: Recording) -> type:
    """Give Manim's writer class with its sound noted instead of mixed; frames take Manim's own way."""

    class RecordingWriter(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            recording.writer = self

        def add_sound(self, sound_file: Any, time: float | None = None, gain: float | None = None, **more: Any) -> None:
            recording.add_sound(self, sound_file, time, gain, **more)

        def write_frame(self, frame: Any, *args: Any, **kwargs: Any) -> None:
            recording.count(_repeat(args, kwargs))
            super().write_frame(frame, *args, **kwargs)

    return RecordingWriter


def fast_writer(base: type, recording: Recording, encoder: Callable[[], Encoder], canvas: Canvas) -> type:
    """Give Manim's writer class with every frame handed to one encoder."""

    class FastWriter(recording_writer(base, recording)):  # type: ignore[misc]
        def begin_animation(self, *_args: Any, **_kwargs: Any) -> None:
            pass

        def end_animation(self, *_args: Any, **_kwargs: Any) -> None:
            pass

        def write_frame(self, frame: Any, *args: Any, **kwargs: Any) -> None:
            repeat = _repeat(args, kwargs)
            if not isinstance(frame, np.ndarray):
                raise FramePathError("Manim hands over its frames in a way that is not known")
            encoder().add(canvas.convert(frame), repeat)
            recording.count(repeat)

        def is_already_cached(self, *_args: Any) -> bool:
            return False

        def abort_encode_jobs(self, *_args: Any, **_kwargs: Any) -> None:
            pass

        def finish(self) -> None:
            pass

        def save_image(self, *_args: Any) -> None:
            pass

    return FastWriter


def _repeat(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    repeat = args[0] if args else kwargs.get("repeat", kwargs.get("num_frames", 1))
    return int(repeat)
