"""Writing a scene's video file: H.264 packets in, an MP4 on an exact frame grid out."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from .repeats import Frame

# Code points of ITU-T H.273. Manim converts with the BT.601 matrix (SMPTE 170M); its colours are those of any RGB
# screen, so primaries and transfer are BT.709's.
PRIMARIES = TRANSFER = 1
MATRIX = 6
LIMITED_RANGE = 1
TAGS = (
    f"h264_metadata=colour_primaries={PRIMARIES}:transfer_characteristics={TRANSFER}:matrix_coefficients={MATRIX}"
    ":video_full_range_flag=0"
)


def time_scale(fps: Fraction) -> int:
    """Ticks per second of the video track for a frame rate."""
    if fps.denominator != 1:
        return fps.numerator
    return 15360 if fps in (15, 30, 60) else int(fps) * 1000


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
        options = {
            "movflags": "+faststart",
            "fflags": "+bitexact",
            "video_track_timescale": scale,
            "movie_timescale": scale,
        }
        self._container = av.open(str(path), "w", format="mp4", options=options)
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

    def close(self) -> None:
        """Write the index and close the file."""
        self._container.close()


def tagging(stream: Any) -> BitStreamFilterContext:
    """Give a filter that writes the colours into the packets of a stream that an encoder left untagged."""
    return BitStreamFilterContext(TAGS, in_stream=stream)
