"""Where storage fails, a render ends at once, with an error that names the place and the cause."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Project, Rendered
from flaming_horse_build.render.canvas import Canvas
from flaming_horse_build.render.encoder import Encoder, encoder_options
from flaming_horse_build.render.film import Film
from flaming_horse_build.render.handover import Handover
from flaming_horse_build.render.problems import FramePathError, SceneError
from flaming_horse_build.render.storage import DiskError, OutputFile

LIMITED = """
import resource
import numpy as np

class Main(Scene):
    def construct(self):
        self.wait(0.2)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
        {body}
        self.wait(0.2)
"""
NOISE = """for step in range(6):
            self.add(ImageMobject(np.random.randint(0, 255, (180, 320, 3), np.uint8)).set_height(10))
            self.wait(1 / 15)"""
WORDS = 'self.add(Text("a text of many letters " * 30))'
COARSE, FINE = {"encoder_options": {"qp": "50"}}, {"encoder_options": {"preset": "ultrafast", "qp": "0"}}
# What a scene does with files of at most so many bytes, fields of its job, and what the error names.
TOO_LARGE: dict[str, tuple[int, str, dict[str, Any], str]] = {
    "the video": (65_000, NOISE, FINE, "cannot write {result}/video.mp4"),
    "the first bytes of the video": (20_000, NOISE, FINE, "cannot write {result}/video.mp4"),
    "a file of Manim's own writer": (20_000, NOISE, {"encoder": "stock"}, "partial_movie_files/Main/uncached_00"),
    "the sound": (80_000, "self.wait(1)", COARSE, "cannot write {result}/audio.wav"),
    "the outlines of a text": (20_000, WORDS, COARSE, "cannot write to the folder {result}"),
    "a file of the scene's own": (
        20_000,
        'open("own.txt", "w").write("x" * 90_000)',
        COARSE,
        "too large|would be larger",
    ),
}


@pytest.fixture(scope="module")
def home(new_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("storage"))


def is_told(done: Rendered, cause: str, name: str) -> str:
    assert done.status == 1, f"{name}: {done.output[-500:]}"
    error = done.error
    assert error["type"] == "DiskError", f"{name}: {error}"
    assert error["message"].startswith(cause), name
    assert not done.named("warning"), name  # the other way of rendering is not tried
    return str(error["message"])


def test_a_file_that_cannot_grow_is_an_error_that_names_it(home: Project) -> None:
    import re

    scenes = {
        name: home.scene(LIMITED.format(limit=limit, body=body), f"large_{number}.py")
        for number, (name, (limit, body, _, _)) in enumerate(TOO_LARGE.items())
    }
    done = home.render_all([(scenes[name], fields) for name, (_, _, fields, _) in TOO_LARGE.items()])
    for (name, (_, _, _, named)), render in zip(TOO_LARGE.items(), done, strict=True):
        message = is_told(render, "the file would be larger than the limit on file sizes allows", name)
        assert re.search(named.format(result=re.escape(str(render.result_dir))), message), message


def shots() -> Iterator[tuple[Any, int]]:
    canvas = Canvas()
    rng = np.random.default_rng(0)
    for _ in range(40):
        yield canvas.changes(rng.integers(0, 255, (34, 64, 4), np.uint8), None), 1


def encode(path: Path) -> None:
    encoder = Encoder(path, 64, 34, Fraction(15), encoder_options({}, 1, Fraction(15)))
    try:
        for patches, frames in shots():
            encoder.add(patches, frames)
        encoder.finish()
    finally:
        encoder.abandon()


FULL = OSError(28, "No space left on device", "/full")


@pytest.mark.parametrize("error", [RuntimeError("no"), DiskError("full"), SceneError("gone"), MemoryError(), FULL])
@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (Encoder, "_encode"),
        (Encoder, "_flush"),
        (Encoder, "_write"),
        (Film, "add"),
        (Film, "add_coded"),
        (Film, "finish"),
        (OutputFile, "write"),
        (OutputFile, "seek"),
        (OutputFile, "finish"),
        (Handover, "__iter__"),
        (threading.Thread, "start"),
    ],
)
def test_no_failure_of_the_encoder_leaves_anyone_waiting(
    owner: type, method: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(owner, method, fail)
    with pytest.raises((FramePathError, DiskError, SceneError, type(error))):
        encode(tmp_path / "video.mp4")
    assert not [thread for thread in threading.enumerate() if thread.name == "encoder"]


def test_an_interrupted_drawing_ends_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Handover, "put", interrupt)
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path / "video.mp4")
    assert not [thread for thread in threading.enumerate() if thread.name == "encoder"]


def test_a_process_that_a_scene_forks_does_not_wait_for_an_encoder_it_has_not(tmp_path: Path) -> None:
    encoder = Encoder(tmp_path / "video.mp4", 64, 34, Fraction(15), encoder_options({}, 1, Fraction(15)))
    child = os.fork()
    if not child:
        try:
            for patches, frames in shots():
                encoder.add(patches, frames)
        except FramePathError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    encoder.abandon()


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


SCENE = f"""
import numpy as np

class Main(Scene):
    def construct(self):
        self.add(MathTex(r"\\sum_{{k=0}}^{{n}} x^k y^{{n-k}} = (x + y)^n"), Text("some words"))
        self.wait(0.2)
        {NOISE}
        self.wait(1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kibibytes", [4, 40, 200, 500])
@pytest.mark.parametrize("encoder", ["fast", "stock"])
@pytest.mark.parametrize("full", ["result", "media", "tex"])
def test_a_full_disk_is_an_error_that_names_the_place(
    home: Project, tmp_path: Path, full: str, encoder: str, kibibytes: int
) -> None:
    scene = home.scene(SCENE, "full.py")
    with small_disk(tmp_path / full, kibibytes) as disk:
        fields: dict[str, Any] = {**FINE, "encoder": encoder, "tex_cache_dir": str(tmp_path / "tex")}
        fields["media_dir"] = str(tmp_path / "media")
        if full == "result":
            fields["result_dir"] = str(disk)
        job, result = home.job(scene, **fields)
        done = home.run(job, disk if full == "result" else result)
        if done.status == 0:  # it was large enough for what lies there
            assert kibibytes >= 40
            assert full != "result"
            return
        message = is_told(done, "no space left on the disk", f"{full}, {kibibytes}")
        assert str(disk) in message


@pytest.mark.slow
@pytest.mark.parametrize("read_only", ["result", "media"])
def test_a_read_only_disk_is_an_error_that_names_the_place(home: Project, tmp_path: Path, read_only: str) -> None:
    scene = home.scene(SCENE, "full.py")
    with small_disk(tmp_path / read_only, 10_000) as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        fields = {"media_dir": str(tmp_path / "media")} | ({"result_dir": str(disk)} if read_only == "result" else {})
        job, result = home.job(scene, **fields)
        done = home.run(job, disk if read_only == "result" else result)
        assert str(disk) in is_told(done, "the file system is read-only", read_only)
