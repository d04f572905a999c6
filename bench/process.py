"""Commands that are measured: wall time, processor time of the whole tree, memory of its largest process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 3600.0
LAST_LINES = 20


class BenchError(Exception):
    """The benchmark cannot go on; the message says why."""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall time and of processor time, peak bytes of its largest process."""

    wall: float
    cpu: float
    peak: int

    def then(self, later: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(self.wall + later.wall, self.cpu + later.cpu, max(self.peak, later.peak))


NOTHING = Cost(0.0, 0.0, 0)


def measured(command: Sequence[str | Path], cwd: Path, env: dict[str, str], log: Path) -> Cost:
    """Run a command to its end, its output into `log`, and give what it and all its children took.

    Raises BenchError where it fails or takes more than an hour. Children that nobody waits for are not counted.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started = time.monotonic()
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        timer = threading.Timer(LIMIT_SECONDS, _kill, (child.pid,))
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.monotonic() - started
        except BaseException:
            _kill(child.pid)
            raise
        finally:
            timer.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        raise BenchError("\n".join([f"status {child.returncode} of {' '.join(map(str, command))}; see {log}", *last]))
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def told(command: Sequence[str | Path]) -> str:
    """The output of a short command, standard error included. Raises BenchError where it fails."""
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        raise BenchError(f"cannot start {command[0]}: {error.strerror}") from error
    if ended.returncode != 0:
        raise BenchError(f"{' '.join(map(str, command))} failed: {ended.stdout[-2000:]}")
    return ended.stdout
