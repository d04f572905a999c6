"""The sound of a scene: recorded calls, mixed at exact frame positions into 48 kHz stereo PCM."""

from __future__ import annotations

import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from .problems import SceneError

RATE = 48_000
FADE_SAMPLES = RATE * 5 // 1000
FRAMES_THAT_MAY_BE_CUT = 2

Samples = npt.NDArray[np.float32]
"""Stereo sound, shape (samples, 2), full scale 1.0, at RATE."""


@dataclass(frozen=True)
class Sound:
    """One sound of a scene: a file that starts `offset` seconds after the frame `frame` begins; gains in dB."""

    path: Path
    frame: int
    offset: float = 0.0
    gain: float = 0.0
    background_gain: float = 0.0

    def first_sample(self, fps: Fraction) -> int:
        """The place of its first sample on the scene's sound track."""
        return sample_at(Fraction(self.frame) / fps) + round(self.offset * RATE)


def sample_at(seconds: Fraction) -> int:
    """The sample nearest to a time, halves up: what JavaScript's Math.round gives."""
    return math.floor(seconds * RATE + Fraction(1, 2))


def samples_of(frames: int, fps: Fraction) -> int:
    """Length in samples of that many frames."""
    return sample_at(Fraction(frames) / fps)


@lru_cache(maxsize=32)
def decode(path: Path) -> Samples:
    """Decode any sound file. Raises SceneError where it holds no sound that can be read."""
    parts: list[npt.NDArray[np.float32]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise SceneError(f"{path} holds no sound")
            stream = container.streams.audio[0]
            channels = stream.codec_context.layout.nb_channels
            # A single channel is doubled below: resampling it to stereo would lower it by 3 dB.
            resampler = av.AudioResampler(format="flt", layout="mono" if channels == 1 else "stereo", rate=RATE)
            for frame in [*container.decode(stream), None]:
                parts.extend(_pairs(part) for part in resampler.resample(frame))
    except (av.FFmpegError, OSError) as error:
        raise SceneError(f"cannot read the sound {path}: {error}") from error
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)


def _pairs(frame: Any) -> npt.NDArray[np.float32]:
    values = frame.to_ndarray().reshape(-1)
    if frame.layout.name == "mono":
        return np.repeat(values[:, np.newaxis], 2, axis=1)
    return np.asarray(values.reshape(-1, 2), np.float32)


def last_frame(sounds: Sequence[Sound], fps: Fraction) -> int:
    """How many frames the scene needs so that no sound is cut."""
    ends = (sound.first_sample(fps) + len(decode(sound.path)) for sound in sounds)
    return math.ceil(max(ends, default=0) * fps / RATE)


def mix(sounds: Sequence[Sound], frames: int, fps: Fraction) -> npt.NDArray[np.int16]:
    """Mix the sounds over exactly the scene's length, shape (samples, 2). What goes on past the end is faded out."""
    length = samples_of(frames, fps)
    track = np.zeros((length, 2), np.float32)
    for sound in sounds:
        samples = decode(sound.path)
        if sound.gain:
            samples = samples * np.float32(10 ** (sound.gain / 20))
        first = sound.first_sample(fps)
        room = max(0, length - first)
        if len(samples) > room:
            samples = samples[:room].copy()
            fade = min(FADE_SAMPLES, room)
            if fade:
                samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, np.newaxis]
        part = track[first : first + len(samples)]
        if sound.background_gain:
            part *= np.float32(10 ** (sound.background_gain / 20))
        part += samples
    np.clip(track, -1.0, 32767 / 32768, out=track)
    return np.rint(track * 32768).astype(np.int16)


def write_wav(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write stereo samples as PCM s16le at RATE."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2", copy=False).tobytes())
