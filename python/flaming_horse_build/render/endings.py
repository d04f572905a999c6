"""A scene that ends its own process is told at its line, while there still is a process that can tell."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, NoReturn

from .events import Events
from .problems import SceneError, UserFiles

execve, leave_at_once = os.execve, os._exit  # noqa: SLF001 - as they were


class Endings:
    """Follows how this process ends, until its render is finished. Processes forked from it end as they like."""

    def __init__(self, events: Events, files: UserFiles, status: int) -> None:
        self._events = events
        self._files = files
        self._status = status
        self._process = os.getpid()
        self._finished = False
        changed: Any = os
        changed._exit = self._exit  # noqa: SLF001
        changed.execv = self._replacing("execv", os.execv)
        changed.execve = self._replacing("execve", os.execve)

    def finished(self, status: int) -> None:
        """All is told: however the process ends now, it ends with this status."""
        self._finished, self._status = True, status

    def _exit(self, status: int) -> NoReturn:
        if os.getpid() == self._process:
            if not self._finished:
                message = f"the scene ended the process itself (os._exit({status})) before it was finished"
                self._tell(message)
            status = self._status
        leave_at_once(status)

    def _replacing(self, name: str, original: Any) -> Any:
        def execute(*args: Any) -> None:
            if os.getpid() == self._process and not self._finished:
                raise SceneError(
                    f"the scene replaces the render by another program (os.{name}): run it with subprocess"
                )
            original(*args)

        return execute

    def _tell(self, message: str) -> None:
        file, line = self._files.calling(sys._getframe(2))  # noqa: SLF001
        self._events.send("error", type="SystemExit", message=message, file=file, line=line, traceback="")
        with contextlib.suppress(OSError, ValueError, AttributeError):
            print(message, file=sys.stderr, flush=True)
