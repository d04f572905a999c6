"""What stands behind an exception that by itself does not tell, and what to do about it."""

from __future__ import annotations

import errno
import os
import re
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType


class ExplainedError(Exception):
    """An error whose message says already what is to be said."""


VOICEOVER_PACKAGES = ("manim_voiceover_plus", "manim_voiceover")
NO_SERVICES = ("base", "stitcher")
SPEAK_HERE = (
    "A build speaks the lines itself: "
    "self.set_speech_service(get_speech_service(Path(__file__).resolve().parent)), from flaming_horse_voice"
)

# What earlier versions of Manim, or the other Manim, had, and how it is written in Manim Community today.
RENAMED = {
    # animations
    "ShowCreation": "Create",
    "ShowCreationThenDestruction": "ShowPassingFlash",
    "ShowCreationThenFadeOut": "Succession(Create(mobject), FadeOut(mobject))",
    "ShowCreationThenDestructionAround": "Circumscribe",
    "ShowCreationThenFadeAround": "Circumscribe",
    "ShowPassingFlashAround": "Circumscribe",
    "AnimationOnSurroundingRectangle": "Circumscribe",
    "CircleIndicate": "Circumscribe(mobject, Circle)",
    "SurroundingRectangleAnimation": "Circumscribe",
    "FlashAround": "Circumscribe",
    "FlashUnder": "ShowPassingFlash(Underline(mobject))",
    "FadeInFrom": "FadeIn(mobject, shift=...)",
    "FadeInFromDown": "FadeIn(mobject, shift=UP)",
    "FadeInFromLarge": "FadeIn(mobject, scale=...)",
    "FadeInFromPoint": "FadeIn(mobject, target_position=...)",
    "FadeInFromEdge": "FadeIn(mobject, shift=...)",
    "FadeOutAndShift": "FadeOut(mobject, shift=...)",
    "FadeOutAndShiftDown": "FadeOut(mobject, shift=DOWN)",
    "FadeOutToPoint": "FadeOut(mobject, target_position=...)",
    "GrowFromSide": "GrowFromEdge",
    "WiggleOutThenIn": "Wiggle",
    "ShowSubobjectsOneByOne": "ShowSubmobjectsOneByOne",
    "FadeToColour": "FadeToColor",
    # mobjects
    "TextMobject": "Tex",
    "TexMobject": "MathTex",
    "OldTex": "MathTex",
    "OldTexText": "Tex",
    "TexText": "Tex",
    "PangoText": "Text",
    "CairoText": "Text",
    "PangoMarkupText": "MarkupText",
    "ParametricSurface": "Surface",
    "ParametricCurve": "ParametricFunction",
    "SGroup": "Group",
    "SmallDot": "Dot(radius=DEFAULT_SMALL_DOT_RADIUS)",
    "BulletList": "BulletedList",
    "GlowDot": "Dot",
    # scenes
    "GraphScene": "Scene, with Axes and axes.plot",
    "NumberLineScene": "Scene, with NumberLine",
    "InteractiveScene": "Scene",
    "PiCreatureScene": "Scene",
    "TeacherStudentsScene": "Scene",
    "SampleSpaceScene": "Scene, with SampleSpace",
    # constants
    "FRAME_WIDTH": "config.frame_width",
    "FRAME_HEIGHT": "config.frame_height",
    "FRAME_X_RADIUS": "config.frame_x_radius",
    "FRAME_Y_RADIUS": "config.frame_y_radius",
    "COLOR_MAP": "ManimColor",
    "TOP_SIDE": "config.top",
    "Color": "ManimColor",
    # methods
    "get_graph": "plot",
    "get_parametric_curve": "plot_parametric_curve",
    "get_derivative_graph": "plot_derivative_graph",
    "get_antiderivative_graph": "plot_antiderivative_graph",
    "get_implicit_curve": "plot_implicit_curve",
    "get_line_graph": "plot_line_graph",
    "setup_axes": "Axes",
    "rotate_in_place": "rotate",
    "scale_in_place": "scale",
    "camera_frame": "camera.frame, in a MovingCameraScene",
    "embed": "interactive_embed",
}
OTHER_MANIM = ("manimlib", "manimgl", "manim_imports_ext", "big_ol_pile_of_manim_imports")

# Programs that Manim, voiceover or a scene runs, each with what brings it on Debian and Ubuntu, and with Homebrew.
PROGRAMS = {
    "latex": ("texlive-latex-extra texlive-fonts-recommended", "texlive"),
    "pdflatex": ("texlive-latex-extra texlive-fonts-recommended", "texlive"),
    "xelatex": ("texlive-xetex", "texlive"),
    "lualatex": ("texlive-luatex", "texlive"),
    "dvisvgm": ("dvisvgm", "texlive"),
    "ffmpeg": ("ffmpeg", "ffmpeg"),
    "ffprobe": ("ffmpeg", "ffmpeg"),
    "sox": ("sox", "sox"),
    "espeak": ("espeak", "espeak"),
    "espeak-ng": ("espeak-ng", "espeak-ng"),
    "dot": ("graphviz", "graphviz"),
    "inkscape": ("inkscape", "inkscape"),
    "pdftocairo": ("poppler-utils", "poppler"),
}


