"""What Manim, voiceover and scenes must not do in a build: ask somebody, or write the voice cache."""

from __future__ import annotations

import builtins
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import random
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from typing import Any

from .causes import SPEAK_HERE, VOICEOVER_PACKAGES, service_of
from .events import Events
from .problems import SceneError, UserFiles
from .watch import Watch

HELPERS = {f"{package}.helper" for package in VOICEOVER_PACKAGES}


def install(events: Events, files: UserFiles, watch: Watch) -> None:
    """Install all of them. Modules not imported yet are changed when they are."""
    builtins.input = _no_answer

    def on_breakpoint(*_args: object, **_kwargs: object) -> None:
        _breakpoint_reached(events, files)

    sys.breakpointhook = on_breakpoint
    # voiceover starts ipdb when its own cutting of a subcaption surprises it; going on is right there.
    debugger = types.ModuleType("ipdb")
    debugger.set_trace = on_breakpoint  # type: ignore[attr-defined]
    sys.modules["ipdb"] = debugger

    after_import("manimpango", lambda module: _note_fonts(module, watch))
    after_import("PIL.Image", _make_empty_images)
    for package in VOICEOVER_PACKAGES:
        after_import(f"{package}.helper", _keep_voice_cache)


def after_import(name: str, change: Callable[[types.ModuleType], None]) -> None:
    """Call a function with a module: now, if it is imported, or right after its import, before anyone else sees it."""
    if name in sys.modules:
        change(sys.modules[name])
    else:
        sys.meta_path.insert(0, _AfterImport({name: change}))


def seed_everything(seed: int) -> None:
    """Seed the random generators that scenes use: the global ones, and those made without a seed from now on."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    made = itertools.count()
    original: Any = np.random.default_rng

    @functools.wraps(original)
    def default_rng(entropy: Any = None) -> Any:
        return original([seed % 2**32, next(made)] if entropy is None else entropy)

    numpy_random: Any = np.random
    numpy_random.default_rng = default_rng


def _no_answer(prompt: object = "") -> str:
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        if str(frame.f_globals.get("__name__")) in HELPERS:
            raise SceneError(f"{_missing(frame)}. {SPEAK_HERE}")
        frame = frame.f_back
    asked = f" ({str(prompt).strip()})" if str(prompt).strip() else ""
    raise EOFError(f"the scene waits for an answer{asked}, but nobody can give one in a build")


def _missing(helper: types.FrameType) -> str:
    """What a speech service lacks, when one of voiceover's helpers asks whether to get it."""
    frame: types.FrameType | None = helper
    while frame is not None and service_of(frame) is None:
        frame = frame.f_back
    has, package = helper.f_locals, str(helper.f_globals["__name__"]).partition(".")[0]
    service = service_of(frame) or has.get("dependent_item") or "of this scene"
    if "required_variable_names" in has:
        names = " and ".join(map(str, has["required_variable_names"]))
        return f"the speech service {service} needs {names}, and a build gives scenes no keys"
    if "extras" in has:
        install = f'pip install "{package.replace("_", "-")}[{has["extras"]}]"'
    else:
        install = f"pip install {has.get('package_name', '')}"
    modules = has.get("target_modules") or [has.get("target_module")]
    return (
        f"the speech service {service} needs Python packages that are not installed "
        f"({', '.join(map(str, modules))}): {install}, in a Python that the input python names"
    )


def _breakpoint_reached(events: Events, files: UserFiles) -> None:
    for frame in reversed(traceback.extract_stack()):
        if files.owns(frame.filename):
            events.warning("a breakpoint was passed over", frame.filename, frame.lineno)
            return
        if any(package in frame.filename for package in VOICEOVER_PACKAGES):
            return


def _keep_voice_cache(helper: types.ModuleType) -> None:
    def append_to_json_file(json_file: object, data: object) -> None:
        """Renders only read the voice cache: voiceover would rewrite it at every line, without a lock."""

    helper.append_to_json_file = append_to_json_file  # type: ignore[attr-defined]


def _make_empty_images(image: types.ModuleType) -> None:
    original: Callable[..., Any] = image.fromarray

    @functools.wraps(original)
    def fromarray(obj: Any, mode: str | None = None) -> Any:
        """Manim makes an empty RGBA image from zeros of another type, which Pillow refuses from version 13 on."""
        if mode == "RGBA" and getattr(obj, "ndim", 0) == 2 and not obj.any():
            return image.new(mode, obj.shape[::-1])
        return original(obj, mode)

    image.fromarray = fromarray  # type: ignore[attr-defined]


def _note_fonts(manimpango: types.ModuleType, watch: Watch) -> None:
    register: Callable[..., Any] | None = getattr(manimpango, "register_font", None)
    if register is None:
        return

    def register_font(font_path: str, *args: Any, **kwargs: Any) -> Any:
        watch.note(font_path, "font")
        return register(font_path, *args, **kwargs)

    manimpango.register_font = register_font  # type: ignore[attr-defined]


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a module right after its import, before anyone else sees it."""

    def __init__(self, changes: dict[str, Callable[[types.ModuleType], None]]) -> None:
        self._changes = changes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        change = self._changes.pop(fullname, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
