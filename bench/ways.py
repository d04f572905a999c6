"""The ways to render and join a project that are compared: the old pipeline's, GNU parallel's, ours."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .process import NOTHING, Cost, measured
from .projects import Project, SceneName, copy_of
from .quality import LOSSLESS, Comparison, check_lossless, x264_version
from .records import Measurement, Records
from .tools import (
    Bench,
    Built,
    build,
    built_video,
    cores,
    environment,
    environment_for_manim,
    manim_command,
    manim_video,
)

OLD, PARALLEL, OURS, PREVIEW = "old", "parallel", "ours", "preview"
Way = Callable[["Round"], Measurement]
KEPT_FACTS = ("frames", "fps", "width", "height", "seconds", "cpu_seconds", "peak_rss_bytes")


@dataclass(frozen=True)
class Round:
    """One round with one project. `voices` is a project folder that holds the spoken lines."""

    bench: Bench
    project: Project
    voices: Path
    number: int
    comparison: Comparison

    def fresh(self, what: str) -> Path:
        """A copy of the project as nobody rendered it yet, its lines spoken; its repository is emptied before."""
        return copy_of(self.project, self.bench.work / "run" / what, self.voices)

    def log(self, *names: str) -> Path:
        """A file for the output of a command."""
        return self.bench.log(self.project.name, *names)

    def truth(self, scene: SceneName) -> Path:
        """The scene as Manim drew it, without loss."""
        return self.bench.work / "truth" / self.project.name / f"{scene.id}.mp4"


def measure_renders(
    bench: Bench, projects: list[Project], voices: dict[str, Path], records: Records, rounds: int
) -> None:
    """Measure every way in turn, as often as asked. The first round also compares what each way shows."""
    ways: dict[str, Way] = {OLD: _old, PARALLEL: _parallel, OURS: _ours, PREVIEW: _preview}
    _measure(ways, bench, projects, voices, records, rounds)


def measure_fidelity(bench: Bench, projects: list[Project], voices: dict[str, Path], records: Records) -> None:
    """Compare what stock Manim and ours show of every scene with what Manim drew, once: it is the same each time."""
    _measure({PARALLEL: _parallel, OURS: _ours}, bench, projects, voices, records, 1)


def _measure(  # noqa: PLR0913, PLR0917
    ways: dict[str, Way],
    bench: Bench,
    projects: list[Project],
    voices: dict[str, Path],
    records: Records,
    rounds: int,
) -> None:
    comparison = Comparison()
    for project in projects:
        for number in range(1, rounds + 1):
            now = Round(bench, project, voices[project.name], number, comparison)
            if number == 1 and not all(records.of(project.name, what) for what in ways):
                make_truth(now)
            for what, way in ways.items():
                records.once(project.name, what, number, partial(way, now))
        shutil.rmtree(bench.work / "truth", ignore_errors=True)


def _old(now: Round) -> Measurement:
    """One scene after the other with Manim's animation cache on, in one media folder; then all is encoded again."""
    folder = now.fresh(OLD)
    media = folder.parent / "media"
    renders = NOTHING
    for scene in now.project.scenes:
        command = manim_command(now.bench, scene, media)
        variables = environment_for_manim(now.bench, folder.parents[1])
        renders = renders.then(measured(command, folder, variables, now.log(OLD, scene.id)))
    videos = [manim_video(media, scene) for scene in now.project.scenes]
    output = folder / "final_video.mp4"
    joined = measured(concat_filter(videos, output), folder, environment(), now.log(OLD, "join"))
    more = {**_split(renders, joined), **_shown(now, videos, output)}
    return Measurement(now.project.name, OLD, now.number, renders.then(joined), more)


def concat_filter(videos: list[Path], output: Path) -> list[str]:
    """The pipeline's assembly: everything through the concat filter, encoded again."""
    inputs = [word for video in videos for word in ("-i", str(video))]
    streams = "".join(f"[{index}:v][{index}:a]" for index in range(len(videos)))
    graph = f"{streams}concat=n={len(videos)}:v=1:a=1[v][a]"
    video = ["-c:v", "libx264", "-preset", "medium", "-crf", "18"]
    audio = ["-c:a", "aac", "-b:a", "192k", "-ar", "48000"]
    flags = ["-nostdin", "-y", "-filter_complex", graph, "-map", "[v]", "-map", "[a]"]
    return ["ffmpeg", *inputs, *flags, *video, *audio, "-movflags", "+faststart", str(output)]


