"""Turning an exception into one error event at the user's own line."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType, TracebackType
from typing import Any, TypeAlias

from .causes import ExplainedError, explain

OURS = Path(__file__).resolve().parents[2]
VOICE = "flaming_horse_voice.py"
"""The repository's own voice service: what it misses is missing where a scene asks it."""
REFUSALS = (OSError, LookupError, RuntimeError, ValueError)
LONGEST_NAME, LONGEST_MESSAGE, LONGEST_TRACEBACK = 200, 4000, 20_000
REST = "the whole text is in the scene's log"

Place: TypeAlias = tuple[str | None, int | None]
"""A file and a line in it."""


class SceneError(ExplainedError):
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

    def innermost(self, trace: TracebackType | None, passing: str | None = None) -> Place:
        """The user's file and line nearest to where the exception was raised, or (None, None).

        `passing`: name of a file that is passed over where another of the user's called it.
        """
        calls = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace)]
        owned = [call for call in calls if self.owns(call[0])]
        asking = [call for call in owned if Path(call[0]).name != passing]
        return (asking or owned)[-1] if owned else (None, None)

    def calling(self, frame: FrameType | None) -> Place:
        """The user's file and line nearest to a frame that runs, or (None, None)."""
        stack = ((one.f_code.co_filename, line) for one, line in traceback.walk_stack(frame))
        return next((call for call in stack if self.owns(call[0])), (None, None))

    def construct_of(self, scene_class: type, scene_file: Path) -> tuple[Path, int | None]:
        """Where a scene says what it shows: its `construct`, inherited or not, else its class."""
        construct = getattr(scene_class, "construct", None)
        if isinstance(construct, FunctionType) and self.owns(construct.__code__.co_filename):
            return Path(construct.__code__.co_filename), construct.__code__.co_firstlineno
        try:
            statements = ast.walk(ast.parse(scene_file.read_bytes()))
        except (OSError, SyntaxError, ValueError):
            return scene_file, None
        classes = (one for one in statements if isinstance(one, ast.ClassDef) and one.name == scene_class.__name__)
        return scene_file, next((one.lineno for one in classes), None)


def describe(error: BaseException, files: UserFiles, scene_file: Path) -> dict[str, Any]:
    """The fields of the `error` event for an exception: type, message, file (the scene's at worst), line, traceback.

    Never raises, whatever the exception does when it is printed.
    """
    chain = sorted(related(error), key=lambda one: isinstance(one, BaseExceptionGroup))
    places = (_place(one, files) for one in chain)
    file, line = next((place for place in places if place[0] is not None), (None, None))
    message = cut(explain(error) or _message(error, chain), LONGEST_MESSAGE, REST)
    kind = "SceneError" if isinstance(error, SceneError) else type(error).__name__
    return {
        "type": cut(kind, LONGEST_NAME),
        "message": message or kind,
        "file": file if file is not None else str(scene_file),
        "line": line,
        "traceback": cut(trace_of(error, files), LONGEST_TRACEBACK, REST),
    }


def trace_of(error: BaseException, files: UserFiles) -> str:
    """The traceback of an exception as Python prints it, from the first file of the user's on."""
    try:
        told = traceback.TracebackException.from_exception(error)
        waiting: list[traceback.TracebackException | None] = [told]
        while waiting:
            if (one := waiting.pop()) is None:
                continue
            first = next((number for number, frame in enumerate(one.stack) if files.owns(frame.filename)), 0)
            one.stack = traceback.StackSummary.from_list(one.stack[first:])
            waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]
        return printable("".join(told.format()))
    except BaseException:  # noqa: BLE001 - of what it calls, much is the user's
        return printable("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)


def text_of(error: BaseException) -> str:
    """What an exception says, with its notes."""
    try:
        notes = [str(note) for note in getattr(error, "__notes__", None) or ()]
        return printable("\n".join([str(error), *notes]))
    except BaseException as another:  # noqa: BLE001 - its own method failed, in whatever way
        return f"(its message cannot be shown: {type(another).__name__} in {type(error).__name__}.__str__)"


def printable(text: str) -> str:
    """The text without what cannot be written in UTF-8: halves of characters become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def cut(text: str, length: int, rest: str = "") -> str:
    """The text, at most about so many characters long, its end kept; where it is cut that is said."""
    if len(text) <= length:
        return text
    tail = length // 4
    left_out = f"{len(text) - length} characters left out{rest and f': {rest}'}"
    return f"{text[: length - tail]} [... {left_out} ...] {text[-tail:]}"


def _place(error: BaseException, files: UserFiles) -> Place:
    if isinstance(error, SceneError) and error.file is not None:
        return str(error.file), error.line
    if isinstance(error, SyntaxError) and error.filename and files.owns(error.filename):
        return error.filename, error.lineno or 1
    return files.innermost(error.__traceback__, VOICE if isinstance(error, REFUSALS) else None)


def _message(error: BaseException, chain: Sequence[BaseException]) -> str:
    if isinstance(error, SyntaxError):
        return printable(str(error.msg))
    if isinstance(error, SystemExit):
        return f"the scene ended the program itself (sys.exit({_shown(error.code)})) before it was finished"
    if isinstance(error, KeyboardInterrupt):
        return text_of(error) or "the scene was interrupted"
    if isinstance(error, BaseExceptionGroup):
        first = next(one for one in chain if not isinstance(one, BaseExceptionGroup))
        return f"{text_of(error)}; the first: {type(first).__name__}: {text_of(first)}"
    return text_of(error)


def related(error: BaseException) -> Iterator[BaseException]:
    """An exception, those in it if it is a group, and those that led to it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = list(one.exceptions) if isinstance(one, BaseExceptionGroup) else []
        waiting += [one.__context__, one.__cause__, *reversed(inner)]


def _shown(code: object) -> str:
    try:
        return "" if code is None else cut(printable(repr(code)), LONGEST_NAME)
    except BaseException:  # noqa: BLE001 - it is the user's
        return "..."
