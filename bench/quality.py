"""How near a scene's picture is to what Manim drew, and what it weighs."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .process import BenchError, told

# Frames are compared by their number: Manim's own files have times that jitter where its parts meet. The colour tags,
# which stock files lack, are made equal so that nothing is converted; the planes are compared as decoded.
SAME = (
    "settb=1/1000,setpts=N,format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=smpte170m"
)
LOSSLESS = ("--encoder-option", "crf=0", "--encoder-option", "preset=ultrafast")
LOSSLESS_PROFILE = "High 4:4:4 Predictive"


@dataclass(frozen=True)
class Quality:
    """A scene's video beside the lossless one: dB, 0 to 1, frames, bytes of the picture alone and of the file."""

    psnr: float
    ssim: float
    frames: int
    true_frames: int
    bytes: int
    file_bytes: int


class Comparison:
    """Compares videos with lossless ones; the same video is compared once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str], Quality] = {}

    def of(self, video: Path, truth: Path) -> dict[str, Any]:
        """The quality of a video, as JSON."""
        digest = told(["ffmpeg", "-v", "error", "-i", video, "-map", "0:v", "-c", "copy", "-f", "streamhash", "-"])
        key = truth, digest
        if key not in self._known:
            self._known[key] = _compare(video, truth)
        return asdict(self._known[key])


def _compare(video: Path, truth: Path) -> Quality:
    graph = f"[0:v]{SAME},split[a][b];[1:v]{SAME},split[c][d];[a][c]psnr=shortest=1;[b][d]ssim=shortest=1"
    said = told(["ffmpeg", "-hide_banner", "-nostats", "-i", video, "-i", truth, "-lavfi", graph, "-f", "null", "-"])
    psnr = re.search(r"PSNR .*average:(\S+)", said)
    ssim = re.search(r"SSIM .*All:(\S+)", said)
    if psnr is None or ssim is None:
        raise BenchError(f"ffmpeg does not compare {video}: {said[-2000:]}")
    sizes = _packets(video)
    return Quality(float(psnr[1]), float(ssim[1]), len(sizes), len(_packets(truth)), sum(sizes), video.stat().st_size)


def _packets(video: Path) -> list[int]:
    shown = ["-select_streams", "v:0", "-show_entries", "packet=size", "-of", "csv=p=0"]
    return [int(line.strip(",")) for line in told(["ffprobe", "-v", "error", *shown, video]).split()]


def check_lossless(video: Path) -> None:
    """Raise BenchError where a video is not without loss."""
    shown = ["-select_streams", "v:0", "-show_entries", "stream=profile,pix_fmt", "-of", "csv=p=0"]
    said = told(["ffprobe", "-v", "error", *shown, video]).strip()
    if said != f"{LOSSLESS_PROFILE},yuv420p":
        raise BenchError(f"{video} was to be lossless, but it is {said}")


def x264_version(video: Path) -> str:
    """The x264 that encoded a video, as it says in its stream."""
    with video.open("rb") as file:
        match = re.search(rb"x264 - core (\d+(?: r\d+ \w+)?)", file.read())
    return match[1].decode() if match else "unknown"
