"""Chance and the clock: seeds for generators made without one, and a note of what cannot be seeded.

Only calls from the user's own files are noted: Manim and its libraries look at the clock all the time.
"""

from __future__ import annotations

import functools
import itertools
import random
import sys
import time
import types
from collections.abc import Callable
from types import FrameType
from typing import Any

from .problems import UserFiles
from .shims import after_import
from .watch import Watch, of_standard_library

CLOCKS = tuple(
    f"{clock}{unit}"
    for clock in ("time", "perf_counter", "monotonic", "process_time", "thread_time", "clock_gettime")
    for unit in ("", "_ns")
)
# With a time given as their last argument these only calculate: the number of arguments with which they do.
CALCULATING = {"localtime": 1, "gmtime": 1, "ctime": 1, "asctime": 1, "strftime": 2}
OF_SYSTEM = {
    "os": ("urandom", "getrandom"),
    "uuid": ("uuid1", "uuid4"),
    "secrets": ("choice", "randbelow", "randbits", "token_bytes", "token_hex", "token_urlsafe"),
}


def install(files: UserFiles, watch: Watch, seed: int) -> None:
    """Do all of it. To be called before the user's modules, and those that they use, are imported."""
    owns = functools.cache(files.owns)
    for name in (*CLOCKS, *CALCULATING):
        if hasattr(time, name):
            _follow(time, name, f"clock: time.{name}", owns, watch, CALCULATING.get(name))
    for module_name, names in OF_SYSTEM.items():
        after_import(module_name, functools.partial(_follow_all, names=names, owns=owns, watch=watch))
    seeds = Seeds(seed)
    _seed_random(seeds, owns, watch)
    after_import("numpy.random", functools.partial(_seed_numpy, seeds=seeds))


class Seeds:
    """The seeds of one render, one after the other, for those who would have asked the system for one."""

    def __init__(self, seed: int) -> None:
        self.first = seed % 2**32
        self._given = itertools.count(1)

    def next(self) -> int:
        """Another seed, of more than 32 bits."""
        return self.first + (next(self._given) << 32)

    def bits(self, count: int) -> int:
        """Some bits, as `secrets.randbits` gives."""
        return random.Random(self.next()).getrandbits(count)  # noqa: S311 - the same each time is what we want


class Followed:
    """A function whose calls by the user are noted. It becomes no method where it is put in a class, like builtins."""

    def __init__(
        self,
        original: Callable[..., Any],
        note: Callable[[], None],
        owns: Callable[[str], bool],
        calculates: int | None,
    ) -> None:
        self._original = original
        self._note = note
        self._owns = owns
        self._calculates = calculates
        functools.update_wrapper(self, original)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, noted."""
        if self._owns(sys._getframe(1).f_code.co_filename) and (  # noqa: SLF001
            self._calculates is None or len(args) < self._calculates or args[-1] is None
        ):
            self._note()
        return self._original(*args, **kwargs)


def _follow(  # noqa: PLR0913, PLR0917 - one of many alike
    module: types.ModuleType,
    name: str,
    reason: str,
    owns: Callable[[str], bool],
    watch: Watch,
    calculates: int | None = None,
) -> None:
    note = functools.partial(watch.note_unsafe, reason)
    setattr(module, name, Followed(getattr(module, name), note, owns, calculates))


def _follow_all(module: types.ModuleType, names: tuple[str, ...], owns: Callable[[str], bool], watch: Watch) -> None:
    for name in names:
        if hasattr(module, name):
            _follow(module, name, f"chance: {module.__name__}.{name}", owns, watch)


def _seed_random(seeds: Seeds, owns: Callable[[str], bool], watch: Watch) -> None:
    changed: Any = random
    original = random.Random.seed

    @functools.wraps(original)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        """Seed, but leave the standard library its chance: two renders must not name their temporary files alike."""
        if a is None and not of_standard_library(_caller()):
            a = seeds.next()
        original(self, a, version)

    changed.Random.seed = seed
    changed.seed = changed._inst.seed  # noqa: SLF001
    random.seed(seeds.first)  # modules of the user's may draw while they are imported

    for name in ("random", "getrandbits", "randbytes"):
        method = getattr(random.SystemRandom, name)

        def drawn(self: random.Random, *args: Any, _method: Callable[..., Any] = method) -> Any:
            if owns(_caller()):
                watch.note_unsafe("chance: random.SystemRandom")
            return _method(self, *args)

        setattr(random.SystemRandom, name, functools.wraps(method)(drawn))


def _seed_numpy(module: Any, seeds: Seeds) -> None:
    """All of its generators made without a seed ask this one function for bits."""
    bits: Any = getattr(module, "bit_generator", None)
    if hasattr(bits, "randbits"):
        bits.randbits = seeds.bits
    original = module.seed

    @functools.wraps(original)
    def seed(value: Any = None) -> None:
        original([seeds.first, seeds.bits(32)] if value is None else value)

    module.seed = seed
    original(seeds.first)


def _caller() -> str:
    """The file of the nearest code that is neither of the module random nor here."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None and frame.f_code.co_filename in (random.__file__, __file__):
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""
