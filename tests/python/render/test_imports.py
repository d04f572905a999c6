"""Modules come from where stock Manim finds them, and nothing in the project's folder breaks our own programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import BASH, ROOT, Project
from test_failures import BREAKS_OUR_PATH
from test_server import Server, serve

__all__ = ["serve"]  # a fixture

HEAD = "from manim import *\nconfig.pixel_width, config.pixel_height, config.frame_rate = 320, 180, 15\n"
SEES = """
import importlib, json, os

def seen(name):
    try:
        return "the file" if hasattr(importlib.import_module(name), "OF_THE_USER") else "the module"
    except Exception as error:
        return repr(error)

SEEN = {name: seen(name) for name in NAMES}
with open(os.environ.get("SEEN", "seen.json"), "w") as file:
    json.dump(SEEN, file)


class Main(Scene):
    def construct(self):
        self.add(Square(), Text("text"))
        self.wait(0.2)
"""
OTHERS = (
    *("numpy", "av", "PIL", "scipy", "cairo", "manim", "manim_utils", "decorator", "rich", "pydub", "events"),
    *("flaming_horse_build", "flaming_horse_voice", "provided", "guard", "environment", "hold_lock"),
)
"""Names of packages, of parts of ours, and of nothing."""
EVERY_NAME = (*(name for name in sys.stdlib_module_names if not name.startswith("_")), *OTHERS)
USABLE = ("code", "wave", "csv", "statistics", "chunk", "manim_utils", "flaming_horse_build", "guard", "sitecustomize")
"""Names under which stock Manim starts with any file at the repository's root."""
UNUSABLE = ("random", "queue", "logging", "types", "json", "email", "token", "select", "numpy", "av", "PIL", "wave")
"""Names of which some keep stock Manim from starting."""


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    project = Project(tmp_path / "repo", tmp_path / "repo" / "projects" / "demo")
    project.folder.mkdir(parents=True)
    return project


def put(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / f"{name}.py").write_text("OF_THE_USER = True\n")


def scene_of(project: Project, names: Iterable[str]) -> Path:
    return project.scene(f"NAMES = {list(names)!r}\n" + SEES, head=HEAD)


def seen_by(project: Project) -> dict[str, str]:
    value: dict[str, str] = json.loads((project.folder / "seen.json").read_text())
    return value


def seen_by_stock(project: Project, scene: Path, tmp_path: Path) -> dict[str, str]:
    """What the scene sees when the `manim` command renders it as the pipeline does."""
    environment = {**project.environment(), "PYTHONPATH": str(project.repo), "SEEN": str(tmp_path / "stock.json")}
    command = [str(Path(sys.executable).with_name("manim")), "render", scene.name, "Main", "--dry_run"]
    subprocess.run(
        [*command, "--media_dir", str(tmp_path / "media")],
        env=environment,
        cwd=project.folder,
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    value: dict[str, str] = json.loads((tmp_path / "stock.json").read_text())
    return value


@pytest.mark.parametrize(
    ("place", "names"),
    [("the scenes", EVERY_NAME), pytest.param("the repository", USABLE, marks=pytest.mark.slow)],
)
def test_a_scene_finds_the_modules_that_it_finds_in_stock_manim(
    place: str, names: tuple[str, ...], bare: Project, tmp_path: Path
) -> None:
    put(bare.folder if place == "the scenes" else bare.repo, names)
    scene = scene_of(bare, names)
    stock = seen_by_stock(bare, scene, tmp_path)
    done = bare.render(scene)
    assert done.status == 0, done.output
    assert seen_by(bare) == stock
    assert {"the file", "the module"} >= set(stock.values())
    assert stock["code"] == "the file"


def test_files_that_keep_stock_manim_from_starting_do_not_keep_ours(bare: Project) -> None:
    put(bare.repo, UNUSABLE)
    (bare.repo / "scipy").mkdir()
    (bare.repo / "scipy" / "__init__.py").touch()
    done = bare.render(scene_of(bare, UNUSABLE))
    assert done.status == 0, done.output
    assert set(seen_by(bare).values()) == {"the module"}


def test_a_forked_render_finds_the_same(serve: Callable[..., Server], project: Project) -> None:
    put(project.folder, ("random", "queue", "code", "resource", "flaming_horse_build"))
    put(project.repo, ("wave", "csv", "guard"))
    scene = scene_of(project, ("random", "queue", "code", "resource", "flaming_horse_build", "wave", "csv", "guard"))
    alone = project.render(scene)
    assert alone.status == 0, alone.output
    seen = seen_by(project)
    assert [name for name in seen if seen[name] == "the module"] == ["random", "queue"]
    (project.folder / "seen.json").unlink()
    status, output, _ = serve().ask(scene).end()
    assert status == 0, output
    assert seen_by(project) == seen


ENVIRONMENT = """
import json, multiprocessing, os, subprocess, sys
from pathlib import Path

def double(number):
    return 2 * number

PROGRAM = "import at_the_root, importlib.util as util; print(bool(util.find_spec('flaming_horse_voice')))"
FACTS = {
    "name": __name__,
    "front of the path": sys.path[:2],
    "variables": {name: value for name, value in os.environ.items() if name.startswith("PYTHON")},
    "cwd": os.getcwd(),
    "isolated": sys.flags.isolated,
    "a program": subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True).stdout.strip(),
}
if "here" in os.environ:
    raise RuntimeError("the second try starts in the first one's environment")


class Main(Scene):
    def construct(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            FACTS["another process"] = pool.map(double, [4])
        Path(FACTS["cwd"], "facts.json").write_text(json.dumps(FACTS))
        os.environ["here"] = "and there"
        os.chdir("/")
        self.play(Create(Square()), run_time=0.2)
"""


def test_scenes_and_their_programs_have_the_contracts_environment_also_when_rendered_again(bare: Project) -> None:
    put(bare.repo, ["at_the_root", "wave"])
    put(bare.folder, ["code", "resource"])
    done = bare.render(bare.scene(BREAKS_OUR_PATH + ENVIRONMENT, head=HEAD))
    assert "no buffers today" in done.result["fallback"]
    facts: dict[str, Any] = json.loads((bare.folder / "facts.json").read_text())
    path = os.pathsep.join([str(bare.repo), str(ROOT / "python" / "provided")])
    assert facts == {
        "name": "scene_01",
        "front of the path": [str(bare.folder), str(bare.repo)],
        "variables": {"PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        "cwd": str(bare.folder),
        "isolated": 0,
        "a program": "True",
        "another process": [8],
    }


PROGRAMS = {
    "the guard": ["-I", "-S", "guard.py", "true"],
    "the guard, asking a server": ["-I", "-S", "guard.py", "--through", "nothing", "true"],
    "the lock": ["-I", "-S", "hold_lock.py"],
    "the probe": ["environment.py"],
    "espeak": ["-P", "-m", "flaming_horse_build.voice_espeak"],
    "the render": ["-P", "-m", "flaming_horse_build.render"],
    "the server": ["-P", "-m", "flaming_horse_build.render.server"],
}


def test_no_program_of_ours_imports_from_the_folder_that_it_is_started_in(tmp_path: Path) -> None:
    for name in (*EVERY_NAME, "site", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "python")}
    for program, arguments in PROGRAMS.items():
        command = [str(ROOT / "python" / part) if part.endswith(".py") else part for part in arguments]
        ended = subprocess.run(
            [BASH, "-c", 'exec 3>/dev/null; exec "$@"', "bash", sys.executable, *command],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not (tmp_path / "imported").exists(), f"{program} imports {(tmp_path / 'imported').read_text()}"
        assert "ImportError" not in ended.stderr, program