def _parallel(now: Round) -> Measurement:
    """As many scenes at once as there are cores, each with a media folder of its own, no cache; joined as they are."""
    folder = now.fresh(PARALLEL)
    media = {scene: folder.parent / "media" / scene.id for scene in now.project.scenes}
    commands = [manim_command(now.bench, scene, media[scene], "--disable_caching") for scene in now.project.scenes]
    jobs = folder.parent / "jobs"
    jobs.write_text("".join(f"{shlex.join(command)}\n" for command in commands), encoding="utf-8")
    variables = environment_for_manim(now.bench, folder.parents[1])
    renders = measured(side_by_side(jobs), folder, variables, now.log(PARALLEL))
    videos = [manim_video(media[scene], scene) for scene in now.project.scenes]
    listed = folder.parent / "videos"
    listed.write_text("".join(f"file '{video}'\n" for video in videos), encoding="utf-8")
    output = folder / "final_video.mp4"
    join = ["ffmpeg", "-nostdin", "-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy"]
    command = [*join, "-movflags", "+faststart", str(output)]
    joined = measured(command, folder, environment(), now.log(PARALLEL, "join"))
    more = {**_split(renders, joined), **_shown(now, videos, output)}
    return Measurement(now.project.name, PARALLEL, now.number, renders.then(joined), more)


def side_by_side(jobs: Path) -> list[str]:
    """The command that runs the lines of a file side by side: GNU parallel, or xargs where it is missing."""
    if has_parallel():
        return ["parallel", "--will-cite", "--jobs", str(cores()), "--halt", "now,fail=1", "--arg-file", str(jobs)]
    return ["xargs", "--arg-file", str(jobs), "-P", str(cores()), "-d", "\\n", "-I{}", "sh", "-c", "{}"]


def has_parallel() -> bool:
    """Whether GNU parallel is there."""
    return shutil.which("parallel") is not None


def _ours(now: Round) -> Measurement:
    built = _build_unstored(now, OURS)
    facts = [built.scenes[scene.id] for scene in now.project.scenes]
    more = {
        "render_wall": built.step_seconds["render"],
        "render_peak": max(fact["peak_rss_bytes"] for fact in facts),
        "budget": built.budget,
        "scenes": [{name: fact[name] for name in KEPT_FACTS} for fact in facts],
        "fallbacks": [fact["fallback"] for fact in facts if fact["fallback"]],
        "shared_import": built.shared_import,
        **_shown(now, [Path(fact["folder"]) / "scene.mp4" for fact in facts], built_video(built.folder)),
    }
    return Measurement(now.project.name, OURS, now.number, built.cost, more)


def _preview(now: Round) -> Measurement:
    built = _build_unstored(now, PREVIEW, "--quality", "low")
    facts = built.scenes.values()
    more = {
        "sizes": sorted({f"{fact['width']}x{fact['height']} at {fact['fps']}" for fact in facts}),
        "size": built_video(built.folder).stat().st_size,
        "frames": sum(fact["frames"] for fact in facts),
    }
    return Measurement(now.project.name, PREVIEW, now.number, built.cost, more)


def _build_unstored(now: Round, what: str, *options: str) -> Built:
    """Build without a store and with lines that lie in the project: what is left is to render and to join."""
    folder = now.fresh(what)
    given = ("--cache", "off", "--voice", "cached", *options)
    return build(now.bench, now.project, folder, folder.parents[1] / "home", now.log(what), given)


def _split(renders: Cost, joined: Cost) -> dict[str, Any]:
    return {
        "render_wall": renders.wall,
        "render_peak": renders.peak,
        "join_wall": joined.wall,
        "join_cpu": joined.cpu,
    }


def _shown(now: Round, videos: list[Path], output: Path) -> dict[str, Any]:
    """What is seen: the size of the whole, and in the first round the scenes beside what Manim drew."""
    if now.number > 1:
        return {"size": output.stat().st_size}
    scenes = zip(now.project.scenes, videos, strict=True)
    return {
        "size": output.stat().st_size,
        "x264": sorted({x264_version(video) for video in videos}),
        "quality": {scene.id: now.comparison.of(video, now.truth(scene)) for scene, video in scenes},
    }


def make_truth(now: Round) -> None:
    """Render every scene of the project once in Manim's own way, but without loss; not timed."""
    folder = now.fresh("truth")
    media = folder.parent / "media"
    for scene in now.project.scenes:
        if now.truth(scene).is_file():
            continue
        print(f"{now.project.name}: the true frames of {scene.id}", flush=True)
        command = manim_command(now.bench, scene, media, "--disable_caching", *LOSSLESS)
        variables = environment_for_manim(now.bench, folder.parents[1])
        measured(command, folder, variables, now.log("truth", scene.id))
        video = manim_video(media, scene)
        check_lossless(video)
        now.truth(scene).parent.mkdir(parents=True, exist_ok=True)
        video.rename(now.truth(scene))
        shutil.rmtree(media)
