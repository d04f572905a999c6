# ruff: noqa: INP001, T201 - a program beside the package; its standard output is its result
"""Say as JSON on standard output what this Python is and what it has, without importing Manim.

    python environment.py

Started by src/setup/probe.ts. Every Python 3.7 and later can run it, so that one that is too old can be named.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import platform
import sys
import sysconfig

MODULES = ("manim", "manim_voiceover_plus", "pkg_resources", "piper", "ensurepip")
"""Modules that set-up looks for. They are found, not imported."""

LIBRARIES = {"cairo": ("cairo", "cairo_version_string"), "pango": ("manimpango", "pango_version")}
"""Libraries of the system that draw, each with the module and the function that tell its version."""


def distributions() -> dict[str, str]:
    """Return the version of every installed distribution by its normalised name.

    Names and versions are read off the folders' names: reading the metadata of each takes ten times as long.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder)  # noqa: PTH208 - pathlib is not loaded for this
        except OSError:
            continue
        for entry in names:
            stem, dot, kind = entry.rpartition(".")
            if not dot or kind not in ("dist-info", "egg-info"):
                continue
            name, _, version = stem.partition("-")
            # the first on the path is the one that is imported
            found.setdefault(name.replace("_", "-").replace(".", "-").lower(), version.split("-py", 1)[0])
    return found


def importable(module: str) -> bool:
    """Whether `import module` finds something."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def library_versions() -> tuple[dict[str, str], list[str]]:
    """Return the versions of the drawing libraries, and why those that are installed but broken cannot be loaded."""
    versions: dict[str, str] = {}
    broken: list[str] = []
    for library, (module, function) in LIBRARIES.items():
        if not importable(module):
            continue
        try:
            versions[library] = str(getattr(importlib.import_module(module), function)())
        except (ImportError, OSError, AttributeError) as error:
            broken.append(f"{module}: {error}")
    return versions, broken


def glibc() -> str:
    """Return the version of the C library, as "glibc 2.36"; empty where it does not tell."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def main() -> None:
    """Print the facts."""
    versions, broken = library_versions()
    facts = {
        "executable": sys.executable,
        "base_executable": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
        "base_prefix": sys.base_prefix,
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": sysconfig.get_platform(),
        "machine": platform.machine(),
        "libc": glibc(),
        "modules": [module for module in MODULES if importable(module)],
        "distributions": distributions(),
        "libraries": versions,
        "broken": broken,
        "headers": os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")),  # noqa: PTH110, PTH118
    }
    print(json.dumps(facts, sort_keys=True))


if __name__ == "__main__":
    main()
