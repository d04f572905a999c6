"""A scene that gets at our files or descriptors spoils no result unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Project, Rendered
from pictures_of import frames_of

BODY = """
        dot = Square(color=RED, fill_opacity=1)
        self.play(FadeIn(dot), run_time=0.2)
        {early}
        for step in range(3):
            noise = ImageMobject(np.random.randint(0, 255, (180, 320, 3), np.uint8)).set_height(10)
            self.add(noise)
            self.wait(1 / 15)
            print("words for the log", flush=True)
            {often}
        while video.parent.is_dir() and video.is_file() and not video.is_symlink() and video.stat().st_size < 60_000:
            pass  # the encoder is a thread of its own
        {late}
"""
SCENE = (
    """
import ctypes, contextlib, fcntl, glob, io, os, shutil, subprocess, sys, threading
import numpy as np

class Main(Scene):
    def construct(self):
        work = Path(config.media_dir).parent / "result"
        video = work / "video.mp4"
"""
    + BODY
)
# What stays a good result, bit for bit the one without.
HARMLESS = {
    "closes its output": {"early": "os.close(1); os.close(2)"},
    "closes its input, too": {"early": "os.closerange(0, 3)"},
    "closes a whole range": {"early": "os.closerange(0, 50)"},
    "closes all that there is": {"early": "os.closerange(0, 4096)"},
    "closes it behind Python's back": {"early": "ctypes.CDLL(None).close(1)"},
    "closes sys.stdout": {"early": "sys.stdout.close(); sys.stdout = sys.__stderr__"},
    "closes them again and again": {"often": "os.closerange(1, 64)"},
    "closes them at the end": {"late": "os.closerange(0, 64)"},
    "redirects its output with dup2": {
        "early": "null = os.open(os.devnull, os.O_WRONLY); os.dup2(null, 1); os.dup2(null, 2); os.close(null)"
    },
    "redirects by the lowest free number": {"early": "os.close(1); assert os.open(os.devnull, os.O_WRONLY) == 1"},
    "closes them in another thread": {
        "early": "t = threading.Thread(target=lambda: [os.closerange(3, 64) for _ in range(200)]); t.start(); t.join()"
    },
    "becomes a daemon, as one reads of": {
        "early": "[os.close(fd) for fd in range(3, 300) if os.path.exists(f'/proc/self/fd/{fd}')]"
    },
    "writes to every descriptor": {
        "early": "[os.write(int(fd), b'junk') for fd in os.listdir('/proc/self/fd') if int(fd) > 2 and "
        "os.path.exists(f'/proc/self/fd/{fd}') and 'result' in os.readlink(f'/proc/self/fd/{fd}')]"
    },
    "starts a program that keeps all descriptors": {"early": "subprocess.run(['true'], close_fds=False)"},
}
# What spoils it, and is told.
SPOILING = {
    "shortens the video": {"late": "os.truncate(video, 100)"},
    "empties it": {"late": "os.truncate(video, 0)"},
    "lengthens it": {"late": "os.truncate(video, 10_000_000)"},
    "writes into it": {"late": "f = video.open('r+b'); f.seek(5000); f.write(bytes(9)); f.close()"},
    "removes it": {"early": "video.unlink()"},
    "puts another in its place": {"early": "video.unlink(); video.write_bytes(b'x' * 9_999_999)"},
    "makes a link of it": {"early": "video.rename('/tmp/' + str(os.getpid())); video.symlink_to('/dev/null')"},
    "removes the folder": {"early": "shutil.rmtree(work)"},
    "moves the folder": {"late": "work.rename(work.with_name('moved'))"},
    "makes a file of the folder": {"early": "shutil.rmtree(work); work.write_text('')"},
}


@pytest.fixture(scope="module")
def home(new_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("meddling"))


def scene(home: Project, name: str, parts: dict[str, str]) -> Path:
    return home.scene(SCENE.format(**{"early": "pass", "often": "pass", "late": "pass", **parts}), f"{name}.py")


@pytest.fixture(scope="module")
def renders(home: Project) -> dict[str, Rendered]:
    noise = {"encoder_options": {"preset": "ultrafast", "qp": "0"}}  # much to write, while the scene runs
    names = ["", "by Manim's own writer", *HARMLESS, *SPOILING]
    parts = {**HARMLESS, **SPOILING, "": {}, "by Manim's own writer": HARMLESS["closes its output"]}
    fields: dict[str, Any] = {"by Manim's own writer": {"encoder": "stock"}}
    jobs = [(scene(home, f"s{at}", parts[name]), fields.get(name, noise)) for at, name in enumerate(names)]
    return dict(zip(names, home.render_all(jobs), strict=True))


def test_closing_descriptors_does_no_harm(renders: dict[str, Rendered]) -> None:
    expected = renders[""].video.read_bytes()
    assert len(expected) > 200_000
    for name in HARMLESS:
        done = renders[name]
        assert done.status == 0, f"{name}: {done.output[-500:]}"
        assert done.video.read_bytes() == expected, name
        assert done.audio.read_bytes() == renders[""].audio.read_bytes(), name
        assert not done.named("warning"), name
    stock = renders["by Manim's own writer"]
    assert len(frames_of(stock.video)) == stock.result["frames"] == renders[""].result["frames"]


def test_a_spoilt_result_is_an_error_that_says_so(renders: dict[str, Rendered]) -> None:
    for name in SPOILING:
        done = renders[name]
        assert done.status == 1, name
        message = done.error["message"]
        assert message.startswith("something changed the scene's result while it was made: video.mp4: "), name
        assert "close descriptors that are not its own?" in message
        assert done.error["type"] == "SceneError"
        assert not done.named("warning"), name  # not tried again in Manim's own way
