"""Projects to measure with: their scenes, copies that are built in, and the edit of one narration line."""

from __future__ import annotations

import ast
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .process import BenchError

IGNORED = shutil.ignore_patterns("media", "log", "__pycache__", "final_video.*", "partial_video.*", ".*")
VOICE_FOLDER = Path("media/voiceovers")
ADDED_WORDS = " So it is."


@dataclass(frozen=True)
class SceneName:
    """One scene as `manim render` is told of it."""

    id: str
    file: str
    class_name: str


@dataclass(frozen=True)
class Project:
    """A project and the scenes of it that are measured. `folder` is never written to."""

    name: str
    folder: Path
    scenes: tuple[SceneName, ...]
    whole: bool
    """Whether these are all its scenes."""


def find_projects(root: Path, projects: Path, only: frozenset[str]) -> list[Project]:
    """The sample, and the projects of a folder where it exists; with `only` those scenes of them."""
    folders = [root / "examples" / "square-from-circles"]
    if projects.is_dir():
        folders += sorted(path.parent for path in projects.glob("*/project_state.json"))
    found = []
    for folder in folders:
        scenes = _scenes(folder)
        chosen = tuple(scene for scene in scenes if not only or scene.id in only)
        if chosen:
            found.append(Project(folder.name, folder, chosen, len(chosen) == len(scenes)))
    unknown = only - {scene.id for project in found for scene in project.scenes}
    if unknown:
        raise BenchError(f"no project has the scenes {', '.join(sorted(unknown))}")
    return found


def _scenes(folder: Path) -> list[SceneName]:
    text = (folder / "project_state.json").read_text(encoding="utf-8")
    state, _ = json.JSONDecoder().raw_decode(text.lstrip())
    scenes = []
    for scene in state["scenes"]:
        file = scene.get("file") or f"{scene['id']}.py"
        name = scene.get("class_name") or _first_class(folder / file)
        scenes.append(SceneName(scene["id"], file, name))
    return scenes


def _first_class(file: Path) -> str:
    match = re.search(r"^class (\w+)\(\w*Scene\w*\)", file.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise BenchError(f"{file} has no scene")
    return match[1]


def copy_of(project: Project, place: Path, voices: Path | None) -> Path:
    """Copy a project's sources into a repository of its own at `place`, emptied before; give the project folder.

    `voices`: a project folder whose spoken lines come along, None for a copy as a checkout has it.
    """
    shutil.rmtree(place, ignore_errors=True)
    folder = place / "projects" / project.name
    shutil.copytree(project.folder, folder, ignore=IGNORED, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)  # the sources may be read-only
    (place / ".git").mkdir()
    if voices is not None:
        shutil.copytree(voices / VOICE_FOLDER, folder / VOICE_FOLDER)
    return folder


def edit_line(folder: Path, key: str) -> None:
    """Add a few words to the text of one narration line. Raises BenchError where that changes anything else."""
    file = folder / "narration_script.py"
    source = file.read_bytes()
    before = _script(source)
    node = before[key]
    lines = source.splitlines(keepends=True)
    end = sum(map(len, lines[: (node.end_lineno or 1) - 1])) + (node.end_col_offset or 0)
    quote = 3 if source[end - 3 : end] in (b'"""', b"'''") else 1
    edited = source[: end - quote] + ADDED_WORDS.encode() + source[end - quote :]
    after = {name: ast.literal_eval(text) for name, text in _script(edited).items()}
    wanted = {name: ast.literal_eval(text) for name, text in before.items()}
    wanted[key] += ADDED_WORDS
    if after != wanted:
        raise BenchError(f"the line {key} of {file} cannot be edited")
    file.write_bytes(edited)


def _script(source: bytes) -> dict[str, ast.expr]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            pairs = zip(statement.value.keys, statement.value.values, strict=True)
            return {
                key.value: text for key, text in pairs if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
    raise BenchError("the narration has no SCRIPT")
