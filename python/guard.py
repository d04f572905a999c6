"""Run a command so that it cannot outlive whoever started it.

    python -I -S guard.py COMMAND [ARG ...]

Descriptor 3 is a socket to the starter. Nothing is ever received on it: end of file means that the starter is
gone, and the whole process group is then killed with SIGKILL. SIGTERM and SIGINT are passed on to the command.
The exit status is that of the command, or 128 + N when signal N ended it.

Only the standard library is used, and no site directory is needed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from typing import NoReturn

CHANNEL = 3
NOT_FOUND = 127
NOT_EXECUTABLE = 126
PASSED_ON = (signal.SIGTERM, signal.SIGINT)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends; elsewhere do nothing."""
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    except (ImportError, OSError, AttributeError):
        pass  # the group kill below still covers all but a guard killed alone


def start(command: list[str]) -> int:
    """Start the command and return its process id. The child inherits every descriptor, channel included.

    Signals to pass on are blocked by then, so that none is lost or ends the guard alone; the child lets them in.
    """
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    die_with_parent()
    if os.getppid() != guard:
        os._exit(1)  # the guard ended before the request above was in place
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"guard: cannot start {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE)


def kill_everything(child: int) -> NoReturn:
    """Kill the process group, this process included; without a group of our own, the child and this process."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os._exit(128 + signal.SIGKILL)


def watch(channel: int, child: int) -> None:
    """Block until the starter closes the channel, then kill everything. Returns if there is no such channel."""
    while True:
        try:
            received = os.read(channel, 4096)
        except OSError as error:
            if error.errno in (errno.EBADF, errno.EINVAL, errno.EISDIR):
                return  # started by hand: nothing to watch, or not readable
            received = b""
        if not received:
            kill_everything(child)


def sweep() -> None:
    """End what the command left running behind it in our process group."""
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def main(command: list[str]) -> int:
    """Run the command under guard and return the exit status to end with."""
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = start(command)

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    threading.Thread(target=watch, args=(CHANNEL, child), daemon=True).start()  # inherits the block
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)

    _, status = os.waitpid(child, 0)
    sweep()
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the watching thread is blocked in a read for ever
