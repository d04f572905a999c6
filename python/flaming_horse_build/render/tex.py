"""The shared store of LaTeX results: files named by the hash of what they were made from."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

RESULT = ".svg"


def bring(shared: Path, private: Path) -> None:
    """Copy what others have made into a private folder."""
    private.mkdir(parents=True, exist_ok=True)
    if shared.is_dir():
        for file in shared.glob(f"*{RESULT}"):
            shutil.copyfile(file, private / file.name)


def harvest(private: Path, shared: Path) -> None:
    """Copy what was made here to the shared folder, each file whole or not at all."""
    if not private.is_dir():
        return
    shared.mkdir(parents=True, exist_ok=True)
    for file in private.glob(f"*{RESULT}"):
        if not (shared / file.name).exists():
            unfinished = shared / f".{file.name}.{os.getpid()}"
            shutil.copyfile(file, unfinished)
            unfinished.replace(shared / file.name)
