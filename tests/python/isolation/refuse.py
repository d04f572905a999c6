# ruff: noqa: INP001 - a program of tests
"""Start a program on a kernel that refuses some system calls: `refuse.py NAME[,NAME ...] COMMAND [ARG ...]`.

Docker refuses `unshare` and `mount` in the same way, by seccomp; Ubuntu 24.04 refuses `mount` to namespaces of users.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

ARM = platform.machine() == "aarch64"
CALLS = {"unshare": 97 if ARM else 272, "mount": 40 if ARM else 165, "landlock": 444, "prctl": 167 if ARM else 157}
ERRORS = {"landlock": errno.ENOSYS}
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7FFF0000
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def main(names: list[str], command: list[str]) -> None:
    """Refuse from now on, and become the command."""
    program = struct.pack("HBBI", LOAD_NUMBER, 0, 0, 0)
    for name in names:
        program += struct.pack("HBBI", JUMP_IF_EQUAL, 0, 1, CALLS[name])
        program += struct.pack("HBBI", RETURN, 0, 0, SECCOMP_RET_ERRNO | ERRORS.get(name, errno.EPERM))
    program += struct.pack("HBBI", RETURN, 0, 0, SECCOMP_RET_ALLOW)
    instructions = ctypes.create_string_buffer(program)
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:  # the kernel asks for it
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters, 0, 0) != 0:
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
