"""The job file: what to render, where to put it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
ENCODERS = ("fast", "stock")


class JobError(Exception):
    """The job itself is wrong: a fault of the caller, never of the user's scene."""


@dataclass(frozen=True)
class Size:
    """A picture size in pixels and a frame rate in frames per second."""

    width: int
    height: int
    fps: int


@dataclass(frozen=True)
class Job:
    """One scene to render. Paths are absolute."""

    project_dir: Path
    repo_root: Path
    scene_id: str
    scene_file: Path
    class_name: str
    size: Size | None
    seed: int
    media_dir: Path
    result_dir: Path
    encoder: str
    encoder_options: dict[str, str]
    encoder_threads: int
    tex_cache_dir: Path | None


@dataclass(frozen=True)
class ServerJob:
    """What a server of renders is for: scenes of one project, with one seed. Paths are absolute."""

    socket: Path
    project_dir: Path
    repo_root: Path
    seed: int


def read_server_job(path: Path) -> ServerJob:
    """Read and check the job file of a server. Raises JobError as read_job does."""
    fields = _read(path)
    return ServerJob(
        socket=fields.path("socket"),
        project_dir=fields.path("project_dir"),
        repo_root=fields.path("repo_root"),
        seed=fields.integer("seed"),
    )


def read_job(path: Path) -> Job:
    """Read and check a job file. Raises JobError naming the field, what was found and what is expected."""
    fields = _read(path)
    encoder = fields.text("encoder")
    if encoder not in ENCODERS:
        raise JobError(f"encoder: found {encoder!r}, expected one of {', '.join(ENCODERS)}")
    job = Job(
        project_dir=fields.path("project_dir"),
        repo_root=fields.path("repo_root"),
        scene_id=fields.text("scene_id"),
        scene_file=fields.path("scene_file"),
        class_name=fields.text("class_name"),
        size=_size(fields.any("size")),
        seed=fields.integer("seed"),
        media_dir=fields.path("media_dir"),
        result_dir=fields.path("result_dir"),
        encoder=encoder,
        encoder_options=_options(fields.any("encoder_options", {})),
        encoder_threads=max(1, fields.integer("encoder_threads")),
        tex_cache_dir=None if fields.any("tex_cache_dir") is None else fields.path("tex_cache_dir"),
    )
    if not job.result_dir.is_dir():
        raise JobError(f"result_dir: {job.result_dir} is not a folder")
    return job


class _Fields:
    """Typed access to the fields of a JSON object."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def _get(self, name: str, kind: type, described: str) -> Any:
        found = self._value.get(name)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise JobError(f"{name}: found {found!r}, expected {described}")
        return found

    def any(self, name: str, otherwise: object = None) -> object:
        return self._value.get(name, otherwise)

    def text(self, name: str) -> str:
        return str(self._get(name, str, "a text"))

    def integer(self, name: str) -> int:
        return int(self._get(name, int, "a whole number"))

    def path(self, name: str) -> Path:
        path = Path(self.text(name))
        if not path.is_absolute():
            raise JobError(f"{name}: found {str(path)!r}, expected an absolute path")
        return path


def _read(path: Path) -> _Fields:
    """The fields of a job file of the format that this program reads."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise JobError(f"cannot read the job {path}: {error.strerror}") from error
    except ValueError as error:
        raise JobError(f"the job {path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise JobError(f"the job {path} must be an object")
    fields = _Fields(value)
    if fields.integer("format") != FORMAT:
        raise JobError(f"format: found {value['format']}, this program reads {FORMAT}")
    return fields


def _size(value: object) -> Size | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise JobError(f"size: found {value!r}, expected null or an object")
    fields = _Fields(value)
    size = Size(fields.integer("width"), fields.integer("height"), fields.integer("fps"))
    if size.width < 2 or size.height < 2 or size.width % 2 or size.height % 2 or size.fps < 1:
        raise JobError(f"size: found {value!r}, expected an even width and height and a frame rate")
    return size


def _options(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise JobError(f"encoder_options: found {value!r}, expected an object")
    return {str(name): str(option) for name, option in value.items()}
