"""The modules that scenes import: the voice service that only reads, and the helpers."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import NARRATION
from flaming_horse import scene_helpers as helpers
from flaming_horse_voice import VoiceMissingError, get_speech_service
from manim import BLUE, DOWN, RIGHT, UP, Circle, FadeIn, LaggedStart, Square, VGroup


def cache(project: Path, entries: object, folder: str = "media/voiceovers/qwen") -> Path:
    voices = project / folder
    voices.mkdir(parents=True)
    for name in ("one.mp3", "two.mp3", "odd.mp3"):
        (voices / name).write_bytes(b"sound")
    (voices / "cache.json").write_text(json.dumps(entries))
    return voices


ENTRIES = [
    {"narration_key": "one", "text": "The first\n  line.", "audio_file": "one.mp3"},
    {"input_text": "The second line.", "final_audio": "two.mp3"},
    {"input_data": {"text": "An odd line."}, "original_audio": "odd.mp3"},
    {"narration_key": "gone", "text": "Lost.", "audio_file": "gone.mp3"},
]


def audio(service: object, text: str, path: str | None = None) -> str:
    data: dict[str, str] = service._wrap_generate_from_text(text, path=path)  # type: ignore[attr-defined]
    assert data["final_audio"] == data["original_audio"]
    return data["final_audio"]


def test_lines_are_found_by_key_then_by_text_whatever_the_white_space(tmp_path: Path) -> None:
    voices = cache(tmp_path, ENTRIES)
    before = (voices / "cache.json").read_bytes()
    service = get_speech_service(tmp_path)
    assert audio(service, "Anything", path="one") == "one.mp3"
    assert audio(service, "Anything", path="media/voiceovers/qwen/odd.mp3") == "odd.mp3"
    assert audio(service, " The first line. ") == "one.mp3"
    assert audio(service, "The second\nline.", path="unknown") == "two.mp3"
    assert audio(service, "An odd line.") == "odd.mp3"
    assert (voices / "cache.json").read_bytes() == before


def test_a_missing_line_is_an_error_that_names_its_text(tmp_path: Path) -> None:
    cache(tmp_path, ENTRIES)
    service = get_speech_service(str(tmp_path))
    with pytest.raises(VoiceMissingError, match="no sound for the narration line 'never', 'Not spoken'"):
        audio(service, "Not spoken", path="never")
    with pytest.raises(FileNotFoundError, match=r"names gone\.mp3 for 'Lost\.'"):
        audio(service, "Lost.")


def test_the_configuration_may_move_the_cache(tmp_path: Path) -> None:
    cache(tmp_path, ENTRIES, "elsewhere/voices")
    with pytest.raises(VoiceMissingError, match="there is no folder"):
        audio(get_speech_service(tmp_path), "The second line.")
    (tmp_path / "voice_clone_config.json").write_text('{"output_dir": "elsewhere/voices"}')
    assert audio(get_speech_service(tmp_path), "The second line.") == "two.mp3"


@pytest.mark.parametrize("given", ["no folder", "nothing", "an empty folder", "an index without lines", "twice"])
def test_a_service_that_is_asked_for_nothing_needs_no_recordings(given: str, tmp_path: Path) -> None:
    voices = tmp_path / "media" / "voiceovers" / "qwen"
    if given not in ("nothing", "no folder"):
        voices.mkdir(parents=True)
    if given == "an index without lines":
        (voices / "cache.json").write_text("[]")
    project = tmp_path / "not there" if given == "no folder" else tmp_path
    services = [get_speech_service(project) for _ in range(2 if given == "twice" else 1)]
    assert sorted(tmp_path.iterdir()) == ([] if given in ("nothing", "no folder") else [tmp_path / "media"])
    with pytest.raises(VoiceMissingError, match=r"no sound for the narration line 'never', 'Spoken' \(.*SCRIPT"):
        audio(services[-1], "Spoken", path="never")


@pytest.mark.parametrize("given", [(), (None,), ("",), (".",), ("PROJECT",), ("PROJECT/scenes",), ("PROJECT/a.py",)])
def test_the_project_is_the_current_folder_where_no_other_has_lines(
    given: tuple[str | None, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path, ENTRIES)
    (tmp_path / "scenes").mkdir()
    (tmp_path / "a.py").touch()
    monkeypatch.chdir(tmp_path)
    asked = [one if one is None else one.replace("PROJECT", str(tmp_path)) for one in given]
    assert audio(get_speech_service(*asked), "The first line.") == "one.mp3"


def test_a_project_elsewhere_keeps_its_own_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache(tmp_path / "here", [{"narration_key": "one", "text": "The first line.", "audio_file": "odd.mp3"}])
    cache(tmp_path / "there", ENTRIES)
    monkeypatch.chdir(tmp_path / "here")
    assert audio(get_speech_service(tmp_path / "there"), "The first line.") == "one.mp3"
    assert audio(get_speech_service(project_dir=tmp_path / "there"), "The second line.") == "two.mp3"


def test_a_recording_that_the_index_lacks_is_known_by_the_narration(tmp_path: Path) -> None:
    cache(tmp_path, ENTRIES[:1])
    narration = tmp_path / "narration_script.py"
    narration.write_bytes(b"# coding: latin-1\nSCRIPT = {'two': 'Second', 'one': 'Another text', 'odd': 'Caf\xe9'}\n")
    service = get_speech_service(tmp_path)
    assert audio(service, "Second") == "two.mp3"
    assert audio(service, "Caf\u00e9") == "odd.mp3"
    with pytest.raises(VoiceMissingError):  # the index tells that its recording has another text
        audio(service, "Another text")
    narration.write_text("SCRIPT = {")
    with pytest.raises(VoiceMissingError):
        audio(get_speech_service(tmp_path), "Second")


def test_without_an_index_the_narration_tells_which_file_is_which(tmp_path: Path) -> None:
    voices = cache(tmp_path, ENTRIES)
    (voices / "cache.json").unlink()
    (tmp_path / "narration_script.py").write_text('"""Doc."""\nSCRIPT = {"two": """Second\n text""", "three": "x"}\n')
    service = get_speech_service(tmp_path)
    assert audio(service, "Second text") == "two.mp3"
    with pytest.raises(VoiceMissingError):
        audio(service, "x")


@pytest.mark.parametrize("content", ["{", '{"one": 1}'])
def test_a_broken_index_is_named(content: str, tmp_path: Path) -> None:
    voices = cache(tmp_path, ENTRIES)
    (voices / "cache.json").write_text(content)
    with pytest.raises(ValueError, match=r"cache\.json"):
        get_speech_service(tmp_path)


def test_a_real_cache_of_the_action_is_read(spoken: Path, tmp_path: Path) -> None:
    (tmp_path / "voice_clone_config.json").write_text(json.dumps({"output_dir": str(spoken)}))
    service = get_speech_service(tmp_path)
    assert [audio(service, text) for text in NARRATION.values()] == ["intro.mp3", "more.mp3"]


def test_beats_share_a_duration_by_weight_and_fill_it() -> None:
    beats = helpers.BeatPlan(10, [3, 2, 5])
    assert [beats.next_slot() for _ in range(4)] == pytest.approx([3, 2, 5, 0])
    many = helpers.BeatPlan(40)
    slots = []
    while slot := many.next_slot():
        slots.append(slot)
    assert len(slots) == 23
    assert sum(slots) == pytest.approx(40)
    assert helpers.BeatPlan(4, [0, 0]).next_slot() == 2
    with pytest.raises(ValueError, match="at least one weight"):
        helpers.BeatPlan(1, [])


class Played:
    """Takes down what a scene is asked to play."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []

    def play(self, animation: object, run_time: float) -> None:
        self.calls.append((type(animation).__name__, run_time))

    def wait(self, seconds: float) -> None:
        self.calls.append(("wait", pytest.approx(seconds)))  # type: ignore[arg-type]


