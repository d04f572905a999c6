"""Run a command so that neither it nor anything that it starts outlives whoever started it.

    python -I -S guard.py [--confine] [--hide PLACE] [--read-only PLACE] [--through SOCKET] COMMAND [ARG ...]

Two processes guard the command, so that one can be killed alone without harm: the outer one watches the starter, the
inner one is the parent of the command. Linux hands orphans to the nearest of them, however they were detached
(double forks, sessions of their own). Both kill all that is left when the command ends. Elsewhere only the process
group is killed.

With --confine, the command cannot inspect the processes above it, nor reach or change the places that are given with
--hide and --read-only, as often as needed (see confine.py). What is not possible is told by events `unconfined`, and
the command runs without.

With --through, the command is first offered to the server that listens there, which forks it from itself; where it does
not take it, the command is started as without.

Descriptor 3 is a socket to the starter. Nothing is ever received on it: end of file means that the starter is gone or
wants an end, and everything is then killed with SIGKILL. SIGTERM, SIGINT and SIGUSR1 are passed on to the command,
which is continued if it was stopped. At the end the event `ended` is sent, with the peak memory of the command in
bytes. The exit status is that of the command, or 128 + N when signal N ended it.

Only the standard library is used, and no site directory is needed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import signal
import sys
import threading
import time

TYPE_CHECKING = False  # the module typing takes longer to import than all others together
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

CHANNEL = 3
NOT_FOUND = 127
NOT_EXECUTABLE = 126
KILLED = 128 + signal.SIGKILL
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
LINUX = sys.platform.startswith("linux")
# of Linux, linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
# Seconds in which killed processes must be gone: some wait for a disk or a network that does not answer.
KILL_LIMIT = 10.0
# How much sooner than its parent the kernel ends a process when memory runs out (-1000 to 1000).
SOONER = 300


def _prctl(option: int, value: int) -> None:
    """Ask Linux for something; elsewhere do nothing."""
    if not LINUX:
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass  # the group kill below still covers most


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends; elsewhere do nothing."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends; on Linux only."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def close_to_others() -> None:
    """Let only root inspect or trace this process; on Linux only. Processes forked before are not meant."""
    _prctl(PR_SET_DUMPABLE, 0)


def die_sooner() -> None:
    """When memory runs out, let the kernel end this process and its children rather than those who watch them."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/oom_score_adj", "r+") as score:  # noqa: PTH123
        value = min(1000, int(score.read()) + SOONER)
        score.seek(0)
        score.write(str(value))


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
    die_sooner()
    return 0


def execute(command: list[str]) -> NoReturn:
    """Become the command."""
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"guard: cannot start {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE)


def children(parent: int) -> list[int]:
    """The processes that have this parent, ended ones included; on Linux only. Gone ones have none."""
    try:
        threads = os.listdir(f"/proc/{parent}/task")  # noqa: PTH208 - one module less
        return [pid for thread in threads for pid in _listed(f"/proc/{parent}/task/{thread}/children")]
    except FileNotFoundError:  # it is gone, or this kernel keeps no such list
        return _scan(parent) if os.path.exists(f"/proc/{parent}") else []  # noqa: PTH110
    except OSError:
        return []


def _listed(file: str) -> list[int]:
    with open(file) as pids:  # noqa: PTH123
        return [int(pid) for pid in pids.read().split()]


def _scan(parent: int) -> list[int]:
    """The same read off all processes."""
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                found.append(int(name))
    return found


def kill_trees(roots: list[int]) -> None:
    """Send SIGKILL to these processes and to all below them."""
    while roots:
        pid = roots.pop()
        roots += children(pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _have_children() -> bool:
    """Collect children that have ended; whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_descendants() -> None:
    """Kill everything below this process, again and again until nothing is left: some fork while they are killed."""
    deadline = time.monotonic() + KILL_LIMIT
    while _have_children() and os.path.exists("/proc/self"):  # noqa: PTH110
        kill_trees(children(os.getpid()))
        if time.monotonic() > deadline:
            left = ", ".join(map(str, children(os.getpid())))
            print(f"guard: processes that do not end when killed: {left}", file=sys.stderr, flush=True)
            return
        time.sleep(0.0005)


def kill_below(child: int) -> None:
    """Kill everything below this process and, where orphans are not handed to it, the group that a child leads."""
    if LINUX:
        kill_descendants()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def kill_everything(child: int) -> NoReturn:
    """Kill everything below this process, and this process with its group if it leads one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL)
    kill_below(child)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(KILLED)


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


