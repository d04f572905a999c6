"""The two ways of a frame from Manim into the scene's file: ours, and Manim's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from . import stock
from .canvas import Canvas
from .drawing import Drawing
from .encoder import Encoder
from .job import JobError
from .problems import FramePathError, SceneError
from .recorder import Recording
from .storage import DiskError, Written


class FramePath(Protocol):
    """A way for frames. `writer` is asked for once, before the scene is made."""

    def seconds(self) -> tuple[float, float]:
        """CPU time spent on converting and on encoding frames, where this way knows it."""

    def writer(self, base: type) -> type:
        """Give Manim's file writer class, changed to use this way."""

    def finish(self) -> tuple[Written, int]:
        """Complete the scene's file, and tell what was written and how many frames that is."""

    def abandon(self) -> None:
        """Give up."""


def unknown_to_fast(writer_class: type, renderer_class: Any) -> str | None:
    """Say what of Manim the fast path does not know how to replace, None if it knows all."""
    expected = ("begin_animation", "end_animation", "write_frame", "add_sound", "is_already_cached", "finish")
    for name in expected:
        if not callable(getattr(writer_class, name, None)):
            return f"{writer_class.__name__}.{name}"
    if "file_writer_class" not in inspect.signature(renderer_class.__init__).parameters:
        return f"{renderer_class.__name__}(file_writer_class)"
    names = {"add_frame": "write_frame", "play": "begin_animation", "scene_finished": "finish"}
    for method, called in names.items():
        if called not in getattr(renderer_class, method).__code__.co_names:
            return f"{renderer_class.__name__}.{method}"
    return None


class FastPath:
    """One encoder for the whole scene, fed with what changes."""

    def __init__(self, recording: Recording, open_encoder: Callable[[], Encoder]) -> None:
        self._recording = recording
        self._canvas = Canvas()
        self._encoder: Encoder | None = None
        self._open = open_encoder
        self.drawing = Drawing()

    def seconds(self) -> tuple[float, float]:
        """CPU time spent on converting and on encoding frames."""
        return self._canvas.seconds, self._encoder.seconds if self._encoder is not None else 0.0

    def writer(self, base: type) -> type:
        """Give a file writer that hands every frame over to us."""
        path = self

        class FastWriter(base):  # type: ignore[misc]
            def begin_animation(self, *_args: Any, **_kwargs: Any) -> None:
                pass

            def end_animation(self, *_args: Any, **_kwargs: Any) -> None:
                pass

            def write_frame(self, frame: Any, *args: Any, **kwargs: Any) -> None:
                path._take(frame, repeat_of(args, kwargs))

            def is_already_cached(self, *_args: Any) -> bool:
                return False

            def abort_encode_jobs(self, *_args: Any, **_kwargs: Any) -> None:
                pass

            def finish(self) -> None:
                pass

            def save_image(self, *_args: Any) -> None:
                pass

            save_final_image = save_image

        return FastWriter

    def finish(self) -> tuple[Written, int]:
        """Complete the scene's file."""
        return self._started().finish()

    def abandon(self) -> None:
        """Stop the encoder."""
        if self._encoder is not None:
            self._encoder.abandon()

    def _take(self, frame: Any, repeat: int) -> None:
        if not isinstance(frame, np.ndarray):
            raise FramePathError("Manim hands over its frames in a way that is not known")
        encoder = self._started()
        if frame.shape[:2] != (encoder.height, encoder.width):
            drawn = f"{frame.shape[1]}x{frame.shape[0]}"
            raise SceneError(
                f"the scene's camera draws {drawn} pixels, but the video has {encoder.width}x{encoder.height}: "
                "set the size of the picture in config alone"
            )
        encoder.add(self._canvas.changes(frame, self.drawing.pictures_of(frame)), repeat)
        self._recording.count(repeat)

    def _started(self) -> Encoder:
        if self._encoder is None:
            try:
                self._encoder = self._open()
            except (JobError, DiskError, SceneError):
                raise
            except Exception as error:
                raise FramePathError(f"the encoder does not start: {error}") from error
        return self._encoder


class StockPath:
    """Manim's own encoders, one for each animation; their files are joined at the end."""

    def __init__(self, recording: Recording, video: Path) -> None:
        self._recording = recording
        self._video = video

    def seconds(self) -> tuple[float, float]:
        """Manim does both in threads of its own."""
        return 0.0, 0.0

    def writer(self, base: type) -> type:
        """Give Manim's file writer, with frames counted."""
        recording = self._recording

        class StockWriter(base):  # type: ignore[misc]
            def write_frame(self, frame: Any, *args: Any, **kwargs: Any) -> None:
                recording.count(repeat_of(args, kwargs))
                super().write_frame(frame, *args, **kwargs)

            def combine_to_movie(self, *_args: Any) -> None:
                pass  # the files of the animations are joined by us, exactly

            def write_subcaption_file(self, *_args: Any) -> None:
                pass  # captions go into the result

        return StockWriter

    def finish(self) -> tuple[Written, int]:
        """Join Manim's files."""
        parts = [Path(part) for part in self._recording.writer.partial_movie_files if part is not None]
        return stock.assemble(parts, self._video, self._recording.fps)

    def abandon(self) -> None:
        """Nothing is running."""


def repeat_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """For how many frames a call of Manim's write_frame shows its frame."""
    return int(args[0] if args else kwargs.get("repeat", kwargs.get("num_frames", 1)))
