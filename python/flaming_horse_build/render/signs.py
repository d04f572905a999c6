"""Signs of life of a render, and where it stands when somebody asks or when it crashes."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .events import Events

SUFFIX = ".stack"
# Signals that end a process. faulthandler says where it stood; a handler of Python's might make processes that a scene
# forks miss a signal.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGALRM", "SIGXCPU") if hasattr(signal, name))
# Above the numbers that a scene comes across when it closes what it believes to be its own.
LOWEST_DESCRIPTOR = 200
# What a scene does before its first frame, and rarely for ever: it imports modules and starts LaTeX.
SIGNS = {"import", "subprocess.Popen", "os.system", "os.posix_spawn"}


def tell_where(job_file: Path) -> None:
    """From now on write where every thread stands to JOB.stack at SIGUSR1, at a crash and at a signal that ends it.

    faulthandler does that even while the main thread is busy in C code or waits for a lock.
    """
    opened = os.open(job_file.with_suffix(SUFFIX), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        descriptor = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR)
    except OSError:  # so many are not allowed here
        descriptor = os.dup(opened)
    os.close(opened)
    faulthandler.register(signal.SIGUSR1, file=descriptor, all_threads=True)
    faulthandler.enable(file=descriptor, all_threads=True)
    for number in ENDING:
        faulthandler.register(number, file=descriptor, all_threads=False, chain=True)


def send(events: Events) -> None:
    """From now on send an event when this process does something new, now and then."""

    def hook(event: str, _arguments: tuple[Any, ...]) -> None:
        if event in SIGNS:
            events.alive()

    sys.addaudithook(hook)
