"""The files of a finished scene."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .storage import keep_standard_descriptors

FORMAT = 2
"""Of results: a new one whenever a scene may come out otherwise, `RESULT_FORMAT` in src/render/result.ts with it."""
VIDEO, AUDIO, RESULT = "video.mp4", "audio.wav", "result.json"


def versions() -> dict[str, str]:
    """The versions of what draws and speaks; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name, distributions in {
        "manim": ("manim",),
        "manim_voiceover": ("manim-voiceover-plus", "manim-voiceover"),
        "av": ("av",),
        "numpy": ("numpy",),
    }.items():
        for distribution in distributions:
            try:
                found[name] = version(distribution)
            except PackageNotFoundError:
                continue
            break
    found.update({name: text for name, text in (("cairo", _cairo()), ("pango", _pango())) if text})
    return found


def write(folder: Path, value: dict[str, Any], hashes: dict[str, str]) -> None:
    """Complete the result with the SHA-256 of its files and with what this process used, and write it atomically."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    complete = {"format": FORMAT, **value, "cpu_seconds": round(cpu, 3), "peak_rss_bytes": peak, "files": hashes}
    unfinished = folder / f".{RESULT}.{os.getpid()}"
    keep_standard_descriptors()
    unfinished.write_text(json.dumps(complete, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / RESULT)


def _cairo() -> str:
    return _ask(lambda: __import__("cairo").cairo_version_string())


def _pango() -> str:
    return _ask(lambda: __import__("manimpango").pango_version())


def _ask(question: Callable[[], str]) -> str:
    try:
        return str(question())
    except Exception:  # noqa: BLE001 - a version that cannot be had is only left out
        return ""
