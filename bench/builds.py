"""Builds of our own that start from more or less: from nothing, from everything, after an edit, in shards."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import BenchError
from .projects import Project, copy_of, edit_line
from .records import Measurement, Records
from .tools import VOICE, Bench, Built, build, lines_of, store_of

FRESH, SAME, CLONE, LINE, FINAL = "fresh", "nothing changed", "nothing changed, new clone", "one line", "final build"
SHARDS = 4


def shard_name(index: int) -> str:
    """The name of a shard's measurement; shards count from 1."""
    return f"shard {index}/{SHARDS}"


@dataclass
class Series:
    """The builds of one round with one project. A later build needs the store of an earlier one."""

    bench: Bench
    project: Project
    voices: Path
    number: int

    def __post_init__(self) -> None:
        self.place = self.bench.work / "run" / "builds"
        self.home = self.place / "home"

    def measure(self, records: Records) -> None:
        """Measure all builds of the round; where one is missing, those that its store comes from are made anew."""
        name = self.project.name
        wanted = [FRESH, SAME, CLONE, LINE, *map(shard_name, range(1, SHARDS + 1)), FINAL]
        if all(any(known.round == self.number for known in records.of(name, what)) for what in wanted):
            return
        shutil.rmtree(self.place, ignore_errors=True)
        folder = copy_of(self.project, self.place / "fresh", self.voices)
        fresh = self._build(folder, self.home, FRESH)
        self._record(records, FRESH, fresh, len(self.project.scenes))
        self._record(records, SAME, self._build(folder, self.home, SAME), 0)
        clone = copy_of(self.project, self.place / "clone", None)
        self._record(records, CLONE, self._build(clone, self.home, CLONE), 0)
        self._measure_line(records, fresh)
        self._measure_shards(records)

    def _measure_line(self, records: Records, fresh: Built) -> None:
        key, scene = self._line_to_edit(fresh)
        folder = copy_of(self.project, self.place / "line", self.voices)
        edit_line(folder, key)
        built = self._build(folder, self.home, LINE)
        more = {
            "scene": scene,
            "line": key,
            "own_seconds": built.scenes[scene]["renderSeconds"],
            "voice_seconds": built.step_seconds.get("voice", 0.0),
        }
        self._record(records, LINE, built, 1, more)

    def _line_to_edit(self, fresh: Built) -> tuple[str, str]:
        """The line that only the scene of middle length speaks."""
        by_length = sorted(fresh.scenes, key=lambda scene: int(fresh.scenes[scene]["frames"]))
        middle = len(by_length) // 2
        for scene in by_length[middle:] + by_length[:middle]:
            for key, scenes in lines_of(self.bench, fresh.folder, self.home).items():
                if scenes == [scene]:
                    return key, scene
        raise BenchError(f"{self.project.name}: no line is spoken by one scene alone")

    def _measure_shards(self, records: Records) -> None:
        """The jobs of a matrix, each with a machine and a store of its own, then the job that has what they stored."""
        merged = self.place / "merged"
        for index in range(1, SHARDS + 1):
            folder = copy_of(self.project, self.place / "shard", self.voices)
            home = self.place / "homes" / str(index)
            what = shard_name(index)
            self._record(records, what, self._build(folder, home, what, "--shard", f"{index}/{SHARDS}"), None)
            if store_of(home).is_dir():
                shutil.copytree(store_of(home), store_of(merged), dirs_exist_ok=True)
        folder = copy_of(self.project, self.place / "final", self.voices)
        self._record(records, FINAL, self._build(folder, merged, FINAL), 0)

    def _build(self, folder: Path, home: Path, what: str, *options: str) -> Built:
        log = self.bench.log(self.project.name, what.replace("/", "-of-").replace(" ", "-").replace(",", ""))
        return build(self.bench, self.project, folder, home, log, ("--voice", VOICE, *options))

    def _record(
        self, records: Records, what: str, built: Built, expected: int | None, more: dict[str, Any] | None = None
    ) -> None:
        rendered = built.rendered
        if expected is not None and len(rendered) != expected:
            shown = ", ".join(rendered) or "none"
            raise BenchError(f"{self.project.name}, {what}: {expected} scenes were to be rendered, but {shown} were")
        facts = {"rendered": rendered, "steps": built.step_seconds, **(more or {})}
        made = Measurement(self.project.name, what, self.number, built.cost, facts)
        records.once(self.project.name, what, self.number, lambda: made)


def measure_builds(
    bench: Bench, projects: list[Project], voices: dict[str, Path], records: Records, rounds: int
) -> None:
    """Measure the builds of every project, as often as asked."""
    for project in projects:
        for number in range(1, rounds + 1):
            Series(bench, project, voices[project.name], number).measure(records)
