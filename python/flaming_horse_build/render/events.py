"""Events to the action: one JSON object a line on descriptor 3."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import threading
import time
from typing import Any

from .storage import FIRST_PRIVATE

CHANNEL = 3
SECONDS_BETWEEN_FRAME_EVENTS = 0.25
SECONDS_BETWEEN_SIGNS_OF_LIFE = 5.0
# Characters of a text in an event: longer ones lose their middle.
LONGEST_TEXT = 20_000


class Events:
    """Sends events. Without a descriptor (started by hand) every method does nothing.

    Safe to use from several threads. A reader that went away is not an error: the guard deals with that.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._last_frames = 0.0
        self._last_sign = 0.0

    @classmethod
    def inherited(cls) -> Events:
        """Events on descriptor 3, where it leads to somebody."""
        events = cls(None)
        events.attach()
        return events

    def attach(self) -> None:
        """Take over descriptor 3, if it leads to somebody, and hide it from the processes that a scene starts."""
        try:
            mode = os.fstat(CHANNEL).st_mode
            writable = fcntl.fcntl(CHANNEL, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        except OSError:
            return
        if writable and (stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
            os.set_inheritable(CHANNEL, False)
            self._descriptor = CHANNEL

    def move_away(self) -> None:
        """Go on under a high number, out of reach of scenes that close the low ones."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):  # more than the limit on descriptors allows
            moved = fcntl.fcntl(self._descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE)
            os.close(self._descriptor)
            self._descriptor = moved

    def hand_on(self) -> None:
        """Put it back on descriptor 3, for the program that takes the place of this one."""
        if self._descriptor is not None:
            os.dup2(self._descriptor, CHANNEL)
            os.set_inheritable(CHANNEL, True)

    @property
    def open(self) -> bool:
        """Whether anybody listens."""
        return self._descriptor is not None

    def send(self, event: str, **fields: Any) -> None:
        """Send one event with its fields, which must be JSON values."""
        if self._descriptor is None:
            return
        line = json.dumps({"event": event, **{name: _cut(value) for name, value in fields.items()}}) + "\n"
        data = line.encode("ascii")
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                self._descriptor = None

    def frames(self, frames: int, *, last: bool = False) -> None:
        """Say how many frames there are so far; at most four times a second unless it is the last time."""
        now = time.monotonic()
        if last or now - self._last_frames >= SECONDS_BETWEEN_FRAME_EVENTS:
            self._last_frames = now
            self.send("frames", frames=frames)

    def alive(self) -> None:
        """Say that something goes on; not more often than is needed."""
        now = time.monotonic()
        if self._lock.locked():  # called from anywhere, perhaps from within send
            return
        if now - self._last_sign >= SECONDS_BETWEEN_SIGNS_OF_LIFE:
            self._last_sign = now
            self.send("alive")

    def warning(self, message: str, file: str | None = None, line: int | None = None) -> None:
        """Send a warning, with the user's file and line where known."""
        self.send("warning", message=message, file=file, line=line)


def _cut(value: Any) -> Any:
    """A text of bounded length; anything else as it is."""
    if not isinstance(value, str) or len(value) <= LONGEST_TEXT:
        return value
    half = LONGEST_TEXT // 2
    return f"{value[:half]}\n[... {len(value) - 2 * half} characters left out]\n{value[-half:]}"
