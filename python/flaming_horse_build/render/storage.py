"""Files of a result, written so that neither a scene nor a failing disk can spoil them unnoticed.

A scene may close any descriptor, write to any number and remove any folder of this process. So no descriptor of ours
stays open between two writes, and what lies on the disk in the end is compared with what was written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .problems import SceneError

FIRST_PRIVATE = 200
"""Descriptors that stay open are moved up to this number: scenes that close some close the low ones."""
ATTEMPTS = 1000
HEAD_BYTES = 4096
BLOCK_BYTES = 1 << 16
PROBE_BYTES = 1 << 16

# Failures of the machine's storage: no other way of rendering would do better.
CAUSES = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk reports an input/output error",
    errno.EFBIG: "the file would be larger than the limit on file sizes allows",
}


class DiskError(Exception):
    """The machine's storage failed; the message names the place and the cause."""


def disk_error(error: BaseException | None) -> DiskError | None:
    """The failure of storage that an exception is, or was raised from; None where there is none."""
    while error is not None:
        if isinstance(error, DiskError):
            return error
        if isinstance(error, OSError) and error.errno in CAUSES:
            named = error.filename2 or error.filename  # of two, the one written to
            place = f": cannot write {os.fsdecode(named)}" if isinstance(named, (str, bytes)) else ""
            return DiskError(CAUSES[error.errno] + place)
        error = error.__cause__
    return None


def trouble(folders: Iterable[Path]) -> DiskError | None:
    """What keeps the first of these folders, or that of temporary files, from being written to; None if nothing does.

    For a failure that may only be the consequence: programs that run out of space seldom say so. Folders that do not
    exist are passed over.
    """
    for folder in (*folders, Path(tempfile.gettempdir())):
        if not folder.is_dir():
            continue
        probe = folder / f".probe-{os.getpid()}"
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        except OSError as error:
            if error.errno in CAUSES:
                return DiskError(f"{CAUSES[error.errno]}: cannot write to the folder {folder}")
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
    return None


def keep_standard_descriptors() -> None:
    """Open /dev/null on those of the descriptors 0 to 2 that are closed: no file may get such a number.

    Whatever is printed would be written into that file.
    """
    for number in (0, 1, 2):
        if _is_closed(number):
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


@dataclass(frozen=True)
class Written:
    """What was written to a file: its first bytes, and size and SHA-256 of the rest."""

    path: Path
    head: bytes
    rest_bytes: int
    rest_sha256: str

    def verified(self) -> str:
        """Give the SHA-256 of the file, once it is known that it holds what was written. Raises SceneError if not."""
        whole, rest, size = hashlib.sha256(), hashlib.sha256(), 0
        keep_standard_descriptors()
        try:
            with self.path.open("rb") as file:
                head = file.read(len(self.head))
                whole.update(head)
                while block := file.read(BLOCK_BYTES):
                    whole.update(block)
                    rest.update(block)
                    size += len(block)
        except OSError as error:
            raise disk_error(error) or _meddled(self.path, f"it cannot be read: {error.strerror}") from error
        if (head, size, rest.hexdigest()) != (self.head, self.rest_bytes, self.rest_sha256):
            raise _meddled(self.path, "it does not hold what was written to it")
        return whole.hexdigest()


class OutputFile:
    """A new file, for writers that append and go back to its first bytes only (PyAV, wave).

    Raises DiskError where storage fails, SceneError where the file or its folder is gone. What failed once fails again.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._head = bytearray()
        self._rest = hashlib.sha256()
        self._pending = bytearray()
        self._flushed = HEAD_BYTES  # the head is written last
        self._size = self._position = 0
        self._failure: Exception | None = None
        self._identity: tuple[int, int] | None = None
        self._write(b"", 0)

    def writable(self) -> bool:
        """Whether it can be written to, as files say it."""
        return True

    def seekable(self) -> bool:
        """Whether it can be written to out of order."""
        return True

    def tell(self) -> int:
        """Where the next bytes go."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Say where the next bytes go."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def write(self, data: bytes) -> int:
        """Write all of the bytes at the present place: at the end, or within the first HEAD_BYTES."""
        self.check()
        end = self._position + len(data)
        in_head = data[: max(0, HEAD_BYTES - self._position)]
        if self._position > self._size or (self._position < self._size and end > len(self._head)):
            raise ValueError(f"{self.name}: bytes {self._position} to {end} of {self._size} cannot be changed any more")
        if in_head:
            self._head[self._position : self._position + len(in_head)] = in_head
        if after := data[len(in_head) :]:
            self._rest.update(after)
            self._pending += after
            if len(self._pending) >= BLOCK_BYTES:
                self._flush()
        self._position = end
        self._size = max(self._size, end)
        return len(data)

    def flush(self) -> None:
        """Nothing: who wants the bytes on the disk calls finish."""

    def check(self) -> None:
        """Raise what an earlier write raised."""
        if self._failure is not None:
            raise self._failure

    def finish(self) -> Written:
        """Write what is left and tell what the file holds."""
        self.check()
        self._flush()
        self._write(bytes(self._head), 0)
        rest = max(0, self._size - HEAD_BYTES)
        return Written(self._path, bytes(self._head), rest, self._rest.hexdigest())

    def _flush(self) -> None:
        self._write(bytes(self._pending), self._flushed)
        self._flushed += len(self._pending)
        self._pending.clear()

    def _write(self, data: bytes, position: int) -> None:
        try:
            self._persist(data, position)
        except OSError as error:
            if self._identity is None or error.errno in CAUSES:
                why = CAUSES.get(error.errno or 0, error.strerror)
                self._failure = DiskError(f"{why}: cannot write {self.name}")
            else:
                self._failure = _meddled(self._path, f"it cannot be written any more: {error.strerror}")
            raise self._failure from error
        except SceneError as error:
            self._failure = error
            raise

    def _persist(self, data: bytes, position: int) -> None:
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                self._write_through(data, position)
            except OSError as error:
                # the scene may close the descriptor at the very moment of the write
                if error.errno != errno.EBADF or not attempts_left:
                    raise
            else:
                return

    def _write_through(self, data: bytes, position: int) -> None:
        keep_standard_descriptors()
        created = os.O_CREAT | os.O_TRUNC if self._identity is None else 0
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | created, 0o644)
        try:
            facts = os.fstat(descriptor)
            identity = (facts.st_dev, facts.st_ino)
            if self._identity is None:
                self._identity = identity
            if identity != self._identity:
                raise _meddled(self._path, "another file lies in its place")
            view = memoryview(data)
            while view:
                count = os.pwrite(descriptor, view, position)
                view, position = view[count:], position + count
        finally:
            os.close(descriptor)


def _meddled(path: Path, what: str) -> SceneError:
    return SceneError(
        f"something changed the scene's result while it was made: {path.name}: {what}. Does the scene, or a program "
        "that it starts, remove folders, write to files or close descriptors that are not its own?"
    )
