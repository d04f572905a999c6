"""The program around one scene's render: job in, events out, a result or an error at the end."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from pathlib import Path

from . import chance, lookups, readers, shims
from .encoder import FramePathError
from .events import CHANNEL, Events
from .job import Job, JobError, read_job
from .problems import SceneError, UserFiles, describe
from .watch import Watch

OWN_FOLDER = Path(__file__).parent
# These call nothing of the user's.
FRAME_PATH = ("canvas", "encoder", "film", "outline", "paths", "pictures", "regions", "repeats")
DRAWING = "drawing"

DONE, SCENE_FAILED, BAD_JOB = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Run the program and return its exit status. A second argument is the reason to take the stock path."""
    started = time.monotonic()
    events = Events.inherited()
    try:
        if len(arguments) not in (1, 2):
            raise JobError("expected one argument, the path of the job")
        job = read_job(Path(arguments[0]))
    except JobError as error:
        events.send("error", type="JobError", message=str(error), file=None, line=None, traceback="")
        print(f"JobError: {error}", file=sys.stderr)
        return BAD_JOB
    fallback = arguments[1] if len(arguments) == 2 else None
    return _render(job, events, fallback, started, Path(arguments[0]))


def _render(job: Job, events: Events, fallback: str | None, started: float, job_file: Path) -> int:
    files = UserFiles(job.project_dir, job.repo_root, job.scene_file)
    watch = Watch(files)
    if fallback is not None:  # what failed may not fail again: the next build shall try
        watch.note_unsafe(f"took the slow way: {fallback}")
    lookups.install(watch)
    chance.install(files, watch, job.seed)
    readers.install(watch)
    _no_stdin()
    shims.install(events, files, watch)
    from .scene import Session

    session = Session(job, events, watch, fallback, started)
    try:
        session.run()
    except JobError as error:
        events.send("error", type="JobError", message=str(error), file=None, line=None, traceback="")
        return BAD_JOB
    except BaseException as error:  # noqa: BLE001 - sys.exit and whatever else a scene does
        if session.fast and _is_ours(error, files):
            _again(job, events, job_file, f"the fast path failed: {error}")
        problem = describe(error, files)
        events.send("error", **problem)
        print(problem["message"] if isinstance(error, SceneError) else problem["traceback"], file=sys.stderr)
        return SCENE_FAILED
    return DONE


def _no_stdin() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _is_ours(error: BaseException | None, files: UserFiles) -> bool:
    """Whether our frame path failed: it said so, or the error came up through it."""
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
        if drawing and not isinstance(error, SceneError):
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
    if events.open:
        os.set_inheritable(CHANNEL, True)
    os.execv(sys.executable, [sys.executable, "-m", "flaming_horse_build.render", str(job_file), reason])  # noqa: S606
