"""What stands ready before Manim is imported: everything that follows what it and the scene do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from . import chance, imports, lookups, readers, shims, tex
from .events import Events
from .problems import UserFiles
from .watch import Watch


@dataclass(frozen=True)
class Stage:
    """A process in which scenes of one project can be rendered with one seed. There is one in a process."""

    events: Events
    files: UserFiles
    watch: Watch
    tex: tex.Runs
    seed: int


def prepare(project_dir: Path, repo_root: Path, seed: int, events: Events) -> Stage:
    """Make this process such a one. To be called before Manim, and what it uses, is imported."""
    imports.ready_for_manim(repo_root)
    files = UserFiles(project_dir, repo_root)
    watch = Watch(files)
    lookups.install(watch)
    chance.install(files, watch, seed)
    readers.install(watch)
    _no_stdin()
    shims.install(events, files, watch)
    return Stage(events, files, watch, tex.Runs(watch), seed)


def _no_stdin() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
