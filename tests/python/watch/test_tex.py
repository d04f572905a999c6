from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from conftest import Project

HEAD = "from manim import *\n"
ADD = "self.add({})\n        self.wait(0.1)"


def scene(project: Project, mobject: str, name: str) -> Path:
    return project.scene(
        f"class Main(Scene):\n    def construct(self):\n        {ADD.format(mobject)}\n", name, head=HEAD
    )


def read(result: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: one["kind"] for one in result["opened"]}


SIZE = {"size": {"width": 320, "height": 180, "fps": 15}}


def test_what_latex_reads_of_the_users_is_told_and_the_shared_results_are_made_without_it(project: Project) -> None:
    shared = project.repo.parent / "tex"
    macros = project.write("macros.tex", r"\newcommand{\mine}{x + y}")
    formulas = r"""VGroup(MathTex(r"\input{macros.tex}\mine"), MathTex("a^2"))"""
    rendered = project.render(scene(project, formulas, "scene_01.py"), tex_cache_dir=str(shared), **SIZE)
    assert rendered.result["latex"] is True
    assert rendered.result["unsafe"] == []
    assert read(rendered.result)[str(macros)] == "asset"
    assert not [path for path in read(rendered.result) if "texmf" in path or "texlive" in path]

    (kept,) = shared.iterdir()
    own = project.render(scene(project, 'MathTex("a^2")', "scene_02.py"), tex_cache_dir=str(shared), **SIZE)
    assert own.result["latex"] is True, "a shared result is a result of LaTeX"
    assert not list((own.result_dir.parent / "media" / "Tex").glob("*.dvi"))
    assert [kept] == list(shared.iterdir())
    assert kept.stem in {file.stem for file in (own.result_dir.parent / "media" / "Tex").glob("*.tex")}


def test_a_style_of_the_home_folder_is_told(project: Project, monkeypatch: Any) -> None:
    home = project.repo.parent / "home"
    style = home / "texmf" / "tex" / "latex" / "ours.sty"
    style.parent.mkdir(parents=True)
    style.write_text(r"\newcommand{\mine}{x + y}")
    monkeypatch.setitem(os.environ, "HOME", str(home))
    template = 'TexTemplate().add_to_preamble(r"\\usepackage{ours}")'
    shared = project.repo.parent / "tex"
    formula = rf'MathTex(r"\mine", tex_template={template})'
    result = project.render(scene(project, formula, "scene_01.py"), tex_cache_dir=str(shared), **SIZE).result
    assert read(result)[str(style)] == "asset"
    assert not shared.exists() or not list(shared.iterdir())


def test_a_scene_without_formulas_has_no_part_of_latex(project: Project) -> None:
    result = project.render(scene(project, "Square()", "scene_01.py"), **SIZE).result
    assert result["latex"] is False
