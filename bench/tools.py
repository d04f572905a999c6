"""The programs that are measured, how each is called, and the environment that all get."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import BenchError, Cost, measured
from .projects import Project, SceneName

VOICE = "espeak"
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
SEED = "0"


@dataclass(frozen=True)
class Bench:
    """Where things are. `work` is the benchmark's own folder: scratch, logs, measurements."""

    root: Path
    work: Path

    @property
    def python(self) -> Path:
        """The Python with Manim."""
        return self.root / ".tools" / "render" / "bin" / "python"

    def log(self, *names: str) -> Path:
        """A file for the output of a command."""
        return self.work / "logs" / ("-".join(names) + ".log")


def environment(**more: str) -> dict[str, str]:
    """The variables of a child: few of ours, none that could change what it does."""
    return {**{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}, **more}


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


# ---- Manim itself


def manim_command(bench: Bench, scene: SceneName, media: Path, *more: str) -> list[str]:
    """`manim render` as the pipeline calls it. Without --silent Manim asks the network for a newer version."""
    manim = bench.python.with_name("manim")
    command = [manim, "render", scene.file, scene.class_name, "-qh", "--silent", "--seed", SEED]
    return [str(part) for part in (*command, "--media_dir", media, *more)]


def environment_for_manim(bench: Bench, repository: Path) -> dict[str, str]:
    """The variables that the pipeline sets for Manim."""
    return environment(
        PYTHONPATH=f"{repository}:{bench.root / 'python' / 'provided'}",
        MANIM_VOICE_PROD="1",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        TOKENIZERS_PARALLELISM="false",
    )


def manim_video(media: Path, scene: SceneName) -> Path:
    """Where Manim put a scene."""
    (video,) = media.glob(f"videos/{Path(scene.file).stem}/*p*/{scene.class_name}.mp4")
    return video


# ---- our command line


@dataclass(frozen=True)
class Built:
    """A build by our command line."""

    folder: Path
    cost: Cost
    log: str
    scenes: dict[str, dict[str, Any]]
    """What result.json and entry.json say of each scene, restored or rendered, by id."""

    @property
    def rendered(self) -> list[str]:
        """The scenes that were rendered."""
        return re.findall(r"^scene (\S+): \d+ frames at ", self.log, re.MULTILINE)

    @property
    def step_seconds(self) -> dict[str, float]:
        """Wall time of each step as the build tells it at the end: tenths of a second up to ten."""
        last = self.log.strip().rsplit("; ", 1)[-1]
        steps = re.findall(r"([a-z-]+) (?:(\d+) min )?(\d+(?:\.\d+)?) s", last)
        return {name: 60 * int(minutes or 0) + float(seconds) for name, minutes, seconds in steps}

    @property
    def shared_import(self) -> float:
        """Seconds of processor time in which Manim was imported for all renders, 0 where each does so itself."""
        match = re.search(r"Manim imported once for all renders, in (\d+(?:\.\d+)?) s", self.log)
        return float(match[1]) if match else 0.0

    @property
    def budget(self) -> int:
        """Bytes of memory that the build plans for each render, 0 where it rendered nothing."""
        match = re.search(r" at a time \(.* at (\d+) MiB a render\)", self.log)
        return int(match[1]) * 2**20 if match else 0


def build(  # noqa: PLR0913, PLR0917
    bench: Bench, project: Project, folder: Path, home: Path, log: Path, options: tuple[str, ...]
) -> Built:
    """Build a project as a user does, in its repository, with `home` as the place of the store."""
    command: list[str | Path] = ["node", bench.root / "dist" / "cli.js", "build", folder]
    command += ["--python", bench.python, "--setup", "never", *options]
    if not project.whole:
        command += ["--scenes", ",".join(scene.id for scene in project.scenes)]
    workspace = folder.parent.parent
    cost = measured(command, workspace, environment(XDG_CACHE_HOME=str(home)), log)
    scenes = {}
    for file in (workspace / ".flaming-horse").glob("*/scenes/*/result.json"):
        entry = json.loads(file.with_name("entry.json").read_text(encoding="utf-8"))
        result = json.loads(file.read_text(encoding="utf-8"))
        scenes[result["scene_id"]] = {**result, "renderSeconds": entry["renderSeconds"], "folder": str(file.parent)}
    return Built(folder, cost, log.read_text(encoding="utf-8", errors="replace"), scenes)


def store_of(home: Path) -> Path:
    """The store of the command line in a cache home."""
    return home / "flaming-horse" / "store"


def built_video(folder: Path) -> Path:
    """The video that a build left in the project."""
    (video,) = folder.glob("*_video.mp4")
    return video


def lines_of(bench: Bench, folder: Path, home: Path) -> dict[str, list[str]]:
    """The narration lines of a project, each with the scenes that speak it."""
    command: list[str | Path] = [
        "node",
        bench.root / "dist" / "cli.js",
        "status",
        folder,
        "--json",
        "--python",
        bench.python,
    ]
    ended = subprocess.run(
        [*command, "--setup", "never", "--voice", VOICE],
        cwd=folder.parents[1],
        env=environment(XDG_CACHE_HOME=str(home)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise BenchError(f"flaming-horse status failed: {ended.stderr[-2000:]}")
    return {line["key"]: line["scenes"] for line in json.loads(ended.stdout)["lines"]}
