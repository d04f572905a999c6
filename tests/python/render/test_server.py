"""Renders forked from a server that imported Manim before, beside renders that import it themselves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import BASH, ROOT, Project, driver
from test_failures import BREAKS_OUR_PATH

GUARD = ROOT / "python" / "guard.py"
CHANCE = """
import random
import numpy as np

DRAWN = random.random()


class Main(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        generator = np.random.default_rng()
        dots = VGroup(*(Dot([8 * value - 4, 4 * random.random() - 2, 0]) for value in generator.random(20)))
        self.add(dots, Text(f"{DRAWN:.12f} {np.random.random():.12f}", font_size=24))
        with self.voiceover(text=SCRIPT["intro"]):
            self.play(dots.animate.shift(RIGHT), run_time=0.5)
"""
NOT_TAKEN = "guard: the server did not take the command, which is started without it"
SHORT = "class Main(Scene):\n    def construct(self):\n        self.wait(0.2)\n"
ASLEEP = """
import os, subprocess, time


class Main(Scene):
    def construct(self):
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        Path("pids").write_text(f"{os.getpid()} {child.pid}")
        time.sleep(1000)
"""


@dataclass
class Asked:
    """A render asked of a server: the guard that asks, and what it is told."""

    process: subprocess.Popen[str]
    channel: socket.socket
    result_dir: Path

    def end(self, *, taken: bool = True) -> tuple[int, str, list[dict[str, Any]]]:
        output, _ = self.process.communicate(timeout=120)
        assert (NOT_TAKEN not in output) == taken, output
        told = b""
        while data := self.channel.recv(1 << 16):
            told += data
        events = [json.loads(line) for line in told.decode().splitlines() if line]
        ended = events.pop()  # from the guard
        assert ended["event"] == "ended"
        assert ended["peak_rss_bytes"] > 50e6
        return self.process.returncode, output, events

    @property
    def result(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.result_dir / "result.json").read_text())
        return value


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    path: Path
    project: Project

    def ask(self, scene: Path, folder: Path | None = None, **fields: Any) -> Asked:
        job, result = self.project.job(scene, **fields)
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", str(GUARD), "--through", str(self.path), *driver(job)]
        with theirs:
            process = subprocess.Popen(
                [BASH, "-c", f'exec 3>&{theirs.fileno()} {theirs.fileno()}>&-; exec "$@"', "bash", *command],
                cwd=folder or self.project.folder,
                env=self.project.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        return Asked(process, ours, result)


@pytest.fixture
def serve(project: Project, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    started = []

    def start(**environment: str) -> Server:
        job = tmp_path / "server.json"
        path = tmp_path / "socket"
        place = {"project_dir": str(project.folder), "repo_root": str(project.repo)}
        job.write_text(json.dumps({"format": 1, "socket": str(path), "seed": 0, **place}))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "flaming_horse_build.render.server", str(job)],
            cwd=project.folder,
            env={**project.environment(), **environment},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        until(lambda: listens(path) or process.poll() is not None)
        return Server(process, path, project)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(there: Callable[[], bool]) -> None:
    for _ in range(600):
        if there():
            return
        time.sleep(0.1)
    raise AssertionError("waited for a minute in vain")


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def settled(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs from one run to the next."""
    return {name: value for name, value in result.items() if name not in ("seconds", "cpu_seconds", "peak_rss_bytes")}


def test_a_forked_render_is_the_one_that_a_process_of_its_own_gives(
    serve: Callable[..., Server], project: Project
) -> None:
    project.write("manim.cfg", "[CLI]\nbackground_color = BLUE\n")
    scene = project.scene(CHANCE)
    alone = project.render(scene)
    server = serve()
    first, second = server.ask(scene), server.ask(scene)
    for asked in (first, second):
        status, output, events = asked.end()
        assert status == 0, output
        assert [event["event"] for event in events if event["event"] not in ("frames", "alive")] == [
            "start",
            "line",
            "done",
        ]
        assert settled(asked.result) == settled(alone.result)
        # one by one they would not be worth the trouble
        assert asked.result["seconds"]["import"] < alone.result["seconds"]["import"] / 2
    assert str(project.folder / "manim.cfg") in [opened["path"] for opened in alone.result["opened"]]


def test_a_failing_scene_is_told_as_ever(serve: Callable[..., Server], project: Project) -> None:
    status, output, events = (
        serve().ask(project.scene("class Main(Scene):\n    def construct(self):\n        oh_no\n")).end()
    )
    (error,) = [event for event in events if event["event"] == "error"]
    assert (status, error["type"], error["message"]) == (1, "NameError", "name 'oh_no' is not defined")
    assert error["line"] == 12
    assert "NameError" in output


def test_a_render_falls_back_to_manims_way_as_ever(serve: Callable[..., Server], project: Project) -> None:
    asked = serve().ask(project.scene(BREAKS_OUR_PATH + SHORT))
    status, output, events = asked.end()
    assert status == 0, output
    assert "no buffers today" in asked.result["fallback"]
    assert [event["event"] for event in events].count("start") == 2


@pytest.mark.parametrize("why", ["no server", "another folder", "no Manim"])
def test_what_no_server_takes_is_started_without_one(
    why: str, serve: Callable[..., Server], project: Project, tmp_path: Path
) -> None:
    scene = project.scene(SHORT)
    if why == "no server":
        server = Server(None, tmp_path / "nothing", project)  # type: ignore[arg-type]
    elif why == "no Manim":
        (tmp_path / "hidden").mkdir()
        (tmp_path / "hidden" / "manim.py").write_text("raise ImportError('not here')\n")
        server = serve(PYTHONPATH=os.pathsep.join([str(tmp_path / "hidden"), project.environment()["PYTHONPATH"]]))
    else:
        server = serve()
    asked = server.ask(scene, folder=project.repo if why == "another folder" else None)
    status, output, events = asked.end(taken=False)
    assert status == 0, output
    assert events[-1]["event"] == "done"


@pytest.mark.parametrize("killed", ["the guard", "the starter", "the leader of its group"])
def test_nothing_outlives_who_asked(killed: str, serve: Callable[..., Server], project: Project) -> None:
    server = serve()
    asked = server.ask(project.scene(ASLEEP))
    pids = project.folder / "pids"
    until(lambda: pids.exists() and pids.read_text().count(" ") == 1)
    render, child = map(int, pids.read_text().split())
    assert running(render)
    assert running(child)
    leader = os.getpgid(render)
    assert leader not in (render, asked.process.pid)
    if killed == "the guard":
        asked.process.kill()
    elif killed == "the starter":
        asked.channel.close()
    else:
        os.kill(leader, signal.SIGKILL)
    until(lambda: not (running(render) or running(child)))
    asked.process.communicate(timeout=60)
    assert server.process.poll() is None  # and the server serves on
    short = server.ask(project.scene(SHORT))
    assert short.end()[0] == 0


def test_signals_reach_the_render_and_its_status_comes_back(serve: Callable[..., Server], project: Project) -> None:
    asked = serve().ask(project.scene(ASLEEP))
    pids = project.folder / "pids"
    until(lambda: pids.exists() and pids.read_text().count(" ") == 1)
    render, child = map(int, pids.read_text().split())
    assert os.getpgid(render) != asked.process.pid
    asked.process.send_signal(signal.SIGTERM)
    status, _, _ = asked.end()
    assert status == 128 + signal.SIGTERM
    until(lambda: not (running(render) or running(child)))


def test_a_server_whose_imports_start_threads_serves_nobody(
    serve: Callable[..., Server], project: Project, tmp_path: Path
) -> None:
    (tmp_path / "hidden" / "manim").mkdir(parents=True)
    (tmp_path / "hidden" / "manim" / "__main__.py").touch()
    threaded = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    (tmp_path / "hidden" / "manim" / "__init__.py").write_text(threaded)
    server = serve(PYTHONPATH=os.pathsep.join([str(tmp_path / "hidden"), project.environment()["PYTHONPATH"]]))
    asked = server.ask(project.scene(SHORT))
    assert asked.end(taken=False)[0] == 0
    _, said = server.process.communicate(timeout=60)
    assert b"started 1 threads" in said


def test_a_server_leaves_a_broken_configuration_to_the_renders(serve: Callable[..., Server], project: Project) -> None:
    project.write("manim.cfg", "[CLI]\nframe_rate = fast\n")
    server = serve()
    _, said = server.process.communicate(timeout=60)
    assert server.process.returncode == 0
    assert b"could not convert string to float: 'fast'" in said


def test_a_render_goes_on_when_the_server_ends(serve: Callable[..., Server], project: Project) -> None:
    slow = "class Main(Scene):\n    def construct(self):\n        Path('begun').touch()\n        import time\n"
    server = serve()
    asked = server.ask(project.scene(slow + "        time.sleep(2)\n        self.wait(0.2)\n"))
    until((project.folder / "begun").exists)
    server.process.terminate()
    server.process.communicate(timeout=60)
    status, output, _ = asked.end()
    assert status == 0, output
