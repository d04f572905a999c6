"""Turning an exception into one error event at the user's own line."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

OURS = Path(__file__).resolve().parents[2]


class SceneError(Exception):
    """The scene cannot be rendered as asked; the message says why and what to do."""

    def __init__(self, message: str, file: Path | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class FramePathError(Exception):
    """Our own frame path failed: the scene may still render in Manim's own way."""


@dataclass(frozen=True)
class UserFiles:
    """Tells the user's own files (project folder, repository) from those of the interpreter, packages and ours."""

    project_dir: Path
    repo_root: Path

    def owns(self, name: str) -> bool:
        """Whether the file of that name is the user's own."""
        path = Path(name)
        if not path.is_absolute():  # "<string>", or a compiled module that names its source as at its own build
            return False
        if "site-packages" in path.parts or "dist-packages" in path.parts or path.is_relative_to(OURS):
            return False
        return any(path.is_relative_to(folder) for folder in (self.project_dir, self.repo_root))

    def holds(self, path: str) -> bool:
        """Whether an absolute path lies in the project folder or the repository."""
        return any(path.startswith(f"{folder}/") for folder in (self.project_dir, self.repo_root))

    def innermost(self, trace: TracebackType | None) -> tuple[str | None, int | None]:
        """The user's file and line nearest to where the exception was raised, or (None, None)."""
        found: tuple[str | None, int | None] = (None, None)
        for frame, line in traceback.walk_tb(trace):
            if self.owns(frame.f_code.co_filename):
                found = (frame.f_code.co_filename, line)
        return found


def describe(error: BaseException, files: UserFiles, scene_file: Path) -> dict[str, Any]:
    """The fields of the `error` event for an exception: type, message, file (the scene's at worst), line, traceback."""
    file, line = files.innermost(error.__traceback__)
    message = str(error)
    kind = type(error).__name__
    if isinstance(error, SceneError):
        kind = "SceneError"
        if error.file is not None:
            file, line = str(error.file), error.line
    elif isinstance(error, SyntaxError) and error.filename and files.owns(error.filename):
        file, line = error.filename, error.lineno
        message = error.msg
    elif isinstance(error, SystemExit):
        message = f"the scene ended the program itself (sys.exit({_shown(error.code)})) before it was finished"
    return {
        "type": kind,
        "message": message or kind,
        "file": file if file is not None else str(scene_file),
        "line": line,
        "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    }


def _shown(code: object) -> str:
    return "" if code is None else repr(code)
