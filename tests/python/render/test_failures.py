"""What goes wrong in a scene is told once, at the user's own line."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Project, Rendered
from flaming_horse_build.render.problems import FramePathError, UserFiles
from flaming_horse_build.render.program import _is_ours
from pictures_of import frames_of


@pytest.fixture(scope="module")
def home(new_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("failures"))


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def failing(home: Project, body: str, **fields: object) -> tuple[Rendered, Path]:
    scene = home.scene(body, "scene_failing.py")
    return home.render(scene, **fields), scene


def test_an_exception_is_told_at_the_innermost_line_of_the_users_own(home: Project) -> None:
    helper = home.write("helper.py", "def build(size):\n    return size / 0  # here\n")
    done, _ = failing(
        home,
        """
        from helper import build

        class Main(Scene):
            def construct(self):
                self.wait(0.2)
                self.add(Square(build(1)))
        """,
    )
    error = done.error
    assert (error["type"], error["message"]) == ("ZeroDivisionError", "division by zero")
    assert (error["file"], error["line"]) == (str(helper), 2)
    assert "construct" in error["traceback"]


def test_an_exception_inside_manim_is_told_at_the_users_call(home: Project) -> None:
    done, scene = failing(
        home,
        """
        class Main(Scene):
            def construct(self):
                self.play("not an animation")  # here
        """,
    )
    assert done.error["type"] == "TypeError"
    assert (done.error["file"], done.error["line"]) == (str(scene), line_of(scene, "# here"))


def test_an_exception_while_frames_are_drawn_ends_the_render(home: Project) -> None:
    done, scene = failing(
        home,
        """
        class Main(Scene):
            def construct(self):
                def grow(mob, dt):
                    if self.time > 0.2:
                        raise RuntimeError("too big")  # here

                self.add(Square().add_updater(grow))
                self.wait(1)
        """,
    )
    assert (done.error["type"], done.error["message"]) == ("RuntimeError", "too big")
    assert done.error["line"] == line_of(scene, "# here")


def test_a_syntax_error_is_told_where_python_sees_it(home: Project) -> None:
    done, scene = failing(home, "class Main(Scene):\n    def construct(self):\n        self.wait(\n")
    assert done.error["type"] == "SyntaxError"
    assert (done.error["file"], done.error["line"]) == (str(scene), line_of(scene, "self.wait("))
    assert "never closed" in done.error["message"]


def test_a_missing_module_is_told_at_its_import(home: Project) -> None:
    done, scene = failing(home, "import no_such_module\n")
    assert done.error["type"] == "ModuleNotFoundError"
    assert done.error["line"] == line_of(scene, "no_such_module")


def test_a_wrong_class_name_renders_nothing_else(home: Project) -> None:
    done, scene = failing(
        home, "class Other(Scene):\n    def construct(self):\n        self.wait(0.2)\n", class_name="Main"
    )
    assert "the class Main does not exist in scene_failing.py: it has Other" in done.error["message"]
    assert done.error["file"] == str(scene)


def test_a_scene_that_shows_nothing_is_an_error(home: Project) -> None:
    done, scene = failing(home, "class Main(Scene):\n    def construct(self):\n        self.add(Square())\n")
    assert "shows nothing" in done.error["message"]
    assert (done.error["file"], done.error["line"]) == (str(scene), line_of(scene, "def construct"))


def test_ending_the_program_is_an_error(home: Project) -> None:
    done, scene = failing(
        home,
        """
        import sys

        class Main(Scene):
            def construct(self):
                self.wait(0.2)
                sys.exit(0)  # here
        """,
    )
    assert done.error["type"] == "SystemExit"
    assert "sys.exit(0)" in done.error["message"]
    assert done.error["line"] == line_of(scene, "# here")


def test_nobody_answers_a_question(home: Project) -> None:
    done, scene = failing(
        home,
        """
        class Main(Scene):
            def construct(self):
                input("Sure?")  # here
        """,
    )
    assert "Sure?" in done.error["message"]
    assert done.error["line"] == line_of(scene, "# here")


def test_a_line_without_a_voice_is_named(home: Project) -> None:
    done, scene = failing(
        home,
        """
        class Main(VoiceoverScene):
            def construct(self):
                self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
                with self.voiceover(text="Never spoken words"):  # here
                    self.wait(1)
        """,
    )
    assert "'Never spoken words'" in done.error["message"]
    assert done.error["line"] == line_of(scene, "# here")


def test_a_breakpoint_is_passed_over(home: Project) -> None:
    done, scene = failing(
        home,
        """
        class Main(Scene):
            def construct(self):
                breakpoint()  # here
                self.wait(0.2)
        """,
    )
    assert done.status == 0
    (warning,) = done.named("warning")
    assert warning["line"] == line_of(scene, "# here")


BREAKS_OUR_PATH = """
import av

