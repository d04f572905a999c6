"""The voice programs as the action runs them: a job file in, sounds and events out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PIPER = ROOT / ".tools" / "piper" / "bin" / "python"
INTERPRETERS = {"piper": str(PIPER), "espeak": sys.executable}
BACKENDS = ("piper", "espeak")
TEXTS = {"one": "This is the first line.", "two": "And here is another."}


class Run:
    """A finished voice program."""

    def __init__(self, status: int, events: list[dict[str, Any]], output: str) -> None:
        self.status = status
        self.events = events
        self.output = output

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]


def lines(folder: Path, texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "text": text, "wav": str(folder / f"{key}.wav")} for key, text in texts.items()]


def run_job(folder: Path, backend: str, job: object, python: str | None = None, *args: str) -> Run:
    path = folder / "job.json"
    path.write_text(job if isinstance(job, str) else json.dumps(job), encoding="utf-8")
    command = [python or INTERPRETERS[backend], "-m", f"flaming_horse_build.voice_{backend}", *(args or (str(path),))]
    events = folder / "events"
    with events.open("wb") as channel:
        # what Popen does not offer: the file as descriptor 3 of the child
        ended = subprocess.run(
            ["bash", "-c", f'exec 3>&{channel.fileno()}; exec "$@"', "bash", *command],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "python")},
            cwd=folder,
            pass_fds=[channel.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
    told = [json.loads(line) for line in events.read_text().splitlines()]
    return Run(ended.returncode, told, ended.stdout + ended.stderr)


def speak(folder: Path, backend: str, texts: Mapping[str, str], parameters: Mapping[str, object] | None = None) -> Run:
    return run_job(folder, backend, {"format": 1, "parameters": parameters or {}, "lines": lines(folder, texts)})


def seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getnframes() / file.getframerate()


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_line_is_written_and_told_in_order(tmp_path: Path, backend: str) -> None:
    run = speak(tmp_path, backend, TEXTS)
    assert run.status == 0, run.output
    assert [event["key"] for event in run.named("line")] == ["one", "two"]
    for event in run.named("line"):
        assert event["seconds"] == pytest.approx(seconds(tmp_path / f"{event['key']}.wav"), abs=1e-5)
        assert event["seconds"] > 0.5
    assert not run.named("error")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_line_sounds_the_same_whatever_is_spoken_before_it(tmp_path: Path, backend: str) -> None:
    speak(tmp_path, backend, TEXTS)
    beside = (tmp_path / "two.wav").read_bytes()
    speak(tmp_path, backend, {"two": TEXTS["two"]})
    assert (tmp_path / "two.wav").read_bytes() == beside


@pytest.mark.parametrize("backend", BACKENDS)
def test_layout_and_bookmarks_are_not_spoken(tmp_path: Path, backend: str) -> None:
    run = speak(tmp_path, backend, {"plain": "One, two.", "laid_out": " One,\n <bookmark mark='A'/>  two. "})
    assert run.status == 0, run.output
    assert (tmp_path / "plain.wav").read_bytes() == (tmp_path / "laid_out.wav").read_bytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_line_that_fails_is_told_with_its_key_and_loses_no_other(tmp_path: Path, backend: str) -> None:
    run = speak(tmp_path, backend, {"one": TEXTS["one"], "empty": "<bookmark mark='A'/>", "two": TEXTS["two"]})
    assert run.status == 1
    assert [event["key"] for event in run.named("line")] == ["one", "two"]
    (error,) = run.named("error")
    assert error["key"] == "empty"
    assert "no text to speak" in error["message"]
    assert error["traceback"] == ""
    assert not (tmp_path / "empty.wav").exists()


def test_a_line_that_cannot_be_written_loses_no_other(tmp_path: Path) -> None:
    (tmp_path / "one.wav").mkdir()
    run = speak(tmp_path, "espeak", TEXTS)
    assert run.status == 1
    assert [event["key"] for event in run.named("line")] == ["two"]
    assert [event["key"] for event in run.named("error")] == ["one"]
    assert not list(tmp_path.glob(".*.wav*"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_manim_is_not_imported(tmp_path: Path, backend: str) -> None:
    program = (
        f"import sys, runpy; sys.argv = ['voice', {str(tmp_path / 'job.json')!r}]\n"
        f"try: runpy.run_module('flaming_horse_build.voice_{backend}', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print('heavy:', sorted({'manim', 'av', 'numpy'} & set(sys.modules)))"
    )
    (tmp_path / "job.json").write_text('{"format": 1, "parameters": {}, "lines": []}')
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "python")}
    said = subprocess.run([INTERPRETERS[backend], "-c", program], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == f"heavy: {['numpy'] if backend == 'piper' else []}"


@pytest.mark.parametrize(
    ("backend", "slow", "quick"),
    [("piper", {"length_scale": 1.5}, {"length_scale": 0.7}), ("espeak", {"speed": 100}, {"speed": 300})],
)
def test_parameters_reach_the_voice(
    tmp_path: Path, backend: str, slow: Mapping[str, object], quick: Mapping[str, object]
) -> None:
    lengths = []
    for parameters in (slow, quick):
        run = speak(tmp_path, backend, {"one": TEXTS["one"]}, parameters)
        assert run.status == 0, run.output
        lengths.append(seconds(tmp_path / "one.wav"))
    assert lengths[0] > 1.3 * lengths[1]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("{", "is not JSON"),
        ([], "must be an object"),
        ({"format": 2, "lines": []}, "format: found 2, this program reads 1"),
        ({"format": 1, "lines": {}}, "lines: found {}, expected a list"),
        ({"format": 1, "lines": [3]}, "lines[0]: found 3, expected an object"),
        ({"format": 1, "lines": [{"key": "a", "text": "b"}]}, "lines[0].wav: found None, expected a text"),
        ({"format": 1, "lines": [{"key": "a", "text": "b", "wav": "c.wav"}]}, "expected an absolute path"),
        ({"format": 1, "parameters": {"sped": 3}, "lines": []}, "parameters.sped: not known to this voice"),
        ({"format": 1, "parameters": [], "lines": []}, "parameters: found [], expected an object"),
    ],
)
def test_a_wrong_job_is_told_as_such(tmp_path: Path, backend: str, job: object, message: str) -> None:
    run = run_job(tmp_path, backend, job)
    assert run.status == 2
    (error,) = run.named("error")
    assert message in error["message"]
    assert error["key"] is None


@pytest.mark.parametrize(
    ("backend", "parameters"),
    [
        ("espeak", {"speed": "fast"}),
        ("espeak", {"speed": True}),
        ("espeak", {"pitch": 100}),
        ("espeak", {"voice": " "}),
        ("piper", {"seed": 1.5}),
        ("piper", {"noise_scale": -1}),
    ],
)
def test_a_wrong_parameter_is_told_with_what_is_expected(
    tmp_path: Path, backend: str, parameters: Mapping[str, object]
) -> None:
    run = speak(tmp_path, backend, TEXTS, parameters)
    assert run.status == 2
    (name,) = parameters
    assert run.named("error")[0]["message"].startswith(f"parameters.{name}: found ")
    assert not run.named("line")


def test_piper_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    job = {"format": 1, "parameters": {}, "lines": lines(tmp_path, TEXTS)}
    run = run_job(tmp_path, "piper", job, sys.executable)
    assert run.status == 1
    (error,) = run.named("error")
    assert error["key"] is None
    assert "needs the Python package" in error["message"]
    assert "python/requirements/piper.txt" in error["message"]


def test_espeak_says_what_is_missing_and_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to(shutil.which("bash") or "bash")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    run = speak(tmp_path, "espeak", TEXTS)
    assert run.status == 1
    (error,) = run.named("error")
    assert error["key"] is None
    assert "apt-get install espeak-ng" in error["message"]


@pytest.mark.parametrize("arguments", [("one", "two")])
def test_another_number_of_arguments_is_a_wrong_job(tmp_path: Path, arguments: Sequence[str]) -> None:
    run = run_job(tmp_path, "espeak", "{}", None, *arguments)
    assert run.status == 2
    assert "expected one argument" in run.named("error")[0]["message"]


def test_the_programs_run_by_hand_without_a_channel(tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"format": 1, "parameters": {}, "lines": lines(tmp_path, TEXTS)}))
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-m", "flaming_horse_build.voice_espeak", str(job)]
    assert subprocess.run(command, env=env, check=False).returncode == 0
    assert seconds(tmp_path / "two.wav") > 0.5
