"""Decoded videos, measured."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt


def frames_of(video: Path) -> list[npt.NDArray[np.uint8]]:
    """All frames of a video as yuv420p planes, shape (height * 3 / 2, width)."""
    with av.open(str(video)) as container:
        return [np.asarray(frame.to_ndarray(), np.uint8) for frame in container.decode(video=0)]


def rgb_of(video: Path, number: int) -> npt.NDArray[np.uint8]:
    """One frame as a player would show it that knows the tags, shape (height, width, 3)."""
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == number:
                return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    raise IndexError(number)


def packets_of(video: Path) -> list[tuple[int, int]]:
    """The times (pts, dts) of every packet, in ticks."""
    with av.open(str(video)) as container:
        return [(packet.pts or 0, packet.dts or 0) for packet in container.demux(video=0) if packet.size]


def facts_of(video: Path) -> dict[str, Any]:
    """What a player is told about the track."""
    with av.open(str(video)) as container:
        (stream,) = container.streams
        context: Any = stream.codec_context
        return {
            "codec": context.name,
            "pix_fmt": context.pix_fmt,
            "size": (context.width, context.height),
            "rate": stream.average_rate,
            "time_base": stream.time_base,
            "duration": stream.duration,
            "frames": stream.frames,
            "colours": (context.color_primaries, context.color_trc, context.colorspace, context.color_range),
            "extradata": bytes(context.extradata),
        }


@dataclass(frozen=True)
class Quality:
    """How near a video is to another: dB, and 0 to 1."""

    psnr: float
    ssim: float


def quality(video: Path, reference: Path) -> Quality:
    """Compare two videos frame by frame with ffmpeg's filters."""
    graph = "[0:v]split[a][b];[1:v]split[c][d];[a][c]psnr;[b][d]ssim"
    command = ["ffmpeg", "-hide_banner", "-i", str(video), "-i", str(reference), "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    psnr = re.search(r"PSNR .*average:(\S+)", said)
    ssim = re.search(r"SSIM .*All:(\S+)", said)
    assert psnr and ssim, said
    return Quality(float(psnr[1]), float(ssim[1]))
