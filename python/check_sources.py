# ruff: noqa: INP001, T201 - a program beside the package; its standard output is its result
"""Say as JSON on standard output which files are not Python and which modules cannot be found. Nothing is imported.

    python check_sources.py '{"files": ["/a/scene.py"], "imports": [{"roots": ["/a"], "modules": ["numpy", "a.b"]}]}'
    {"syntax": {"/a/scene.py": {"line": 3, "message": "invalid syntax"}}, "missing": [["a.b"]]}

`missing` has one list for each entry of `imports`: the modules that are neither in its folders nor anywhere else where
this Python looks. Started by src/gates/python.ts.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import warnings
from typing import Any


def syntax_error(path: str) -> dict[str, Any] | None:
    """Say where and why a file is not Python, or None for one that is, or that cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not loaded for this
            text = file.read()
    except OSError:
        return None
    try:
        compile(text, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return {"line": error.lineno, "message": error.msg}
    except ValueError as error:  # null bytes
        return {"line": None, "message": str(error)}
    except (RecursionError, MemoryError):
        return None
    return None


def is_missing(module: str, roots: list[str]) -> bool:
    """Whether a module, by its dotted name, is in none of the folders and nowhere else where this Python looks."""
    top, *rest = module.split(".")
    try:
        spec = importlib.machinery.PathFinder.find_spec(top, roots) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return True
    if spec is None:
        return True
    name = top
    for part in rest:
        if spec.submodule_search_locations is None:
            return False  # os.path and the like
        name = f"{name}.{part}"
        spec = importlib.machinery.PathFinder.find_spec(name, list(spec.submodule_search_locations))
        if spec is None:
            return True
    return False


def main() -> None:
    """Print what is wrong."""
    warnings.simplefilter("ignore")
    job = json.loads(sys.argv[1])
    wrong = {path: error for path in job["files"] if (error := syntax_error(path)) is not None}
    missing = [
        [module for module in entry["modules"] if is_missing(module, entry["roots"])] for entry in job["imports"]
    ]
    print(json.dumps({"syntax": wrong, "missing": missing}))


if __name__ == "__main__":
    main()
