# ruff: noqa: INP001 - a module of guard.py, beside the package
"""Keep a process from reading what belongs to the processes above it.

A scene is code of the project, and runs as the same user as the action and the runner, whose secrets lie in their
memory and in /proc/PID/environ. Two measures, both for good and inherited by all that the process starts:

- No new privileges: sudo and other setuid programs give nothing (prctl(2), PR_SET_NO_NEW_PRIVS).
- A user namespace of its own (user_namespaces(7)). Linux lets a process inspect another (ptrace(2), "access mode
  checking": environment, memory, descriptors) only with CAP_SYS_PTRACE in the other's namespace, which a process in a
  child namespace never has. The user and group ids stay what they were.

Only Linux has them, and some systems forbid the second: containers without the right, kernels set up so.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

# of Linux, linux/prctl.h and linux/sched.h
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000


class Gate:
    """Lets the parent enter the child's ids into its new namespace, and the child go on only after that.

    Made before the fork; then the child calls `confine` and the parent `attend`.
    """

    def __init__(self, pipe: Callable[[], tuple[int, int]]) -> None:
        self._asked, self._ask = pipe()
        self._answered, self._answer = pipe()

    def confine(self) -> str | None:
        """Confine this process, which must have one thread. Returns why that was not possible, None if it was."""
        os.close(self._asked)
        os.close(self._answer)
        try:
            why = self._enter()
        except (OSError, AttributeError) as error:
            why = getattr(error, "strerror", None) or str(error)
        os.close(self._ask)
        os.close(self._answered)
        return why

    def _enter(self) -> str | None:
        if not sys.platform.startswith("linux"):
            return "it takes Linux"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return f"no new privileges: {os.strerror(ctypes.get_errno())}"
        if libc.unshare(CLONE_NEWUSER) != 0:
            return f"no user namespace: {os.strerror(ctypes.get_errno())}"
        os.write(self._ask, b"?")
        answer = os.read(self._answered, 1)
        return None if answer == b"+" else "the ids of the user namespace could not be set"

    def attend(self, child: int) -> None:
        """Wait until the child has a namespace or has given up, and give it its ids."""
        os.close(self._ask)
        os.close(self._answered)
        if os.read(self._asked, 1):
            try:
                _map_ids(child)
                os.write(self._answer, b"+")
            except OSError:
                pass  # the end of the pipe says no
        os.close(self._asked)
        os.close(self._answer)


def _map_ids(child: int) -> None:
    """Give ids the same numbers in the child's namespace: all of them where this process may, else its own."""
    maps = [(f"/proc/{child}/{kind}_map", _all_ids(f"/proc/self/{kind}_map")) for kind in ("uid", "gid")]
    try:
        for path, ids in maps:
            _write(path, ids)
    except PermissionError:
        _write(f"/proc/{child}/setgroups", "deny")  # without this, Linux takes no map of groups from other users
        for (path, _), own in zip(maps, (os.geteuid(), os.getegid()), strict=True):
            _write(path, f"{own} {own} 1\n")


def _all_ids(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123 - one module less
        ranges = [line.split() for line in file]
    return "".join(f"{first} {first} {count}\n" for first, _, count in ranges)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
