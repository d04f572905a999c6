"""Frames that repeat the one before, written straight into an H.264 stream: a slice that says "skip" for everything.

An encoder goes over the whole picture to find out that nothing changed; we know it beforehand. Each inserted frame is a
reference frame as any other, so the frames after it count on: their `frame_num` is raised by the frames inserted since
the last key frame, and their `pic_order_cnt_lsb`, where there is one, says when they are shown now. It works for
streams with one reference frame in each direction, which leaves decoders with two frames to refer to. Only frames that
others refer to can be repeated. Nothing is shown between such a frame and its repeats, and the last of them stands
where the frame stood: distances that prediction goes by, and references named by their distance, stay right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .problems import FramePathError

SLICE, KEY_SLICE, SPS, PPS = 1, 5, 7, 8
REFERENCE, REFERENCE_BITS = 2 << 5, 3 << 5
ALL_P = 5
EXPLICIT = 1
HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128)
HIGHEST_QP = 51

# CABAC, clause 9.3. At the highest QP the context of mb_skip_flag (number 11) starts in this state, and "skip" is the
# more probable value, so that only that is coded from there on: the state never falls, and the low end of the interval
# stays 0 until the last bit.
SKIP_STATE = 42
LAST_STATE = 62
# Table 9-44 from that state on: the part of the interval taken by the less probable value, by state and interval.
RANGE_LPS = (
    *((16, 20, 23, 27), (15, 19, 22, 25), (14, 18, 21, 24), (14, 17, 20, 23), (13, 16, 19, 22), (12, 15, 18, 21)),
    *((12, 14, 17, 20), (11, 14, 16, 19), (11, 13, 15, 18), (10, 12, 15, 17), (10, 12, 14, 16), (9, 11, 13, 15)),
    *((9, 11, 12, 14), (8, 10, 12, 14), (8, 9, 11, 13), (7, 9, 11, 12), (7, 9, 10, 12), (7, 8, 10, 11)),
    *((6, 8, 9, 11), (6, 7, 9, 10), (6, 7, 8, 9)),
)

_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_UNSAFE = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class _Bits:
    """Reads bits, most significant first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._length = len(data) * 8
        self.position = 0

    def read(self, count: int) -> int:
        self.position += count
        if self.position > self._length:
            raise ValueError("out of bits")
        return (self._value >> (self._length - self.position)) & ((1 << count) - 1)

    def unsigned(self) -> int:
        """Read an Exp-Golomb number, ue(v)."""
        zeros = 0
        while self.read(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + (self.read(zeros) if zeros else 0)

    def signed(self) -> int:
        """Read a signed Exp-Golomb number, se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)


class Frame(NamedTuple):
    """A coded frame: where it is shown in the film, and whether it is a key frame."""

    data: bytes
    shown: int
    key: bool


@dataclass(frozen=True)
class _Stream:
    """What slices of a stream look like."""

    frame_num_bits: int
    order_bits: int | None  # of pic_order_cnt_lsb; None where frames are shown in the order of decoding
    macroblocks: int
    parameters: _Pps


@dataclass(frozen=True)
class _Pps:
    cabac: bool
    deblocking_control: bool
    qp: int


class Repeats:
    """Inserts repeats into the stream of one encoder; made by `of`."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._inserted = 0
        self._last = 0
        self._key_shown = 0
        self._due = range(0)

    @property
    def delay(self) -> int:
        """By how many frames decoding must be ahead of showing: 1 where there may be B-frames, else 0."""
        return 0 if self._stream.order_bits is None else 1

    @classmethod
    def of(cls, extradata: bytes) -> Repeats | None:
        """Read an encoder's parameter sets, a byte stream with start codes; None for a kind that this cannot do."""
        units = [unit for unit in _START_CODE.split(extradata) if unit]
        sps = [unit for unit in units if unit[0] & 31 == SPS]
        pps = [unit for unit in units if unit[0] & 31 == PPS]
        if len(sps) != 1 or len(pps) != 1:
            return None
        try:
            frame_num_bits, order_bits, macroblocks = _read_sps(_unescape(sps[0][1:]))
            parameters = _read_pps(_unescape(pps[0][1:]))
        except ValueError:
            return None
        return cls(_Stream(frame_num_bits, order_bits, macroblocks, parameters))

    def passed(self, packet: bytes, start: int, repeats: int, *, key: bool) -> Iterator[Frame]:
        """Give the encoder's next frame, shown from `start` of the film on and followed by so many repeats.

        Repeats come before the next frame that others refer to, so those of the last frame are given by `rest`. Raises
        FramePathError for repeats of a frame that none refers to.
        """
        starts = list(_START_CODE.finditer(packet))
        ends = [*(following.start() for following in starts[1:]), len(packet)]
        units = [packet[one.end() : end] for one, end in zip(starts, ends, strict=True)]
        slices = [unit[0] for unit in units if unit[0] & 31 in (SLICE, KEY_SLICE)]
        if any(head & REFERENCE_BITS for head in slices):
            yield from self.rest()
            self._due = range(start + 1, start + 1 + repeats)
        elif repeats:
            raise FramePathError("x264 made a B-frame of a picture that is shown longer")
        if any(head & 31 == KEY_SLICE for head in slices):
            self._inserted = self._last = 0
            self._key_shown = start
        renumbered = (self._renumbered(unit, start) if unit[0] & 31 == SLICE else unit for unit in units)
        yield Frame(b"".join(one[0] + unit for one, unit in zip(starts, renumbered, strict=True)), start, key)

    def rest(self) -> Iterator[Frame]:
        """Give the repeats of the last frame that others may refer to."""
        for shown in self._due:
            yield Frame(self._repeat(shown), shown, key=False)
        self._due = range(0)

    def _repeat(self, shown: int) -> bytes:
        stream = self._stream
        self._inserted += 1
        self._last = (self._last + 1) % (1 << stream.frame_num_bits)
        # first_mb 0, slice type, PPS 0, frame_num
        bits = "1" + _ue(ALL_P) + "1" + format(self._last, f"0{stream.frame_num_bits}b")
        if stream.order_bits is not None:
            bits += format(self._order(shown, stream.order_bits), f"0{stream.order_bits}b")
        # no override of the number of references, no reordering of them, no other marking than the sliding window
        bits += "0" + "0" + "0"
        if stream.parameters.cabac:
            bits += _ue(0)
        bits += _se(HIGHEST_QP - stream.parameters.qp)
        if stream.parameters.deblocking_control:
            bits += _ue(1)
        if stream.parameters.cabac:
            bits += "1" * (-len(bits) % 8) + _all_skipped(stream.macroblocks)
        else:
            bits += _ue(stream.macroblocks) + "1"
        bits += "0" * (-len(bits) % 8)
        payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
        return b"\x00\x00\x00\x01" + bytes([REFERENCE | SLICE]) + _escape(payload)

    def _order(self, shown: int, bits: int) -> int:
        """The order count of a frame: twice its distance from the key frame, as x264 counts."""
        return 2 * (shown - self._key_shown) % (1 << bits)

    def _renumbered(self, unit: bytes, shown: int) -> bytes:
        payload = _unescape(unit[1:])
        bits = _Bits(payload[:16])
        for _ in ("first_mb", "slice type", "PPS"):
            bits.unsigned()
        at, count = bits.position, self._stream.frame_num_bits
        number = (bits.read(count) + self._inserted) % (1 << count)
        if unit[0] & REFERENCE_BITS:
            self._last = number
        if not self._inserted:
            return unit
        if (order_bits := self._stream.order_bits) is not None:  # follows at once where the slice is no IDR slice
            number = number << order_bits | self._order(shown, order_bits)
            count += order_bits
        size = (at + count + 7) // 8
        head = int.from_bytes(payload[:size], "big")
        shift = size * 8 - at - count
        head = head & ~(((1 << count) - 1) << shift) | number << shift
        return unit[:1] + _escape(head.to_bytes(size, "big") + payload[size:])


def _read_sps(payload: bytes) -> tuple[int, int | None, int]:
    bits = _Bits(payload)
    profile = bits.read(8)
    bits.read(16)
    bits.unsigned()
    if profile in HIGH_PROFILES:
        if bits.unsigned() != 1 or bits.unsigned() or bits.unsigned():
            raise ValueError("not 8-bit 4:2:0")
        bits.read(1)
        if bits.read(1):
            raise ValueError("scaling matrices")
    frame_num_bits = bits.unsigned() + 4
    order_type = bits.unsigned()
    if order_type not in (0, 2):
        raise ValueError("an order of frames that x264 does not write")
    order_bits = bits.unsigned() + 4 if order_type == 0 else None
    if bits.unsigned() != (1 if order_bits is None else 2):
        raise ValueError("more than one reference frame in each direction")
    bits.read(1)
    macroblocks = (bits.unsigned() + 1) * (bits.unsigned() + 1)
    if not bits.read(1):
        raise ValueError("interlaced")
    return frame_num_bits, order_bits, macroblocks


def _read_pps(payload: bytes) -> _Pps:
    bits = _Bits(payload)
    if bits.unsigned() or bits.unsigned():
        raise ValueError("not the first parameter sets")
    cabac = bool(bits.read(1))
    if bits.read(1) or bits.unsigned() or bits.unsigned():
        raise ValueError("field order, slice groups or more than one reference")
    bits.unsigned()
    if bits.read(1) or bits.read(2) == EXPLICIT:
        raise ValueError("weights that depend on which frame is referred to")
    qp = 26 + bits.signed()
    for _ in ("QS", "chroma QP"):
        bits.signed()
    deblocking_control = bool(bits.read(1))
    bits.read(1)
    if bits.read(1):
        raise ValueError("redundant pictures")
    return _Pps(cabac, deblocking_control, qp)


@lru_cache(maxsize=4)
def _all_skipped(macroblocks: int) -> str:
    """Code so many skipped macroblocks and the end of the slice, in CABAC; the stop bit is included."""
    interval, state, shifts = 510, SKIP_STATE, 0
    for left in range(macroblocks - 1, -1, -1):
        interval -= RANGE_LPS[state - SKIP_STATE][(interval >> 6) & 3]
        state = min(state + 1, LAST_STATE)
        while interval < 256:
            interval, shifts = interval << 1, shifts + 1
        interval -= 2  # whether the slice ends here
        while left and interval < 256:
            interval, shifts = interval << 1, shifts + 1
    # While the low end is 0, each shift writes a 0; the very first bit is never written (clause 9.3.4.5).
    bits = "0" * shifts
    low, outstanding = interval, 0
    for _ in range(7):
        if 256 <= low < 512:
            low, outstanding = low - 256, outstanding + 1
        else:
            bits += _with_outstanding(low >> 9, outstanding)
            low, outstanding = low & 511, 0
        low <<= 1
    bits += _with_outstanding(low >> 9, outstanding)
    return bits[1:] + format((low >> 7) & 3 | 1, "02b")


def _with_outstanding(bit: int, outstanding: int) -> str:
    return str(bit) + str(1 - bit) * outstanding


def _ue(value: int) -> str:
    code = format(value + 1, "b")
    return "0" * (len(code) - 1) + code


def _se(value: int) -> str:
    return _ue(2 * value - 1 if value > 0 else -2 * value)


def _unescape(data: bytes) -> bytes:
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


def _escape(data: bytes) -> bytes:
    return _UNSAFE.sub(b"\x00\x00\x03", data)
