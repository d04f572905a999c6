"""What measured: the machine, the versions, the commit."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from .process import BenchError, told
from .tools import cores
from .ways import has_parallel

PACKAGES = ("manim", "manim-voiceover-plus", "av", "numpy", "pycairo", "manimpango")


def commit(root: Path) -> str:
    """The commit of this checkout, and whether what is measured differs from it."""
    git = ["git", "-C", str(root)]
    changed = told([*git, "status", "--porcelain", "--", "src", "python", "dist", "bench", "script/bench"]).strip()
    name = told([*git, "rev-parse", "--short=12", "HEAD"]).strip()
    return f"{name} with uncommitted changes" if changed else name


def measured_files(root: Path) -> str:
    """SHA-256 over all that decides what is measured: an interrupted run goes on only with the same."""
    digest = hashlib.sha256()
    for folder in ("dist", "python", "examples", "bench"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix not in (".pyc", ".md"):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root)}\0{content}\n".encode())
    return digest.hexdigest()


def machine() -> dict[str, str]:
    """The machine, by rows of a table."""
    memory = re.search(r"MemTotal:\s+(\d+) kB", _text("/proc/meminfo"))
    model = re.search(r"model name\s*:\s*(.+)", _text("/proc/cpuinfo"))
    system = re.search(r'PRETTY_NAME="(.+)"', _text("/etc/os-release"))
    return {
        "Processor": model[1] if model else platform.machine(),
        "Cores": str(cores()),
        "Memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "unknown",
        "System": f"{system[1] if system else platform.system()}, {platform.system()} {platform.release()}",
        "Load before": f"{os.getloadavg()[0]:.2f}",
    }


def versions() -> dict[str, str]:
    """The programs and packages that take part, with their versions."""
    found = {"Node.js": told(["node", "--version"]).strip(), "Python": platform.python_version()}
    found |= {name: version(name) for name in PACKAGES}
    found["ffmpeg"] = told(["ffmpeg", "-version"]).split()[2]
    espeak = re.search(r"text-to-speech: (\S+)", _told_or_nothing("espeak-ng", "--version"))
    parallel = re.search(r"GNU parallel (\d+)", _told_or_nothing("parallel", "--version"))
    if espeak:
        found["espeak-ng"] = espeak[1]
    found["GNU parallel"] = parallel[1] if parallel and has_parallel() else "missing: xargs -P took its place"
    return found


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _told_or_nothing(*command: str) -> str:
    try:
        return told(command)
    except BenchError:
        return ""
