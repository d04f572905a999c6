from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from conftest import Project

SIZE = {"size": {"width": 320, "height": 180, "fps": 15}}
HEAD = """
import datetime, json, os, random, secrets, tempfile, time, uuid
from time import time as now, strftime
import numpy
from manim import *
from numpy.random import default_rng, RandomState, PCG64, SeedSequence

class Mine(random.Random):
    pass

DRAWN = [random.random(), numpy.random.rand(), default_rng().random(), random.Random().random()]
"""
BODY = """
class Main(Scene):
    def construct(self):
        random.seed()
        numpy.random.seed()
        values = [
            random.random(), numpy.random.rand(), numpy.random.rand(),
            random.Random().random(), random.Random().random(), Mine().random(),
            RandomState().rand(), RandomState().rand(), default_rng().random(),
            numpy.random.Generator(PCG64()).random(), SeedSequence().entropy,
        ]
        with open(os.environ["HOME"] + "/values.json", "w") as file:
            json.dump(DRAWN + [float(value) for value in values], file)
        assert isinstance(random.SystemRandom(), random.Random) and tempfile.mktemp()
        self.wait(0.1)
"""


def drawn(project: Project, monkeypatch: Any, seed: int) -> list[float]:
    monkeypatch.setenv("HOME", str(project.repo.parent))
    result = project.render(project.scene(BODY, head=HEAD), seed=seed, **SIZE).result
    assert result["unsafe"] == []
    values: list[float] = json.loads(Path(project.repo.parent, "values.json").read_text())
    return values


def test_generators_without_a_seed_draw_the_same_every_time(project: Project, monkeypatch: Any) -> None:
    first = drawn(project, monkeypatch, 0)
    assert drawn(project, monkeypatch, 0) == first
    assert len(set(first)) == len(first), "each has a seed of its own"
    assert not set(drawn(project, monkeypatch, 1)) & set(first)


def test_what_the_clock_and_the_system_decide_is_told_when_the_user_asks(project: Project) -> None:
    asks = {
        "now()": "clock: time.time",
        "time.perf_counter()": "clock: time.perf_counter",
        "time.monotonic_ns()": "clock: time.monotonic_ns",
        "time.localtime()": "clock: time.localtime",
        "time.gmtime(None)": "clock: time.gmtime",
        "strftime('%Y')": "clock: time.strftime",
        "os.urandom(4)": "chance: os.urandom",
        "uuid.uuid4()": "chance: uuid.uuid4",
        "secrets.token_hex()": "chance: secrets.token_hex",
        "random.SystemRandom().choice('ab')": "chance: random.SystemRandom",
    }
    body = f"class Main(Scene):\n    def construct(self):\n        {'; '.join(asks)}\n        self.wait(0.1)\n"
    told = project.render(project.scene(body, head=HEAD), **SIZE).result["unsafe"]
    assert sorted(told) == sorted(asks.values())

    body = """
    class Clock:
        tell = time.localtime
    class Main(Scene):
        def construct(self):
            time.localtime(0); time.gmtime(0.5); strftime('%Y', time.gmtime(0)); Clock().tell(0)
            self.play(Create(MathTex('a')), run_time=0.2)
    """
    assert project.render(project.scene(textwrap.dedent(body), head=HEAD), **SIZE).result["unsafe"] == []
