# ruff: noqa: INP001, PTH115, PTH123, PTH208 - a program of tests, which scenes use, too; calls of the system as they are
"""Try what a hostile scene would try against the processes above it, and say what worked.

spy.py SECRET PLACES SETUID [OWN ...]      see `spy` for what they are
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PTRACE_SEIZE = 0x4206
MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def above() -> Iterator[int]:
    """The processes above this one, the nearest first."""
    pid = os.getppid()
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def holds_in_memory(pid: int, secret: bytes) -> bool:
    """Whether the writable memory of a process holds a secret."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            bounds, rights, *_ = line.split()
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            if "rw" not in rights or end - start > 1 << 28:
                continue
            with contextlib.suppress(OSError, ValueError):
                memory.seek(start)
                if secret in memory.read(end - start):
                    return True
    return False


def may_signal(pid: int) -> bool:
    """Whether signals to a process are allowed."""
    os.kill(pid, 0)
    return True


def against(pid: int, secret: bytes) -> dict[str, Callable[[], object]]:
    """Attempts against a process: each does something, returns something true, or raises."""
    proc = Path(f"/proc/{pid}")
    return {
        "environ": (proc / "environ").read_bytes,
        "SECRET": lambda: secret in (proc / "environ").read_bytes(),
        "auxv": (proc / "auxv").read_bytes,
        "maps": (proc / "maps").read_bytes,
        "memory": lambda: holds_in_memory(pid, secret),
        "files": lambda: os.readlink(proc / "fd" / "1"),
        "links": lambda: [os.readlink(proc / name) for name in ("cwd", "root", "exe")],
        "trace": lambda: _libc.ptrace(PTRACE_SEIZE, pid, 0, 0) == 0,
        "signal": functools.partial(may_signal, pid),
    }


def on_places(places: dict[str, list[str]]) -> dict[str, Callable[[], object]]:
    """Attempts on files and folders that are covered or cannot be changed."""
    attempts: dict[str, Callable[[], object]] = {}
    for path in map(Path, places.get("hide", [])):
        _libc.umount2(os.fsencode(path), MNT_DETACH)
        if path.is_dir():
            attempts[f"list {path.name}"] = functools.partial(os.listdir, path)
            attempts[f"add to {path.name}"] = functools.partial((path / "new").write_text, "x")
        else:
            attempts[f"read {path.name}"] = path.read_bytes
    for path in map(Path, places.get("read_only", [])):
        _libc.umount2(os.fsencode(path), MNT_DETACH)
        target = path / "new" if path.is_dir() else path
        attempts[f"change {path.name}"] = functools.partial(target.write_text, "x")
    return attempts


def worked(attempts: dict[str, Callable[[], object]]) -> set[str]:
    """The names of the attempts that worked."""
    names = set()
    for name, attempt in attempts.items():
        with contextlib.suppress(OSError):
            if attempt():
                names.add(name)
    return names


def spy(secret: str, places: dict[str, list[str]], *, setuid: str = "", own: tuple[str, ...] = ()) -> list[str]:
    """What worked, sorted.

    `setuid`: a program that prints its user. `own`: words in commands of processes that are as confined.
    """
    got = worked(on_places(places))
    for pid in above():
        command = Path(f"/proc/{pid}/cmdline").read_text()
        if not any(word in command for word in own):
            got |= worked(against(pid, secret.encode()))
    if setuid:
        user = subprocess.run([setuid, "-u"], capture_output=True, text=True, check=False).stdout.strip()
        got |= {"setuid"} if user == "0" and os.getuid() != 0 else set()
    return sorted(got)


if __name__ == "__main__":
    print(json.dumps(spy(sys.argv[1], json.loads(sys.argv[2]), setuid=sys.argv[3], own=tuple(sys.argv[4:]))))  # noqa: T201
