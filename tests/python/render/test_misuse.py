"""Sounds, captions and settings that cannot be: an error that says so, at the user's own line."""

from __future__ import annotations

import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import Project
from pictures_of import facts_of

SCENE = """
import math, os
from fractions import Fraction
import numpy as np
from manim import *

config.pixel_width, config.pixel_height, config.frame_rate = 64, 34, 15
{top}

class Main(Scene):
    def __init__(self, **kwargs):
        {early}
        super().__init__(**kwargs)

    def construct(self):
        self.wait(0.2)
        {body}
        self.wait(0.2)
"""

# What a scene does, and a part of the message.
REFUSED: dict[str, str] = {
    'self.add_sound("tone.wav", time_offset=-1)': "add_sound: it would start 0.800 s before the scene does",
    'self.add_sound("tone.wav", time_offset=math.nan)': "the time at which it starts is nan, expected a number",
    'self.add_sound("tone.wav", time_offset=math.inf)': "the time at which it starts is inf, expected a number",
    'self.add_sound("tone.wav", time_offset="1")': "unsupported operand",
    'self.add_sound("tone.wav", gain=math.nan)': "add_sound: gain is nan, expected a number of dB",
    'self.add_sound("tone.wav", gain=1e6)': "add_sound: gain is 1000000.0 dB, expected at most 200 dB",
    'self.add_sound("tone.wav", gain="loud")': "add_sound: gain is 'loud', expected a number of dB",
    'self.add_sound("tone.wav", gain_to_background=-math.inf)': "gain_to_background is -inf",
    'self.add_sound("missing.wav")': "missing.wav",
    'self.add_sound("media")': "media: it is not a file",
    'self.add_sound("/dev/zero")': "/dev/zero: it is not a file",
    'self.add_sound("empty.wav")': "empty.wav: it is empty",
    'self.add_sound("broken.mp3")': "cannot read the sound",
    'self.add_sound("cut.wav")': "not one sample of it can be decoded",
    'self.add_sound("silent.mp4")': "silent.mp4 holds no sound",
    'self.add_sound("narration_script.py")': "cannot read the sound",
    "self.add_sound(None)": "",
    'self.add_subcaption("a", duration=math.nan)': "cannot convert float NaN",
    'self.add_subcaption("a", offset=math.inf)': "cannot convert float infinity",
    'self.add_subcaption("a", duration="1")': "unsupported operand",
    "self.add_subcaption(5)": "add_subcaption: the text is 5, expected a string",
    "self.add_subcaption(None)": "add_subcaption: the text is None, expected a string",
    'self.play(Create(Dot()), run_time=0.2, subcaption=["a"])': "the text is ['a'], expected a string",
    'config.frame_rate = "25"': "config.frame_rate is '25': expected a number of frames a second from 0.01 to 1000",
    "config.frame_rate = 0": "config.frame_rate is 0:",
    "config.frame_rate = -25": "config.frame_rate is -25:",
    "config.frame_rate = math.nan": "config.frame_rate is nan:",
    "config.frame_rate = math.inf": "config.frame_rate is inf:",
    "config.frame_rate = 1e9": "config.frame_rate is 1000000000.0:",
    "config.frame_rate = 1e-9": "config.frame_rate is 1e-09:",
    "config.frame_rate = True": "config.frame_rate is True:",
    "config.frame_rate = None": "config.frame_rate is None:",
    'config["frame_rate"] = [25]': "config.frame_rate is [25]:",
    "config.pixel_width = 65": "the picture is 65x34: both must be even numbers of pixels",
    "config.pixel_height = 35": "the picture is 64x35: both must be even numbers of pixels",
    "config.pixel_height = 0": "config.pixel_height is 0: expected a whole number from 2 to 16384",
    'config.pixel_width = "64"': "pixel_width must be a non-negative integer",
    "config.pixel_width = 64.0": "pixel_width must be a non-negative integer",
    "config.pixel_width = 20000": "config.pixel_width is 20000: expected a whole number from 2 to 16384",
    'config.renderer = "opengl"': "the OpenGL renderer is not supported",
}


