"""What a scene did, frame by frame: its length, sounds, captions and narration lines, noted as Manim gets there."""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import sound
from .cuts import Cut, shown_at, skipped
from .events import Events
from .problems import SceneError, UserFiles
from .sound import Sound
from .storage import keep_standard_descriptors


@dataclass(frozen=True)
class SpokenLine:
    """A narration line of a scene: where it starts, in frames, and how long Manim takes it to be, in seconds."""

    key: str | None
    text: str
    audio: Path
    start_frame: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The line as the result describes it."""
        return {
            "key": self.key,
            "text": self.text,
            "audio_file": str(self.audio),
            "audio_sha256": hashlib.sha256(self.audio.read_bytes()).hexdigest(),
            "start_frame": self.start_frame,
            "duration_seconds": round(self.seconds, 6),
        }


class Recording:
    """Notes what one scene does. Frames are counted, so every time is exact."""

    def __init__(self, events: Events, files: UserFiles) -> None:
        self.fps = Fraction(60)
        self.frames = 0
        self.sounds: list[Sound] = []
        self.lines: list[SpokenLine] = []
        self.cuts: list[Cut] = []
        self.writer: Any = None
        self._renderer: Any = None
        self._noted = 0.0  # Manim's clock when the last frame was shown or skipped
        self._events = events
        self._files = files

    def count(self, frames: int) -> None:
        """Note that so many more frames are shown."""
        keep_standard_descriptors()
        self.frames += frames
        self._noted = self._clock()
        self._events.frames(self.frames)

    def captions(self) -> list[dict[str, Any]]:
        """The captions of the scene so far, as the result describes them."""
        captions = []
        for shown in getattr(self.writer, "subcaptions", []):
            start, end = shown.start.total_seconds(), shown.end.total_seconds()
            at, until = (round(shown_at(time, self.cuts), 6) for time in (start, end))
            if until > at:
                captions.append({"start": at, "end": until, "text": shown.content})
        return captions

    @property
    def skipping(self) -> bool:
        """Whether what Manim plays next, or now, is skipped. Its own flag is that of the last play."""
        from manim import config

        if self._renderer is None or self.writer is None:
            return False
        return bool(
            self._renderer._original_skipping_status  # noqa: SLF001 - voiceover reads it, too
            or self.writer.sections[-1].skip_animations
            or self._renderer.num_plays < config.from_animation_number
        )

    def stop_skipping(self) -> None:
        """Let what comes next be shown, whatever the scene asked for."""
        from manim import config

        config.from_animation_number, config.upto_animation_number = 0, -1
        self._renderer._original_skipping_status = False  # noqa: SLF001 - Manim has no other way
        if self.skipping:
            self.writer.next_section("held", "default.normal", skip_animations=False)

    def follow_renderers(self, renderer_class: Any, writer_of: Callable[[type], type]) -> None:
        """Let every renderer made from now on use our file writer, made from Manim's by `writer_of`."""
        from manim.scene.scene_file_writer import SceneFileWriter

        original = renderer_class.__init__
        ours = writer_of(self._noting(SceneFileWriter))
        recording = self

        def __init__(renderer: Any, file_writer_class: Any = ours, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(renderer, file_writer_class, *args, **kwargs)
            recording._renderer = renderer

        renderer_class.__init__ = __init__

    def follow_voiceover(self, voiceover_scene: types.ModuleType) -> None:
        """Note the narration lines of a voiceover package's scenes."""
        scene_class: Any = voiceover_scene.VoiceoverScene
        original = scene_class.add_voiceover_text
        recording = self

        def add_voiceover_text(scene: Any, text: str, *args: Any, **kwargs: Any) -> Any:
            before = recording.frames
            tracker = original(scene, text, *args, **kwargs)
            if not recording.skipping:
                recording._note_line(text, tracker, before)
            return tracker

        scene_class.add_voiceover_text = add_voiceover_text

    def _noting(self, base: type) -> type:
        """Manim's file writer, with sounds noted instead of converted and mixed."""
        recording = self

        class NotingWriter(base):  # type: ignore[misc]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.subcaptions = _Subcaptions(recording)
                recording.writer = self

            def next_section(self, *args: Any, **kwargs: Any) -> None:
                super().next_section(*args, **kwargs)
                if recording.writer is self:  # else the section before would still decide on sounds added now
                    recording._renderer.skip_animations = recording.skipping

            def begin_animation(self, *args: Any, **kwargs: Any) -> None:
                keep_standard_descriptors()
                super().begin_animation(*args, **kwargs)

            def add_partial_movie_file(self, hash_animation: Any) -> None:
                super().add_partial_movie_file(hash_animation)
                if hash_animation is None:
                    recording._note_cut()

            def add_sound(
                self, sound_file: Any, time: float | None = None, gain: float | None = None, **more: Any
            ) -> None:
                if not recording.skipping:
                    recording._note_sound(self, sound_file, time, gain, more.get("gain_to_background"))

        return NotingWriter

    def _clock(self) -> float:
        return float(self._renderer.time) if self._renderer is not None else 0.0

    def _note_cut(self) -> None:
        """Note that the time since the last frame is skipped: Manim's clock has passed it already."""
        start, self._noted = self._noted, self._clock()
        self.cuts.append(Cut(self.frames, start, self._noted))

    def _note_sound(self, writer: Any, sound_file: Any, time: Any, gain: Any, background: Any) -> None:
        if time is not None and _number(time, "the time at which it starts", "seconds") < 0:
            raise SceneError(f"add_sound: it would start {-time:.3f} s before the scene does")
        for value, name in ((gain, "gain"), (background, "gain_to_background")):
            if value is not None and abs(_number(value, name, "dB")) > sound.LARGEST_GAIN:
                raise SceneError(f"add_sound: {name} is {value} dB, expected at most {sound.LARGEST_GAIN} dB")
        path = _sound_path(writer, sound_file)
        # Manim's clock counts frames in floating point: what is left over the present frame is the wanted offset.
        offset = 0.0 if time is None else float(time) - self._clock()
        samples = sound.read(path)  # now: the scene may write another sound to the same file
        place = place_of_call(self._files)
        lost = skipped(self.cuts, sound.RATE)
        self.sounds.append(
            Sound(path, samples, self.frames, offset, float(gain or 0), float(background or 0), lost, place)
        )

    def _note_caption(self, caption: Any) -> bool:
        """Whether a caption is to be kept. Raises SceneError for one that cannot be."""
        if not isinstance(caption.content, str):
            raise SceneError(f"add_subcaption: the text is {caption.content!r}, expected a string")
        if self.skipping:
            return False
        if caption.end < caption.start:
            file, line = place_of_call(self._files)
            self._events.warning(
                f'the caption "{caption.content}" ends before it starts: it is not shown, here as with Manim',
                file,
                line,
            )
        return True

    def _note_line(self, text: str, tracker: Any, frame: int) -> None:
        key = tracker.data.get("narration_key") or _key_of(text)
        audio = Path(tracker.cache_dir, tracker.data["final_audio"]).absolute()
        line = SpokenLine(key, " ".join(text.split()), audio, frame, float(tracker.duration))
        self.lines.append(line)
        self._events.send("line", key=key, seconds=round(line.seconds, 6))


class _Subcaptions(list):  # type: ignore[type-arg]
    """The captions of Manim's file writer: without those of skipped parts."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def append(self, caption: Any) -> None:
        if self._recording._note_caption(caption):  # noqa: SLF001 - a part of it
            super().append(caption)


def place_of_call(files: UserFiles) -> tuple[str | None, int | None]:
    """The user's file and line that called, however deeply; (None, None) for a call of ours."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if files.owns(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None, None


def _number(value: Any, name: str, unit: str) -> float:
    try:
        number = float(value) if not isinstance(value, (str, bytes)) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise SceneError(f"add_sound: {name} is {value!r}, expected a number of {unit}")
    return number


def _sound_path(writer: Any, sound_file: Any) -> Path:
    from manim.utils.sounds import get_full_sound_file_path

    wants_folder = len(inspect.signature(get_full_sound_file_path).parameters) > 1
    arguments = [writer.settings.assets_dir] if wants_folder else []
    return Path(get_full_sound_file_path(sound_file, *arguments)).absolute()


def _key_of(text: str) -> str | None:
    """The key of a text in the narration that the scene imported."""
    script = getattr(sys.modules.get("narration_script"), "SCRIPT", None)
    if not isinstance(script, dict):
        return None
    wanted = " ".join(text.split())
    return next(
        (key for key, said in script.items() if isinstance(said, str) and " ".join(said.split()) == wanted), None
    )
