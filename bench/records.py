"""What was measured, one JSON line a measurement, so that an interrupted run can go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .process import BenchError, Cost


@dataclass(frozen=True)
class Measurement:
    """One measurement. `what` names the way or the build; `more` holds what only that one knows, JSON values."""

    project: str
    what: str
    round: int
    cost: Cost
    more: dict[str, Any] = field(default_factory=dict)


class Records:
    """The measurements of a run, in a file that grows by one line each."""

    def __init__(self, path: Path, settings: dict[str, Any], *, resume: bool) -> None:
        self._path = path
        self._all: list[Measurement] = []
        header = json.dumps({"settings": settings}, sort_keys=True)
        if resume and path.is_file():
            first, *lines = path.read_text(encoding="utf-8").splitlines()
            if first != header:
                raise BenchError(f"cannot go on: {path} holds a run with other settings, programs or projects")
            self._all = [_parsed(line) for line in lines]
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(header + "\n", encoding="utf-8")

    def once(self, project: str, what: str, number: int, work: Callable[[], Measurement]) -> Measurement:
        """Give a measurement: the one recorded, or the one that `work` makes."""
        for known in self._all:
            if (known.project, known.what, known.round) == (project, what, number):
                return known
        print(f"{project}, round {number}: {what}", flush=True)
        made = work()
        self._all.append(made)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(made)) + "\n")
        print(f"    {made.cost.wall:.1f} s, {made.cost.cpu:.1f} CPU-s", flush=True)
        return made

    def of(self, project: str, what: str) -> list[Measurement]:
        """All rounds of one thing, in order."""
        return [known for known in self._all if known.project == project and known.what == what]

    def projects(self) -> list[str]:
        """The projects measured so far, in order."""
        return list(dict.fromkeys(known.project for known in self._all))


def _parsed(line: str) -> Measurement:
    value = json.loads(line)
    return Measurement(**{**value, "cost": Cost(**value["cost"])})
