"""The files of a finished scene."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
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


def write(folder: Path, value: dict[str, Any]) -> None:
    """Complete the result with the hashes of its files and with what this process used, and write it atomically."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime + children.ru_utime + children.ru_stime
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    files = {name: _sha256(folder / name) for name in (VIDEO, AUDIO)}
    complete = {**value, "cpu_seconds": round(cpu, 3), "peak_rss_bytes": peak, "files": files}
    unfinished = folder / f".{RESULT}.{os.getpid()}"
    unfinished.write_text(json.dumps(complete, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / RESULT)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _cairo() -> str:
    return _ask(lambda: __import__("cairo").cairo_version_string())


def _pango() -> str:
    return _ask(lambda: __import__("manimpango").pango_version())


def _ask(question: Callable[[], str]) -> str:
    try:
        return str(question())
    except Exception:  # noqa: BLE001 - a version that cannot be had is only left out
        return ""
