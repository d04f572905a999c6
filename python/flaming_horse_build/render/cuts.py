"""What a scene skips: the video is the whole scene with those parts cut out, picture, sound and captions alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """A part that is not shown: after so many frames that are, from `start` to `end` on Manim's clock, in seconds."""

    frame: int
    start: float
    end: float


@dataclass(frozen=True)
class Span:
    """A part of the sound track that is kept: samples `start` to `end`, which lie `shift` later in the whole scene."""

    start: int
    end: int
    shift: int


def shown_at(seconds: float, cuts: Sequence[Cut]) -> float:
    """The time in the video of a time on Manim's clock; within a cut, that of the cut."""
    return seconds - sum(max(0.0, min(seconds, cut.end) - cut.start) for cut in cuts)


def skipped(cuts: Sequence[Cut], rate: int) -> int:
    """How many samples all of the cuts take away."""
    return round(sum(cut.end - cut.start for cut in cuts) * rate)


def spans(cuts: Sequence[Cut], places: Sequence[int], rate: int) -> Iterator[Span]:
    """What is left of a sound track, in order. `places`: the sample of each cut on it, and that of its end."""
    start = 0
    for number, end in enumerate(places):
        yield Span(start, end, skipped(cuts[:number], rate))
        start = end
