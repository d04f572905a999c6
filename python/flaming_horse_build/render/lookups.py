"""Files that are asked for without being opened: whether they are there decides, too."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

from .watch import Watch

ASKED_THROUGH = ("stat", "lstat", "access")
SETS = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


def install(watch: Watch) -> None:
    """Tell the watch of them. All of os.path and pathlib ask through these three; imports have ways of their own."""
    for name in ASKED_THROUGH:
        original = getattr(os, name)
        asked = Asked(original, watch)
        setattr(os, name, asked)
        for supported in (getattr(os, one) for one in SETS):
            if original in supported:
                supported.add(asked)
        accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10 keeps its own references
        if accessor is not None and hasattr(accessor, name):
            setattr(accessor, name, asked)


class Asked:
    """A function that asks for a file, followed. It becomes no method where it is put in a class, like the original."""

    def __init__(self, original: Callable[..., Any], watch: Watch) -> None:
        self._original = original
        self._watch = watch
        functools.update_wrapper(self, original)

    def __call__(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask, and tell the watch."""
        try:
            answer = self._original(path, *args, **kwargs)
        except (FileNotFoundError, NotADirectoryError):
            self._note(path, kwargs, None)
            raise
        if isinstance(answer, os.stat_result):
            self._note(path, kwargs, answer)
        elif not answer:
            self._note(path, kwargs, None)
        return answer

    def _note(self, path: Any, kwargs: dict[str, Any], found: os.stat_result | None) -> None:
        if isinstance(path, (str, bytes, os.PathLike)) and kwargs.get("dir_fd") is None:
            self._watch.note_lookup(path, found)
