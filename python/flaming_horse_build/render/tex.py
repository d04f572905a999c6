"""What LaTeX reads and makes during a render, and the shared store of its results.

A result is named by the hash of its formula and template alone, so only what was made from nothing else but the LaTeX
distribution is shared.
"""

from __future__ import annotations

import functools
import os
import shutil
import types
from pathlib import Path
from typing import Any

from .shims import after_import
from .watch import Watch

RESULT = ".svg"
RECORD = ".fls"
MODULE = "manim.utils.tex_file_writing"
# Of the distribution: its trees by name, wherever it is installed, and where Linux distributions put them.
TREES = {"texmf-dist", "texmf-var", "texmf-config"}
FOLDERS = tuple(
    Path(path) for path in ("/usr/share/texlive", "/usr/share/texmf", "/var/lib/texmf", "/etc/texmf", "/dev")
)


class Runs:
    """Follows Manim's LaTeX: notes which of the user's own files it reads. To be made before Manim is imported."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.media_dir: Path | None = None
        """Where Manim writes what it hands to LaTeX: not a file of the user's."""
        self._shareable: set[str] = set()
        self.used = False
        """Whether anything was set by LaTeX, now or earlier."""
        after_import(MODULE, self._follow)

    def harvest(self, private: Path, shared: Path) -> None:
        """Copy what was made here from the distribution alone to the shared folder, each file whole or not at all."""
        for name in sorted(self._shareable):
            file, target = private / f"{name}{RESULT}", shared / f"{name}{RESULT}"
            if file.is_file() and not target.exists():
                shared.mkdir(parents=True, exist_ok=True)
                unfinished = shared / f".{file.name}.{os.getpid()}"
                shutil.copyfile(file, unfinished)
                unfinished.replace(target)

    def _follow(self, writing: Any) -> None:
        to_svg = writing.tex_to_svg_file
        command, compile_tex = (
            getattr(writing, name, None) for name in ("make_tex_compilation_command", "compile_tex")
        )
        recordable = isinstance(command, types.FunctionType) and isinstance(compile_tex, types.FunctionType)

        @functools.wraps(to_svg)
        def tex_to_svg_file(*args: Any, **kwargs: Any) -> Any:
            self.used = True
            if not recordable:
                self._watch.note_unsafe("LaTeX: this version of Manim does not tell what it reads")
            return to_svg(*args, **kwargs)

        writing.tex_to_svg_file = tex_to_svg_file
        if recordable:
            self._record(writing, command, compile_tex)

    def _record(self, writing: Any, command: Any, compile_tex: Any) -> None:
        @functools.wraps(command)
        def recording_command(*args: Any, **kwargs: Any) -> list[str]:
            engine, *rest = command(*args, **kwargs)
            return [engine, "-recorder", *rest]

        @functools.wraps(compile_tex)
        def recorded(tex_file: Path, *args: Any, **kwargs: Any) -> Any:
            made = compile_tex(tex_file, *args, **kwargs)
            self._read_record(Path(tex_file))
            return made

        writing.make_tex_compilation_command = recording_command
        writing.compile_tex = recorded

    def _read_record(self, tex_file: Path) -> None:
        record = tex_file.with_suffix(RECORD)
        if not record.is_file():
            self._watch.note_unsafe("LaTeX did not tell what it read")
            return
        own = [file for file in inputs(record) if not (_distributed(file) or self._private(file))]
        for file in own:
            self._watch.note(file)
        if not own:
            self._shareable.add(tex_file.stem)

    def _private(self, file: Path) -> bool:
        return self.media_dir is not None and file.is_relative_to(self.media_dir)


def bring(shared: Path, private: Path) -> None:
    """Copy what others have made into a private folder."""
    private.mkdir(parents=True, exist_ok=True)
    if shared.is_dir():
        for file in shared.glob(f"*{RESULT}"):
            shutil.copyfile(file, private / file.name)


def inputs(record: Path) -> list[Path]:
    """The files that a run of LaTeX read, absolute, by the record that its option -recorder makes."""
    folder = Path.cwd()
    found: dict[Path, None] = {}
    for line in record.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        kind, _, name = line.partition(" ")
        if kind == "PWD":
            folder = Path(name)
        elif kind == "INPUT":
            found[Path(os.path.normpath(folder / name))] = None
    return list(found)


def _distributed(file: Path) -> bool:
    return not TREES.isdisjoint(file.parts) or any(file.is_relative_to(folder) for folder in FOLDERS)
