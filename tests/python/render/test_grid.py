"""Pictures of every even size, at every frame rate, are Manim's."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from conftest import Project
from pictures_of import facts_of, frames_of, packets_of

# Frame rates as scenes write them, with the exact number meant.
RATES: dict[str, Fraction] = {
    "15": Fraction(15),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": Fraction(60000, 1001),
    "60": Fraction(60),
    "12.5": Fraction(25, 2),
    "7.5": Fraction(15, 2),
    "23.976": Fraction(24000, 1001),
    "24000 / 1001": Fraction(24000, 1001),
    "Fraction(24000, 1001)": Fraction(24000, 1001),
    "100 / 3": Fraction(100, 3),
    "np.float64(12.5)": Fraction(25, 2),
    "np.int64(10)": Fraction(10),
    "0.5": Fraction(1, 2),
    "1": Fraction(1),
    "120": Fraction(120),
    "144": Fraction(144),
    "240": Fraction(240),
    "33.3": Fraction(333, 10),
}
# Remainders of 0 and 2 by 4 in both directions, of all kinds by 16 and 64; the least; the shapes of real videos.
SIZES = [
    *((2, 2), (2, 4), (4, 2), (6, 10), (16, 16), (18, 14), (30, 34), (32, 62), (66, 66), (98, 50), (126, 94)),
    *((270, 202), (322, 182), (130, 230), (240, 134), (160, 90), (90, 160), (108, 134), (46, 82), (480, 270)),
    *((64, 36), (854, 10)),
]
SCENE = """
import numpy as np
from fractions import Fraction
from manim import *

config.pixel_width, config.pixel_height, config.frame_rate = {width}, {height}, {rate}
config.frame_height, config.frame_width = 8, 8 * {width} / {height}

class Main(Scene):
    def construct(self):
        frame = 1 / config.frame_rate
        corner = np.array([config.frame_width / 2, 4, 0])
        noise = ImageMobject(np.uint8(np.random.randint(0, 255, (24, 40, 3)))).set_height(5).shift(LEFT * 0.31)
        square = Square(3, color=RED, fill_opacity=0.8).shift(corner / 3)
        self.play(FadeIn(square, noise), run_time=3 * frame)
        self.wait(4 * frame)
        self.play(square.animate.shift(-corner * 0.83).rotate(0.4), run_time=6 * frame)
        self.remove(noise)
        self.add(Dot(corner * 0.97, color=GREEN, radius=0.3))  # at the edge of the picture
        self.wait(frame)
        self.camera.background_color = BLUE
        self.wait(2 * frame)
"""
LOSSLESS = {"preset": "ultrafast", "qp": "0"}


def decoded_by_ffmpeg(video: Path) -> npt.NDArray[np.uint8]:
    """All frames of a video as yuv420p bytes, decoded by the system's ffmpeg."""
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)


def test_every_frame_of_every_size_and_rate_is_manims(new_project: Callable[[Path], Project], tmp_path: Path) -> None:
    project = new_project(tmp_path)
    cases: list[tuple[tuple[int, int], str, dict[str, Path]]] = []
    arguments: list[str] = []
    for number, (size, rate) in enumerate(zip(SIZES, RATES, strict=True)):
        text = SCENE.format(width=size[0], height=size[1], rate=rate)
        scene = project.write(f"grid_{number:02}.py", text)
        results: dict[str, Path] = {}
        wanted: dict[str, tuple[str, dict[str, Any]]] = {
            "manim": ("manim", {}),
            "lossless": ("driver", {"encoder_options": LOSSLESS}),
        }
        if number % 3 == 0:  # B-frames do not depend on sizes
            wanted["usual"] = ("driver", {})
        for name, (drawn_by, fields) in wanted.items():
            job, results[name] = project.job(scene, **fields)
            arguments += [str(job), drawn_by]
        cases.append((size, rate, results))
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
    wrong = {f"{w}x{h} at {rate}": faults((w, h), rate, results) for (w, h), rate, results in cases}
    assert {name: found for name, found in wrong.items() if found} == {}


def faults(size: tuple[int, int], rate: str, results: dict[str, Path]) -> list[str]:
    found = []
    expected = np.stack([frame.reshape(-1) for frame in frames_of(results["manim"] / "video.mp4")])
    number = len(json.loads((results["manim"] / "hashes.json").read_text()))
    if number < 14 or len(expected) != number:
        found.append(f"Manim gave {number} frames, {len(expected)} of them decoded")
    lossless = decoded_by_ffmpeg(results["lossless"] / "video.mp4")
    if lossless.size != expected.size or (lossless.reshape(expected.shape) != expected).any():
        found.append("what is encoded without loss is not what Manim drew")
    if "usual" in results:
        usual = np.stack([frame.reshape(-1) for frame in frames_of(results["usual"] / "video.mp4")])
        error = np.abs(usual.astype(int) - expected).mean(axis=1)
        if error.max() > (6 if min(size) >= 8 else 10):
            found.append(f"frame {error.argmax()} is {error.max():.1f} away from Manim's")
    facts = facts_of(results["lossless"] / "video.mp4")
    ticks = 1 / (facts["time_base"] * RATES[rate])
    if (facts["size"], facts["rate"], facts["frames"]) != (size, RATES[rate], number):
        found.append(f"{facts['size']}, {facts['frames']} frames at {facts['rate']}")
    if sorted(shown for shown, _ in packets_of(results["lossless"] / "video.mp4")) != [
        n * ticks for n in range(number)
    ]:
        found.append(f"its frames are not {ticks} ticks apart")
    result = json.loads((results["lossless"] / "result.json").read_text())
    samples = math.floor(number * 48000 / result["fps"] + 0.5)  # as TypeScript computes it
    if result["samples"] != samples:
        found.append(f"{result['samples']} samples instead of {samples}")
    return found