def explain(error: BaseException) -> str | None:
    """What to tell instead of an exception's own message; None where that does. Calls nothing of the user's."""
    if isinstance(error, ExplainedError):
        return None
    for explanation in (_other_manim, _renamed, _no_service, _long_name, _missing_program, _of_latex, _of_service):
        told = explanation(error)
        if told is not None:
            return told
    return None


def _other_manim(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] in OTHER_MANIM:
        return f"{error.name} belongs to another Manim (ManimGL): in Manim Community, write from manim import *"
    return None


def _renamed(error: BaseException) -> str | None:
    name = next((name for name in _names_missed(error) if name in RENAMED), None)
    return f"{name} does not exist in this version of Manim: it is now {RENAMED[name]}" if name else None


def _names_missed(error: BaseException) -> Iterable[str]:
    """Names that Manim, or nobody, has."""
    if isinstance(error, AttributeError) and error.name is not None and _of_manim(error.obj):
        return (error.name, f"get_{error.name}")  # a mobject looks for x where it has no get_x
    if isinstance(error, (NameError, ImportError)):
        found = re.search(r"^name '(\w+)' is not defined|cannot import name '(\w+)' from 'manim", _own_text(error))
        return filter(None, found.groups()) if found else ()
    if isinstance(error, TypeError) and "__getattr__.<locals>" in _own_text(error):  # where get_x is called with more
        called = traceback.extract_tb(error.__traceback__, limit=-1)
        return re.findall(r"\.(get_\w+)\(", called[0].line or "") if called else ()
    return ()


def _of_manim(thing: object) -> bool:
    kind = thing.__name__ if isinstance(thing, type(re)) else None
    return str(kind or "").partition(".")[0] == "manim" or any(
        base.__module__.partition(".")[0] == "manim" for base in type(thing).__mro__
    )


def _no_service(error: BaseException) -> str | None:
    if isinstance(error, Exception) and "You need to call init_voiceover()" in _own_text(error):
        return f"the scene speaks before it has a speech service. {SPEAK_HERE}"
    return None


def _long_name(error: BaseException) -> str | None:
    if not isinstance(error, OSError) or error.errno != errno.ENAMETOOLONG or not isinstance(error.filename, str):
        return None
    longest = max(Path(error.filename).parts, key=len)
    return f"a name is too long for this file system ({len(os.fsencode(longest))} bytes): {longest[:40]}..."


def _missing_program(error: BaseException) -> str | None:
    if not isinstance(error, FileNotFoundError) or not isinstance(error.filename, (str, bytes)):
        return None
    asked = [frame.f_locals.get("orig_executable") for frame, _ in traceback.walk_tb(error.__traceback__)]
    program = os.fsdecode(error.filename)
    if error.filename not in asked or os.sep in program:  # a folder to start it in may be missing, too
        return None
    told = f"the program {program} is not installed, or not on the PATH"
    if program in PROGRAMS:
        debian, brew = PROGRAMS[program]
        told += f": apt-get install {debian} (Debian, Ubuntu) or brew install {brew} (macOS)"
    return told


def _of_latex(error: BaseException) -> str | None:
    """Manim refers to a log file, which goes when the render ends."""
    found = re.search(r"^(\w+) error converting to .* the log file: (.+)$", _own_text(error), re.DOTALL)
    if not found:
        return None
    try:
        log = Path(found[2]).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fault = re.search(r"^! (.+)\n(.*)", log, re.MULTILINE)
    if not fault:
        return None
    told = f"{found[1]} cannot set this: {fault[1].rstrip('.')}"
    if commands := re.findall(r"\\\w+", fault[2]) if "Undefined control sequence" in told else None:
        told += f", {commands[-1]}"
    if missing := re.search(r"File `(.+?)' not found", told):
        told += f". Install the LaTeX package that has {missing[1]}, or correct its name"
    return told


def _of_service(error: BaseException) -> str | None:
    """Something failed in a speech service: most need a package, a key or the network."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    service = next(filter(None, map(service_of, reversed(frames))), None)
    if service is None:
        return None
    if isinstance(error, NameError):
        return f"the speech service {service} needs a Python package that is not installed ({error.name}). {SPEAK_HERE}"
    return f"the speech service {service} failed: {type(error).__name__}: {_own_text(error)}. {SPEAK_HERE}"


def service_of(frame: FrameType | None) -> str | None:
    """The name of the speech service whose code this is, as "GTTSService"; None for all else."""
    parts = str(frame.f_globals.get("__name__", "")).split(".") if frame is not None else []
    if frame is None or len(parts) < 3 or parts[0] not in VOICEOVER_PACKAGES or parts[1] != "services":
        return None
    if parts[2] in NO_SERVICES:
        return None
    kind = type(frame.f_locals.get("self")).__name__
    return kind if kind.endswith("Service") else parts[2]


def _own_text(error: BaseException) -> str:
    """What an exception says; empty where it cannot say it."""
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - it is the user's
        return ""
