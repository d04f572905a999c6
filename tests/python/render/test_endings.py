"""A scene that ends its own process, and one that a broken configuration keeps from starting."""

from __future__ import annotations

import signal
import textwrap
from pathlib import Path

import pytest
from conftest import Project
from test_failures import line_of

HEAD = """
import atexit, ctypes, os, shutil, signal, subprocess, threading, time
from pathlib import Path
from manim import *
config.pixel_width, config.pixel_height, config.frame_rate = 320, 180, 15


class Main(Scene):
    def construct(self):
        self.wait(0.2)
"""
SHORT = "from manim import *\nclass Main(Scene):\n    def construct(self):\n        self.wait(0.2)\n"
SIZE = {"size": {"width": 320, "height": 180, "fps": 15}}


def scene_of(project: Project, body: str) -> Path:
    """A scene that first shows something, and then does this."""
    return project.write("scene_01.py", HEAD + textwrap.indent(textwrap.dedent(body), " " * 8))


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    project = Project(tmp_path / "repo", tmp_path / "repo" / "projects" / "demo")
    project.folder.mkdir(parents=True)
    return project


ENDINGS = {
    "os._exit(0)": (1, "the scene ended the process itself (os._exit(0))"),
    "os.execlp('true', 'true')": (1, "the scene replaces the render by another program (os.execv)"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_how_a_scene_ends_its_process_is_told_at_its_line(ending: str, bare: Project) -> None:
    status, said = ENDINGS[ending]
    scene = scene_of(bare, f"{ending}  # here\n")
    done = bare.render(scene)
    (error,) = done.named("error")
    assert done.status == status
    assert said in error["message"]
    assert (error["file"], error["line"]) == (str(scene), line_of(scene, "# here"))


SIGNALS = {"ctypes.string_at(0)": signal.SIGSEGV, "os.kill(os.getpid(), signal.SIGTERM)": signal.SIGTERM}


@pytest.mark.parametrize("ending", SIGNALS)
def test_a_crash_outside_python_or_a_signal_leaves_the_line_beside_the_job(ending: str, bare: Project) -> None:
    scene = scene_of(bare, f"{ending}  # here\n")
    done = bare.render(scene)
    assert done.status == -SIGNALS[ending]
    assert f'File "{scene}", line {line_of(scene, "# here")} in construct' in done.job.with_suffix(".stack").read_text()


LEAVES_MUCH = """
threading.Thread(target=time.sleep, args=(1000,)).start()
atexit.register(os._exit, 3)
if os.fork() == 0:
    os._exit(0)
if os.fork() == 0:
    os.execlp("true", "true")
child = os.fork()
if child == 0:
    time.sleep(1000)
os.kill(child, signal.SIGTERM)
assert os.waitpid(child, 0)[1] == signal.SIGTERM
folder = Path("gone").absolute()
folder.mkdir()
os.chdir(folder)
folder.rmdir()
assert not os.path.exists("nothing")
try:
    open("nothing")
except FileNotFoundError:
    pass
"""


def test_what_a_finished_scene_leaves_behind_does_not_change_its_result(bare: Project) -> None:
    done = bare.render(scene_of(bare, LEAVES_MUCH))
    assert done.result["frames"] == 3
    assert done.named("error") == []


# Each with the line that is named, and whether the scene is rendered all the same.
CONFIGURATIONS = {
    "pixel_height = 480\n": (1, "a section must come first", False),
    "[CLI]\nthis is nothing\n": (2, "neither a section nor an option", False),
    "[CLI]\nseed = 1\nSEED = 2\n": (3, "seed is set twice", False),
    "[CLI]\n\nframe_rate = fast\n": (3, "frame_rate: could not convert string to float: 'fast'", False),
    "[CLI]\nwindow_size = 3,x\n": (2, "window_size: invalid literal for int() with base 10: 'x'", False),
    "[CLI]\nbackground_color = nocolor\n": (2, "background_color: Color nocolor not found", False),
    "[CLI]\npreview = maybe\n": (2, "preview: Not a boolean: maybe", False),
    "[CLI]\nassets_dir = h\xe9\n": (2, "is not in UTF-8", False),
    "[video_encoder]\ncodec = nothing\n": (2, "codec: Unknown video encoder: nothing", False),
    "[cli]\npixel_height = 3\n": (1, "the name of the section is [CLI]", True),
    "[CLI]\npixel_heigth = 3\n": (
        2,
        "pixel_heigth is no option of Manim, which ignores it: did you mean pixel_height?",
        True,
    ),
}


@pytest.mark.parametrize("content", CONFIGURATIONS)
def test_a_broken_manim_cfg_is_told_at_its_line(content: str, bare: Project) -> None:
    line, said, rendered = CONFIGURATIONS[content]
    path = bare.folder / "manim.cfg"
    path.write_bytes(content.encode("latin-1"))
    done = bare.render(bare.scene(SHORT, head=""), **SIZE)
    assert done.status == (0 if rendered else 1), done.output
    told = done.named("warning" if rendered else "error")
    assert said in told[0]["message"]
    assert (told[0]["file"], told[0]["line"]) == (str(path), line)
