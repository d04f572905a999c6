"""Libraries that read files without asking Python: they are made to tell."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from .shims import after_import
from .watch import Watch

# Functions, and constructors, whose first argument is the path of a file to read.
FUNCTIONS = {"cv2": ("imread", "imreadmulti"), "av": ("open",)}
CONSTRUCTORS = {"h5py": "File", "PIL.ImageFont": "FreeTypeFont"}


def install(watch: Watch) -> None:
    """Make them tell. To be called before they are imported."""
    for module, names in FUNCTIONS.items():
        after_import(module, functools.partial(_follow_functions, names=names, watch=watch))
    for module, name in CONSTRUCTORS.items():
        after_import(module, functools.partial(_follow_constructor, name=name, watch=watch))
    after_import("cairo", functools.partial(_follow_cairo, watch=watch))


def _telling(original: Callable[..., Any], watch: Watch, position: int = 0) -> Callable[..., Any]:
    @functools.wraps(original)
    def telling(*args: Any, **kwargs: Any) -> Any:
        path = args[position] if len(args) > position else next(iter(kwargs.values()), None)
        mode = args[position + 1] if len(args) > position + 1 else kwargs.get("mode")
        if isinstance(path, (str, bytes, os.PathLike)) and not (isinstance(mode, str) and mode.startswith("w")):
            watch.note(os.fsdecode(path))
        return original(*args, **kwargs)

    return telling


def _follow_functions(module: Any, names: tuple[str, ...], watch: Watch) -> None:
    for name in names:
        if hasattr(module, name):
            setattr(module, name, _telling(getattr(module, name), watch))


def _follow_constructor(module: Any, name: str, watch: Watch) -> None:
    made = getattr(module, name, None)
    if isinstance(made, type):
        made.__init__ = _telling(made.__init__, watch, 1)  # type: ignore[misc]


def _follow_cairo(cairo: Any, watch: Watch) -> None:
    """Its types can neither be changed nor inherited from, so one that tells stands for the original."""
    original: Any = cairo.ImageSurface

    class StandIn(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return original(*args, **kwargs)

        def __getattr__(cls, name: str) -> Any:
            return getattr(original, name)

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, original)

    class ImageSurface(metaclass=StandIn):
        create_from_png = staticmethod(_telling(original.create_from_png, watch))

    cairo.ImageSurface = ImageSurface
