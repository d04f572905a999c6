from __future__ import annotations

import json
import subprocess

from conftest import Project, driver


def test_a_scene_rendered_the_slow_way_after_a_failure_is_not_to_be_kept(project: Project) -> None:
    scene = project.scene(
        "class Main(Scene):\n    def construct(self):\n        self.wait(0.2)\n", head="from manim import *\n"
    )
    job, result = project.job(scene, size={"width": 320, "height": 180, "fps": 15})
    subprocess.run([*driver(job), "it broke"], env=project.environment(), cwd=project.folder, check=True)
    told = json.loads((result / "result.json").read_text())
    assert told["fallback"] == "it broke"
    assert told["unsafe"] == ["fell back to Manim's own writer: it broke"]

    asked_for = project.render(scene, size={"width": 320, "height": 180, "fps": 15}, encoder="stock").result
    assert asked_for["encoder"] == "stock"
    assert asked_for["unsafe"] == []
