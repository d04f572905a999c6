# ruff: noqa: INP001, PTH123 - a module of guard.py, beside the package; pathlib is not loaded for it
"""Keep a process away from other processes of its user, and from what a runner keeps for itself.

A scene is code of the project, and runs as the same user as the action and the runner, whose secrets lie in their
memory and in /proc/PID/environ. Each of these measures is for good, is inherited by all that the process starts, and is
refused on some systems, so all are tried:

- No new privileges (prctl(2), PR_SET_NO_NEW_PRIVS): sudo and other setuid programs give nothing.
- A user namespace of its own (user_namespaces(7)). Linux lets a process inspect another (ptrace(2), "access mode
  checking": environment, memory, descriptors) only with CAP_SYS_PTRACE in the other's namespace, which a process in a
  child namespace never has. User and group ids stay what they were. With a mount namespace, chosen files and folders
  are covered or made read-only. Docker forbids both; Ubuntu 24.04 forbids the mounts.
- A Landlock domain (landlock(7)), which refuses the same towards processes outside it, and signals from Linux 6.12 on.
- As root, the loss of every capability but those over files and ids.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import stat
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# of Linux: linux/prctl.h, linux/sched.h, linux/mount.h, linux/landlock.h, linux/capability.h
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC = 0x1, 0x2, 0x4, 0x1000, 0x4000
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 0x1
LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH = 1, 1
LANDLOCK_ACCESS_FS_REFER, LANDLOCK_SCOPE_SIGNAL = 1 << 13, 1 << 1
CAPABILITY_VERSION_3 = 0x20080522
# numbers of system calls, the same on every architecture
MOUNT_SETATTR, LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 442, 444, 445, 446

# the first versions of Landlock that let files be moved between folders, and that can forbid signals
ABI_OF_REFER, ABI_OF_SIGNALS = 2, 6
# CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, KILL, SETGID, SETUID
KEPT_CAPABILITIES = range(8)

_libc = ctypes.CDLL(None, use_errno=True)


def confine(hide: Sequence[str] = (), read_only: Sequence[str] = ()) -> dict[str, str]:
    """Confine this process, which must have one thread.

    `hide`: files and folders to cover by empty ones. `read_only`: files and folders. What is missing is passed over.
    Returns what was not possible, with the reason: "processes" where others can still be inspected, "places" where the
    given ones are not covered. Never raises.
    """
    places = bool(hide or read_only)
    if not sys.platform.startswith("linux"):
        why = "only Linux can"
        return {"processes": why, **({"places": why} if places else {})}
    lacking: dict[str, str] = {}
    outsider = Outsider()
    has_landlock = _landlock_version() >= ABI_OF_REFER
    no_namespace = _rehearsed(lambda: enter_namespaces(outsider, hide, read_only))
    if no_namespace and places:
        lacking["places"] = f"no mounts: {no_namespace}"
        if os.geteuid() == 0 or not has_landlock:  # for others a domain is as good
            no_namespace = _rehearsed(lambda: enter_namespaces(outsider))
    _tried(drop_capabilities)
    _tried(lambda: _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    no_domain = _tried(enter_domain) if has_landlock else "not supported"
    if outsider.is_open():
        lacking["processes"] = f"user namespace: {no_namespace}; Landlock: {no_domain}"
    outsider.end()
    return lacking


class Outsider:
    """A process that stays outside: it sets the ids of those who entered a namespace, and shows whether it can be read.

    Ubuntu 24.04 forbids processes in a new namespace to set their own ids, and lets others of the same user do it.
    """

    def __init__(self) -> None:
        request, self._requests = os.pipe()
        self._answers, answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._requests)
            _answer_with(request, answer)
        os.close(request)
        os.close(answer)

    def set_ids(self) -> None:
        """Set the ids of this process, which has entered a namespace. Raises OSError."""
        os.write(self._requests, struct.pack("i", os.getpid()))
        if number := os.read(self._answers, 1)[0]:
            raise OSError(number, os.strerror(number))

    def is_open(self) -> bool:
        """Whether this process can read what belongs to it."""
        return _tried(lambda: open(f"/proc/{self._pid}/environ", "rb").close()) is None

    def end(self) -> None:
        """End it."""
        os.close(self._requests)
        os.close(self._answers)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _answer_with(request: int, answer: int) -> None:
    try:
        while pid := os.read(request, 4):
            os.write(answer, bytes([_error_of(functools.partial(_set_ids, *struct.unpack("i", pid)))]))
    finally:
        os._exit(0)


def _set_ids(pid: int) -> None:
    """Give ids the same numbers in the namespace of a process: all of them where this process may, else its own."""
    try:
        for kind in ("uid", "gid"):
            _write(f"/proc/{pid}/{kind}_map", _all_ids(f"/proc/self/{kind}_map"))
    except PermissionError:
        if os.geteuid() == 0:
            raise  # with no id but its own, root could not write to files of others
        _write(f"/proc/{pid}/setgroups", "deny")  # without this, Linux takes no map of groups from other users
        for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
            _write(f"/proc/{pid}/{kind}_map", f"{own} {own} 1\n")


def _all_ids(path: str) -> str:
    with open(path, encoding="ascii") as file:
        ranges = [line.split() for line in file]
    return "".join(f"{first} {first} {count}\n" for first, _, count in ranges)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def enter_namespaces(outsider: Outsider, hide: Sequence[str] = (), read_only: Sequence[str] = ()) -> None:
    """Enter a user namespace and, if there are places to cover, a mount namespace in which they are. Raises OSError."""
    _call("unshare", CLONE_NEWUSER | (CLONE_NEWNS if hide or read_only else 0))
    outsider.set_ids()
    for path in read_only:
        with contextlib.suppress(FileNotFoundError):
            _make_read_only(os.fsencode(path))
    for path in hide:
        with contextlib.suppress(FileNotFoundError):
            _cover(os.fsencode(path))


def _cover(path: bytes) -> None:
    if stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116
        _call("mount", b"none", path, b"tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, None)
    else:
        _call("mount", b"/dev/null", path, None, MS_BIND, None)


def _make_read_only(path: bytes) -> None:
    _call("mount", path, path, None, MS_BIND | MS_REC, None)
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    _call("syscall", MOUNT_SETATTR, AT_FDCWD, path, AT_RECURSIVE, attributes, len(attributes))


def drop_capabilities() -> None:
    """Keep no capability but those over files and ids, now and after every exec: no mount is undone. Raises OSError."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(KEPT_CAPABILITIES.stop, last + 1):
        _call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, held = struct.pack("Ii", CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    _call("capget", header, held)
    kept = [low & (1 << KEPT_CAPABILITIES.stop) - 1 for low in struct.unpack("3I12x", held.raw)]
    _call("capset", header, struct.pack("6I", *kept, 0, 0, 0))


def _landlock_version() -> int:
    try:
        return _call("syscall", LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    except OSError:
        return 0


def enter_domain() -> None:
    """Enter a Landlock domain that forbids nothing with files, once new privileges are forbidden. Raises OSError."""
    scopes = LANDLOCK_SCOPE_SIGNAL if _landlock_version() >= ABI_OF_SIGNALS else 0
    attributes = struct.pack("QQQ", LANDLOCK_ACCESS_FS_REFER, 0, scopes)
    rules = _call("syscall", LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    root = os.open("/", os.O_PATH)
    try:
        everywhere = struct.pack("=Qi", LANDLOCK_ACCESS_FS_REFER, root)
        _call("syscall", LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, everywhere, 0)
        _call("syscall", LANDLOCK_RESTRICT_SELF, rules, 0)
    finally:
        os.close(root)
        os.close(rules)


def _rehearsed(work: Callable[[], object]) -> str | None:
    """Do something that cannot be undone half-way: in a forked process first. Returns why it is not possible."""
    child = os.fork()
    if child == 0:
        number = 255
        try:
            number = _error_of(work)
        finally:
            os._exit(number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return os.strerror(status) if status else _tried(work)


def _error_of(work: Callable[[], object]) -> int:
    """Do something that may be refused. Returns the number of the error, 0 where it worked."""
    try:
        work()
    except OSError as error:
        return error.errno or 255
    return 0


def _tried(work: Callable[[], object]) -> str | None:
    """Do something that may be refused. Returns why it was."""
    try:
        work()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _call(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call a function of the C library. Raises OSError."""
    wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = int(getattr(_libc, name)(*wide))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
