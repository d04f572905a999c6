"""The fast path shows Manim's own pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Project, Rendered
from pictures_of import Quality, facts_of, frames_of, quality

PLAIN = """
class Main(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        grid = NumberPlane(x_range=(-8, 8), y_range=(-5, 5)).set_opacity(0.3)
        self.add(grid)
        with self.voiceover(text=SCRIPT["intro"]):
            title = Text("Title", font_size=72).set_color_by_gradient(BLUE, RED).to_edge(UP)
            self.play(Write(title), run_time=0.8)
        square = Square(fill_opacity=0.7, color=GREEN).shift(LEFT * 3)
        self.play(FadeIn(square), Create(Triangle(joint_type=LineJointType.MITER, stroke_width=30)), run_time=0.5)
        self.play(square.animate.shift(RIGHT * 6).rotate(1), run_time=0.6)
        self.wait(0.5)
        dot = Dot().add_updater(lambda mob, dt: mob.shift(UP * dt))
        self.add(dot)
        self.wait(0.4)
        dot.clear_updaters()
        self.camera.background_color = DARK_BLUE
        self.play(Transform(square, Circle(radius=2, stroke_width=1)), run_time=0.4)
        self.play(FadeOut(title, grid), run_time=0.3)
        self.wait(0.3, frozen_frame=False)
        with self.voiceover(text=SCRIPT["more"]):
            self.play(Indicate(square))
"""
PIXELS = """
import numpy as np

class Main(Scene):
    def construct(self):
        image = ImageMobject(np.uint8(np.arange(64 * 64 * 3).reshape(64, 64, 3) % 251)).scale(3)
        self.add(image)
        points = PMobject(stroke_width=6)
        points.add_points(np.random.rand(200, 3) * 4, color=RED)
        self.play(points.animate.shift(LEFT * 3), FadeIn(Text("over")), run_time=0.4)
        self.play(image.animate.shift(RIGHT * 2), run_time=0.4)
        self.wait(0.3)
        self.camera.background_color = GREY
        self.remove(image)
        self.wait(0.2)
"""
MOVING = """
class Main(MovingCameraScene):
    def construct(self):
        row = VGroup(*[Circle(radius=0.4, color=color) for color in (RED, GREEN, BLUE)]).arrange(RIGHT, buff=2)
        self.add(row)
        self.play(self.camera.frame.animate.scale(0.4).move_to(row[0]), run_time=0.6)
        self.play(row[0].animate.set_fill(RED, 0.5), run_time=0.3)
        self.play(Restore(self.camera.frame.save_state()), row[1].animate.shift(UP), run_time=0.4)
        self.wait(0.2)
"""
THREE_D = """
class Main(ThreeDScene):
    def construct(self):
        self.set_camera_orientation(phi=70 * DEGREES, theta=30 * DEGREES)
        label = Text("fixed").to_corner(UL)
        self.add_fixed_in_frame_mobjects(label)
        self.add(ThreeDAxes())
        self.play(Create(Cube(side_length=2)), run_time=0.4)
        self.begin_ambient_camera_rotation(rate=1)
        self.wait(0.4)
        self.stop_ambient_camera_rotation()
        self.play(FadeOut(label), run_time=0.2)
        self.wait(0.2)
"""
ZOOMED = """
class Main(ZoomedScene):
    def construct(self):
        dots = VGroup(*[Dot(RIGHT * i) for i in range(-3, 4)])
        self.add(dots)
        self.play(dots[0].animate.set_color(RED), run_time=0.2)
        self.activate_zooming(animate=True)
        self.play(self.zoomed_camera.frame.animate.shift(RIGHT), run_time=0.4)
        self.wait(0.2)
"""
OWN_CAMERA = """
class Dark(Camera):
    def capture_mobjects(self, mobjects, **kwargs):
        super().capture_mobjects(mobjects, **kwargs)
        self.pixel_array[::2, :, :3] //= 2

class Main(Scene):
    def __init__(self, **kwargs):
        super().__init__(camera_class=Dark, **kwargs)

    def construct(self):
        square = Square(fill_opacity=1)
        self.play(FadeIn(square), run_time=0.3)
        self.wait(0.3)
        self.play(square.animate.shift(UP), run_time=0.3)
"""
SCENES = {
    "plain": PLAIN,
    "images and points": PIXELS,
    "a moving camera": MOVING,
    "three dimensions": THREE_D,
    "a zoomed camera": ZOOMED,
    "a camera of the user's own": OWN_CAMERA,
}


def raw(project: Project, wanted: Sequence[tuple[Path, str]]) -> list[tuple[list[str], Path]]:
    """Render scenes, each drawn by `manim` or `ours`: hashes of the frames handed over, and the result's folder."""
    jobs = [project.job(scene) for scene, _ in wanted]
    arguments = [word for (job, _), (_, drawn_by) in zip(jobs, wanted, strict=True) for word in (str(job), drawn_by)]
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("raw_frames.py")), *arguments],
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [(json.loads((result / "hashes.json").read_text()), result) for _, result in jobs]


def test_every_raw_frame_is_bit_for_bit_what_manim_draws(
    new_project: Callable[[Path], Project], tmp_path: Path
) -> None:
    project = new_project(tmp_path)
    scenes = [project.scene(body, f"raw_{number}.py") for number, body in enumerate(SCENES.values())]
    frames = raw(project, [(scene, drawn_by) for scene in scenes for drawn_by in ("manim", "ours")])
    for name, (expected, _), (drawn, _) in zip(SCENES, frames[::2], frames[1::2], strict=True):
        assert len(set(expected)) > 5, name
        assert drawn == expected, name


