"""What the voice backends share: the job, the words to speak, the sound file, and the way out.

A backend is a function that opens its voice once and returns a `Speaker`; `run` does everything around it. Runs on any
Python from 3.9: the voices have interpreters of their own.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import traceback
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flaming_horse_build.render.events import Events

FORMAT = 1
SAMPLE_BYTES = 2
# Shorter than any word: a backend given only punctuation returns a few milliseconds of nothing.
SHORTEST_SECONDS = 0.05

FAILED = 1
BAD_JOB = 2

_BOOKMARK = re.compile(r"<bookmark\b[^>]*/>")


class JobError(Exception):
    """The job itself is wrong: a fault of the caller."""


class VoiceError(Exception):
    """The lines cannot be spoken; the message says why and what to do."""


@dataclass(frozen=True)
class Line:
    """One narration line: its key, its text as written, and the absolute path of the sound file to write."""

    key: str
    text: str
    wav: Path


@dataclass(frozen=True)
class VoiceJob:
    """The lines to speak, in order, and the backend's parameters by name."""

    parameters: Mapping[str, Any]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Sound:
    """Mono 16-bit little-endian samples at `rate` samples a second."""

    rate: int
    samples: bytes

    @property
    def seconds(self) -> float:
        """The length of the sound in seconds."""
        return len(self.samples) / SAMPLE_BYTES / self.rate


Speaker = Callable[[str], Sound]
"""Speaks one text. Raises VoiceError."""

OpenVoice = Callable[["Parameters"], Speaker]
"""Opens a voice with its parameters. Raises VoiceError for what is missing, JobError for a wrong parameter."""


class Parameters:
    """Typed access to a backend's parameters; a name that nobody asked for is an error, not a silence."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._asked: list[str] = []

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number in [low, high]. Raises JobError."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise JobError(f"parameters.{name}: found {value!r}, expected a number from {low:g} to {high:g}")
        return float(value)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number in [low, high]. Raises JobError."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise JobError(f"parameters.{name}: found {value!r}, expected a whole number from {low} to {high}")
        return value

    def text(self, name: str, default: str) -> str:
        """A text that is not empty. Raises JobError."""
        value = self._take(name, default)
        if not isinstance(value, str) or not value.strip():
            raise JobError(f"parameters.{name}: found {value!r}, expected a text")
        return value

    def finish(self) -> None:
        """Raise JobError if there is a parameter that the backend does not know."""
        unknown = sorted(set(self._values) - set(self._asked))
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise JobError(f"parameters.{unknown[0]}: not known to this voice, which takes {known}")

    def _take(self, name: str, default: object) -> object:
        self._asked.append(name)
        return self._values.get(name, default)


def read_job(path: Path) -> VoiceJob:
    """Read and check a job file. Raises JobError naming the field, what was found and what is expected."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise JobError(f"cannot read the job {path}: {error.strerror}") from error
    except ValueError as error:
        raise JobError(f"the job {path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise JobError(f"the job {path} must be an object")
    if value.get("format") != FORMAT:
        raise JobError(f"format: found {value.get('format')!r}, this program reads {FORMAT}")
    parameters = value.get("parameters", {})
    if not isinstance(parameters, dict):
        raise JobError(f"parameters: found {parameters!r}, expected an object")
    lines = value.get("lines")
    if not isinstance(lines, list):
        raise JobError(f"lines: found {lines!r}, expected a list")
    return VoiceJob(parameters, tuple(_line(index, line) for index, line in enumerate(lines)))


def _line(index: int, value: object) -> Line:
    where = f"lines[{index}]"
    if not isinstance(value, dict):
        raise JobError(f"{where}: found {value!r}, expected an object")
    for name in ("key", "text", "wav"):
        if not isinstance(value.get(name), str):
            raise JobError(f"{where}.{name}: found {value.get(name)!r}, expected a text")
    wav = Path(value["wav"])
    if not wav.is_absolute():
        raise JobError(f"{where}.wav: found {value['wav']!r}, expected an absolute path")
    return Line(value["key"], value["text"], wav)


def words(line: Line) -> str:
    """What is said aloud: the text on one line, without the bookmarks that time a scene. Raises VoiceError if empty."""
    said = " ".join(_BOOKMARK.sub(" ", line.text).split())
    if not said:
        raise VoiceError("it has no text to speak: write some, or remove the key")
    return said


def write_wav(path: Path, sound: Sound) -> None:
    """Write a sound as a WAV file that is either complete or not there; the folder is made if need be."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(sound.rate)
        file.writeframes(sound.samples)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(buffer.getvalue())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def speak(job: VoiceJob, open_voice: OpenVoice, events: Events) -> bool:
    """Speak every line of the job in order; one that fails is reported and loses no other. Whether all were spoken.

    Raises JobError or VoiceError where the voice itself cannot be opened.
    """
    parameters = Parameters(job.parameters)
    speaker = open_voice(parameters)
    parameters.finish()
    spoken = [_speak_line(line, speaker, events) for line in job.lines]
    return all(spoken)


def _speak_line(line: Line, speaker: Speaker, events: Events) -> bool:
    try:
        text = words(line)
        sound = speaker(text)
        if sound.seconds < SHORTEST_SECONDS:
            raise VoiceError(f"there is nothing that can be spoken in {text!r}")
        write_wav(line.wav, sound)
    except Exception as error:  # noqa: BLE001 - whatever an engine raises for one line must not cost the others
        _report(events, error, key=line.key)
        return False
    events.send("line", key=line.key, seconds=round(sound.seconds, 6))
    return True


def run(open_voice: OpenVoice) -> int:
    """Run a backend as a program with the job's path as its only argument; returns the exit status.

    0: all lines are spoken. 1: a line or the voice failed. 2: the job is wrong. Each failure sends one `error` event,
    with the `key` of the line where it is the fault of one.
    """
    events = Events.inherited()
    try:
        if len(sys.argv) != 2:
            raise JobError("expected one argument, the path of the job")
        whole = speak(read_job(Path(sys.argv[1])), open_voice, events)
    except Exception as error:  # noqa: BLE001 - whatever an engine raises must still reach the action as one event
        _report(events, error, key=None)
        return BAD_JOB if isinstance(error, JobError) else FAILED
    return 0 if whole else FAILED


def _report(events: Events, error: Exception, key: str | None) -> None:
    kind = type(error).__name__
    message = str(error) or kind
    known = isinstance(error, (JobError, VoiceError))
    trace = "" if known else "".join(traceback.format_exception(type(error), error, error.__traceback__))
    events.send("error", type=kind, message=message, key=key, file=None, line=None, traceback=trace)
    print(trace or f"{kind}: {message}", file=sys.stderr, flush=True)