def refuse(*args, **kwargs):
    raise RuntimeError("no buffers today")

av.VideoFrame.from_numpy_buffer = staticmethod(refuse)
"""
SHORT = "class Main(Scene):\n    def construct(self):\n        self.play(Create(Square()), run_time=0.4)\n"


def test_a_scene_that_fails_on_our_way_only_is_rendered_in_manims_own(home: Project) -> None:
    done, _ = failing(home, BREAKS_OUR_PATH + SHORT)
    result = done.result
    assert result["encoder"] == "stock"
    assert "no buffers today" in result["fallback"]
    assert "rendered again by Manim's own writer" in done.output
    assert result["frames"] == 6 == len(frames_of(done.video))
    assert result["seconds"]["import"] <= result["seconds"]["total"]  # what failed is not counted


def test_a_scene_that_fails_on_both_ways_tells_its_own_error(home: Project) -> None:
    done, scene = failing(home, BREAKS_OUR_PATH + SHORT + "        raise ValueError('mine')  # here\n")
    assert (done.error["message"], done.error["line"]) == ("mine", line_of(scene, "# here"))
    assert done.named("warning") == []


OURS = {
    "what our path says": (FramePathError("no"), True),
    "what came of it": (RuntimeError("a thread failed"), True),
    "a full disk": (OSError(errno.ENOSPC, "full"), False),
    "too many files": (OSError(errno.EMFILE, "open"), False),
    "no memory": (MemoryError(), False),
    "an interruption": (KeyboardInterrupt(), False),
    "recursion": (RecursionError(), False),
    "the end": (SystemExit(0), False),
}


@pytest.mark.parametrize("what", OURS)
def test_the_fast_path_failed_only_where_manims_own_would_not(what: str, tmp_path: Path) -> None:
    error, ours = OURS[what]
    files = UserFiles(tmp_path, tmp_path)
    assert _is_ours(error, files) == (what == "what our path says")
    error.__context__ = FramePathError("the encoder failed")
    assert _is_ours(error, files) == ours


UNKNOWN_PLAY = """
from manim.renderer.cairo_renderer import CairoRenderer

original = CairoRenderer.play

def play(self, scene, *args, **kwargs):
    return original(self, scene, *args, **kwargs)

CairoRenderer.play = play
"""
UNKNOWN_DRAWING = """
original = Camera.display_vectorized

def display_vectorized(self, vmobject, ctx):
    return original(self, vmobject, ctx)

Camera.display_vectorized = display_vectorized
"""


def test_an_unknown_manim_is_left_to_its_own_way(home: Project) -> None:
    done, _ = failing(home, UNKNOWN_PLAY + SHORT)
    assert done.result["encoder"] == "stock"
    assert "CairoRenderer.play" in done.result["fallback"]
    assert done.result["frames"] == 6


def test_a_manim_that_draws_in_an_unknown_way_is_followed_frame_by_frame(home: Project) -> None:
    strange, _ = failing(home, UNKNOWN_DRAWING + SHORT)
    assert strange.result["encoder"] == "fast"
    assert any("Camera.display_vectorized" in warning["message"] for warning in strange.named("warning"))
    known, _ = failing(home, SHORT)
    assert strange.video.read_bytes() == known.video.read_bytes()


def test_the_opengl_renderer_is_refused(home: Project) -> None:
    done, _ = failing(home, "config.renderer = 'opengl'\n" + SHORT)
    assert "OpenGL" in done.error["message"]


def test_an_error_inside_a_compiled_module_is_told_at_the_users_call(home: Project) -> None:
    done, scene = failing(
        home,
        """
        import av

        class Main(Scene):
            def construct(self):
                self.wait(0.2)
                av.open("nothing.mp4")  # here
        """,
    )
    assert done.error["type"] == "FileNotFoundError"
    assert (done.error["file"], done.error["line"]) == (str(scene), line_of(scene, "# here"))
