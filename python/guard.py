"""Run a command so that it cannot outlive whoever started it.

    python -I -S guard.py [--through SOCKET] COMMAND [ARG ...]

With --through, the command is first offered to the server that listens there, which forks it from itself; where it does
not take it, the command is started as without.

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


def fork() -> int:
    """Fork a process that dies with this one, and return its id: 0 in it. It inherits every descriptor.

    Signals to pass on are blocked here from now until wait_for, so that none is lost or ends the guard alone.
    """
    guard = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child:
        return child
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    die_with_parent()
    if os.getppid() != guard:
        os._exit(1)  # the guard ended before the request above was in place
    return 0


def execute(command: list[str]) -> NoReturn:
    """Become the command."""
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


def guard_over(child: int, channel: int) -> None:
    """From now on pass signals on to a process, and kill everything when the channel ends."""

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    threading.Thread(target=watch, args=(channel, child), daemon=True).start()  # inherits the block
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)


def wait_for(child: int, channel: int) -> int:
    """Guard over a process that was forked here until it ends, and give the exit status to end with."""
    guard_over(child, channel)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def through(server: str, command: list[str]) -> int | None:
    """Let a server run the command with our descriptors; its exit status, or None where the server did not take it."""
    import json
    import socket

    request = json.dumps({"command": command, "folder": os.getcwd()}) + "\n"  # noqa: PTH109 - one module less
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(server)
        socket.send_fds(connection, [request.encode()], [0, 1, 2, CHANNEL])
        answers = connection.makefile("r", encoding="ascii")
        word, _, value = answers.readline().partition(" ")
    except OSError:
        return None
    if word != "started":
        return None
    leader = int(value)
    guard_over(leader, CHANNEL)
    try:
        word, _, value = answers.readline().partition(" ")
    except OSError:
        word = ""
    if word == "ended":
        return int(value)
    with contextlib.suppress(ProcessLookupError):  # who leads the group was killed, and what it led may live on
        os.killpg(leader, signal.SIGKILL)
    return 128 + signal.SIGKILL


def main(command: list[str]) -> int:
    """Run the command under guard and return the exit status to end with."""
    server = None
    if command[:1] == ["--through"]:
        server, command = command[1] if len(command) > 1 else "", command[2:]
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    if server is not None:
        status = through(server, command)
        if status is not None:
            return status
        print("guard: the server did not take the command, which is started without it", file=sys.stderr, flush=True)
    child = fork()
    if child == 0:
        execute(command)
    status = wait_for(child, CHANNEL)
    sweep()
    return status


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the watching thread is blocked in a read for ever
