from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from conftest import Project
from PIL import Image

HEAD = """
import os, pathlib, sqlite3, subprocess
from manim import *
HERE = pathlib.Path(__file__).parent
"""
SIZE = {"size": {"width": 320, "height": 180, "fps": 15}}


def result(project: Project, body: str) -> dict[str, Any]:
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    scene = project.scene(f"class Main(Scene):\n    def construct(self):\n{lines}\n        self.wait(0.1)\n", head=HEAD)
    return project.render(scene, **SIZE).result


def in_project(project: Project, result: dict[str, Any]) -> dict[str, str]:
    opened = {Path(one["path"]): one["kind"] for one in result["opened"]}
    return {
        str(path.relative_to(project.folder)): kind for path, kind in opened.items() if project.folder in path.parents
    }


def test_files_looked_for_in_vain_or_not_opened_are_told(project: Project) -> None:
    project.write("flag", "")
    told = result(
        project,
        """
try: open(HERE / "opened.txt")
except OSError: pass
os.path.exists("exists.txt"); os.path.isfile(str(HERE / "isfile.txt")); (HERE / "path.txt").exists()
os.access("access.txt", os.R_OK); os.path.lexists("lexists.txt"); os.path.exists("flag"); os.path.isdir("nothing")
os.path.exists("made.txt"); pathlib.Path("made.txt").write_text("now")
pathlib.Path("new.txt").write_text("new"); os.path.exists("new.txt")
os.path.exists("/nowhere/else.txt"); os.path.exists("pictures")
os.mkdir("pictures")
try: self.add(ImageMobject("picture.png"))
except OSError: pass
try: import settings_of_mine
except ImportError: pass
try: eval("1 +")
except SyntaxError: import traceback; traceback.print_exc()
""",
    )
    found = in_project(project, told)
    absent = {name for name, kind in found.items() if kind == "absent"}
    looked_for = {
        "opened.txt",
        "exists.txt",
        "isfile.txt",
        "path.txt",
        "access.txt",
        "lexists.txt",
        "made.txt",
        "nothing",
    }
    assert looked_for <= absent
    for_manim = {"manim.cfg"} | {name for name in absent if name.startswith(("picture.png", "assets"))}
    assert absent - looked_for - for_manim == set()
    assert "picture.png" in absent
    assert found["flag"] == "asset"
    assert "new.txt" not in found
    assert "/nowhere/else.txt" not in {one["path"] for one in told["opened"]}
    assert told["unsafe"] == []


def test_databases_are_told(project: Project) -> None:
    project.write("data.db", "")
    project.write("more.db", "")
    told = result(project, 'sqlite3.connect("data.db")\nsqlite3.connect("file:more.db?mode=ro", uri=True)')
    assert {"data.db", "more.db"} <= in_project(project, told).keys()


def test_programs_that_the_user_starts_are_told_through_packages_but_not_those_of_manim(project: Project) -> None:
    told = result(
        project,
        """
import pydub.utils
subprocess.run(["true"])
os.system("true")
pydub.utils.mediainfo("nothing.mp3")
if os.fork() == 0: os._exit(0)
self.add(MathTex("a"))
""",
    )
    assert sorted(told["unsafe"]) == [
        "runs the program ffprobe",
        "runs the program true",
        "starts processes of its own",
    ]


def test_files_that_libraries_read_by_themselves_are_told(project: Project) -> None:
    Image.new("RGB", (4, 4)).save(project.folder / "a.png")
    Image.new("RGB", (4, 4)).save(project.folder / "b.png")
    font = subprocess.run(["fc-match", "--format=%{file}"], check=True, capture_output=True, text=True).stdout
    shutil.copy(font, project.folder / "font.ttf")
    told = result(
        project,
        """
import av, cairo, numpy
from PIL import ImageFont
surface = cairo.ImageSurface.create_from_png("a.png")
assert isinstance(surface, cairo.ImageSurface) and not isinstance(4, cairo.ImageSurface)
assert isinstance(cairo.ImageSurface(cairo.FORMAT_ARGB32, 2, 2), cairo.Surface)
assert next(av.open("b.png").decode(video=0)).width == 4
av.open("new.mp4", "w").close()
ImageFont.truetype("font.ttf", 20)
numpy.fromfile("narration_script.py", numpy.uint8)
""",
    )
    found = in_project(project, told)
    assert {"a.png", "b.png", "font.ttf", "narration_script.py"} <= found.keys()
    assert "new.mp4" not in found


def test_folders_of_the_user_that_packages_list_for_the_user_are_told(project: Project) -> None:
    project.write("pictures/a.txt", "")
    site = project.folder.parent / "site-packages"
    project.write(
        "../site-packages/lister.py", "import pathlib\ndef names(of): return list(pathlib.Path(of).iterdir())"
    )
    told = result(
        project, f"import sys; sys.path.append({str(site)!r})\nimport lister\nlister.names(HERE / 'pictures')"
    )
    assert told["unsafe"] == [f"lists the folder {project.folder / 'pictures'}"]
    assert (
        result(project, f"import sys; sys.path.append({str(site)!r})\nimport lister\nlister.names('/usr')")["unsafe"]
        == []
    )
