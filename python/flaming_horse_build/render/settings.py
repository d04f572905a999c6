"""Manim's configuration for a build: what the scene decides, and what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .job import Job
from .problems import SceneError

SAME_SHAPE = 0.01
HIGH_QUALITY = "high_quality"


@dataclass(frozen=True)
class Picture:
    """The picture of a scene: pixels drawn, the pixels it was laid out for, and frames per second."""

    width: int
    height: int
    own_width: int
    own_height: int
    fps: Fraction


def before_import(config: Any, job: Job) -> None:
    """Configure Manim as `manim render -qh` would, ahead of the scene module's import."""
    config.quality = HIGH_QUALITY
    config.input_file = str(job.scene_file)
    config.scene_names = [job.class_name]
    _enforce(config, job)


def after_import(config: Any, job: Job) -> Picture:
    """Enforce what the scene module may not change, and settle the picture.

    The scene keeps the size that it set for itself in `config`: text wraps and everything lies as at that size. Only
    the picture is drawn smaller (see `drawn_at`). Raises SceneError for what cannot be rendered.
    """
    _enforce(config, job)
    if str(config.renderer).lower().endswith("opengl"):
        raise SceneError("the OpenGL renderer is not supported: remove it from the scene or from manim.cfg")
    own_width, own_height = int(config.pixel_width), int(config.pixel_height)
    width, height = own_width, own_height
    if job.size is not None:
        config.frame_rate = job.size.fps
        width, height = _fitted(own_width, own_height, job.size.width, job.size.height)
    if width % 2 or height % 2:
        raise SceneError(f"the picture is {width}x{height}: width and height must be even numbers of pixels")
    return Picture(width, height, own_width, own_height, frame_rate(config.frame_rate))


def frame_rate(rate: float) -> Fraction:
    """Frames per second as an exact number: 29.97 is 30000/1001."""
    nearest = round(rate)
    if abs(rate - nearest) < 1e-4:
        return Fraction(nearest)
    broadcast = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return broadcast if abs(rate - float(broadcast)) < 0.02 else Fraction(str(rate))


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
