# ruff: noqa: INP001 - a program beside the package
"""Hold an exclusive lock on a file until this process is killed.

    python -I -S guard.py python -I -S hold_lock.py FILE

The kernel gives the lock back when the process ends, however it ends: no lock outlives its holder. Sends the events
`waiting` (someone else holds it) and `locked` on descriptor 3.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys

CHANNEL = 3


def hold(path: str) -> None:
    """Take the lock on the file at `path`, made if missing, say so, and sleep until a signal ends the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(CHANNEL, b'{"event": "waiting"}\n')
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(CHANNEL, b'{"event": "locked"}\n')
    while True:
        signal.pause()


if __name__ == "__main__":
    hold(sys.argv[1])
