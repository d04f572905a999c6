"""Narration lines as a scene reaches them."""

from __future__ import annotations

import hashlib
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import Events
from .recorder import Recording


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


class Narration:
    """Notes every narration line of the scene."""

    def __init__(self, events: Events, recording: Recording) -> None:
        self.lines: list[SpokenLine] = []
        self._events = events
        self._recording = recording

    def watch(self, voiceover_scene: types.ModuleType) -> None:
        """Note the lines of a voiceover package's scenes."""
        scene_class: Any = voiceover_scene.VoiceoverScene
        original = scene_class.add_voiceover_text
        narration = self

        def add_voiceover_text(scene: Any, text: str, *args: Any, **kwargs: Any) -> Any:
            frame = narration._recording.frames
            tracker = original(scene, text, *args, **kwargs)
            narration._note(text, tracker, frame)
            return tracker

        scene_class.add_voiceover_text = add_voiceover_text

    def _note(self, text: str, tracker: Any, frame: int) -> None:
        data = tracker.data
        key = data.get("narration_key") or _key_of(text)
        audio = Path(tracker.cache_dir, data["final_audio"]).absolute()
        line = SpokenLine(key, " ".join(text.split()), audio, frame, float(tracker.duration))
        self.lines.append(line)
        self._events.send("line", key=key, seconds=round(line.seconds, 6))


def _key_of(text: str) -> str | None:
    """The key of a text in the narration that the scene imported."""
    script = getattr(sys.modules.get("narration_script"), "SCRIPT", None)
    if not isinstance(script, dict):
        return None
    wanted = " ".join(text.split())
    return next(
        (key for key, said in script.items() if isinstance(said, str) and " ".join(said.split()) == wanted), None
    )
