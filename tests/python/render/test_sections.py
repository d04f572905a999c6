"""Nothing of a skipped part is seen, heard or captioned, and all after it is in its place."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import srt
from conftest import ROOT, Project, Rendered
from pictures_of import frames_of

FRAME = 48_000 // 15

HEAD = """
from pathlib import Path
from manim import *
from manim_voiceover_plus import VoiceoverScene
from flaming_horse_voice import get_speech_service
from narration_script import SCRIPT

config.pixel_width, config.pixel_height, config.frame_rate = 64, 34, 15

class Main(VoiceoverScene):
    def construct(self):
        self.set_speech_service(get_speech_service(Path(__file__).resolve().parent))
"""
START = "self.play(FadeIn(Square()), run_time=0.4)\n"
SPEAK = 'with self.voiceover(text=SCRIPT["{}"]):\n    self.wait(0.2)\n'
SKIP = "self.next_section(skip_animations=True)\n"
GO_ON = "self.next_section()\n"
END = "self.wait(0.4)\n"

# Scenes in parts; those that begin with SKIP must leave no trace: the scene is as if they were not there.
WITHOUT_A_TRACE: dict[str, list[str]] = {
    "a voiceover in the middle": [START, SKIP + SPEAK.format("intro"), GO_ON + SPEAK.format("more")],
    "a voiceover at the start": [SKIP + SPEAK.format("intro"), GO_ON + SPEAK.format("more") + END],
    "a voiceover at the end": [START + SPEAK.format("intro"), SKIP + SPEAK.format("more")],
    "several parts": [
        START,
        SKIP + SPEAK.format("intro"),
        GO_ON + END,
        SKIP + SPEAK.format("more") + SKIP + END,
        GO_ON + SPEAK.format("intro"),
    ],
    "sounds, before and after its plays": [
        START + 'self.add_sound("tone.wav")\n' + END,
        SKIP + 'self.add_sound("tone.wav")\nself.wait(1)\nself.add_sound("tone.wav", time_offset=-0.4)\n',
        GO_ON + 'self.add_sound("tone.wav")\n' + END,
    ],
    "a sound after a voiceover": [
        START,
        SKIP + SPEAK.format("intro") + 'self.add_sound("tone.wav")\n',
        GO_ON + END,
    ],
    "a sound and a caption that would last beyond it": [
        START,
        SKIP + 'self.add_sound("ramp.wav")\nself.add_subcaption("skipped", duration=9)\nself.wait(0.2)\n',
        GO_ON + END,
    ],
    "captions of every kind": [
        START + 'self.play(Create(Dot()), run_time=0.4, subcaption="seen")\n',
        SKIP
        + 'self.play(Create(Dot()), subcaption="skipped", subcaption_duration=5)\n'
        + 'self.add_subcaption("skipped", duration=1, offset=-1)\n'
        + "self.remove(self.mobjects[-1])\n",
        GO_ON + 'self.add_subcaption("seen, too", duration=0.3)\nself.wait(0.4)\n',
    ],
    "voiceovers in each other": [
        START,
        SKIP + 'with self.voiceover(text=SCRIPT["intro"]):\n' + textwrap.indent(SPEAK.format("more"), "    "),
        GO_ON + SPEAK.format("more"),
    ],
    "Manim's own switch": [
        START,
        "self.renderer._original_skipping_status = True\n" + SPEAK.format("intro"),
        "self.renderer._original_skipping_status = False\n" + SPEAK.format("more"),
    ],
    "the first animations, by number": [
        "config.from_animation_number = 2\n" + SPEAK.format("intro"),
        "config.from_animation_number = 0\n" + SPEAK.format("more"),
    ],
    "an updater that makes sounds": [
        START + 'beep = lambda mob, dt: self.add_sound("tone.wav")\n',
        SKIP + "dot = Dot().add_updater(beep)\nself.add(dot)\nself.wait(0.4)\nself.remove(dot)\n",
        GO_ON + END,
    ],
}
# Parts that are skipped in another way.
LEAVES = {"the first animations, by number": {0}, "Manim's own switch": {1}}


@pytest.fixture(scope="module")
def home(new_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("sections"))
    sounds = {"tone": np.full(FRAME * 6, 8000), "ramp": np.arange(48_000 * 4) // 8}
    for name, samples in sounds.items():
        with wave.open(str(project.folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 48_000, 0, "NONE", ""))
            file.writeframes(samples.astype(np.int16).tobytes())
    return project


def samples_of(done: Rendered) -> npt.NDArray[np.int16]:
    with wave.open(str(done.audio)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, 0]


def scene(home: Project, name: str, body: str) -> Path:
    return home.write(f"{name}.py", HEAD + textwrap.indent(body, " " * 8))


def test_a_skipped_part_leaves_no_trace(home: Project) -> None:
    jobs: list[tuple[Path, dict[str, Any]]] = []
    for number, (name, parts) in enumerate(WITHOUT_A_TRACE.items()):
        leaves = LEAVES.get(name, {at for at, part in enumerate(parts) if part.startswith(SKIP)})
        kept = [part for at, part in enumerate(parts) if at not in leaves]
        for way, body in (("skipping", "".join(parts)), ("without", "".join(kept))):
            jobs += [(scene(home, f"{way}_{number}", body), {})]
    jobs.append((jobs[0][0], {"encoder": "stock"}))
    done = home.render_all(jobs)
    for name, skipping, without in zip(WITHOUT_A_TRACE, done[:-1:2], done[1:-1:2], strict=True):
        for fact in ("frames", "samples", "captions", "lines"):
            assert skipping.result[fact] == without.result[fact], f"{name}: {fact}"
        assert skipping.audio.read_bytes() == without.audio.read_bytes(), name
        pictures = zip(frames_of(skipping.video), frames_of(without.video), strict=True)
        assert all(np.abs(one.astype(int) - other).mean() < 1 for one, other in pictures), name
        assert skipping.named("warning") == without.named("warning"), name
    fast, stock = done[0], done[-1]
    assert fast.audio.read_bytes() == stock.audio.read_bytes()
    assert fast.result["captions"] == stock.result["captions"]
    assert len(frames_of(stock.video)) == fast.result["frames"]


def test_what_lasts_across_a_skipped_part_goes_on_where_the_whole_scene_would(home: Project) -> None:
    music, voice, early = home.render_all(
        [
            (
                scene(
                    home,
                    "music",
                    'self.add_sound("ramp.wav")\nself.add_subcaption("music", duration=1.8)\nself.wait(1)\n'
                    + SKIP
                    + "self.wait(0.6)\nself.play(Create(Dot()), run_time=0.4)\n"
                    + GO_ON
                    + "self.wait(1)\n",
                ),
                {},
            ),
            (
                scene(
                    home,
                    "voice",
                    'with self.voiceover(text=SCRIPT["more"]):\n    self.wait(1)\n    '
                    + SKIP
                    + "    self.wait(0.4)\n"
                    + GO_ON
                    + 'with self.voiceover(text=SCRIPT["intro"]):\n    self.wait(0.2)\n',
                ),
                {},
            ),
            (scene(home, "early", "config.upto_animation_number = 1\n" + SPEAK.format("more") * 2), {}),
        ]
    )
    heard = samples_of(music).astype(int)
    assert music.result["frames"] == 30
    assert list(heard[[1000, 40_000, 48_300, 60_000]]) == [125, 5000, (48_300 + 48_000) // 8, (60_000 + 48_000) // 8]
    assert abs(heard[47_999]) < 100 and abs(heard[48_000]) < 100  # faded, so that nothing clicks
    assert music.result["captions"] == [{"start": 0, "end": 1, "text": "music"}]
    first, second = voice.result["lines"]
    assert (first["start_frame"], second["start_frame"]) == (0, 15)
    assert [caption["start"] for caption in voice.result["captions"]][-1] == pytest.approx(1, abs=1e-5)
    assert not voice.named("warning")
    alone = samples_of(voice)
    assert np.abs(alone[: 15 * FRAME]).max() > 1000
    # the end of a scene by number: what is spoken ends with the picture, and is not waited for
    assert early.result["frames"] / 15 == pytest.approx(early.result["lines"][0]["duration_seconds"], abs=0.15)


def test_a_scene_of_which_all_is_skipped_says_so(home: Project) -> None:
    (done,) = home.render_all([(scene(home, "all", SKIP + START + END), {})])
    assert "shows nothing: all that it plays is skipped" in done.error["message"]


def test_narration_is_waited_for_after_a_skipped_end(home: Project) -> None:
    (done,) = home.render_all(
        [(scene(home, "tail", 'self.add_voiceover_text(SCRIPT["more"])\n' + START + SKIP + START), {})]
    )
    (warning,) = done.named("warning")
    assert "held" in warning["message"]
    assert (warning["file"], warning["line"]) == (str(home.folder / "tail.py"), HEAD.count("\n") + 1)
    skipped = 0.4
    seconds = done.result["lines"][0]["duration_seconds"]
    assert done.result["frames"] / 15 == pytest.approx(seconds - skipped, abs=0.2)


def test_all_captions_of_manims_own_file_are_kept(home: Project, tmp_path: Path) -> None:
    file = scene(
        home,
        "captions",
        """\
