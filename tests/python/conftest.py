"""Shared by all Python tests: projects made of a few lines, and the render driver as the action starts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in ("python/provided", "python", "tests/python/render"):
    sys.path.insert(0, str(ROOT / folder))

BASH = shutil.which("bash") or "bash"
SIZE = {"width": 320, "height": 180, "fps": 15}
NARRATION = {
    "intro": "A short line, spoken first.",
    "more": "And the second line, which says a little more than the first one did.",
}
HEAD = """
from pathlib import Path
from manim import *
from manim_voiceover_plus import VoiceoverScene
from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT

config.pixel_width, config.pixel_height, config.frame_rate = 320, 180, 15
config.frame_height, config.frame_width = 10, 10 * 16 / 9
"""


@dataclass(frozen=True)
class Rendered:
    """A finished run of the driver."""

    status: int
    events: list[dict[str, Any]]
    output: str
    result_dir: Path
    job: Path

    @property
    def result(self) -> dict[str, Any]:
        assert self.status == 0, self.output
        value: dict[str, Any] = json.loads((self.result_dir / "result.json").read_text())
        return value

    @property
    def video(self) -> Path:
        return self.result_dir / "video.mp4"

    @property
    def audio(self) -> Path:
        return self.result_dir / "audio.wav"

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]

    @property
    def error(self) -> dict[str, Any]:
        assert self.status == 1, self.output
        assert not (self.result_dir / "result.json").exists()
        (error,) = self.named("error")
        return error


@dataclass(frozen=True)
class Project:
    """A project folder in a repository of its own."""

    repo: Path
    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def scene(self, body: str, name: str = "scene_01.py", head: str = HEAD) -> Path:
        return self.write(name, head + textwrap.dedent(body))

    def job(self, scene: Path, **fields: Any) -> tuple[Path, Path]:
        """Write a job; returns its path and that of its result folder."""
        work = self.repo.parent / f"work-{len(list(self.repo.parent.iterdir()))}"
        result = work / "result"
        result.mkdir(parents=True)
        job = {
            "format": 1,
            "project_dir": str(self.folder),
            "repo_root": str(self.repo),
            "scene_id": scene.stem,
            "scene_file": str(scene),
            "class_name": "Main",
            "size": None,
            "seed": 0,
            "media_dir": str(work / "media"),
            "result_dir": str(result),
            "encoder": "fast",
            "encoder_options": {},
            "encoder_threads": 1,
            "tex_cache_dir": None,
            **fields,
        }
        path = work / "job.json"
        path.write_text(json.dumps(job))
        return path, result

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        ours = {"MANIM_VOICE_PROD": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return {**kept, "PYTHONPATH": str(ROOT / "python"), **ours}

    def render(self, scene: Path, **fields: Any) -> Rendered:
        job, result = self.job(scene, **fields)
        return self.run(job, result)

    def render_all(self, scenes: Sequence[tuple[Path, dict[str, Any]]]) -> list[Rendered]:
        """Render scenes, each with fields of its job, as `render` does, but with one import of Manim."""
        jobs = [self.job(scene, **fields) for scene, fields in scenes]
        program = ROOT / "tests/python/render/raw_frames.py"
        arguments = [argument for job, _ in jobs for argument in (str(job), "driver")]
        subprocess.run(
            [sys.executable, str(program), *arguments],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        done = []
        for job, result in jobs:
            status = job.with_name("status").read_text()
            told = [json.loads(line) for line in job.with_name("events").read_text().splitlines()]
            done.append(Rendered(int(status), told, job.with_name("output").read_text(), result, job))
        return done

    def run(self, job: Path, result: Path) -> Rendered:
        events = job.with_name("events")
        with events.open("wb") as channel:
            ended = subprocess.run(
                [BASH, "-c", f'exec 3>&{channel.fileno()}; exec "$@"', "bash", *driver(job)],
                env=self.environment(),
                cwd=self.folder,
                pass_fds=[channel.fileno()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        told = [json.loads(line) for line in events.read_text().splitlines()]
        return Rendered(ended.returncode, told, ended.stdout + ended.stderr, result, job)


def driver(job: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "flaming_horse_build.render", str(job)]


def speak(folder: Path, texts: Mapping[str, str]) -> None:
    """Speak lines into a voice cache of 24 kHz mono mp3, as projects have it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"key": key, "text": text, "wav": str(folder / f"{key}.wav")} for key, text in texts.items()]
    job = folder / "job.json"
    job.write_text(json.dumps({"format": 1, "parameters": {}, "lines": lines}))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-m", "flaming_horse_build.voice_espeak", str(job)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    job.unlink()
    entries = []
    for line in lines:
        wav = Path(line["wav"])
        mp3 = wav.with_suffix(".mp3")
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-i", wav, "-ac", "1", "-ar", "24000", "-b:a", "64k", mp3], check=True
        )
        wav.unlink()
        entries.append({"narration_key": line["key"], "text": line["text"], "audio_file": mp3.name})
    (folder / "cache.json").write_text(json.dumps(entries, indent=2))


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice cache of the two lines of NARRATION."""
    folder = tmp_path_factory.mktemp("voice")
    speak(folder, NARRATION)
    return folder


@pytest.fixture(scope="session")
def new_project(spoken: Path) -> Callable[[Path], Project]:
    """Make a project with the two lines spoken."""

    def make(parent: Path) -> Project:
        repo = parent / "repo"
        project = Project(repo, repo / "projects" / "demo")
        cache = project.folder / "media" / "voiceovers" / "qwen"
        cache.mkdir(parents=True)
        for file in spoken.iterdir():
            (cache / file.name).write_bytes(file.read_bytes())
        project.write("narration_script.py", f"SCRIPT = {NARRATION!r}\n")
        return project

    return make


@pytest.fixture
def project(new_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    return new_project(tmp_path)
