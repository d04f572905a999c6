"""Which files a render reads, and what it does that its sources do not decide."""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .problems import OURS, UserFiles

READ_ONLY_PARTS = os.O_WRONLY | os.O_RDWR
SYSTEM_FOLDERS = ("/proc", "/sys", "/dev", "/etc")


class Watch:
    """Watches this process through Python's audit events, from its creation to the end of the process.

    What C libraries open by themselves raises no event; those places call `note`.
    """

    def __init__(self, files: UserFiles) -> None:
        self._files = files
        self._read: dict[str, str] = {}
        self._written: set[str] = set()
        self._unsafe: dict[str, None] = {}
        handlers = {
            "open": self._on_open,
            "socket.getaddrinfo": self._on_lookup,
            "socket.connect": self._on_connect,
            "os.listdir": self._on_listing,
            "os.scandir": self._on_listing,
            "subprocess.Popen": self._on_program,
            "os.system": self._on_program,
        }

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            handler = handlers.get(event)
            if handler is not None:
                handler(arguments)

        sys.addaudithook(hook)

    def note(self, path: str | os.PathLike[str], kind: str = "asset") -> None:
        """Record a file as read."""
        self._read[os.path.abspath(path)] = kind

    def note_unsafe(self, reason: str) -> None:
        """Record a reason why the same sources may give another result."""
        self._unsafe[reason] = None

    def unsafe(self) -> list[str]:
        """The reasons recorded so far."""
        return list(self._unsafe)

    def opened(self, private: Iterable[Path]) -> list[dict[str, str]]:
        """Files read so far, sorted by path, without those of the interpreter, of packages and in private folders."""
        found = {
            path: kind
            for path, kind in self._read.items()
            if path not in self._written and "__pycache__" not in path and os.path.isfile(path)
        }
        for module in list(sys.modules.values()):
            source = getattr(module, "__file__", None)
            if isinstance(source, str) and os.path.isabs(source):
                found[os.path.abspath(source)] = "module"
        skipped = (*_interpreter_folders(), *(str(folder) for folder in private), str(OURS))
        return [
            {"path": path, "kind": found[path]}
            for path in sorted(found)
            if not _below(path, skipped) and not _packaged(path)
        ]

    def _on_open(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = arguments
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.path.abspath(os.fsdecode(path))
        writes = any(letter in mode for letter in "wax") if isinstance(mode, str) else bool(flags & READ_ONLY_PARTS)
        if not writes:
            self._read.setdefault(name, "asset")
        elif name not in self._read:
            self._written.add(name)

    def _on_lookup(self, arguments: tuple[Any, ...]) -> None:
        host = arguments[0]
        self.note_unsafe(f"network: {os.fsdecode(host) if isinstance(host, (str, bytes)) else host}")

    def _on_connect(self, arguments: tuple[Any, ...]) -> None:
        connection, address = arguments
        if connection.family != socket.AF_UNIX:
            self.note_unsafe(f"network: {address[0] if isinstance(address, tuple) else address}")

    def _on_listing(self, arguments: tuple[Any, ...]) -> None:
        """A folder listed by the user's code (also through glob and pathlib) decides without being opened."""
        if self._asked_by_user():
            folder = arguments[0] if arguments and isinstance(arguments[0], (str, bytes)) else "."
            self.note_unsafe(f"lists the folder {os.path.abspath(os.fsdecode(folder))}")

    def _on_program(self, arguments: tuple[Any, ...]) -> None:
        if self._asked_by_user():
            command = arguments[0] or (arguments[1] if len(arguments) > 1 else "")
            self.note_unsafe(f"runs the program {command if isinstance(command, str) else os.fsdecode(command)}")

    def _asked_by_user(self) -> bool:
        """Whether the nearest code outside the standard library is the user's own."""
        frame = sys._getframe(3)
        while frame is not None and _of_standard_library(frame.f_code.co_filename):
            if "importlib" in frame.f_code.co_filename:
                return False
            frame = frame.f_back  # type: ignore[assignment]
        return frame is not None and self._files.owns(frame.f_code.co_filename)


def _interpreter_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], sys.prefix, sys.exec_prefix}
    return tuple(folder for folder in folders if folder not in ("/", "/usr"))


def _of_standard_library(name: str) -> bool:
    return name.startswith("<frozen") or (name.startswith(sysconfig.get_paths()["stdlib"]) and not _packaged(name))


def _packaged(path: str) -> bool:
    parts = Path(path).parts
    return "site-packages" in parts or "dist-packages" in parts


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in (*folders, *SYSTEM_FOLDERS))