with self.voiceover(text=SCRIPT["more"], max_subcaption_len=30):
    self.add_subcaption("a note", duration=1)
    self.add_subcaption("a note", duration=1)
    self.add_subcaption("and another", duration=0.5)
    self.play(Create(Dot()), run_time=0.4, subcaption="a dot", subcaption_offset=-0.2, subcaption_duration=9)
self.add_subcaption("no time", duration=0)
self.add_subcaption("early", offset=-1)
self.wait(0.4)
""",
    )
    (done,) = home.render_all([(file, {})])
    command = [sys.executable, "-m", "manim", "render", "--disable_caching", "--media_dir", str(tmp_path)]
    subprocess.run(
        [*command, str(file), "Main"],
        cwd=home.folder,
        env={**home.environment(), "PYTHONPATH": str(ROOT / "python/provided")},
        check=True,
        capture_output=True,
    )
    (written,) = tmp_path.rglob("*.srt")
    stock = [
        (one.start.total_seconds(), one.end.total_seconds(), one.content) for one in srt.parse(written.read_text())
    ]
    assert len(stock) == 7
    kept = sorted((one["start"], one["end"], one["text"]) for one in done.result["captions"])
    # Manim drops what starts before the scene does; the part of it within the scene is kept here
    assert [text for start, _, text in kept if start < 0] == ["a dot"]
    kept = [one for one in kept if one[0] >= 0]
    assert [text for *_, text in kept] == [text for *_, text in stock]
    for ours, manims in zip(kept, stock, strict=True):
        assert ours[:2] == pytest.approx(manims[:2], abs=0.002)
