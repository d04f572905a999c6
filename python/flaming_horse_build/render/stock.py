"""Manim's own files of a scene, brought into the form of every scene result without encoding again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from .film import Film, tagging
from .problems import SceneError
from .storage import Written, disk_error


def assemble(parts: Sequence[Path], target: Path, fps: Fraction) -> tuple[Written, int]:
    """Join Manim's partial files to one track on an exact frame grid: tells what was written and how many frames it is.

    Each part starts at 0 again and has frames that are shown in another order than they are decoded in. Raises
    SceneError where a part is not H.264, or no longer what Manim wrote.
    """
    try:
        return _assemble(parts, target, fps)
    except (av.FFmpegError, OSError) as error:
        if disk_error(error):
            raise
        raise SceneError(f"a file that Manim wrote for the scene cannot be read: {error}") from error


def _assemble(parts: Sequence[Path], target: Path, fps: Fraction) -> tuple[Written, int]:
    with av.open(str(parts[0])) as first:
        template = first.streams.video[0]
        if template.codec_context.name != "h264":
            raise SceneError(f"Manim wrote {template.codec_context.name}, not H.264: remove the codec from manim.cfg")
        film = Film(target, fps)
        film.add_copy(template)
        delay = max(_delay(part, fps) for part in parts)
        shown = 0
        for part in parts:
            packets = list(_packets(part, fps))
            for packet in packets:
                packet.pts += shown
            film.add(packets, delay)
            shown += len(packets)
        return film.finish(), film.frames


def _packets(part: Path, fps: Fraction) -> Iterator[Any]:
    """Tagged packets of a part in decoding order, their pts counted in frames from 0."""
    with av.open(str(part)) as container:
        stream: Any = container.streams.video[0]
        tags = tagging(stream)
        for packet in container.demux(stream):
            tagged: Any
            for tagged in tags.filter(packet if packet.size else None):
                tagged.pts = round(tagged.pts * stream.time_base * fps)
                tagged.time_base = 1 / fps
                yield tagged


def _delay(part: Path, fps: Fraction) -> int:
    """By how many frames decoding must be ahead of showing."""
    return max((index - packet.pts for index, packet in enumerate(_packets(part, fps))), default=0)
