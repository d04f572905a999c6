"""Which files a render reads, and what it does that its sources do not decide."""

from __future__ import annotations

import os
import socket
import stat
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from .problems import OURS, UserFiles

READ_ONLY_PARTS = os.O_WRONLY | os.O_RDWR
SYSTEM_FOLDERS = ("/proc", "/sys", "/dev", "/etc")
STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]
OF_MANIM = {"manim", "manim_voiceover", "manim_voiceover_plus", "flaming_horse_build"}
OF_IMPORTS = ("importlib", "pkgutil", "linecache", "inspect")
SEARCHERS = {"pkg_resources", "pydub.utils"}


class Watch:
    """Watches this process through Python's audit events, from its creation to the end of the process.

    What C libraries open by themselves raises no event; those places call `note`.
    """

    def __init__(self, files: UserFiles) -> None:
        self._files = files
        self._read: dict[str, str] = {}
        self._written: set[str] = set()
        self._missed: set[str] = set()
        self._unsafe: dict[str, None] = {}
        handlers = {
            "open": self._on_open,
            "socket.getaddrinfo": self._on_lookup,
            "socket.connect": self._on_connect,
            "os.listdir": self._on_listing,
            "os.scandir": self._on_listing,
            "subprocess.Popen": self._on_program,
            "os.system": self._on_program,
            "os.exec": self._on_program,
            "os.posix_spawn": self._on_program,
            "os.fork": self._on_fork,
            "os.forkpty": self._on_fork,
            "sqlite3.connect": self._on_database,
        }

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            handler = handlers.get(event)
            if handler is not None:
                handler(arguments)

        sys.addaudithook(hook)

    def note(self, path: str | os.PathLike[str], kind: str = "asset") -> None:
        """Record a file as read."""
        self._read[os.path.abspath(path)] = kind

    def forget(self, path: str | os.PathLike[str]) -> None:
        """Take back that a file was read: it is none of the scene's."""
        self._read.pop(os.path.abspath(path), None)

    def note_unsafe(self, reason: str) -> None:
        """Record a reason why the same sources may give another result."""
        self._unsafe[reason] = None

    def note_lookup(self, path: str | bytes | os.PathLike[Any], found: os.stat_result | None) -> None:
        """Record that a file of the user's was asked for without being opened, and what was there."""
        name = os.path.abspath(os.fsdecode(path))
        if not self._files.holds(name) or _of_python(name) or (found and not stat.S_ISREG(found.st_mode)):
            return
        if self._asked_for_code():
            return
        if found is None:
            self._missed.add(name)
        elif name not in self._written:
            self._read.setdefault(name, "asset")

    def unsafe(self) -> list[str]:
        """The reasons recorded so far."""
        return list(self._unsafe)

    def opened(self, private: Iterable[Path]) -> list[dict[str, str]]:
        """Files read so far, sorted by path, without those of the interpreter, of packages and in private folders."""
        found = {
            path: kind
            for path, kind in list(self._read.items())  # asking for files adds to it
            if path not in self._written and "__pycache__" not in path and os.path.isfile(path)
        }
        # One looked for in vain and made later is listed, too: it is there now, and the next render will find it.
        found.update(
            {
                path: "absent"
                for path in [*self._missed, *(path for path in list(self._read) if not os.path.lexists(path))]
                if path not in self._written
                and self._files.holds(path)
                and not _of_python(path)
                and not os.path.isdir(path)
            }
        )
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
        elif name not in self._read and name not in self._missed:
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
        asked = arguments[0] if arguments and isinstance(arguments[0], (str, bytes, os.PathLike)) else "."
        folder = os.path.abspath(os.fsdecode(asked))
        if self._asked_by_user(through_packages=self._files.holds(folder + os.sep)):
            self.note_unsafe(f"lists the folder {folder}")

    def _on_program(self, arguments: tuple[Any, ...]) -> None:
        if self._asked_by_user(through_packages=True):
            program = arguments[0] or (arguments[1] if len(arguments) > 1 else "")
            if isinstance(program, (list, tuple)):
                program = program[0] if program else ""
            self.note_unsafe(f"runs the program {os.fsdecode(program)}")

    def _on_fork(self, _arguments: tuple[Any, ...]) -> None:
        if self._asked_by_user(through_packages=True):
            self.note_unsafe("starts processes of its own")

    def _on_database(self, arguments: tuple[Any, ...]) -> None:
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes, os.PathLike)) else ""
        if name.startswith("file:"):
            name = name.removeprefix("file:").partition("?")[0]
        if name and name != ":memory:":
            self._read.setdefault(os.path.abspath(name), "asset")

    def _asked_by_user(self, *, through_packages: bool = False) -> bool:
        """Whether the nearest code outside the standard library is the user's own.

        `through_packages`: that of other packages than Manim's is passed over, too.
        """
        frame: FrameType | None = sys._getframe(3)
        while frame is not None:
            name = frame.f_code.co_filename
            if of_standard_library(name):
                if "importlib" in name:
                    return False
            else:
                package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
                if self._files.owns(name):
                    return True
                if not through_packages or package in OF_MANIM or _ours(name):
                    return False
            frame = frame.f_back
        return False

    @staticmethod
    def _asked_for_code() -> bool:
        """Whether a module is looked for (`sys.modules` has those found), its source for a traceback, or a program."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and (of_standard_library(frame.f_code.co_filename) or _ours(frame.f_code.co_filename)):
            if any(part in frame.f_code.co_filename for part in OF_IMPORTS):
                return True
            frame = frame.f_back
        return frame is not None and frame.f_globals.get("__name__") in SEARCHERS


def _interpreter_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], sys.prefix, sys.exec_prefix}
    return tuple(folder for folder in folders if folder not in ("/", "/usr"))


def of_standard_library(name: str) -> bool:
    """Whether a code's file name is one of Python's own."""
    return name.startswith("<frozen") or (name.startswith(STANDARD_LIBRARY) and not _packaged(name))


def _ours(name: str) -> bool:
    return name.startswith(str(OURS) + os.sep)


def _of_python(path: str) -> bool:
    """Whether a name is one that only Python itself asks for, such as "<string>"."""
    return "__pycache__" in path or path.endswith(".pyc") or os.path.basename(path).startswith("<")


def _packaged(path: str) -> bool:
    parts = Path(path).parts
    return "site-packages" in parts or "dist-packages" in parts


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in (*folders, *SYSTEM_FOLDERS))