@pytest.fixture(scope="module")
def home(new_project: Callable[[Any], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("misuse"))
    path = project.folder / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(np.full(9600, 8000, np.int16).tobytes())
    (project.folder / "cut.wav").write_bytes(path.read_bytes()[:44])
    project.write("empty.wav", "")
    (project.folder / "broken.mp3").write_bytes(bytes(range(256)) * 40)
    return project


def written(home: Project, number: int, **parts: str) -> Any:
    marked = {name: f"{part}  # here" for name, part in parts.items()}
    return home.write(f"s{number}.py", SCENE.format(**{"top": "", "early": "pass", "body": "pass", **marked}))


def line_of(path: Any) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if "# here" in line)


def test_what_cannot_be_is_told_at_the_line_that_asks_for_it(home: Project) -> None:
    (video,) = home.render_all([(written(home, 999), {})])
    (home.folder / "silent.mp4").write_bytes(video.video.read_bytes())
    scenes = [
        written(home, number, **{"top" if call.startswith("config") else "body": call})
        for number, call in enumerate(REFUSED)
    ]
    done = home.render_all([(scene, {}) for scene in scenes])
    for (call, message), scene, render in zip(REFUSED.items(), scenes, done, strict=True):
        assert render.status == 1, call
        assert message in render.error["message"], call
        assert (render.error["file"], render.error["line"]) == (str(scene), line_of(scene)), call
        assert not render.named("warning"), call
    sizes = [call for call in REFUSED if call.startswith(("config.pixel_width = 65", 'config.frame_rate = "25"'))]
    scene = scenes[list(REFUSED).index(sizes[0])]
    (stock,) = home.render_all([(scene, {"encoder": "stock"})])
    assert stock.error == done[list(REFUSED).index(sizes[0])].error | {"traceback": stock.error["traceback"]}


def test_what_is_odd_but_possible_is_rendered(home: Project) -> None:
    calls = {
        'self.add_sound("tone.wav", time_offset=1e9)': "the sound tone.wav starts after the scene's end",
        'self.add_sound("tone.wav", gain=-200)': None,
        'self.add_subcaption("upside down", duration=-1)': 'the caption "upside down" ends before it starts',
        'self.add_subcaption("")': None,
        'self.add_subcaption("a", duration=0)': None,
    }
    scenes = [written(home, 100 + number, body=call) for number, call in enumerate(calls)]
    done = home.render_all([(scene, {}) for scene in scenes])
    for (call, warning), scene, render in zip(calls.items(), scenes, done, strict=True):
        assert render.status == 0, f"{call}: {render.output[-500:]}"
        told = [(one["message"][: len(warning or "")], one["line"]) for one in render.named("warning")]
        assert told == ([] if warning is None else [(warning, line_of(scene))]), call
        assert [caption["text"] for caption in render.result["captions"]] in ([], [""])


def test_a_scene_may_set_its_picture_when_it_is_made(home: Project) -> None:
    setting = "config.pixel_width, config.pixel_height, config.frame_rate = 96, 52, 12.5"
    scene = written(home, 200, early=setting)
    wrong = written(home, 201, early="config.pixel_width = 65")
    own, stock, small, refused = home.render_all(
        [
            (scene, {}),
            (scene, {"encoder": "stock"}),
            (scene, {"size": {"width": 48, "height": 26, "fps": 10}}),
            (wrong, {}),
        ]
    )
    for done, expected in ((own, (96, 52, 12.5)), (stock, (96, 52, 12.5)), (small, (48, 26, 10))):
        assert tuple(done.result[name] for name in ("width", "height", "fps")) == expected
        assert facts_of(done.video)["size"] == expected[:2]
    assert own.result["frames"] == stock.result["frames"] == 4
    assert (refused.error["file"], refused.error["line"]) == (str(wrong), line_of(wrong))


def test_a_sound_is_heard_as_it_was_when_it_was_added(home: Project) -> None:
    scene = home.write(
        "s300.py",
        SCENE.format(top="", early="pass", body="pass").replace(
            "        pass\n        self.wait(0.2)\n",
            """
        import wave
        for level in (1000, 2000):
            with wave.open("made.wav", "wb") as file:
                file.setparams((1, 2, 48_000, 0, "NONE", ""))
                file.writeframes(np.full(6400, level, np.int16).tobytes())
            self.add_sound("made.wav")
            self.wait(0.2)
            os.remove("made.wav")
""",
        ),
    )
    (done,) = home.render_all([(scene, {})])
    with wave.open(str(done.audio)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)[:, 0]
    assert [int(samples[at]) for at in (0, 9600, 15_000, 19_200)] == [0, 1000, 1000, 2000], done.output