@pytest.fixture(scope="module")
def both_ways(new_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered]:
    project = new_project(tmp_path_factory.mktemp("both"))
    scene = project.scene(PLAIN)
    return {encoder: project.render(scene, encoder=encoder) for encoder in ("fast", "stock")}


@pytest.fixture(scope="module")
def reference(both_ways: dict[str, Rendered]) -> Path:
    job = json.loads(both_ways["fast"].job.read_text())
    project = Project(Path(job["repo_root"]), Path(job["project_dir"]))
    return raw(project, [(Path(job["scene_file"]), "manim")])[0][1] / "video.mp4"


def test_both_ways_give_the_same_frames_sound_captions_and_lines(both_ways: dict[str, Rendered]) -> None:
    fast, stock = both_ways["fast"], both_ways["stock"]
    for name in ("frames", "fps", "width", "height", "samples", "captions", "lines"):
        assert fast.result[name] == stock.result[name], name
    assert fast.audio.read_bytes() == stock.audio.read_bytes()
    assert (fast.result["encoder"], stock.result["encoder"]) == ("fast", "stock")
    assert fast.result["fallback"] is None
    assert len(frames_of(fast.video)) == len(frames_of(stock.video)) == fast.result["frames"]


def test_the_fast_way_is_no_further_from_the_raw_frames_than_manims_own(
    both_ways: dict[str, Rendered], reference: Path
) -> None:
    fast: Quality = quality(both_ways["fast"].video, reference)
    stock: Quality = quality(both_ways["stock"].video, reference)
    assert fast.psnr >= stock.psnr
    assert fast.ssim >= stock.ssim


def test_both_ways_tell_players_the_same_colours(both_ways: dict[str, Rendered]) -> None:
    fast, stock = (facts_of(both_ways[encoder].video) for encoder in ("fast", "stock"))
    assert fast["colours"] == stock["colours"] == (1, 1, 6, 1)  # BT.709 but for the matrix, limited range


def test_a_file_of_manims_own_is_on_the_exact_grid_too(both_ways: dict[str, Rendered]) -> None:
    from pictures_of import packets_of

    stock = both_ways["stock"]
    shown = sorted(pts for pts, _ in packets_of(stock.video))
    assert shown == [1024 * number for number in range(stock.result["frames"])]
    decoded = [dts for _, dts in packets_of(stock.video)]
    assert decoded == sorted(decoded)
    assert len(set(decoded)) == len(decoded)


def test_narration_that_the_scene_does_not_wait_for_holds_the_last_frame(project: Project) -> None:
    scene = project.scene(
        """
        class Main(VoiceoverScene):
            def construct(self):
                self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
                self.add_voiceover_text(SCRIPT["more"])
                self.play(Create(Square()), run_time=0.4)
        """
    )
    for encoder in ("fast", "stock"):
        done = project.render(scene, encoder=encoder)
        (warning,) = done.named("warning")
        assert "held" in warning["message"]
        assert warning["file"] == str(scene)
        frames = frames_of(done.video)
        seconds = done.result["lines"][0]["duration_seconds"]
        assert done.result["frames"] == len(frames)
        assert seconds - 0.2 < len(frames) / 15 < seconds + 0.1
        assert (frames[-1] == frames[10]).all() or encoder == "stock"


def test_outlines_reach_cairo_as_manim_hands_them_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where Manim leaves what it makes of texts
    import manim
    import numpy as np
    from flaming_horse_build.render.outline import Outlines

    camera = manim.Camera(pixel_width=320, pixel_height=180)
    ctx = camera.get_cairo_context(camera.pixel_array)
    outlines = Outlines(manim.VMobject)
    rng = np.random.default_rng(0)

    def path_of(draw: Callable[[Any, Any], object], mobject: manim.VMobject) -> str:
        ctx.new_path()
        draw(ctx, mobject)
        return str(list(ctx.copy_path()))

    drawn = list(manim.Text("Ωß8 i").family_members_with_points())
    drawn += [manim.Square(), manim.Arc(), manim.Dot(), manim.Line()]
    for step in range(200):
        points = rng.normal(size=(4 * int(rng.integers(1, 12)), 3))
        for at in range(4, len(points), 4):  # joined, nearly joined, or apart
            if rng.random() < 0.7:
                points[at] = points[at - 1] + rng.choice([0, 1e-7, 9e-7, 1.1e-6, 1e-5, 1e-3])
        if step % 3 == 0:
            points[-1] = points[0]
        drawn.append(manim.VMobject().set_points(points))
    for mobject in drawn:
        traced = path_of(lambda context, one: outlines.trace(camera, context, one), mobject)
        assert traced == path_of(camera.set_cairo_context_path, mobject)
        assert len(traced) > 2

    class Own(manim.Square):  # type: ignore[misc]
        def consider_points_equals_2d(self, p0: object, p1: object) -> bool:
            return False

    assert not outlines.trace(camera, ctx, Own())
    assert not outlines.trace(camera, ctx, manim.VMobject())
    assert not outlines.trace(camera, ctx, manim.VMobject().set_points(np.zeros((6, 3))))
