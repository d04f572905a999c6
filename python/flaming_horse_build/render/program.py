"""The program around one scene's render: job in, events out, a result or an error at the end."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from pathlib import Path

from . import signs
from .events import Events
from .job import Job, JobError, read_job
from .problems import FramePathError, SceneError, UserFiles, describe
from .stage import Stage, prepare
from .storage import disk_error, trouble

OWN_FOLDER = Path(__file__).parent
# These call nothing of the user's.
FRAME_PATH = ("canvas", "encoder", "film", "outline", "paths", "pictures", "regions", "repeats")
DRAWING = "drawing"

DONE, SCENE_FAILED, BAD_JOB = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Run the program and return its exit status. A second argument is the reason to take the stock path."""
    return run(arguments, time.monotonic())


def run(arguments: list[str], started: float, prepared: Stage | None = None) -> int:
    """The same in a process that may be prepared already; `started` is the monotonic time of its start."""
    events = Events.inherited() if prepared is None else prepared.events
    try:
        if len(arguments) not in (1, 2):
            raise JobError("expected one argument, the path of the job")
        job = read_job(Path(arguments[0]))
        signs.tell_where(Path(arguments[0]))
        signs.send(events)
        here = prepared or prepare(job.project_dir, job.repo_root, job.seed, events)
        if (here.files.project_dir, here.files.repo_root, here.seed) != (job.project_dir, job.repo_root, job.seed):
            raise JobError("the server that was asked for this render is one of another project")
    except JobError as error:
        events.send("error", type="JobError", message=str(error), file=None, line=None, traceback="")
        print(f"JobError: {error}", file=sys.stderr)
        return BAD_JOB
    here.watch.forget(arguments[0])
    fallback = arguments[1] if len(arguments) == 2 else None
    return _render(job, here, fallback, started, Path(arguments[0]))


def import_manim() -> None:
    """Import what every render needs, once the process is prepared."""
    import manim  # noqa: F401

    from . import scene  # noqa: F401


def _render(job: Job, stage: Stage, fallback: str | None, started: float, job_file: Path) -> int:
    if fallback is not None:  # what failed may not fail again: the next build shall try
        stage.watch.note_unsafe(f"took the slow way: {fallback}")
    from .scene import Session  # after the stage is prepared: it brings numpy and PyAV

    events, files = stage.events, stage.files
    session = Session(job, stage, fallback, started)
    try:
        session.run()
    except JobError as error:
        events.send("error", type="JobError", message=str(error), file=None, line=None, traceback="")
        return BAD_JOB
    except BaseException as error:  # noqa: BLE001 - sys.exit and whatever else a scene does
        broken = _storage_failure(error, job)
        if broken is None and session.fast and _is_ours(error, files):
            _again(job, events, job_file, f"the fast path failed: {error}")
        problem = describe(error, files, job.scene_file)
        if broken is not None:
            problem |= {"type": "DiskError", "message": broken}
        events.send("error", **problem)
        print(problem["message"] if broken or isinstance(error, SceneError) else problem["traceback"], file=sys.stderr)
        return SCENE_FAILED
    return DONE


def _storage_failure(error: BaseException, job: Job) -> str | None:
    """How the machine's storage made a render fail, in words; None where it did not."""
    known = disk_error(error)
    if known is not None:
        return str(known)
    folders = [folder for folder in (job.result_dir, job.media_dir, job.tex_cache_dir) if folder is not None]
    found = trouble(folders)
    return None if found is None else f"{found} (and so: {type(error).__name__}: {error})"


def _is_ours(error: BaseException | None, files: UserFiles) -> bool:
    """Whether our frame path failed: it said so, or the error came up through it."""
    if isinstance(error, (SceneError, KeyboardInterrupt)):  # told by us, or a signal
        return False
    while error is not None:
        if isinstance(error, FramePathError):
            return True
        drawing = False
        for frame, _ in traceback.walk_tb(error.__traceback__):
            path = Path(frame.f_code.co_filename)
            if path.parent == OWN_FOLDER:
                if path.stem in FRAME_PATH:
                    return True
                drawing = drawing or path.stem == DRAWING
            elif files.owns(str(path)):
                drawing = False
        if drawing:
            return True
        error = error.__cause__ or error.__context__
    return False


def _again(job: Job, events: Events, job_file: Path, reason: str) -> None:
    """Start over in Manim's own way, in place of this process."""
    events.warning(f"{reason}; the scene is rendered again in Manim's own way")
    shutil.rmtree(job.media_dir, ignore_errors=True)
    for file in job.result_dir.iterdir():
        file.unlink()
    sys.stdout.flush()
    sys.stderr.flush()
    events.hand_on()
    os.execv(sys.executable, [sys.executable, "-m", "flaming_horse_build.render", str(job_file), reason])  # noqa: S606
