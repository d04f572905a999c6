"""Numbers taken from the measurements: medians with their range, ratios, quality over all scenes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from .records import Measurement

MIB = 2**20


@dataclass(frozen=True)
class Spread:
    """One thing measured several times."""

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    def text(self, digits: int = 1, scale: float = 1) -> str:
        """The median with the range, once where there is only one value."""
        shown = [f"{value / scale:.{digits}f}" for value in (self.middle, min(self.values), max(self.values))]
        return shown[0] if len(self.values) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def spread(rounds: Iterable[Measurement], of: Callable[[Measurement], float]) -> Spread:
    """One figure of every round."""
    return Spread(tuple(of(measurement) for measurement in rounds))


def walls(rounds: Iterable[Measurement]) -> Spread:
    """Wall time of every round, in seconds."""
    return spread(rounds, lambda measurement: measurement.cost.wall)


def cpus(rounds: Iterable[Measurement]) -> Spread:
    """Processor time of every round, in seconds."""
    return spread(rounds, lambda measurement: measurement.cost.cpu)


def qualities(rounds: list[Measurement]) -> dict[str, dict[str, Any]]:
    """Quality by scene, from the round that compared."""
    return next((dict(one.more["quality"]) for one in rounds if "quality" in one.more), {})


def frames(rounds: list[Measurement]) -> int:
    """Frames of all scenes."""
    return sum(scene["frames"] for scene in qualities(rounds).values())


def psnr_of_all(scenes: dict[str, dict[str, Any]]) -> float:
    """The PSNR over all frames of all scenes, in dB: of the mean of the squared errors."""
    error = sum(scene["frames"] * 10 ** (-scene["psnr"] / 10) for scene in scenes.values())
    total = sum(scene["frames"] for scene in scenes.values())
    return math.inf if error == 0 else -10 * math.log10(error / total)


def ssim_of_all(scenes: dict[str, dict[str, Any]]) -> float:
    """The mean SSIM over all frames of all scenes."""
    total = sum(scene["frames"] for scene in scenes.values())
    return float(sum(scene["frames"] * scene["ssim"] for scene in scenes.values()) / total)


def parts_of_a_frame(rounds: list[Measurement]) -> dict[str, float]:
    """Where our own way spends its processor time, in milliseconds a frame, over all rounds.

    The encoder's thread is measured as such. The rest of a render's processor time is shared out in the proportion of
    the wall times of its parts, which follow one another in one thread.
    """
    sums = dict.fromkeys(("import", "draw", "convert", "encode", "sound", "elsewhere"), 0.0)
    count = 0
    for one in rounds:
        shared = float(one.more["shared_import"])
        sums["import"] += shared
        sums["elsewhere"] += one.cost.cpu - shared
        for scene in one.more["scenes"]:
            seconds = scene["seconds"]
            rest = scene["cpu_seconds"] - seconds["encode"]
            wall = sum(seconds[name] for name in ("import", "draw", "convert", "sound"))
            for name in ("import", "draw", "convert", "sound"):
                sums[name] += rest * seconds[name] / wall
            sums["encode"] += seconds["encode"]
            sums["elsewhere"] -= scene["cpu_seconds"]
            count += scene["frames"]
    return {name: 1000 * value / count for name, value in sums.items()}
