"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .aims import BUILD_AIMS, FIDELITY_AIMS, RENDER_AIMS, Aim
from .builds import CLONE, FINAL, FRESH, LINE, SAME, SHARDS, shard_name
from .figures import (
    MIB,
    Spread,
    cpus,
    frames,
    parts_of_a_frame,
    psnr_of_all,
    qualities,
    spread,
    ssim_of_all,
    walls,
)
from .records import Measurement, Records
from .ways import OLD, OURS, PARALLEL, PREVIEW

WAY_NAMES = {OLD: "(a) old pipeline", PARALLEL: "(b) GNU parallel", OURS: "(c) ours"}
PART_NAMES = {
    "draw": "drawing",
    "convert": "comparing and converting",
    "encode": "encoding",
    "sound": "sound",
    "import": "import of Manim and the scene",
    "elsewhere": "joining, checks, our own program",
}
METHOD = Path(__file__).with_name("method.md")


def report(records: Records, about: dict[str, dict[str, str]], scenes: dict[str, list[str]]) -> str:
    """The page. `about`: tables about the run, each by its title. `scenes`: what was measured of each project."""
    projects = records.projects()
    rendered = [name for name in projects if records.of(name, OURS)]
    built = [name for name in projects if records.of(name, FINAL)]
    now = datetime.now(UTC)
    parts = [
        "# Results of the benchmark",
        f"Written by `script/bench` on {now:%Y-%m-%d}, {now:%H:%M} UTC.",
        *(f"## {title}\n\n{_table(('', ''), rows.items())}" for title, rows in about.items()),
        "## Aims",
        _aims(records, rendered, RENDER_AIMS),
        _aims(records, built, BUILD_AIMS),
        "## Rendering and joining" if rendered else "",
        *(_renders(records, name, scenes[name]) for name in rendered),
        _parts(records, rendered),
        _preview(records, rendered),
        "## Builds" if built else "",
        *(_builds(records, name) for name in built),
        "## How this is measured",
        METHOD.read_text(encoding="utf-8").strip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def fidelity(records: Records, about: dict[str, dict[str, str]]) -> str:
    """The page about every scene beside what Manim drew."""
    projects = records.projects()
    now = datetime.now(UTC)
    parts = [
        "# Every scene beside Manim's own frames",
        f"Written by `script/bench --only fidelity` on {now:%Y-%m-%d}, {now:%H:%M} UTC.",
        "[RESULTS.md](RESULTS.md) says what is compared, and how.",
        *(f"## {title}\n\n{_table(('', ''), rows.items())}" for title, rows in about.items()),
        "## Aims",
        _aims(records, projects, FIDELITY_AIMS),
        "## Scenes",
        *(
            f"### {name}\n\n{_scene_table({what: records.of(name, what) for what in (PARALLEL, OURS)})}"
            for name in projects
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _aims(records: Records, projects: list[str], aims: Sequence[Aim]) -> str:
    if not projects:
        return ""
    rows = [(aim.text, aim.goal(), *(aim.verdict(aim.value(records, project)) for project in projects)) for aim in aims]
    return _table(("Aim", "Goal", *projects), rows)


def _renders(records: Records, project: str, scenes: list[str]) -> str:
    ways = {what: records.of(project, what) for what in WAY_NAMES if records.of(project, what)}
    rows = [(WAY_NAMES[what], *_way(rounds)) for what, rounds in ways.items()]
    head = ("", "Wall, s", "CPU, s", "CPU a frame, ms", "Peak, MiB", "Size, MB", "PSNR, dB", "SSIM")
    drawn = sum(scene["true_frames"] for scene in qualities(ways[OURS]).values())
    old, ours = ways[OLD], ways[OURS]
    join = spread(old, lambda one: float(one.more["join_wall"]))
    told = [
        f"(a) / (c): {_times(walls, old, ours)} in wall time, {_times(cpus, old, ours)} in processor time.",
        f"(b) / (c): {_times(walls, ways[PARALLEL], ours)} and {_times(cpus, ways[PARALLEL], ours)}.",
        f"Of (a), {join.text()} s are the joining. Of (c), {_render_wall(ours)} s are the renders.",
        f"Scheduling plans {ours[0].more['budget'] / MIB:.0f} MiB for each render.",
    ]
    title = f"### {project}: {len(scenes)} scene{'s' if len(scenes) != 1 else ''}, {drawn} frames"
    lines = [title, _table(head, rows), " ".join(told), _scene_table(ways)]
    fallbacks = sorted({text for one in ours for text in one.more["fallbacks"]})
    if fallbacks:
        lines.append(f"Scenes that fell back to stock rendering: {'; '.join(fallbacks)}.")
    return "\n\n".join(lines)


def _times(of: Callable[[list[Measurement]], Spread], slow: list[Measurement], fast: list[Measurement]) -> str:
    return f"{of(slow).middle / of(fast).middle:.2f}"


def _render_wall(rounds: list[Measurement]) -> str:
    return spread(rounds, lambda one: float(one.more["render_wall"])).text()


def _way(rounds: list[Measurement]) -> list[str]:
    scenes = qualities(rounds)
    star = "*" if any(scene["frames"] != scene["true_frames"] for scene in scenes.values()) else ""
    return [
        walls(rounds).text(),
        cpus(rounds).text(),
        spread(rounds, lambda one: 1000 * one.cost.cpu / frames(rounds)).text(),
        spread(rounds, lambda one: float(one.more["render_peak"])).text(0, MIB),
        spread(rounds, lambda one: float(one.more["size"])).text(2, 1e6),
        f"{psnr_of_all(scenes):.2f}{star}",
        f"{ssim_of_all(scenes):.6f}{star}",
    ]


def _scene_table(ways: dict[str, list[Measurement]]) -> str:
    sides = [qualities(rounds) for what, rounds in ways.items()]
    *_, stock, ours = sides
    rows = [
        (
            scene,
            " / ".join(str(side[scene]["frames"]) for side in sides),
            *(f"{side[scene]['psnr']:.2f}" for side in (stock, ours)),
            *(f"{side[scene]['ssim']:.6f}" for side in (stock, ours)),
            *(_sizes(stock, ours, scene, name) for name in ("bytes", "file_bytes")),
        )
        for scene in ours
    ]
    frames_of = "Frames " + " / ".join(WAY_NAMES[what].split()[0] for what in ways)
    sizes = ("Picture, kB (b) / (c)", "File, kB (b) / (c)")
    return _table(("Scene", frames_of, "PSNR (b)", "PSNR (c)", "SSIM (b)", "SSIM (c)", *sizes), rows)


def _sizes(stock: dict[str, Any], ours: dict[str, Any], scene: str, name: str) -> str:
    before, after = stock[scene][name], ours[scene][name]
    return f"{before / 1000:.0f} / {after / 1000:.0f}, {after / before:.2f} times"


def _parts(records: Records, projects: list[str]) -> str:
    if not projects:
        return ""
    parts = {project: parts_of_a_frame(records.of(project, OURS)) for project in projects}
    rows = [(text, *(f"{parts[project][name]:.2f}" for project in projects)) for name, text in PART_NAMES.items()]
    rows.append(("together", *(f"{sum(parts[project].values()):.2f}" for project in projects)))
    return f"### Where our processor time goes, ms a frame\n\n{_table(('', *projects), rows)}"


def _preview(records: Records, projects: list[str]) -> str:
    rows = []
    for project in projects:
        preview = records.of(project, PREVIEW)
        if not preview:
            continue
        faster = [
            " / ".join(f"{of(records.of(project, what)).middle / of(preview).middle:.1f}" for what in WAY_NAMES)
            for of in (walls, cpus)
        ]
        shown = (f"{', '.join(preview[0].more['sizes'])}, {preview[0].more['frames']} frames", walls(preview).text())
        rows.append((project, *shown, cpus(preview).text(), *faster))
    head = ("", "Picture", "Wall, s", "CPU, s", "Full size (a) / (b) / (c) over it: wall", "CPU")
    return f"### Preview: `--quality low`\n\n{_table(head, rows)}" if rows else ""


def _builds(records: Records, project: str) -> str:
    line = records.of(project, LINE)
    old = records.of(project, OLD)
    rows = [_build(records, project, what) for what in (FRESH, SAME, CLONE)]
    edited = line[0].more
    rows.append(_build(records, project, LINE, f"one line changed ({edited['line']}, {edited['scene']})"))
    shards = [walls(records.of(project, shard_name(index))).middle for index in range(1, SHARDS + 1)]
    longest = shard_name(shards.index(max(shards)) + 1)
    rows += [_build(records, project, longest, f"{SHARDS} shards: the longest ({longest})")]
    rows += [_build(records, project, FINAL, f"{SHARDS} shards: the final build")]
    if old:
        resume = [spread(old, of).text(2) for of in (_join_wall, _join_cpu)]
        rows.append(("for comparison: the old pipeline with nothing changed", *resume, "", "encoding all again"))
    own = spread(line, lambda one: float(one.more["own_seconds"]))
    ratio = spread(line, lambda one: one.cost.wall / float(one.more["own_seconds"]))
    table = _table(("Build", "Wall, s", "CPU, s", "Scenes rendered", "Steps, s"), rows)
    told = f"One line changed: that scene's render takes {own.text(2)} s, the build {ratio.text(2)} times that."
    return "\n\n".join([f"### {project}", table, told])


def _join_wall(one: Measurement) -> float:
    return float(one.more["join_wall"])


def _join_cpu(one: Measurement) -> float:
    return float(one.more["join_cpu"])


def _build(records: Records, project: str, what: str, name: str | None = None) -> tuple[str, ...]:
    rounds = records.of(project, what)
    steps = list(dict.fromkeys(step for one in rounds for step in one.more["steps"]))
    told = ", ".join(f"{step} {_step_seconds(rounds, step):.1f}" for step in steps)
    rendered = str(len(rounds[0].more["rendered"]))
    return (name or what, walls(rounds).text(2), cpus(rounds).text(2), rendered, told)


def _step_seconds(rounds: list[Measurement], step: str) -> float:
    return spread(rounds, lambda one: float(one.more["steps"].get(step, 0))).middle
