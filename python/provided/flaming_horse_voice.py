"""The voice service that Flaming Horse scenes ask for: it reads lines that are already spoken, and never speaks.

self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if "manim_voiceover" in sys.modules and "manim_voiceover_plus" not in sys.modules:
    from manim_voiceover.services.base import SpeechService
else:
    from manim_voiceover_plus.services.base import SpeechService

__all__ = ["CachedVoice", "VoiceMissingError", "get_speech_service"]

CONFIG = "voice_clone_config.json"
DEFAULT_FOLDER = "media/voiceovers/qwen"
INDEX = "cache.json"
NARRATION = "narration_script.py"
SHOWN = 60


class VoiceMissingError(FileNotFoundError):
    """A narration line has no sound in the voice cache."""


@dataclass(frozen=True)
class CachedLine:
    """One entry of the voice cache."""

    key: str | None
    text: str
    audio: str
    entry: Mapping[str, Any]


def get_speech_service(project_dir: str | os.PathLike[str] | None = None, **_ignored: Any) -> CachedVoice:
    """Give the service that reads the voice cache of a project: of the current folder, if none is given.

    A line without a sound is an error when it is spoken, not before. Raises ValueError for a file that is not valid.
    """
    return CachedVoice(_project(project_dir))


class CachedVoice(SpeechService):  # type: ignore[misc]
    """Looks lines up by key (an explicit `path`), then by their text with white space normalised."""

    def __init__(self, project_dir: Path) -> None:
        folder = _folder(project_dir)
        self.folder = folder
        self._by_key: dict[str, CachedLine] = {}
        self._by_text: dict[str, CachedLine] = {}
        self._narration = project_dir / NARRATION
        for line in _lines(folder / INDEX):
            if line.key:
                self._by_key.setdefault(line.key, line)
            if line.text:
                self._by_text.setdefault(line.text, line)
        # The base class makes the folder, which here is only read: it gets one that is there.
        super().__init__(cache_dir=str(project_dir), transcription_model=None)
        self.cache_dir = str(folder)

    def generate_from_text(
        self, text: str, cache_dir: str | None = None, path: str | None = None, **_ignored: Any
    ) -> dict[str, Any]:
        """Find the sound of a line. Raises VoiceMissingError naming the text."""
        del cache_dir  # the cache is where the project says
        line = self._find(_normal(text), path)
        if not (self.folder / line.audio).is_file():
            raise VoiceMissingError(
                f"the voice cache names {line.audio} for {_shown(text)}, but {self.folder} lacks it"
            )
        data: dict[str, Any] = {
            "input_text": text,
            "input_data": {"input_text": text, "service": "cached"},
            "original_audio": line.audio,
            "narration_key": line.key,
        }
        if "word_boundaries" in line.entry:
            data["word_boundaries"] = line.entry["word_boundaries"]
        return data

    def _wrap_generate_from_text(self, text: str, path: str | None = None, **kwargs: Any) -> dict[str, Any]:
        # The base class would append the line to cache.json, at every call and without a lock.
        data = self.generate_from_text(_normal(text), None, path, **kwargs)
        return {**data, "final_audio": data["original_audio"]}

    def _find(self, text: str, path: str | None) -> CachedLine:
        if path is not None:
            key = Path(path).stem
            if key in self._by_key:
                return self._by_key[key]
            if (self.folder / f"{key}.mp3").is_file():
                return CachedLine(key, text, f"{key}.mp3", {})
        if text in self._by_text:
            return self._by_text[text]
        for key, said in _script(self._narration).items():  # a recording that the index lacks
            if _normal(said) == text and key not in self._by_key and (self.folder / f"{key}.mp3").is_file():
                return CachedLine(key, text, f"{key}.mp3", {})
        named = f"{Path(path).stem!r}, " if path is not None else ""
        holds = f"it holds {len(self._by_text)} lines, in" if self.folder.is_dir() else "there is no folder"
        raise VoiceMissingError(
            f"the voice cache has no sound for the narration line {named}{_shown(text)} ({holds} {self.folder}). "
            'Lines are spoken before the render if they stand in narration_script.py: use SCRIPT["..."], as it is'
        )


def _project(given: str | os.PathLike[str] | None) -> Path:
    """The project's folder. Scenes are rendered in it, and may lie in a folder of it or be reached through a link."""
    here = Path.cwd()
    if given is None or str(given) == "":
        return here
    folder = Path(given).expanduser().resolve()
    if folder.is_file():  # as in get_speech_service(__file__)
        folder = folder.parent
    return folder if _has_lines(folder) or (folder.is_dir() and not _has_lines(here)) else here


def _has_lines(project_dir: Path) -> bool:
    return (project_dir / CONFIG).is_file() or (project_dir / DEFAULT_FOLDER).is_dir()


def _folder(project_dir: Path) -> Path:
    config = project_dir / CONFIG
    moved = None
    if config.is_file():
        try:
            value = json.loads(config.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{config} is not JSON: {error}") from error
        moved = value.get("output_dir") if isinstance(value, dict) else None
    return project_dir / Path(moved or DEFAULT_FOLDER).expanduser()


def _lines(index: Path) -> Iterator[CachedLine]:
    if not index.is_file():
        return
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{index} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{index}: expected a list of lines, found {type(entries).__name__}")  # noqa: TRY004
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        audio = _first(entry, "audio_file", "final_audio", "original_audio")
        data = entry.get("input_data")
        text = _first(entry, "text", "input_text") or (
            _first(data, "text", "input_text") if isinstance(data, dict) else ""
        )
        if audio:
            yield CachedLine(_first(entry, "narration_key") or None, _normal(text), audio, entry)


def _first(entry: Mapping[str, Any], *names: str) -> str:
    return next((entry[name] for name in names if isinstance(entry.get(name), str) and entry[name]), "")


def _script(path: Path) -> dict[str, str]:
    """Read the SCRIPT of a narration file without running it; what is computed there is left out."""
    try:
        statements = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return {}  # who imports it is told
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Dict):
            continue
        if any(isinstance(target, ast.Name) and target.id == "SCRIPT" for target in statement.targets):
            pairs = zip(statement.value.keys, statement.value.values, strict=True)
            return {
                key: text for key, text in ((_constant(key), _constant(value)) for key, value in pairs) if key and text
            }
    return {}


def _constant(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _normal(text: str) -> str:
    return " ".join(text.split())


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
