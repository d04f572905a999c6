"""Writing a scene's video file: H.264 packets in, an MP4 on an exact frame grid out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from .problems import FramePathError
from .repeats import Frame
from .storage import OutputFile, Written

# Code points of ITU-T H.273. Manim converts with the BT.601 matrix (SMPTE 170M); its colours are those of any RGB
# screen, so primaries and transfer are BT.709's.
PRIMARIES = TRANSFER = 1
MATRIX = 6
LIMITED_RANGE = 1
# Ticks a second from which on the numerator of a rate such as 30000/1001 is a scale fine enough.
FINE = 5000
TAGS = (
    f"h264_metadata=colour_primaries={PRIMARIES}:transfer_characteristics={TRANSFER}:matrix_coefficients={MATRIX}"
    ":video_full_range_flag=0"
)


def time_scale(fps: Fraction) -> int:
    """Ticks per second of the video track for a frame rate: each frame lasts a whole number of them, and many."""
    if fps in (15, 30, 60):
        return 15360
    return fps.numerator if fps.numerator >= FINE and fps.denominator != 1 else fps.numerator * 1000


def tag(context: Any) -> None:
    """Write the colours of a scene into an encoder's settings."""
    context.color_primaries = PRIMARIES
    context.color_trc = TRANSFER
    context.colorspace = MATRIX
    context.color_range = LIMITED_RANGE


class Film:
    """An MP4 file with one video track. Packets are added in decoding order, their times counted in frames."""

    def __init__(self, path: Path, fps: Fraction) -> None:
        scale = str(time_scale(fps))
        options = {"fflags": "+bitexact", "video_track_timescale": scale, "movie_timescale": scale}
        self._file = OutputFile(path)
        self._container = av.open(self._file, "w", format="mp4", options=options)
        self._fps = fps
        self._stream: Any = None
        self.frames = 0

    def add_encoder(self, width: int, height: int, options: dict[str, str]) -> Any:
        """Add the track of a new libx264 encoder and return its stream."""
        stream = self._container.add_stream("libx264", rate=self._fps, options=options)
        self._stream = stream
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / self._fps
        tag(stream.codec_context)
        return stream

    def add_copy(self, template: Any) -> None:
        """Add a track for the packets of another stream as `tagging` gives them."""
        container: Any = self._container
        before_14 = not hasattr(container, "add_stream_from_template")
        stream = container.add_stream(template=template) if before_14 else container.add_stream_from_template(template)
        BitStreamFilterContext(TAGS, in_stream=template, out_stream=stream)  # tags the parameter sets

    def add(self, packets: Iterable[Any], delay: int | None = None) -> None:
        """Write packets of the track, their times counted in frames.

        With a delay, that is by how many frames decoding is ahead of showing; without, packets say when to decode them.
        """
        for packet in packets:
            if delay is not None:
                packet.dts = self.frames - delay
            packet.duration = 1
            packet.time_base = 1 / self._fps
            self._container.mux(packet)
            self._file.check()  # the muxer does not tell at once
            self.frames += 1

    def add_coded(self, frames: Iterable[Frame], delay: int) -> None:
        """Write coded frames; decoding is ahead of showing by so many frames."""
        self.add((self._packet(frame) for frame in frames), delay)

    def _packet(self, frame: Frame) -> Any:
        packet: Any = Packet(frame.data)
        packet.stream = self._stream
        packet.pts = frame.shown
        packet.is_keyframe = frame.key
        return packet

    def finish(self) -> Written:
        """Write the index and complete the file."""
        self._container.close()
        return self._file.finish()

    def abandon(self) -> None:
        """Give the muxer back; the file is worth nothing."""
        with contextlib.suppress(Exception):
            self._container.close()


def tagging(stream: Any) -> BitStreamFilterContext:
    """Give a filter that writes the colours into the packets of a stream that an encoder left untagged."""
    return BitStreamFilterContext(TAGS, in_stream=stream)


def check(video: Path, fps: Fraction, frames: int) -> None:
    """Read all packets of a finished file. Raises FramePathError unless they are so many whole frames on the grid."""
    step = 1 / (fps * Fraction(1, time_scale(fps)))
    shown: list[int] = []
    try:
        with av.open(str(video)) as container:
            stream: Any = container.streams.video[0]
            length_bytes = (bytes(stream.codec_context.extradata or b"")[4:5] or b"\3")[0] % 4 + 1
            for packet in container.demux(stream):
                if packet.size:
                    shown.append(packet.pts)
                    _check_units(bytes(packet), length_bytes)
    except (av.FFmpegError, OSError) as error:
        raise FramePathError(f"the finished video cannot be read: {error}") from error
    if sorted(shown) != [number * step for number in range(frames)]:
        raise FramePathError(f"the finished video holds {len(shown)} frames off the grid of {frames} that were drawn")


def _check_units(packet: bytes, length_bytes: int) -> None:
    """Check that a packet is made of NAL units, each behind its length."""
    at = 0
    while at < len(packet):
        at += length_bytes + int.from_bytes(packet[at : at + length_bytes], "big")
    if at != len(packet):
        raise FramePathError("the finished video holds a frame that is no H.264")
