"""A small MP4 writer: one H.264 track at a constant frame rate.

Written here because nothing may be left to a muxer's taste: every frame lasts exactly 1/fps, the first is shown at
0, and the same frames always make the same bytes.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

from .h264 import Colour

MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
UNDETERMINED_LANGUAGE = 0x55C4
PIXELS_PER_INCH_72 = 0x480000


def time_scale(fps: Fraction) -> tuple[int, int]:
    """Ticks per second and ticks per frame of the track for a frame rate."""
    if fps.denominator != 1:
        return fps.numerator, fps.denominator
    ticks = 15360 if fps in (15, 30, 60) else int(fps) * 1000
    return ticks, ticks // int(fps)


def box(kind: bytes, *parts: bytes) -> bytes:
    """One MP4 box."""
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """One MP4 box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


class Mp4Writer:
    """Writes frames as they come and the index at the end. Frames are added in decoding order."""

    def __init__(self, path: Path, width: int, height: int, fps: Fraction) -> None:
        self._file = path.open("wb")
        self._width = width
        self._height = height
        self._fps = fps
        self._sizes: list[int] = []
        self._keys: list[int] = []
        self._shown: list[int] = []
        self._file.write(box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41"))
        self._data_at = self._file.tell()
        self._file.write(struct.pack(">I4sQ", 1, b"mdat", 0))

    @property
    def frames(self) -> int:
        """Frames added so far."""
        return len(self._sizes)

    def add(self, sample: bytes, *, key: bool, shown: int) -> None:
        """Add one frame: its NAL units with lengths, whether it is a key frame, and its place on the screen (0, 1, ...)."""
        self._file.write(sample)
        self._sizes.append(len(sample))
        self._shown.append(shown)
        if key:
            self._keys.append(len(self._sizes))

    def finish(self, avcc: bytes, colour: Colour) -> None:
        """Write the index and close the file. Raises ValueError where the places are not 0 ... N-1."""
        if sorted(self._shown) != list(range(len(self._sizes))):
            raise ValueError("the frames do not fill the grid")
        end = self._file.tell()
        self._file.write(self._index(avcc, colour))
        self._file.seek(self._data_at + 8)
        self._file.write(struct.pack(">Q", end - self._data_at))
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _index(self, avcc: bytes, colour: Colour) -> bytes:
        scale, ticks = time_scale(self._fps)
        duration = len(self._sizes) * ticks
        # Frames decode at 0, 1, ... and show at their place plus the delay; the edit list takes the delay away.
        delay = max((decoded - shown for decoded, shown in enumerate(self._shown)), default=0)
        offsets = [(shown + delay - decoded) * ticks for decoded, shown in enumerate(self._shown)]
        tables = [self._description(avcc, colour), _run_lengths(b"stts", [ticks] * len(self._sizes))]
        if any(offsets):
            tables.append(_run_lengths(b"ctts", offsets))
        tables.append(full_box(b"stss", struct.pack(f">{len(self._keys) + 1}I", len(self._keys), *self._keys)))
        tables.extend(self._chunks())
        media = box(
            b"mdia",
            full_box(b"mdhd", struct.pack(">QQIQHH", 0, 0, scale, duration, UNDETERMINED_LANGUAGE, 0), version=1),
            full_box(b"hdlr", b"\0\0\0\0vide" + bytes(12) + b"VideoHandler\0"),
            box(
                b"minf",
                full_box(b"vmhd", bytes(8), flags=1),
                box(b"dinf", full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1))),
                box(b"stbl", *tables),
            ),
        )
        header = struct.pack(">QQIIQ", 0, 0, 1, 0, duration) + bytes(16) + MATRIX
        header += struct.pack(">II", self._width << 16, self._height << 16)
        edits = full_box(b"elst", struct.pack(">IQqI", 1, duration, delay * ticks, 0x10000), version=1)
        track = box(b"trak", full_box(b"tkhd", header, version=1, flags=3), box(b"edts", edits), media)
        movie = struct.pack(">QQIQIH", 0, 0, scale, duration, 0x10000, 0x100) + bytes(10) + MATRIX + bytes(24)
        return box(b"moov", full_box(b"mvhd", movie, struct.pack(">I", 2), version=1), track)

    def _description(self, avcc: bytes, colour: Colour) -> bytes:
        entry = struct.pack(">6xH16xHHIIIH", 1, self._width, self._height, PIXELS_PER_INCH_72, PIXELS_PER_INCH_72, 0, 1)
        entry += bytes(32) + struct.pack(">Hh", 24, -1)
        colr = box(b"colr", b"nclx", struct.pack(">HHHB", colour.primaries, colour.transfer, colour.matrix, 0))
        pasp = box(b"pasp", struct.pack(">II", 1, 1))
        return full_box(b"stsd", struct.pack(">I", 1), box(b"avc1", entry, box(b"avcC", avcc), colr, pasp))

    def _chunks(self) -> list[bytes]:
        """One chunk a second: sample-to-chunk, sizes and chunk offsets."""
        count = len(self._sizes)
        per_chunk = max(1, round(self._fps))
        whole, rest = divmod(count, per_chunk)
        runs = [(1, per_chunk, 1)] if whole else []
        if rest:
            runs.append((whole + 1, rest, 1))
        starts = []
        at = self._data_at + 16
        for first in range(0, count, per_chunk):
            starts.append(at)
            at += sum(self._sizes[first : first + per_chunk])
        return [
            full_box(b"stsc", struct.pack(">I", len(runs)), *(struct.pack(">3I", *run) for run in runs)),
            full_box(b"stsz", struct.pack(f">{count + 2}I", 0, count, *self._sizes)),
            full_box(b"co64", struct.pack(f">I{len(starts)}Q", len(starts), *starts)),
        ]


def _run_lengths(kind: bytes, values: list[int]) -> bytes:
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][1] == value:
            runs[-1][0] += 1
        else:
            runs.append([1, value])
    return full_box(kind, struct.pack(">I", len(runs)), *(struct.pack(">II", *run) for run in runs))
