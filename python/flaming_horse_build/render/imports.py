"""Where modules come from: first ours, then Manim's, then those of a scene, as stock Manim finds them.

Stock Manim runs with the repository root on PYTHONPATH, and imports a scene with the folder of its file in front. A
file that is named like a module of Python's or of a package then hides that module, unless it was imported before. Our
programs import much that Manim needs later, and may not fail where stock Manim does not. So they start with our own
folder alone on the path (`python -P`, PYTHONPATH=python/). While Manim is imported, the repository stands behind all
packages; for the scene it comes to the front.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import os
import site
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

from . import manim_cfg
from .problems import OURS, SceneError

PROVIDED = OURS / "provided"
PACKAGE = __name__.partition(".")[0]
ONLY_OURS = (PACKAGE, "resource")
"""What our programs import and Manim does not: a scene may have modules of these names."""
TRIAL_SECONDS = 120
started_with = dict(os.environ)
"""The environment of this program, before it became that of scenes."""


def ready_for_manim(repo_root: Path) -> None:
    """Put what scenes import behind what Manim imports, and give programs that scenes start the contract's path."""
    folders = [str(repo_root), str(PROVIDED)]
    sys.path += [folder for folder in folders if folder not in sys.path]
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)


def import_manim(project_dir: Path) -> Any:
    """Import all that stock Manim has imported before it comes to a scene. Raises SceneError for its configuration."""
    try:
        manim = importlib.import_module("manim")
    except Exception as error:  # noqa: BLE001 - whatever a broken configuration makes of it
        raise (manim_cfg.fault(error, project_dir) or error) from error.__cause__
    importlib.import_module("manim.__main__")
    return manim


def import_scene(path: Path, project_dir: Path, repo_root: Path) -> types.ModuleType:
    """Import a scene file as `manim render`, started in the project folder, does. Raises what the file raises."""
    if not path.is_file():
        raise SceneError("the scene file does not exist", path)
    name = _module_name(path, project_dir)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SceneError("the scene file is not a Python file", path)
    _as_scenes_find(path.parent, project_dir, repo_root)
    sys.dont_write_bytecode = True  # from here on mostly the user's own modules are imported
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _module_name(path: Path, project_dir: Path) -> str:
    """Manim names the module after the path that it is given; a name that is taken would hide a module from others."""
    for named in (os.path.relpath(path, project_dir), str(path)):
        name = ".".join(Path(named).with_suffix("").parts)
        if not named.startswith(os.pardir) and name not in sys.modules:
            break
    return name


def _as_scenes_find(scene_folder: Path, project_dir: Path, repo_root: Path) -> None:
    """From now on find modules where stock Manim finds them, then in the project and in what we provide.

    Scenes in a folder of the project import its narration.
    """
    front, behind = [str(scene_folder), str(repo_root)], [str(project_dir), str(PROVIDED)]
    others = [folder for folder in sys.path if folder not in (*front, *behind, str(OURS))]
    sys.path[:] = [*front, *others, *(folder for folder in behind if folder not in front)]
    for name in (*ONLY_OURS, *hiding(repo_root)):
        _drop(name)
    main: Any = sys.modules["__main__"]
    # what another process imports first to run functions of the scene (multiprocessing): as when `manim` is the program
    main.__spec__, main.__file__ = None, importlib.import_module("manim.__main__").__file__
    if "sitecustomize" in _at_top(repo_root):  # Python looks for it on PYTHONPATH when it starts
        _drop("sitecustomize")
        site.execsitecustomize()


@functools.cache
def hiding(repo_root: Path) -> frozenset[str]:
    """Modules imported already for which stock Manim, and so the scene, would have found a file of the repository.

    None where Manim cannot do with these files: `manim` would not start, and scenes see the modules.
    """
    names = frozenset(name for name in _at_top(repo_root) if _could_hide(name, repo_root))
    return names if names and _manim_starts_with(repo_root) else frozenset()


def _at_top(folder: Path) -> list[str]:
    """Names under which something can be imported from a folder."""
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - the folder of the user's repository may have any size
    except OSError:
        return []
    suffixes = tuple(importlib.machinery.all_suffixes())
    return [entry.partition(".")[0] for entry in entries if "." not in entry or entry.endswith(suffixes)]


def _could_hide(name: str, folder: Path) -> bool:
    if (
        name not in sys.modules
        or name in sys.builtin_module_names
        or importlib.machinery.FrozenImporter.find_spec(name)
    ):
        return False
    if any(module.startswith(f"{name}.") for module in sys.modules):
        return False  # of a package in use, some parts are often imported later
    found = importlib.machinery.PathFinder.find_spec(name, [str(folder)])
    if found is None or found.origin is None:  # not there, or a folder that is no package
        return False
    return getattr(sys.modules[name], "__file__", None) != found.origin


def _manim_starts_with(repo_root: Path) -> bool:
    """Whether stock Manim starts with the repository in front of all modules."""
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-c", "import manim.__main__"],
            env={**os.environ, "PYTHONPATH": str(repo_root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _drop(name: str) -> None:
    """Forget a module and its parts: whoever imported them keeps them."""
    for module in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[module]
