"""Manim's configuration for a build: what the scene decides, and what it may not."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .job import Job
from .problems import SceneError, UserFiles
from .recorder import place_of_call

SAME_SHAPE = 0.01
HIGH_QUALITY = "high_quality"
MOST_PIXELS = 16384  # of x264, in each direction
RATES = (int, float, Fraction, np.integer, np.floating)
LEAST_RATE, MOST_RATE = 0.01, 1000
MOST_DENOMINATOR = 1001

Place = tuple[Path, int | None]
"""A file of the user's and a line in it."""


@dataclass(frozen=True)
class Picture:
    """The picture of a scene: pixels drawn, the pixels it was laid out for, and frames per second."""

    width: int
    height: int
    own_width: int
    own_height: int
    fps: Fraction


class Settings:
    """Manim's configuration in this process, with the user's lines that set it."""

    def __init__(self, config: Any, job: Job, files: UserFiles) -> None:
        """Configure Manim as `manim render -qh` would, ahead of the scene module's import."""
        self._config = config
        self._job = job
        self._places: dict[str, Place] = {}
        config.quality = HIGH_QUALITY
        config.input_file = str(job.scene_file)
        config.scene_names = [job.class_name]
        _enforce(config, job)
        if isinstance(getattr(config, "_d", None), dict):
            config._d = _Noted(config._d, self._places, files)  # noqa: SLF001 - there is no other way to follow it

    def settle(self) -> Picture:
        """Enforce what the scene may not change, and settle the picture.

        The scene keeps the size that it set for itself in `config`: text wraps and everything lies as at that size.
        Only the picture is drawn smaller (see `drawn_at`). Raises SceneError for what cannot be rendered, at the line
        that set it.
        """
        config, size = self._config, self._job.size
        _enforce(config, self._job)
        if str(config.renderer).lower().endswith("opengl"):
            raise self._error("renderer", "the OpenGL renderer is not supported: remove it from the scene or manim.cfg")
        own_width, own_height = (self._pixels(name) for name in ("pixel_width", "pixel_height"))
        rate = self._rate()
        width, height = own_width, own_height
        if size is not None:
            config.frame_rate, rate = size.fps, Fraction(size.fps)
            width, height = _fitted(own_width, own_height, size.width, size.height)
        for name, pixels in (("pixel_width", width), ("pixel_height", height)):
            if pixels % 2:
                raise self._error(name, f"the picture is {width}x{height}: both must be even numbers of pixels (H.264)")
        return Picture(width, height, own_width, own_height, rate)

    def _pixels(self, name: str) -> int:
        value = getattr(self._config, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 2 <= value <= MOST_PIXELS:
            raise self._error(name, f"config.{name} is {value!r}: expected a whole number from 2 to {MOST_PIXELS}")
        return value

    def _rate(self) -> Fraction:
        value = self._config.frame_rate
        if isinstance(value, bool) or not isinstance(value, RATES) or not LEAST_RATE <= value <= MOST_RATE:
            expected = f"a number of frames a second from {LEAST_RATE} to {MOST_RATE}"
            raise self._error("frame_rate", f"config.frame_rate is {value!r}: expected {expected}")
        exact = value if isinstance(value, (int, Fraction)) else float(value)
        if isinstance(exact, Fraction) or exact is not value:
            self._config.frame_rate = float(exact)  # all of Manim knows that
        return frame_rate(exact)

    def _error(self, name: str, message: str) -> SceneError:
        return SceneError(message, *self._places.get(name, (self._job.scene_file, None)))


class _Noted(dict[str, Any]):
    """The values of Manim's configuration, which notes where the user's code sets one."""

    def __init__(self, values: dict[str, Any], places: dict[str, Place], files: UserFiles) -> None:
        super().__init__(values)
        self._places = places
        self._files = files

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        file, line = place_of_call(self._files)
        if file is not None:
            self._places[name] = (Path(file), line)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)


def frame_rate(rate: float | Fraction) -> Fraction:
    """Frames per second as an exact number: 29.97 is 30000/1001, and a float what it was divided from."""
    if isinstance(rate, Fraction):
        return rate.limit_denominator(MOST_DENOMINATOR)
    nearest = round(rate)
    if nearest and abs(rate - nearest) < 1e-4:
        return Fraction(nearest)
    broadcast = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    near = Fraction(rate).limit_denominator(MOST_DENOMINATOR)
    return broadcast if broadcast and abs(rate - float(broadcast)) < 0.02 else near


@contextmanager
def drawn_at(config: Any, picture: Picture) -> Iterator[None]:
    """Within this, Manim's configuration names the size to draw instead of the scene's own."""
    own = config.pixel_width, config.pixel_height
    config.pixel_width, config.pixel_height = picture.width, picture.height
    try:
        yield
    finally:
        config.pixel_width, config.pixel_height = own


def _fitted(own_width: int, own_height: int, width: int, height: int) -> tuple[int, int]:
    """The wanted size, or for a scene of another shape the largest even size of that shape within it."""
    own = own_width / own_height
    if abs(width / height / own - 1) <= SAME_SHAPE:
        return width, height
    if own < 1 <= width / height:
        width, height = height, width  # a portrait scene gets a portrait preview
        if abs(width / height / own - 1) <= SAME_SHAPE:
            return width, height
    scale = min(width / own_width, height / own_height)
    return max(2, round(own_width * scale / 2) * 2), max(2, round(own_height * scale / 2) * 2)


def _enforce(config: Any, job: Job) -> None:
    values = {
        "media_dir": str(job.media_dir),
        "video_dir": "{media_dir}/videos/{module_name}/{quality}",
        "sections_dir": "{video_dir}/sections",
        "images_dir": "{media_dir}/images/{module_name}",
        "tex_dir": "{media_dir}/Tex",
        "text_dir": "{media_dir}/texts",
        "log_dir": "{media_dir}/logs",
        "partial_movie_dir": "{video_dir}/partial_movie_files/{scene_name}",
        "output_file": "",
        "disable_caching": True,
        "flush_cache": False,
        "max_files_cached": 1_000_000,
        "dry_run": False,
        "write_all": False,
        "save_sections": False,
        "save_last_frame": False,
        "write_to_movie": True,
        "from_animation_number": 0,
        "upto_animation_number": -1,
        "transparent": False,
        "preview": False,
        "live_preview": False,
        "show_in_file_browser": False,
        "enable_gui": False,
        "log_to_file": False,
        "progress_bar": "none",
        "notify_outdated_version": False,
    }
    known = set(config)
    for name, value in values.items():
        if name in known:
            config[name] = value
    if "seed" in known and config.seed is None:
        config.seed = job.seed
    if str(config.format or "").lower() not in ("", "auto", "mp4", "none"):
        config.format = "mp4"
