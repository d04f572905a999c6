"""One continuous H.264 encoder for a whole scene, fed from a thread of its own through a short queue."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType

from .canvas import Patch, Planes
from .film import Film
from .handover import Handover
from .job import JobError
from .problems import FramePathError, SceneError
from .repeats import Repeats
from .storage import DiskError, Written

QUEUE = 4
# Between ultrafast and the next preset; each option was measured (docs/rendering.md). Motion in whole pixels spares
# x264 the filtering of every whole picture for fractions; smaller parts and a wider search make good most of it.
OWN = {
    "preset": "ultrafast",
    "cabac": "1",
    "analyse": "i4x4+p8x8+b8x8",
    "trellis": "1",
    "me": "umh",
    "subme": "0",
    "chroma-qp-offset": "-3",
    "ipratio": "2",  # all that stands still is copied from the last key frame
    # Of frames in motion every fifth is encoded well and refers to the last such; those between refer to both.
    "bframes": "4",
    "b-adapt": "0",
    "b-pyramid": "none",
    "pbratio": "4",
}
# A constant quantizer spares x264 its estimate of every frame's complexity. At 60 frames a second this one is no worse
# than its medium preset at crf 23. That takes more care with frames that are shown longer, and so do we.
QP_AT_60_FPS = 23
QP_PER_DOUBLED_RATE = 3
SECONDS_BETWEEN_KEY_FRAMES = 8
# The share of a picture that is drawn anew from which on a B-frame pays: it takes more time, and less space.
MOVING = Fraction(1, 20)
REPLACING = ("preset", "tune", "profile")
OF_THE_WRAPPER = (*REPLACING, "crf", "qp")


def encoder_options(wanted: dict[str, str], threads: int, fps: Fraction) -> dict[str, str]:
    """Give the encoder's options: ours, overruled by those wanted (x264's names).

    A preset, tune or profile wanted replaces all of ours. Raises JobError for what cannot be passed on.
    """
    merged = dict(wanted)
    if wanted.keys().isdisjoint(REPLACING):
        merged = {**OWN, **wanted}
        if wanted.keys().isdisjoint({"crf", "qp"}):
            doublings = min(0.0, math.log2(fps / 60))
            merged["qp"] = str(max(1, round(QP_AT_60_FPS + QP_PER_DOUBLED_RATE * doublings)))
        merged.setdefault("keyint", str(max(1, round(SECONDS_BETWEEN_KEY_FRAMES * fps))))
    direct = {name: value for name, value in merged.items() if name in OF_THE_WRAPPER}
    others = {name: value for name, value in merged.items() if name not in OF_THE_WRAPPER}
    others.setdefault("threads", str(threads))
    for name, value in others.items():
        if ":" in name or "=" in name or ":" in value:
            raise JobError(f"encoder_options: {name}={value} is not an option of x264")
    return {**direct, "x264-params": ":".join(f"{name}={value}" for name, value in others.items())}


@dataclass
class _Shot:
    """A picture, as what differs from the one before, and for how many frames it is shown."""

    patches: Sequence[Patch]
    frames: int

    def area(self) -> int:
        """Pixels that are laid anew."""
        return sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (patch.rect for patch in self.patches))


class Encoder:
    """Encodes pictures as they come. Errors of the encoding thread are raised at the next call.

    These are DiskError and SceneError as they are, FramePathError for all others.
    """

    def __init__(self, path: Path, width: int, height: int, fps: Fraction, options: dict[str, str]) -> None:
        self.width, self.height = width, height
        self._film = Film(path, fps)
        self._stream = self._film.add_encoder(width, height, options)
        self._repeats = self._open()
        self._planes = Planes(width, height)
        self._shots: Handover[_Shot] = Handover(QUEUE)
        self._held: _Shot | None = None
        self._failure: BaseException | None = None
        self._written: Written | None = None
        self._moving_pixels = MOVING * width * height
        self._places: dict[int, tuple[int, int]] = {}  # of encoded pictures in the film: first frame, repeats after it
        self._encoded = self._shown = 0
        self.seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    def _open(self) -> Repeats | None:
        """Open the encoder. Raises JobError for an option refused: x264 would only write a line to its log."""
        level = av.logging.get_level()
        av.logging.set_level(av.logging.WARNING)
        try:
            with av.logging.Capture(local=False) as log:
                self._stream.codec_context.open(strict=False)
        except av.FFmpegError as error:
            raise JobError(f"encoder_options: x264 does not open: {error}") from error
        finally:
            av.logging.set_level(level)
        refused = [line.strip() for _, _, line in log if "parsing option" in line]
        if refused:
            raise JobError(f"encoder_options: {refused[0]}")
        return Repeats.of(self._stream.codec_context.extradata or b"")

    def add(self, patches: Sequence[Patch], frames: int) -> None:
        """Show a picture for so many frames: the last one with patches laid on it, or unchanged without any."""
        self._check()
        if frames < 1:
            return
        if self._held is not None and not patches:
            self._held.frames += frames
            return
        self._hand_over()
        self._held = _Shot(patches, frames)

    def finish(self) -> tuple[Written, int]:
        """Encode what is left, complete the file, and tell what was written and how many frames that is."""
        self._hand_over()
        self._shots.complete()
        self._thread.join()
        self._check()
        if self._written is None:
            raise FramePathError("encoding ended before it was finished")
        return self._written, self._film.frames

    def abandon(self) -> None:
        """Stop without finishing the file."""
        self._shots.abandon()
        self._thread.join()

    def _hand_over(self) -> None:
        if self._held is not None and not self._shots.put(self._held, self._thread.is_alive):
            self._check()
            raise FramePathError("encoding ended before it was finished")
        self._held = None

    def _check(self) -> None:
        if isinstance(self._failure, (DiskError, SceneError)):
            raise self._failure
        if self._failure is not None:
            raise FramePathError(f"encoding failed: {self._failure}") from self._failure

    def _run(self) -> None:
        try:
            for shot in self._shots:
                self._encode(shot)
            if self._shots.abandoned:
                self._film.abandon()
                return
            self._flush()
            self._written = self._film.finish()
            self.seconds = time.thread_time()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the other thread
            self._failure = error
            self._film.abandon()
        finally:
            self._shots.abandon()

    def _encode(self, shot: _Shot) -> None:
        self._planes.lay(shot.patches)
        if self._repeats is None:
            for _ in range(shot.frames):
                self._write(self._stream.encode(self._frame()))
            return
        frame = self._frame()
        if self._repeats.delay and (shot.frames > 1 or shot.area() < self._moving_pixels):
            frame.pict_type = PictureType.P
        self._places[frame.pts] = (self._shown, shot.frames - 1)
        self._shown += shot.frames
        self._write(self._stream.encode(frame))

    def _flush(self) -> None:
        self._write(self._stream.encode(None))
        if self._repeats is None:
            return
        self._film.add_coded(self._repeats.rest(), self._repeats.delay)
        if self._film.frames != self._shown:
            raise FramePathError(f"{self._film.frames} of {self._shown} frames came out of x264")

    def _frame(self) -> Any:
        frame = self._planes.frame  # x264 takes a copy of it
        frame.pict_type = PictureType.NONE
        frame.pts = self._encoded
        frame.time_base = self._stream.codec_context.time_base
        self._encoded += 1
        return frame

    def _write(self, packets: Sequence[Any]) -> None:
        if self._repeats is None:
            self._film.add(packets)
            return
        for packet in packets:
            if packet.pts not in self._places:
                raise FramePathError(f"x264 gives a frame that it did not get: {packet.pts}")
            start, repeats = self._places.pop(packet.pts)
            frames = self._repeats.passed(bytes(packet), start, repeats, key=packet.is_keyframe)
            self._film.add_coded(frames, self._repeats.delay)