def guard_over(child: int, channel: int) -> None:
    """From now on pass signals on to a process, and kill everything when the channel ends."""

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
            os.kill(child, signal.SIGCONT)  # a stopped process takes no signal

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    threading.Thread(target=watch, args=(channel, child), daemon=True).start()  # inherits the block
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)


def wait_for(child: int, channel: int) -> tuple[int, int]:
    """Guard over a process that was forked here until it ends, and kill what it leaves behind.

    Returns the exit status to end with, and the most memory that the process had, in bytes.
    """
    guard_over(child, channel)
    status, peak = KILLED, 0
    with contextlib.suppress(ChildProcessError):  # collected by the thread that kills everything
        ended = 0
        while ended != child:  # orphans come here too
            ended, code, used = os.wait4(-1, 0)
            status = 128 + os.WTERMSIG(code) if os.WIFSIGNALED(code) else os.WEXITSTATUS(code)
            peak = used.ru_maxrss * (1024 if LINUX else 1)
    kill_below(child)
    return status, peak


def say_ended(peak: int) -> None:
    """Send the event `ended` to the starter."""
    _send(f'{{"event": "ended", "peak_rss_bytes": {peak}}}')


def _send(event: str) -> None:
    with contextlib.suppress(OSError):  # the line before may be torn
        os.write(CHANNEL, f"\n{event}\n".encode())


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
        word, *values = answers.readline().split()
    except (OSError, ValueError):
        word = ""
    if word == "ended":
        status, peak = map(int, values)
        say_ended(peak)
        return status
    with contextlib.suppress(ProcessLookupError):  # who leads the group was killed, and what it led may live on
        os.killpg(leader, signal.SIGKILL)
    return KILLED


def _pipe() -> tuple[int, int]:
    """A pipe above the descriptors that commands know; none inherits it."""
    low = os.pipe()
    reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return reading, writing


def confined_fork(hide: list[str], read_only: list[str]) -> int:
    """The same as `fork`, for a process that is confined; it says what was not possible."""
    confine = _confine()
    child = fork()
    if child == 0:
        for what, why in confine["confine"](hide, read_only).items():
            _send(f'{{"event": "unconfined", "what": "{what}", "why": "{why}"}}')
    return child


def _confine() -> dict[str, Any]:
    """What confine.py defines: from the text that came with this program, else from the file beside it."""
    text = globals().get("CONFINE")
    if text is None:
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "confine.py")  # noqa: PTH100, PTH118, PTH120
        with open(file, encoding="utf-8") as source:  # noqa: PTH123
            text = source.read()
    defined: dict[str, Any] = {"__name__": "confine"}
    exec(compile(text, "confine.py", "exec"), defined)  # noqa: S102 - our own
    return defined


def guarded(command: list[str], forking: Callable[[], int]) -> int:
    """Run the command, in a process that `forking` makes, below two guards, and return its exit status."""
    adopt_orphans()
    life, held = _pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    inner = os.fork()
    if inner == 0:
        os.close(held)  # so that this end of the pipe ends with the outer guard
        os.setsid()
        adopt_orphans()
        child = forking()
        if child == 0:
            execute(command)
        close_to_others()
        status, peak = wait_for(child, life)
        say_ended(peak)
        os._exit(status)
    os.close(life)
    close_to_others()
    return wait_for(inner, CHANNEL)[0]


def main(command: list[str]) -> int:
    """Run the command under guard and return the exit status to end with."""
    confined = False
    values: dict[str, list[str]] = {"--hide": [], "--read-only": [], "--through": []}
    while command and (command[0] == "--confine" or (command[0] in values and len(command) > 1)):
        option, *command = command
        if option == "--confine":
            confined = True
        else:
            values[option].append(command.pop(0))
    forking = functools.partial(confined_fork, values["--hide"], values["--read-only"]) if confined else fork
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    for server in values["--through"]:
        status = through(server, command)
        if status is not None:
            return status
        print("guard: the server did not take the command, which is started without it", file=sys.stderr, flush=True)
    return guarded(command, forking)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the watching thread is blocked in a read for ever
