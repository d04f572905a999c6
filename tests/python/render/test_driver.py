"""One scene's render as the action starts it: job in, events and result out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import wave
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import HEAD, NARRATION, SIZE, Project, Rendered
from pictures_of import facts_of, frames_of, packets_of, rgb_of

SPOKEN = """
class Main(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
        self.play(Create(Square(color=RED, fill_opacity=1)), run_time=0.6)
        with self.voiceover(text=SCRIPT["intro"]) as tracker:
            self.wait(0.4)
        self.wait(0.2)
        with self.voiceover(text=SCRIPT["more"], subcaption="Other words") as tracker:
            self.play(FadeIn(Circle()), run_time=tracker.duration / 2)
"""


@pytest.fixture(scope="module")
def home(new_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("driver"))


@pytest.fixture(scope="module")
def spoken_scene(home: Project) -> Rendered:
    return home.render(home.scene(SPOKEN))


def test_the_video_is_on_an_exact_frame_grid(spoken_scene: Rendered) -> None:
    facts = facts_of(spoken_scene.video)
    frames = spoken_scene.result["frames"]
    assert (facts["codec"], facts["pix_fmt"], facts["size"]) == ("h264", "yuv420p", (320, 180))
    assert (facts["rate"], facts["time_base"]) == (15, Fraction(1, 15360))
    assert (facts["frames"], facts["duration"]) == (frames, 1024 * frames)
    times = packets_of(spoken_scene.video)
    assert sorted(shown for shown, _ in times) == [1024 * number for number in range(frames)]
    assert [decoded for _, decoded in times] == [1024 * number for number in range(-1, frames - 1)]
    assert len(frames_of(spoken_scene.video)) == frames


def test_the_sound_is_as_long_as_the_video_to_the_sample(spoken_scene: Rendered) -> None:
    with wave.open(str(spoken_scene.audio)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 2, 2)
        assert file.getnframes() == spoken_scene.result["samples"] == spoken_scene.result["frames"] * 3200


def test_lines_are_where_the_clock_says_and_so_is_their_sound(spoken_scene: Rendered) -> None:
    first, second = spoken_scene.result["lines"]
    assert [first["key"], second["key"]] == ["intro", "more"]
    assert [first["text"], second["text"]] == list(NARRATION.values())
    assert first["start_frame"] == 9
    spoken_until = 9 + first["duration_seconds"] * 15
    assert abs(second["start_frame"] - 3 - spoken_until) <= 2
    assert hashlib.sha256(Path(first["audio_file"]).read_bytes()).hexdigest() == first["audio_sha256"]
    with wave.open(str(spoken_scene.audio)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    assert not samples[: 9 * 3200].any()
    assert samples[9 * 3200 : 12 * 3200].any()
    told = spoken_scene.named("line")
    assert [line["key"] for line in told] == ["intro", "more"]


def test_captions_are_those_of_the_scene(spoken_scene: Rendered) -> None:
    first, second = spoken_scene.result["captions"]
    assert first["text"] == NARRATION["intro"]
    assert second["text"] == "Other words"
    assert first["start"] == pytest.approx(9 / 15, abs=1e-5)
    assert first["start"] < first["end"] < second["start"] < second["end"]


def test_events_tell_the_start_the_frames_and_the_end(spoken_scene: Rendered) -> None:
    (start,) = spoken_scene.named("start")
    assert (start["scene"], start["fps"], start["width"], start["height"]) == ("scene_01", 15, 320, 180)
    counted = [event["frames"] for event in spoken_scene.named("frames")]
    assert counted == sorted(counted)
    assert counted[-1] == spoken_scene.result["frames"]
    assert spoken_scene.events[-1]["event"] == "done"
    assert not spoken_scene.named("warning")


def test_the_result_describes_its_files_and_what_it_took(spoken_scene: Rendered) -> None:
    result = spoken_scene.result
    for name, digest in result["files"].items():
        assert hashlib.sha256((spoken_scene.result_dir / name).read_bytes()).hexdigest() == digest
    assert set(result["files"]) == {"video.mp4", "audio.wav"}
    assert {"python", "manim", "manim_voiceover", "av", "numpy", "cairo", "pango"} <= set(result["versions"])
    assert result["seconds"]["total"] >= result["seconds"]["import"] > 0
    assert result["cpu_seconds"] > 0
    assert result["peak_rss_bytes"] > 50_000_000


def test_a_player_that_knows_the_tags_shows_manims_colours(spoken_scene: Rendered) -> None:
    middle = rgb_of(spoken_scene.video, 10)[90, 160].astype(int)
    assert np.abs(middle - (252, 98, 85)).max() <= 4  # Manim's RED


def test_the_same_job_gives_the_same_bytes_twice(home: Project, spoken_scene: Rendered) -> None:
    again = home.render(home.folder / "scene_01.py")
    assert again.video.read_bytes() == spoken_scene.video.read_bytes()
    assert again.audio.read_bytes() == spoken_scene.audio.read_bytes()


def test_the_voice_cache_and_the_project_are_left_as_they_were(home: Project, spoken_scene: Rendered) -> None:
    assert spoken_scene.status == 0
    index = json.loads((home.folder / "media/voiceovers/qwen/cache.json").read_text())
    assert [entry["narration_key"] for entry in index] == list(NARRATION)
    assert not list(home.repo.rglob("__pycache__"))


def test_scenes_share_their_parameter_sets_whatever_they_show(home: Project, spoken_scene: Rendered) -> None:
    other = home.render(
        home.scene(
            """
            import numpy as np

            class Main(Scene):
                def construct(self):
                    noise = ImageMobject(np.random.randint(0, 255, (180, 320, 3), np.uint8)).scale(4)
                    self.add(noise)
                    self.play(Rotate(noise), run_time=1)
            """,
            "scene_02.py",
        )
    )
    assert facts_of(other.video)["extradata"] == facts_of(spoken_scene.video)["extradata"]


def test_random_scenes_repeat_with_their_seed(home: Project) -> None:
    scene = home.scene(
        """
        import random
        import numpy as np

        class Main(Scene):
            def construct(self):
                rng = np.random.default_rng()
                self.add(Dot([random.random(), np.random.rand(), 0]), Dot([-rng.random(), -rng.random(), 0]))
                self.wait(0.2)
        """,
        "scene_03.py",
    )
    one, same, other = (home.render(scene, seed=seed).video.read_bytes() for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_preview_has_the_wanted_size_and_the_same_layout(home: Project) -> None:
    scene = home.scene(
        """
        class Main(Scene):
            def construct(self):
                words = Text("word " * 40, font_size=40)
                print("LAYOUT", words.width, words.height, config.pixel_width)
                self.add(words, Square(8, color=YELLOW))
                self.wait(0.2)
        """,
        "scene_04.py",
        HEAD.replace("320, 180, 15", "1280, 720, 30"),
    )
    full = home.render(scene)
    small = home.render(scene, size={"width": 426, "height": 240, "fps": 10})
    assert (full.result["width"], full.result["height"], full.result["fps"]) == (1280, 720, 30)
    assert (small.result["width"], small.result["height"], small.result["fps"]) == (426, 240, 10)
    assert (full.result["frames"], small.result["frames"]) == (6, 2)
    (layout,) = (line for line in full.output.splitlines() if "LAYOUT" in line)
    assert layout in small.output
    shown = rgb_of(small.video, 0)
    drawn = np.flatnonzero(shown[120].max(axis=1) > 100)
    assert drawn.size
    assert abs(int(drawn[0]) / 426 - (0.5 - 4 / (10 * 16 / 9))) < 0.01


def test_a_preview_of_another_shape_keeps_the_scenes_shape(home: Project) -> None:
    scene = home.scene(
        """
        config.pixel_width, config.pixel_height = 360, 640
        config.frame_width, config.frame_height = 9, 16

        class Main(Scene):
            def construct(self):
                self.add(Circle())
                self.wait(0.2)
        """,
        "scene_05.py",
    )
    small = home.render(scene, size=SIZE)
    assert (small.result["width"], small.result["height"]) == (180, 320)


def test_a_scene_without_a_size_of_its_own_is_rendered_in_high_quality(home: Project) -> None:
    scene = home.write(
        "scene_06.py",
        "from manim import *\n\n\nclass Main(Scene):\n    def construct(self):\n        self.wait(0.1)\n",
    )
    result = home.render(scene).result
    assert (result["width"], result["height"], result["fps"], result["frames"]) == (1920, 1080, 60, 6)


def test_sounds_of_the_scene_are_mixed_at_their_frames(home: Project) -> None:
    with wave.open(str(home.folder / "click.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(np.full(48_000 // 10, 8000, np.int16).tobytes())
    done = home.render(
        home.scene(
            """
            class Main(Scene):
                def construct(self):
                    self.wait(0.2)
                    self.add_sound("click.wav", time_offset=0.1, gain=-6)
                    self.wait(1)
                    self.add_sound("click.wav", time_offset=-0.05)
                    self.wait(0.2)
                    self.add_sound("click.wav")
                    self.wait(1 / 15)
            """,
            "scene_07.py",
        )
    )
    with wave.open(str(done.audio)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, 0]
    loud = np.flatnonzero(samples)
    starts = [int(loud[0]), *(int(at) for before, at in pairwise(loud) if at > before + 1)]
    assert starts == [3 * 3200 + 4800, 18 * 3200 - 2400, 21 * 3200]
    assert samples[3 * 3200 + 5000] == round(8000 * 10 ** (-6 / 20))
    assert samples[-1] == 0
    assert samples[21 * 3200 + 100] == 8000
    assert str(home.folder / "click.wav") in {file["path"] for file in done.result["opened"]}


def test_long_background_sound_is_cut_with_a_warning(home: Project) -> None:
    with wave.open(str(home.folder / "long.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(np.full(48_000 * 2, 8000, np.int16).tobytes())
    done = home.render(
        home.scene(
            """
            class Main(Scene):
                def construct(self):
                    self.add_sound("long.wav")
                    self.wait(0.4)
            """,
            "scene_08.py",
        )
    )
    assert done.result["frames"] == 6
    (warning,) = done.named("warning")
    assert "long.wav goes on for 1.60 s" in warning["message"]


def test_opened_files_hold_helpers_and_assets_but_nothing_of_ours(home: Project) -> None:
    home.write("helper.py", "SIDE = 2\n")
    home.write("assets/note.txt", "hello")
    home.write("assets/unused.txt", "hello")
    home.write("assets/shape.svg", '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0L9 0L9 9Z"/></svg>')
    done = home.render(
        home.scene(
            """
            from helper import SIDE

            class Main(Scene):
                def construct(self):
                    with open("assets/note.txt") as file:
                        note = file.read()
                    self.add(Square(SIDE), SVGMobject("assets/shape.svg"), Text(note))
                    self.wait(0.2)
            """,
            "scene_09.py",
        )
    )
    opened = {file["path"]: file["kind"] for file in done.result["opened"]}
    project = {Path(path).relative_to(home.folder).as_posix(): kind for path, kind in opened.items()}
    assert project == {
        "scene_09.py": "module",
        "helper.py": "module",
        "narration_script.py": "module",
        "assets/note.txt": "asset",
        "assets/shape.svg": "asset",
        "manim.cfg": "absent",
    }
    assert done.result["unsafe"] == []


def test_what_makes_a_result_depend_on_more_than_its_sources_is_named(home: Project) -> None:
    done = home.render(
        home.scene(
            """
            import os, socket, subprocess

            class Main(Scene):
                def construct(self):
                    try:
                        socket.create_connection(("127.0.0.1", 9), timeout=1)
                    except OSError:
                        pass
                    os.listdir("media")
                    subprocess.run(["true"], check=True)
                    self.add(Square())
                    self.wait(0.2)
            """,
            "scene_10.py",
        )
    )
    assert done.result["unsafe"] == [
        "network: 127.0.0.1",
        f"lists the folder {home.folder / 'media'}",
        "runs the program true",
    ]


def test_latex_is_shared_between_renders(home: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = home.scene(
        r"""
        class Main(Scene):
            def construct(self):
                self.add(MathTex(r"\sum_{i} x_i"))
                self.wait(0.2)
        """,
        "scene_11.py",
    )
    shared = tmp_path / "tex"
    first = home.render(scene, tex_cache_dir=str(shared))
    made = {file.name: file.read_bytes() for file in shared.iterdir()}
    assert made
    assert all(name.endswith(".svg") for name in made)
    monkeypatch.setenv("PATH", str(tmp_path))  # no latex from here on
    assert "latex" in home.render(scene).error["message"]
    second = home.render(scene, tex_cache_dir=str(shared))
    assert {file.name: file.read_bytes() for file in shared.iterdir()} == made
    assert first.video.read_bytes() == second.video.read_bytes()


def test_encoder_options_are_passed_on(home: Project) -> None:
    scene = home.folder / "scene_01.py"
    assert scene.exists()
    coarse = home.render(scene, encoder_options={"qp": "45"})
    fine = home.render(scene, encoder_options={"preset": "medium", "crf": "10", "bframes": "2"})
    assert coarse.video.stat().st_size < fine.video.stat().st_size
    assert len(frames_of(fine.video)) == fine.result["frames"] == coarse.result["frames"]
    assert sorted(pts for pts, _ in packets_of(fine.video)) == [1024 * n for n in range(fine.result["frames"])]


def test_a_wrong_job_is_the_callers_fault(home: Project) -> None:
    scene = home.scene("class Main(Scene):\n    def construct(self):\n        self.wait(0.2)\n", "scene_12.py")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"encoder_options": {"nonsense": "1"}}, "nonsense"),
        ({"encoder_options": {"preset": "nonsense"}}, "encoder_options"),
        ({"encoder": "other"}, "encoder: found 'other', expected one of fast, stock"),
        ({"size": {"width": 321, "height": 180, "fps": 15}}, "even width"),
        ({"format": 2}, "format: found 2"),
        ({"seed": "0"}, "seed: found '0', expected a whole number"),
        ({"media_dir": "media"}, "media_dir: found 'media', expected an absolute path"),
    ]
    right, *refused = home.render_all([(scene, {}), *((scene, fields) for fields, _ in wrong)])
    assert right.status == 0
    for done, (_, message) in zip(refused, wrong, strict=True):
        assert done.status == 2, message
        (error,) = done.named("error")
        assert message in error["message"]
        assert error["type"] == "JobError"
        assert not (done.result_dir / "result.json").exists()


def test_nobody_listening_is_no_error(home: Project) -> None:
    scene = home.scene("class Main(Scene):\n    def construct(self):\n        self.wait(0.2)\n", "scene_13.py")
    job, result = home.job(scene)
    from conftest import driver

    ended = subprocess.run(driver(job), env=home.environment(), cwd=home.folder, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (result / "result.json").exists()
