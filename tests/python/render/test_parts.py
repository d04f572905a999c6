"""The parts that can be tried without Manim."""

from __future__ import annotations

import itertools
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from flaming_horse_build.render import sound
from flaming_horse_build.render.canvas import Canvas, Planes
from flaming_horse_build.render.encoder import Encoder, encoder_options
from flaming_horse_build.render.film import time_scale
from flaming_horse_build.render.pictures import Pictures, words
from flaming_horse_build.render.problems import FramePathError
from flaming_horse_build.render.regions import covering, merged
from flaming_horse_build.render.repeats import Repeats
from flaming_horse_build.render.settings import frame_rate
from flaming_horse_build.render.sound import Sound
from pictures_of import frames_of, packets_of

SIXTY = Fraction(60)


def encode(path: Path, shots: list[tuple[np.ndarray, int]], options: dict[str, str], threads: int) -> int:
    height, width = shots[0][0].shape[:2]
    encoder = Encoder(path, width, height, SIXTY, encoder_options(options, threads, SIXTY))
    canvas = Canvas()
    for pixels, frames in shots:
        encoder.add(canvas.changes(pixels, None), frames)
    return encoder.finish()[1]


def moving_boxes(width: int, height: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    picture = np.zeros((height, width, 4), np.uint8)
    picture[..., 3] = 255
    pictures = []
    for _ in range(count):
        picture = picture.copy()
        side = int(rng.choice([20, height // 2]))  # a small part of the picture, or much of it
        x, y = int(rng.integers(0, width - 8)), int(rng.integers(0, height - 8))
        picture[y : y + side, x : x + side, :3] = rng.integers(0, 255, picture[y : y + side, x : x + side, :3].shape)
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize(
    ("size", "options", "threads"),
    [
        ((16, 16), {}, 1),
        ((426, 240), {}, 1),
        ((1280, 720), {}, 1),
        ((426, 240), {"cabac": "0", "trellis": "0"}, 1),
        ((426, 240), {"keyint": "10"}, 3),
        ((426, 240), {"slices": "3", "aud": "1"}, 1),
        ((426, 240), {"crf": "30"}, 1),
        ((426, 240), {"bframes": "0"}, 1),
        ((426, 240), {"bframes": "2", "direct": "temporal", "weightb": "1"}, 1),
        ((426, 240), {"bframes": "16", "open-gop": "1", "keyint": "9", "scenecut": "40"}, 1),
    ],
)
def test_a_repeated_frame_decodes_to_the_one_before_and_changes_none_after(
    size: tuple[int, int],
    options: dict[str, str],
    threads: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = moving_boxes(*size, 80)
    counts = [int(count) for count in np.random.default_rng(1).choice([1, 1, 1, 1, 2, 5, 40], len(pictures))]
    encoded: list[bytes] = []
    of, passed = Repeats.of, Repeats.passed

    def opened(extradata: bytes) -> Repeats | None:
        encoded.append(extradata)
        return of(extradata)

    def noted(repeats: Repeats, packet: bytes, *args: Any, **kwargs: Any) -> Any:
        encoded.append(packet)
        return passed(repeats, packet, *args, **kwargs)

    monkeypatch.setattr(Repeats, "of", opened)
    monkeypatch.setattr(Repeats, "passed", noted)
    total = encode(tmp_path / "held.mp4", list(zip(pictures, counts, strict=True)), options, threads)
    assert total == sum(counts)
    (tmp_path / "once.h264").write_bytes(b"".join(encoded))  # what the encoder made of it, one frame for each picture
    once = frames_of(tmp_path / "once.h264")
    assert len(once) == len(pictures)
    expected = [frame for frame, count in zip(once, counts, strict=True) for _ in range(count)]
    held = frames_of(tmp_path / "held.mp4")
    assert len(held) == total
    assert [index for index, (one, other) in enumerate(zip(held, expected, strict=True)) if (one != other).any()] == []
    times = packets_of(tmp_path / "held.mp4")
    assert sorted(shown for shown, _ in times) == [256 * number for number in range(total)]
    assert all(decoded < after for (_, decoded), (_, after) in itertools.pairwise(times))
    # where much changes, frames are shown in another order than they are decoded in
    assert (times != sorted(times)) == (options.get("bframes") != "0")
    # a repeat is a few bytes, not a picture
    assert (tmp_path / "held.mp4").stat().st_size - len(b"".join(encoded)) < 220 * (total - len(pictures)) + 4000


@pytest.mark.parametrize("counts", [[1], [7], [1, 1], [5, 1], [1, 1, 1, 9], [1, 1, 1, 1, 1, 1, 1]])
def test_scenes_of_few_frames_have_all_of_them(counts: list[int], tmp_path: Path) -> None:
    pictures = moving_boxes(320, 180, len(counts))
    total = encode(tmp_path / "few.mp4", list(zip(pictures, counts, strict=True)), {}, 1)
    assert total == sum(counts)
    shown = frames_of(tmp_path / "few.mp4")
    assert len(shown) == total
    held = {0, *itertools.accumulate(counts)}
    assert all((shown[index] == shown[index - 1]).all() for index in range(total) if index not in held)


def test_frames_that_the_encoder_turns_into_others_are_an_error(tmp_path: Path) -> None:
    pictures = moving_boxes(128, 64, 60)
    statistics = {"stats": str(tmp_path / "stats"), "b-adapt": "2", "bframes": "16"}
    encode(tmp_path / "first.mp4", [(picture, 1) for picture in pictures], {**statistics, "pass": "1", "crf": "20"}, 1)
    second = {**statistics, "pass": "2", "bitrate": "800", "crf": "0"}
    with pytest.raises(FramePathError, match="encoding failed: x264 made a B-frame of a picture that is shown longer"):
        encode(tmp_path / "second.mp4", [(picture, 5) for picture in pictures], second, 1)


def test_options_add_to_ours_and_presets_replace_them() -> None:
    assert encoder_options({}, 1, SIXTY)["preset"] == "ultrafast"
    added = encoder_options({"bframes": "2"}, 1, SIXTY)
    assert "bframes=2:" in added["x264-params"] and "me=umh" in added["x264-params"]
    for name, value in {"preset": "medium", "tune": "zerolatency", "profile": "baseline"}.items():
        assert encoder_options({name: value, "aud": "1"}, 1, SIXTY) == {name: value, "x264-params": "aud=1:threads=1"}


def test_streams_that_repeats_cannot_be_written_into_are_encoded_in_full(tmp_path: Path) -> None:
    pictures = moving_boxes(128, 64, 5)
    options = {"preset": "medium", "crf": "20"}
    assert encode(tmp_path / "held.mp4", [(picture, 7) for picture in pictures], options, 1) == 35
    assert len(frames_of(tmp_path / "held.mp4")) == 35


def test_parts_that_change_leave_the_picture_as_if_it_were_converted_whole() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        width, height = (2 * int(half) for half in rng.integers(1, 100, 2))
        picture = rng.integers(0, 256, (height, width, 4), np.uint8)
        canvas, planes = Canvas(), Planes(width, height)
        planes.lay(canvas.changes(picture, None))
        left, right = sorted(rng.integers(0, width + 1, 2))
        top, bottom = sorted(rng.integers(0, height + 1, 2))
        picture[top:bottom, left:right] = rng.integers(0, 256, (bottom - top, right - left, 4), np.uint8)
        planes.lay(canvas.changes(picture, None))
        whole = av.VideoFrame.from_ndarray(picture, "rgba").reformat(format="yuv420p")
        found = planes.frame.to_ndarray() != whole.to_ndarray()
        assert not found.any(), f"{width}x{height}, {left} to {right}, {top} to {bottom} changed"


def test_pictures_find_every_change_whatever_was_cleared_kept_and_restored() -> None:
    rng = np.random.default_rng(5)
    background = rng.integers(0, 255, (60, 90, 4), np.uint8)
    live = background.copy()
    followed = Pictures(live)
    sent = np.zeros((60, 90), np.uint32)
    kept, kept_as = None, background.copy()
    for step in range(400):
        action = rng.integers(0, 6)
        if action == 0:
            assert followed.restore(background, background)
            assert (live == background).all()
        elif action == 1 and kept is not None:
            assert followed.restore(kept, background)
            assert (live == kept_as).all()
        elif action == 2:
            kept = followed.keep()
            kept_as = live.copy()
        elif action == 3:
            for x0, y0, x1, y1 in followed.send() or ():
                sent[y0:y1, x0:x1] = words(live)[y0:y1, x0:x1]
            assert (sent == words(live)).all(), step
        elif action == 4 and step % 50 == 0:
            background = rng.integers(0, 255, (60, 90, 4), np.uint8)
        else:
            x, y = int(rng.integers(0, 80)), int(rng.integers(0, 50))
            live[y : y + 9, x : x + 7] = rng.integers(0, 255, 4, np.uint8)
            followed.mark((x, y, x + 7, y + 9))
    assert not followed.restore(live, live)


def test_rectangles_are_covered_by_few_that_share_no_row() -> None:
    assert merged([]) == []
    assert merged([(5, 100, 9, 120), (0, 0, 4, 10), (2, 20, 8, 30)]) == [(0, 0, 8, 30), (5, 100, 9, 120)]
    assert covering((10, 10, 20, 20), 2, (64, 32), (320, 180)) == (8, 8, 72, 40)
    assert covering((300, 170, 320, 180), 2, (64, 32), (320, 180)) == (256, 148, 320, 180)
    assert covering((0, 0, 320, 180), 2, (64, 32), (320, 180)) == (0, 0, 320, 180)


def test_frame_rates_are_exact() -> None:
    assert frame_rate(60.0) == 60
    assert frame_rate(29.97) == Fraction(30000, 1001)
    assert frame_rate(12.5) == Fraction(25, 2)
    assert [time_scale(Fraction(fps)) for fps in (15, 24, 25, 60)] == [15360, 24000, 25000, 15360]
    assert time_scale(Fraction(30000, 1001)) == 30000
    assert time_scale(Fraction(25, 2)) == 25000


def test_sounds_are_mixed_to_the_sample_and_faded_where_the_scene_ends(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(np.full(4800, 10_000, np.int16).tobytes())
    tone = sound.read(path)
    sounds = [Sound(path, tone, 3), Sound(path, tone, 7, offset=0.001, gain=-20), Sound(path, tone, 11)]
    mixed = sound.mix(sounds, 12, SIXTY)
    assert mixed.shape == (12 * 800, 2)
    assert (mixed[: 3 * 800] == 0).all()
    assert (mixed[3 * 800 : 5648] == 10_000).all()
    assert (mixed[5648:7200] == 11_000).all()
    assert (mixed[7200:8800] == 1000).all()
    assert mixed[-1, 0] == 0
    assert 0 < mixed[-100, 0] < 10_000 + 1000
    assert sound.last_frame(sounds, SIXTY) == 17
    assert sound.samples_of(1001, Fraction(30000, 1001)) == 1_603_202


def test_a_file_without_sound_is_named(tmp_path: Path) -> None:
    path = tmp_path / "not-sound.mp3"
    path.write_text("no")
    with pytest.raises(Exception, match=r"not-sound\.mp3"):
        sound.read(path)
