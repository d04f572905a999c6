"""The aims that the benchmark decides on, each as a number beside its limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .builds import CLONE, LINE, SAME
from .figures import cpus, frames, qualities, spread, walls
from .records import Records
from .ways import OLD, OURS, PARALLEL, PREVIEW


@dataclass(frozen=True)
class Aim:
    """An aim. `value` gives the figure of a project, None where it was not measured."""

    text: str
    limit: float
    at_least: bool
    unit: str
    digits: int
    value: Callable[[Records, str], float | None]

    def goal(self) -> str:
        """The limit in words."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"

    def met(self, value: float) -> bool:
        """Whether a figure meets the limit."""
        return value >= self.limit if self.at_least else value <= self.limit

    def verdict(self, value: float | None) -> str:
        """A figure, whether it is enough, and by how much."""
        if value is None:
            return "not measured"
        shown = f"{value:.{self.digits}f}{self.unit}"
        if self.limit == 0:
            return f"{shown}: {'met' if self.met(value) else '**not met**'}"
        off = abs(value / self.limit - 1) * 100
        side = "over" if value > self.limit else "under"
        return f"{shown}: {'met' if self.met(value) else '**not met**'}, {off:.0f} % {side}"


def _ratio_of_walls(slow: str, fast: str) -> Callable[[Records, str], float | None]:
    def value(records: Records, project: str) -> float | None:
        before, after = records.of(project, slow), records.of(project, fast)
        return walls(before).middle / walls(after).middle if before and after else None

    return value


def _cpu_a_frame(records: Records, project: str) -> float | None:
    ours = records.of(project, OURS)
    return 1000 * cpus(ours).middle / frames(ours) if ours else None


def _memory_ratio(records: Records, project: str) -> float | None:
    old, ours = records.of(project, OLD), records.of(project, OURS)
    if not (old and ours):
        return None
    peak = [spread(rounds, lambda one: float(one.more["render_peak"])).middle for rounds in (ours, old)]
    return peak[0] / peak[1]


def _budget_ratio(records: Records, project: str) -> float | None:
    ours = records.of(project, OURS)
    if not ours or not ours[0].more["budget"]:
        return None
    return float(max(one.more["render_peak"] for one in ours) / ours[0].more["budget"])


def _size_ratio(records: Records, project: str) -> float | None:
    old, ours = records.of(project, OLD), records.of(project, OURS)
    return float(ours[0].more["size"] / old[0].more["size"]) if old and ours else None


def _worse_scenes(name: str) -> Callable[[Records, str], float | None]:
    """The least that our way is better than stock Manim in one measure of quality, over the scenes."""

    def value(records: Records, project: str) -> float | None:
        stock, ours = qualities(records.of(project, PARALLEL)), qualities(records.of(project, OURS))
        return float(min(ours[scene][name] - stock[scene][name] for scene in ours)) if stock and ours else None

    return value


def _other_frames(records: Records, project: str) -> float | None:
    ours = qualities(records.of(project, OURS))
    return float(sum(abs(scene["frames"] - scene["true_frames"]) for scene in ours.values())) if ours else None


def _file_bytes(records: Records, project: str) -> float | None:
    stock, ours = qualities(records.of(project, PARALLEL)), qualities(records.of(project, OURS))
    return (
        float(max(ours[scene]["file_bytes"] / stock[scene]["file_bytes"] for scene in ours)) if stock and ours else None
    )


def _wall(what: str) -> Callable[[Records, str], float | None]:
    def value(records: Records, project: str) -> float | None:
        rounds = records.of(project, what)
        return walls(rounds).middle if rounds else None

    return value


def _resume_ratio(records: Records, project: str) -> float | None:
    old, same = records.of(project, OLD), records.of(project, SAME)
    if not (old and same):
        return None
    return spread(old, lambda one: float(one.more["join_wall"])).middle / walls(same).middle


def _line_ratio(records: Records, project: str) -> float | None:
    rounds = records.of(project, LINE)
    return spread(rounds, lambda one: one.cost.wall / float(one.more["own_seconds"])).middle if rounds else None


FIDELITY_AIMS = (
    Aim("PSNR over stock Manim's: the worst scene", 0, True, " dB", 2, _worse_scenes("psnr")),
    Aim("SSIM over stock Manim's: the worst scene", 0, True, "", 6, _worse_scenes("ssim")),
    Aim("Frames more or less than Manim draws", 0, False, "", 0, _other_frames),
    Aim("Size of a scene's file, beside stock Manim's: the worst scene", 1.5, False, "", 2, _file_bytes),
)
RENDER_AIMS = (
    Aim("Wall time: the old pipeline over ours", 7, True, " times", 2, _ratio_of_walls(OLD, OURS)),
    Aim("Wall time: GNU parallel over ours", 4, True, " times", 2, _ratio_of_walls(PARALLEL, OURS)),
    Aim("Processor time of a frame", 14, False, " ms", 1, _cpu_a_frame),
    Aim("Peak memory of a render, beside stock Manim's", 0.5, False, "", 2, _memory_ratio),
    Aim("Peak memory of a render, beside what scheduling plans for it", 1, False, "", 2, _budget_ratio),
    Aim("Size of the whole file, beside the old pipeline's", 1.5, False, "", 2, _size_ratio),
    *FIDELITY_AIMS,
    Aim(
        "Preview: wall time of the full size over the preview's", 10, True, " times", 2, _ratio_of_walls(OURS, PREVIEW)
    ),
    Aim("Preview: GNU parallel's full size over it", 10, True, " times", 2, _ratio_of_walls(PARALLEL, PREVIEW)),
)
BUILD_AIMS = (
    Aim("Nothing changed", 3, False, " s", 2, _wall(SAME)),
    Aim("Nothing changed, in a new clone", 3, False, " s", 2, _wall(CLONE)),
    Aim("Nothing changed: the old pipeline's resume over ours", 12, True, " times", 1, _resume_ratio),
    Aim("One line changed, beside that scene's own render time", 1.3, False, "", 2, _line_ratio),
)