def test_animations_fill_their_beat_and_text_is_quick() -> None:
    scene = Played()
    beats = helpers.BeatPlan(9, [1, 1, 1])
    helpers.play_next(scene, beats, FadeIn(Square()), FadeIn(Circle()))
    helpers.play_text_next(scene, beats, FadeIn(Square()), max_text_seconds=1)
    helpers.play_next(scene, beats, FadeIn(Square()), max_run_time=0.1)
    helpers.play_next(scene, beats, FadeIn(Square()))
    assert scene.calls == [("LaggedStart", 3), ("FadeIn", 1), ("wait", 2), ("FadeIn", 0.3), ("wait", 2.7)]
    with pytest.raises(ValueError, match="run_time"):
        helpers.play_in_slot(scene, 1, FadeIn(Square()), run_time=3)


def test_positions_are_kept_within_bounds() -> None:
    high = helpers.safe_position(Square(1).shift(UP * 9 + RIGHT * 20))
    assert high.get_top()[1] == pytest.approx(3.6)
    assert high.get_right()[0] == pytest.approx(7.3)
    low = helpers.safe_position(Square(1).shift(DOWN * 9), min_y=-2, buff=0)
    assert low.get_bottom()[1] == pytest.approx(-2)
    inside = Square(1)
    assert helpers.safe_position(inside) is inside
    assert np.allclose(inside.get_center(), 0)


def test_layouts_have_no_overlaps() -> None:
    group = helpers.safe_layout(Square(2), Circle(), Square(1))
    assert isinstance(group, VGroup)
    for left, right in pairwise(group):
        assert right.get_left()[0] >= left.get_right()[0] + 0.5 - 1e-6


def test_titles_rise_with_what_is_under_them() -> None:
    assert helpers.adaptive_title_position(Square(1), None).get_y() == pytest.approx(3.8)
    assert helpers.adaptive_title_position(Square(1), Square(2.2)).get_y() == pytest.approx(4.0)
    assert helpers.adaptive_title_position(Square(1), Square(8)).get_y() == pytest.approx(4.3)


def test_colours_go_round_the_wheel() -> None:
    palette = helpers.harmonious_color(BLUE, variations=4)
    assert len(palette) == 4
    assert palette[0] == pytest.approx([*BLUE.to_rgb(), 1.0])
    assert all(0 <= part <= 1 for colour in palette for part in colour)
    assert helpers.harmonious_color("secondary")[0] == pytest.approx(palette[0])


def test_a_polished_entrance_is_one_animation() -> None:
    square = Square(2)
    animation = helpers.polished_fade_in(square, glow=True)
    assert isinstance(animation, LaggedStart)
    assert square.get_stroke_width() == 3
