"""What a scene did, frame by frame: its length, sounds, captions and narration lines, noted as Manim gets there."""

from __future__ import annotations

import hashlib
import inspect
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .events import Events
from .sound import Sound


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

    def __init__(self, events: Events) -> None:
        self.fps = Fraction(60)
        self.frames = 0
        self.sounds: list[Sound] = []
        self.lines: list[SpokenLine] = []
        self.writer: Any = None
        self._clock: Callable[[], float] = lambda: 0.0
        self._events = events

    def count(self, frames: int) -> None:
        """Note that so many more frames are shown."""
        self.frames += frames
        self._events.frames(self.frames)

    def captions(self) -> list[dict[str, Any]]:
        """The captions of the scene so far, as the result describes them."""
        return [
            {"start": shown.start.total_seconds(), "end": shown.end.total_seconds(), "text": shown.content}
            for shown in getattr(self.writer, "subcaptions", [])
        ]

    def follow_renderers(self, renderer_class: Any, writer_of: Callable[[type], type]) -> None:
        """Let every renderer made from now on use our file writer, made from Manim's by `writer_of`."""
        from manim.scene.scene_file_writer import SceneFileWriter

        original = renderer_class.__init__
        ours = writer_of(self._noting(SceneFileWriter))
        recording = self

        def __init__(renderer: Any, file_writer_class: Any = ours, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(renderer, file_writer_class, *args, **kwargs)
            recording._clock = lambda: renderer.time

        renderer_class.__init__ = __init__

    def follow_voiceover(self, voiceover_scene: types.ModuleType) -> None:
        """Note the narration lines of a voiceover package's scenes."""
        scene_class: Any = voiceover_scene.VoiceoverScene
        original = scene_class.add_voiceover_text
        recording = self

        def add_voiceover_text(scene: Any, text: str, *args: Any, **kwargs: Any) -> Any:
            before = recording.frames
            tracker = original(scene, text, *args, **kwargs)
            recording._note_line(text, tracker, before)
            return tracker

        scene_class.add_voiceover_text = add_voiceover_text

    def _noting(self, base: type) -> type:
        """Manim's file writer, with sounds noted instead of converted and mixed."""
        recording = self

        class NotingWriter(base):  # type: ignore[misc]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                recording.writer = self

            def add_sound(
                self, sound_file: Any, time: float | None = None, gain: float | None = None, **more: Any
            ) -> None:
                recording._note_sound(self, sound_file, time, gain, more.get("gain_to_background"))

        return NotingWriter

    def _note_sound(
        self, writer: Any, sound_file: Any, time: float | None, gain: float | None, background: float | None
    ) -> None:
        # Manim's clock counts frames in floating point: what is left over the present frame is the wanted offset.
        offset = 0.0 if time is None else time - self._clock()
        self.sounds.append(Sound(_sound_path(writer, sound_file), self.frames, offset, gain or 0.0, background or 0.0))

    def _note_line(self, text: str, tracker: Any, frame: int) -> None:
        key = tracker.data.get("narration_key") or _key_of(text)
        audio = Path(tracker.cache_dir, tracker.data["final_audio"]).absolute()
        line = SpokenLine(key, " ".join(text.split()), audio, frame, float(tracker.duration))
        self.lines.append(line)
        self._events.send("line", key=key, seconds=round(line.seconds, 6))


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
