"""The little of H.264 that we read and write ourselves: NAL units and sequence parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SLICE, IDR_SLICE, SEI, SPS, PPS, DELIMITER = 1, 5, 6, 7, 8, 9
HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128)
SAR_EXTENDED = 255


@dataclass(frozen=True)
class Colour:
    """Code points of ITU-T H.273: primaries, transfer and matrix; limited range is implied."""

    primaries: int
    transfer: int
    matrix: int


BT709 = Colour(1, 1, 1)
# Manim converts with the BT.601 matrix; its colours are those of any RGB screen, so primaries stay BT.709.
RGB_BY_BT601 = Colour(1, 1, 6)


class Bits:
    """Reads bits, most significant first, from unescaped bytes."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._length = len(data) * 8
        self.position = 0

    def read(self, count: int) -> int:
        """Read a `count` bit unsigned number, u(n)."""
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


class BitWriter:
    """Collects bits, most significant first."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def write(self, value: int, count: int) -> None:
        """Append a `count` bit unsigned number."""
        if count:
            self._bits.append(format(value, f"0{count}b"))

    def unsigned(self, value: int) -> None:
        """Append an Exp-Golomb number, ue(v)."""
        length = (value + 1).bit_length()
        self.write(value + 1, 2 * length - 1)

    def signed(self, value: int) -> None:
        """Append a signed Exp-Golomb number, se(v)."""
        self.unsigned(2 * value - 1 if value > 0 else -2 * value)

    def finished(self) -> bytes:
        """The bytes so far, ended by a stop bit and zeros up to a whole byte."""
        bits = "".join(self._bits) + "1"
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


def unescape(data: bytes) -> bytes:
    """Remove emulation prevention bytes."""
    if b"\x00\x00\x03" not in data:
        return data
    parts = data.split(b"\x00\x00\x03")
    return b"\x00\x00".join(parts)


def escape(data: bytes) -> bytes:
    """Insert emulation prevention bytes."""
    out = bytearray()
    zeros = 0
    for byte in data:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def nal_type(unit: bytes) -> int:
    """The type of a NAL unit."""
    return unit[0] & 31


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units of a byte stream with start codes."""
    units = []
    for part in data.split(b"\x00\x00\x01"):
        unit = part.rstrip(b"\x00")
        if unit:
            units.append(unit)
    return units


def split_lengths(data: bytes, size: int = 4) -> list[bytes]:
    """NAL units of an mp4 sample, each behind its length of `size` bytes."""
    return list(_lengths(data, size))


def _lengths(data: bytes, size: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + size], "big")
        yield data[at + size : at + size + length]
        at += size + length


def join_lengths(units: list[bytes]) -> bytes:
    """An mp4 sample of NAL units, each behind its length of 4 bytes."""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def configuration(extradata: bytes) -> tuple[list[bytes], list[bytes], int]:
    """SPS units, PPS units and length size of codec extradata, be it an avcC record or a byte stream."""
    if not extradata.startswith(b"\x01"):
        units = split_annex_b(extradata)
        return [u for u in units if nal_type(u) == SPS], [u for u in units if nal_type(u) == PPS], 4
    groups: list[list[bytes]] = []
    at = 5
    for mask in (31, 255):
        count = extradata[at] & mask
        at += 1
        group = []
        for _ in range(count):
            length = int.from_bytes(extradata[at : at + 2], "big")
            group.append(extradata[at + 2 : at + 2 + length])
            at += 2 + length
        groups.append(group)
    return groups[0], groups[1], (extradata[4] & 3) + 1


def avcc(sps: bytes, pps: bytes) -> bytes:
    """The avcC record of one SPS and one PPS."""
    record = b"\x01" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2, "big") + sps
    record += b"\x01" + len(pps).to_bytes(2, "big") + pps
    if sps[1] in (100, 110, 122, 244):
        record += b"\xfd\xf8\xf8\x00"  # 4:2:0, 8 bits
    return record


@dataclass(frozen=True)
class Sps:
    """What we need to know of a sequence parameter set."""

    width: int
    height: int
    log2_max_frame_num: int
    order_type: int
    reference_frames: int
    vui_at: int
    """Position in bits, after the NAL header, of vui_parameters_present_flag."""


def read_sps(unit: bytes) -> Sps:
    """Read an SPS unit of a 4:2:0 progressive stream. Raises ValueError for one that we do not know."""
    bits = Bits(unescape(unit[1:]))
    profile = bits.read(8)
    bits.read(16)
    bits.unsigned()
    if profile in HIGH_PROFILES:
        if bits.unsigned() != 1:
            raise ValueError("not 4:2:0")
        if bits.unsigned() or bits.unsigned():
            raise ValueError("not 8 bits")
        bits.read(1)
        if bits.read(1):
            raise ValueError("scaling matrices")
    log2_max_frame_num = bits.unsigned() + 4
    order_type = bits.unsigned()
    if order_type == 0:
        bits.unsigned()
    elif order_type == 1:
        raise ValueError("picture order count type 1")
    reference_frames = bits.unsigned()
    bits.read(1)
    width, height = (bits.unsigned() + 1) * 16, (bits.unsigned() + 1) * 16
    if not bits.read(1):
        raise ValueError("interlaced")
    bits.read(1)
    if bits.read(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= 2 * (left + right)
        height -= 2 * (top + bottom)
    return Sps(width, height, log2_max_frame_num, order_type, reference_frames, bits.position)


def with_colour(unit: bytes, colour: Colour) -> bytes:
    """The same SPS unit, with limited range and the given colour description in its VUI."""
    payload = unescape(unit[1:])
    bits = Bits(payload)
    out = BitWriter()

    def copy(count: int) -> int:
        value = bits.read(count)
        out.write(value, count)
        return value

    before = read_sps(unit).vui_at
    copy(before)
    present = bits.read(1)
    out.write(1, 1)
    if present:
        if copy(1) and copy(8) == SAR_EXTENDED:
            copy(32)
        if copy(1):
            copy(1)
        if bits.read(1):  # the old signal type, dropped
            bits.read(4)
            if bits.read(1):
                bits.read(24)
    else:
        out.write(0, 2)
    out.write(1, 1)
    out.write(5, 3)  # video format unspecified
    out.write(0, 1)  # limited range
    out.write(1, 1)
    for code in (colour.primaries, colour.transfer, colour.matrix):
        out.write(code, 8)
    if present:
        copy(len(payload.rstrip(b"\x00")) * 8 - _stop_bits(payload) - bits.position)
    else:
        out.write(0, 6)  # no chroma location, timing, NAL HRD, VCL HRD, picture structure, restrictions
    return unit[:1] + escape(out.finished())


def _stop_bits(payload: bytes) -> int:
    last = payload.rstrip(b"\x00")[-1]
    return (last & -last).bit_length()
