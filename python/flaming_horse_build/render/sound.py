"""The sound of a scene: recorded calls, mixed at exact frame positions into 48 kHz stereo PCM."""

from __future__ import annotations

import math
import stat
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
import numpy.typing as npt

from .cuts import Cut, spans
from .problems import SceneError
from .storage import OutputFile, Written

RATE = 48_000
FADE_SAMPLES = RATE * 5 // 1000
FRAMES_THAT_MAY_BE_CUT = 2

LARGEST_GAIN = 200  # dB: far beyond what can be heard, and within what the samples can hold

Samples = npt.NDArray[np.float32]
"""Sound, shape (samples, 1) where both channels are the same, else (samples, 2); full scale 1.0, at RATE."""


@dataclass(frozen=True, eq=False)
class Sound:
    """One sound of a scene: it starts `offset` seconds after the frame `frame` begins; gains in dB.

    `lost` is how many samples of the whole scene are skipped before that frame, `place` the user's file and line.
    """

    path: Path
    samples: Samples
    frame: int
    offset: float = 0.0
    gain: float = 0.0
    background_gain: float = 0.0
    lost: int = 0
    place: tuple[str | None, int | None] = (None, None)

    def first_sample(self, fps: Fraction) -> int:
        """The place of its first sample on the sound track of the whole scene, with all that is skipped."""
        return sample_at(Fraction(self.frame) / fps) + round(self.offset * RATE) + self.lost


def sample_at(seconds: Fraction) -> int:
    """The sample nearest to a time, halves up: what JavaScript's Math.round gives."""
    return math.floor(seconds * RATE + Fraction(1, 2))


def samples_of(frames: int, fps: Fraction) -> int:
    """Length in samples of that many frames."""
    return sample_at(Fraction(frames) / fps)


def read(path: Path) -> Samples:
    """Decode any sound file. Raises SceneError where it holds no sound that can be read."""
    try:
        facts = path.stat()
    except OSError as error:
        raise SceneError(f"cannot read the sound {path}: {error.strerror}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise SceneError(f"cannot read the sound {path}: it is not a file")
    if not facts.st_size:
        raise SceneError(f"cannot read the sound {path}: it is empty")
    return _decoded(path, (facts.st_ino, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=8)
def _decoded(path: Path, _content: tuple[int, int, int]) -> Samples:
    parts: list[npt.NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SceneError(f"{path} holds no sound")
            stream = container.streams.audio[0]
            channels = stream.codec_context.layout.nb_channels
            # A single channel is doubled in the mix: resampling it to stereo would lower it by 3 dB.
            kept = min(channels, 2)
            resampler = av.AudioResampler(format="flt", layout="mono" if channels == 1 else "stereo", rate=RATE)
            for frame in [*container.decode(stream), None]:
                parts.extend(
                    np.asarray(part.to_ndarray().reshape(-1, kept), np.float32) for part in resampler.resample(frame)
                )
    except (av.FFmpegError, OSError) as error:
        raise SceneError(f"cannot read the sound {path}: {error}") from error
    if not parts:
        raise SceneError(f"cannot read the sound {path}: not one sample of it can be decoded")
    return np.concatenate(parts)


def last_frame(sounds: Sequence[Sound], fps: Fraction, cuts: Sequence[Cut] = ()) -> int:
    """How many frames the scene needs so that no sound is cut where the scene ends."""
    ends = (sound.first_sample(fps) + len(sound.samples) for sound in sounds)
    end = max(ends, default=0)
    left = 0
    for span in spans(cuts, [*_places(cuts, fps), end], RATE):
        left = max(left, min(end - span.shift, span.end))
    return math.ceil(left * fps / RATE)


def mix(sounds: Sequence[Sound], frames: int, fps: Fraction, cuts: Sequence[Cut] = ()) -> npt.NDArray[np.int16]:
    """Mix the sounds over exactly the scene's length, shape (samples, 2).

    What goes on past the scene's end, or into a part that is skipped, is faded out.
    """
    length = samples_of(frames, fps)
    track = np.zeros((length, 2), np.float32)
    kept = list(spans(cuts, [*_places(cuts, fps), length], RATE))
    for sound in sounds:
        factor, background = (np.float32(10 ** (gain / 20)) for gain in (sound.gain, sound.background_gain))
        for span in kept:
            first = sound.first_sample(fps) - span.shift
            start, end = max(first, span.start), min(first + len(sound.samples), span.end)
            if start < end:
                part = sound.samples[start - first : end - first] * factor
                _fade(part, begins=start > first, ends=end < first + len(sound.samples))
                track[start:end] *= background
                track[start:end] += part
    np.clip(track, -1.0, 32767 / 32768, out=track)
    return np.rint(track * 32768).astype(np.int16)


def _places(cuts: Sequence[Cut], fps: Fraction) -> list[int]:
    return [samples_of(cut.frame, fps) for cut in cuts]


def _fade(samples: Samples, *, begins: bool, ends: bool) -> None:
    """Fade a part of a sound in where it begins within that sound, and out where it ends within it."""
    slope = np.linspace(0, 1, min(FADE_SAMPLES, len(samples)), dtype=np.float32)[:, np.newaxis]
    if begins:
        samples[: len(slope)] *= slope
    if ends:
        samples[len(samples) - len(slope) :] *= slope[::-1]


def write_wav(path: Path, samples: npt.NDArray[np.int16]) -> Written:
    """Write stereo samples as PCM s16le at RATE."""
    output = OutputFile(path)
    with wave.open(cast("BinaryIO", output), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.setnframes(len(samples))
        file.writeframesraw(samples.astype("<i2", copy=False).tobytes())
    return output.finish()
