"""Faults in the configuration files that Manim reads while it is imported, told at their line."""

from __future__ import annotations

import configparser
import difflib
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .events import Events
from .problems import SceneError, text_of

NAME = "manim.cfg"
SECTION = "CLI"
CONFIG_PACKAGE = "manim._config"
_warned: set[Path] = set()


def fault(error: Exception, project_dir: Path) -> SceneError | None:
    """What a failed import of Manim says of a configuration file; None where it failed for another reason."""
    if isinstance(error, configparser.InterpolationError):
        return _at(project_dir, error.option, "a % is written %% here")
    if isinstance(error, configparser.Error):
        source, line = getattr(error, "source", None), getattr(error, "lineno", None)
        broken = getattr(error, "errors", None)
        if line is None and broken:
            line = broken[0][0]
        return SceneError(
            f"{NAME} cannot be read: {_reason(error)}", project_dir / str(source) if source else None, line
        )
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    reading = [frame for frame in frames if str(frame.f_globals.get("__name__", "")).startswith(CONFIG_PACKAGE)]
    if not reading:
        return None
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(project_dir)
    keys = [frame.f_locals.get("key") for frame in reading]  # one that no file sets was read before
    key = next((key for key in keys if isinstance(key, str) and _setting(key, project_dir)), None)
    return _at(project_dir, key or quoted(error, project_dir), text_of(error))


def warn(project_dir: Path, events: Events) -> None:
    """Warn, once in a build, of what the project's file sets and Manim does not know. Manim must be imported."""
    if project_dir not in _warned:
        _warned.add(project_dir)
        for message, line in _unknown(project_dir):
            events.warning(f"{NAME}, line {line}: {message}", str(project_dir / NAME), line)


def quoted(error: BaseException, project_dir: Path) -> str | None:
    """The option of a file whose value the message of an error quotes."""
    said = text_of(error)
    for path in _files(project_dir):
        for match in re.finditer(r"^\s*(\w+)\s*[=:]\s*(.+?)\s*$", _text(path), re.MULTILINE):
            values = (match[2], *re.split(r"[;,\-\s]+", match[2]))
            if any(
                re.search(rf"(?<!\w){re.escape(value)}(?!\w)", said) for value in values if value.strip("0123456789.")
            ):
                return match[1]
    return None


def option_at_fault(error: BaseException, project_dir: Path) -> SceneError | None:
    """An error of Manim's that quotes a value of a file, at the line of that."""
    option = quoted(error, project_dir)
    return _at(project_dir, option, text_of(error)) if option else None


def _unknown(project_dir: Path) -> Iterator[tuple[str, int | None]]:
    path = project_dir / NAME
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except (configparser.Error, UnicodeDecodeError):
        return  # Manim is imported, so that is not what it read
    utils: Any = sys.modules.get(f"{CONFIG_PACKAGE}.utils")
    for section in parser.sections():
        if section != SECTION and section.upper() == SECTION:
            yield f"[{section}] is ignored by Manim: the name of the section is [{SECTION}]", _line(path, section)
    if utils is None or not parser.has_section(SECTION):
        return
    known = _known_options(utils)
    for option in parser.options(SECTION):
        if option in known or option in parser.defaults():
            continue
        near = difflib.get_close_matches(option, known, 1)
        meant = f": did you mean {near[0]}?" if near else ""
        yield f"{option} is no option of Manim, which ignores it{meant}", _line(path, option)


def _known_options(utils: Any) -> set[str]:
    """The options of Manim's own file, and those that its code names."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(Path(utils.__file__).with_name("default.cfg"))
    named = set(parser.options(SECTION))
    waiting = list(utils.ManimConfig.digest_parser.__code__.co_consts)
    while waiting:
        constant = waiting.pop()
        if isinstance(constant, str):
            named.add(constant)
        elif isinstance(constant, tuple):
            waiting += constant
    return named


def _files(project_dir: Path) -> list[Path]:
    """The files that Manim reads beside its own; the one that has the last word first."""
    config_home = Path.home() / ("AppData/Roaming/Manim" if sys.platform == "win32" else ".config/manim")
    return [path for path in (project_dir / NAME, config_home / NAME) if path.is_file()]


def _setting(option: str, project_dir: Path) -> tuple[Path, int] | None:
    """The file and line that set an option."""
    return next(((path, line) for path in _files(project_dir) if (line := _line(path, option))), None)


def _at(project_dir: Path, option: str | None, message: str) -> SceneError:
    files = _files(project_dir)
    path, line = (option and _setting(option, project_dir)) or (files[0] if files else None, None)
    return SceneError(f"{NAME}, {option or 'a value'}: {message}", path, line)


def _not_utf8(project_dir: Path) -> SceneError:
    for path in _files(project_dir):
        content = path.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            return SceneError(f"{NAME} is not in UTF-8", path, content.count(b"\n", 0, error.start) + 1)
    return SceneError(f"{NAME} is not in UTF-8")


def _line(path: Path, name: str) -> int | None:
    """The line that sets an option, or names a section."""
    pattern = re.compile(rf"\s*(?:\[{re.escape(name)}\]|{re.escape(name)}\s*(?:[=:]|$))", re.IGNORECASE)
    lines = enumerate(_text(path).splitlines(), 1)
    return next((number for number, line in lines if pattern.match(line)), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _reason(error: configparser.Error) -> str:
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"a section must come first, as [{SECTION}]"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"{error.option} is set twice"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"the section [{error.section}] is there twice"
    return "this is neither a section nor an option"
