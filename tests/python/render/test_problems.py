"""What an exception comes to: its cause, in words, at the user's line, whatever it does when it is printed."""

from __future__ import annotations

import builtins
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flaming_horse_build.render import shims
from flaming_horse_build.render.causes import OTHER_MANIM, PROGRAMS, RENAMED
from flaming_horse_build.render.problems import LONGEST_MESSAGE, LONGEST_TRACEBACK, SceneError, UserFiles, describe

Raised = Callable[..., dict[str, Any]]


@pytest.fixture
def raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Raised:
    """Run code as a scene file of a project, and describe what it raises. `files`: others beside it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(builtins, "input", shims._no_answer)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "flaming_horse_voice", raising=False)

    def run(code: str, files: dict[str, bytes] | None = None) -> dict[str, Any]:
        for name, content in (files or {}).items():
            (tmp_path / name).write_bytes(content)
        scene = tmp_path / "scene_01.py"
        scene.write_text(textwrap.dedent(code), encoding="utf-8")
        try:
            exec(compile(scene.read_bytes(), str(scene), "exec"), {"__name__": "scene_01"})
        except BaseException as error:  # noqa: BLE001 - that is what is asked for
            problem = describe(error, UserFiles(tmp_path, tmp_path), scene)
        json.dumps(problem, ensure_ascii=False).encode()  # whoever reads it can write it
        return {**problem, "file": Path(problem["file"]).name}

    return run


OF_EVERY_KIND = {
    "fails to print": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E()",
        3,
        "cannot be shown: Val",
    ),
    "ends the program when printed": (
        "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E()",
        3,
        "cannot be shown: SystemExit",
    ),
    "prints no text": (
        "class E(Exception):\n    def __str__(self): return 3\nraise E()",
        3,
        "cannot be shown: TypeError",
    ),
    "says nothing": ("raise ValueError()", 1, "ValueError"),
    "half a character": ("raise ValueError('a\\ud800b')", 1, "a\\ud800b"),
    "notes": ("e = ValueError('one')\ne.add_note('two')\nraise e", 3, "one\ntwo"),
    "notes of no text": ("e = ValueError('one')\ne.__notes__ = 3\nraise e", 3, "cannot be shown"),
    "a group": (
        "def f():\n    1 / 0\ntry: f()\nexcept Exception as e: raise ExceptionGroup('both', [ExceptionGroup('', [e])])",
        2,
        "both (1 sub-exception); the first: ZeroDivisionError: division by zero",
    ),
    "raised from another": ("try: 1 / 0\nexcept Exception as e:\n    raise ValueError('mine') from e", 3, "mine"),
    "recursion": ("def f():\n    return f()\nf()", 2, "maximum recursion depth"),
    "an interruption": ("raise KeyboardInterrupt", 1, "interrupted"),
    "an exit with words": ("raise SystemExit('no more')", 1, "sys.exit('no more')"),
    "an exit that cannot be shown": (
        "class C:\n    def __repr__(self): raise ValueError\nraise SystemExit(C())",
        3,
        "sys.exit(...)",
    ),
    "none that Exception knows": ("class B(BaseException): pass\nraise B('odd')", 2, "odd"),
}


@pytest.mark.parametrize("kind", OF_EVERY_KIND)
def test_every_exception_is_told_at_the_users_line(kind: str, raised: Raised) -> None:
    code, line, said = OF_EVERY_KIND[kind]
    problem = raised(code)
    assert said in problem["message"]
    assert (problem["file"], problem["line"]) == ("scene_01.py", line)


def test_an_exception_from_nowhere_is_told_where_that_which_led_to_it_was_raised(tmp_path: Path) -> None:
    scene = tmp_path / "scene_01.py"
    try:
        exec(compile("\n1 / 0", str(scene), "exec"))
    except ZeroDivisionError as cause:
        error = RuntimeError("a worker failed")
        error.__cause__ = cause
    problem = describe(error, UserFiles(tmp_path, tmp_path), scene)
    assert (problem["message"], problem["file"], problem["line"]) == ("a worker failed", str(scene), 2)


BROKEN_MODULES = {
    "no bracket": (b"x = 1\ny = (\n", 2, "never closed"),
    "NUL": (b"x = 1\ny = '\0'\n", None, "null bytes"),
    "Latin-1": (b"x = 1\ny = '\xe9'\n", 2, "codec can't decode"),
    "an unknown encoding": (b"# -*- coding: klingon -*-\n", 1, "klingon"),
    "tabs and spaces": (b"if 1:\n\tx = 1\n        y = 2\n", 3, "tabs"),
    "two encodings": (b"\xef\xbb\xbf# coding: latin-1\n", 1, "encoding problem"),
    "a merge conflict": (b"x = 1\n<<<<<<< HEAD\n", 2, "invalid syntax"),
}


@pytest.mark.parametrize("kind", BROKEN_MODULES)
def test_a_module_that_python_cannot_read_is_told_in_it_or_at_its_import(kind: str, raised: Raised) -> None:
    content, line, said = BROKEN_MODULES[kind]
    name = f"broken_{abs(hash(kind))}"
    problem = raised(f"\nimport {name}\n", {f"{name}.py": content})
    assert said in problem["message"]
    assert (problem["file"], problem["line"]) in ((f"{name}.py", line), ("scene_01.py", 2))
    if line is not None:
        assert problem["file"] == f"{name}.py"


def test_long_messages_are_cut_in_what_is_sent(raised: Raised) -> None:
    problem = raised("raise ValueError('begin' + 'x' * 5_000_000 + 'end')")
    assert len(problem["message"]) < LONGEST_MESSAGE + 100
    assert len(problem["traceback"]) < LONGEST_TRACEBACK + 100
    for part in ("begin", "end", "the whole text is in the scene's log"):
        assert part in problem["message"]


def test_tracebacks_begin_in_the_users_files(raised: Raised) -> None:
    frames = [line for line in raised("import json\njson.loads('{')")["traceback"].splitlines() if "File" in line]
    assert "scene_01.py" in frames[0]
    assert len(frames) > 2


def test_the_repositorys_own_voice_module_passes_the_question_on(raised: Raised) -> None:
    voice = b"def get(text):\n    raise RuntimeError(f'not recorded: {text}')\ndef broken():\n    nothing\n"
    problem = raised("import flaming_horse_voice\n\nflaming_horse_voice.get('a')", {"flaming_horse_voice.py": voice})
    assert (problem["file"], problem["line"]) == ("scene_01.py", 3)
    problem = raised("import flaming_horse_voice\nflaming_horse_voice.broken()")
    assert (problem["file"], problem["line"]) == ("flaming_horse_voice.py", 4)


def test_a_table_names_todays_names_of_what_earlier_versions_of_manim_had(raised: Raised) -> None:
    import manim

    for old, new in RENAMED.items():
        assert not hasattr(manim, old), f"{old} is there"
        first = new.split("(")[0].split(",")[0].split(".")[0]
        methods = (manim.Axes, manim.Mobject, manim.MovingCameraScene)
        known = hasattr(manim, first) or any(hasattr(one, first) for one in methods) or first == "camera"
        assert known, f"{old}: {new} is not there"
    asked = ["ShowCreation", "TextMobject", "TexMobject", "FadeInFrom", "GraphScene", "FRAME_WIDTH"]
    for old in asked:
        for code in (f"from manim import *\n{old}", f"import manim\nmanim.{old}", f"\nfrom manim import {old}"):
            problem = raised(code)
            assert problem["message"] == f"{old} does not exist in this version of Manim: it is now {RENAMED[old]}"
            assert problem["line"] == 2
    for call in ("Axes().get_graph(lambda x: x)", "Axes().get_graph()", "NumberPlane().get_parametric_curve(3)"):
        assert "is now plot" in raised(f"from manim import *\n{call}")["message"]
    for other in OTHER_MANIM:
        assert "ManimGL" in raised(f"from {other}.imports import *")["message"]
    for own in ("Shape", "get_graph"):  # of no Manim, or not where Manim has it
        assert raised(f"class Other: pass\nOther().{own}")["message"] == f"'Other' object has no attribute '{own}'"
    assert raised("Shape")["message"] == "name 'Shape' is not defined"


SERVICES = {
    "gtts": ("GTTSService()", "GTTSService", "manim-voiceover-plus[gtts]"),
    "azure": ("AzureService()", "AzureService", "manim-voiceover-plus[azure]"),
    "openai": ("OpenAIService()", "OpenAIService", "openai"),
    "recorder": ("RecorderService()", "RecorderService", "pyaudio"),
    "pyttsx3": ("PyTTSX3Service()", "PyTTSX3Service", "pip install"),
    "coqui": ("CoquiService()", "CoquiService", "(TTS)"),
    "elevenlabs": ("ElevenLabsService()", "elevenlabs", "ELEVEN_API_KEY"),
}


@pytest.mark.parametrize("module", SERVICES)
def test_another_speech_service_says_what_it_lacks(module: str, raised: Raised) -> None:
    call, service, lacks = SERVICES[module]
    problem = raised(f"\nfrom manim_voiceover_plus.services.{module} import *\n{call}")
    assert f"the speech service {service} needs" in problem["message"]
    assert lacks in problem["message"]
    assert "get_speech_service" in problem["message"]
    assert "waits for an answer" not in problem["message"]
    assert (problem["file"], problem["line"]) == ("scene_01.py", 2 if module == "elevenlabs" else 3)


def test_a_speech_service_without_its_key_or_its_network_is_named(raised: Raised, tmp_path: Path) -> None:
    azure = "from manim_voiceover_plus.services import azure\n"
    problem = raised(f"{azure}azure.create_dotenv_azure()")
    assert "azure needs AZURE_SUBSCRIPTION_KEY and AZURE_SERVICE_REGION" in problem["message"]
    assert "a build gives scenes no keys" in problem["message"]
    (tmp_path / ".env").touch()  # voiceover asks whether to write over it
    assert "AZURE_SUBSCRIPTION_KEY" in raised(f"{azure}azure.create_dotenv_azure()")["message"]
    (tmp_path / ".env").unlink()
    failing = "class Line:\n    def __getitem__(self, _): raise OSError('no route to host')\n"
    problem = raised(f"{azure}{failing}azure.serialize_word_boundary(Line())")
    assert "the speech service azure failed: OSError: no route to host" in problem["message"]


def test_a_question_of_the_scenes_own_waits_for_an_answer(raised: Raised) -> None:
    assert "waits for an answer (Sure?)" in raised("input('Sure?')")["message"]


def test_a_missing_program_is_named_with_what_brings_it(raised: Raised) -> None:
    for program, (debian, _) in PROGRAMS.items():
        code = f"import os, subprocess\nsubprocess.run([{program!r}, '-v'], env={{'PATH': '/nowhere'}})"
        problem = raised(code)
        assert f"the program {program} is not installed" in problem["message"]
        assert f"apt-get install {debian} " in problem["message"]
        assert problem["line"] == 2
    assert "apt-get" not in raised("open('latex')")["message"]
    assert "is not installed" not in raised("import subprocess\nsubprocess.run(['ls'], cwd='nowhere')")["message"]


def test_latex_says_itself_what_it_cannot_set(raised: Raised, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    code = f"raise ValueError('latex error converting to dvi. See log output above or the log file: {log}')"
    log.write_text("This is pdfTeX\n! Undefined control sequence.\n<argument> x \\foo \n  y\nl.10 \\end{align*}\n")
    assert raised(code)["message"] == "latex cannot set this: Undefined control sequence, \\foo"
    log.write_text("! LaTeX Error: File `nothing.sty' not found.\n\nType X\n! Emergency stop.\n")
    assert "Install the LaTeX package that has nothing.sty" in raised(code)["message"]
    log.write_text("\n")
    assert "See log output above" in raised(code)["message"]


def test_an_inherited_construct_is_told_where_it_is_written(tmp_path: Path) -> None:
    import manim

    base, scene = tmp_path / "base.py", tmp_path / "scene_01.py"
    base.write_text("\nclass Base(Scene):\n    def construct(self): pass\n")
    scene.write_text("\n\nclass Main(Base): pass\nclass Plain(Scene): pass\n")
    names: dict[str, Any] = {"Scene": manim.Scene}
    for path in (base, scene):
        exec(compile(path.read_text(), str(path), "exec"), names)
    files = UserFiles(tmp_path, tmp_path)
    assert files.construct_of(names["Main"], scene) == (base, 3)
    assert files.construct_of(names["Plain"], scene) == (scene, 4)
    assert describe(SceneError("why", base, 3), files, scene)["file"] == str(base)
