"""The program around one scene's render: job in, events out, a result or an error at the end."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn

from . import imports, manim_cfg, signs
from .endings import Endings, execve, leave_at_once
from .events import Events
from .job import Job, JobError, read_job
from .problems import LONGEST_NAME, FramePathError, SceneError, UserFiles, cut, describe, related, text_of, trace_of
from .stage import Stage, prepare
from .storage import disk_error, trouble

OWN_FOLDER = Path(__file__).parent
# These call nothing of the user's.
FRAME_PATH = ("canvas", "encoder", "film", "outline", "paths", "pictures", "regions", "repeats")
DRAWING = "drawing"
# Where these end a render, Manim's own writer would only end in the same way.
ENDS = (KeyboardInterrupt, SystemExit, MemoryError, RecursionError)
OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}

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
    endings = Endings(events, here.files, SCENE_FAILED)
    status = _render(job, here, arguments[1] if len(arguments) == 2 else None, started, Path(arguments[0]))
    endings.finished(status)
    return status


def leave(status: int) -> NoReturn:
    """End the process. Threads that a scene left running do not hold it."""
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to run them
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a scene may have closed them
            stream.flush()
    leave_at_once(status)


def import_manim(project_dir: Path) -> None:
    """Import what every render needs, once the process is prepared."""
    imports.import_manim(project_dir)
    from . import scene  # noqa: F401


def _render(job: Job, stage: Stage, fallback: str | None, started: float, job_file: Path) -> int:
    if fallback is not None:  # what failed may not fail again: the next build shall try
        stage.watch.note_unsafe(f"fell back to Manim's own writer: {fallback}")
    from .scene import Session  # after the stage is prepared: it brings numpy and PyAV

    events = stage.events
    session = Session(job, stage, fallback, started)
    try:
        session.run()
    except JobError as error:
        events.send("error", type="JobError", message=str(error), file=None, line=None, traceback="")
        return BAD_JOB
    except BaseException as error:  # noqa: BLE001 - sys.exit and whatever else a scene does
        told = _told(job, error, stage.files)
        broken = None if isinstance(told, SceneError) else _storage_failure(error, job)
        if broken is None and session.fast and _is_ours(error, stage.files):
            _again(job, events, job_file, f"the fast path failed: {cut(text_of(error), LONGEST_NAME)}")
        problem = describe(told, stage.files, job.scene_file)
        if broken is not None:
            problem |= {"type": "DiskError", "message": broken}
        events.send("error", **problem)
        _say(problem["message"] if broken or isinstance(told, SceneError) else trace_of(told, stage.files))
        return SCENE_FAILED
    return DONE


def _storage_failure(error: BaseException, job: Job) -> str | None:
    """How the machine's storage made a render fail, in words; None where it did not."""
    known = disk_error(error)
    if known is not None:
        return str(known)
    folders = [folder for folder in (job.result_dir, job.media_dir, job.tex_cache_dir) if folder is not None]
    found = trouble(folders)
    return None if found is None else f"{found} (and so: {type(error).__name__}: {cut(text_of(error), LONGEST_NAME)})"


def _told(job: Job, error: BaseException, files: UserFiles) -> BaseException:
    """The error itself, or what caused it where that lies in other files than the scene's."""
    if isinstance(error, SceneError):
        return error
    if files.innermost(error.__traceback__)[0] is None and (told := manim_cfg.option_at_fault(error, job.project_dir)):
        return told
    gone = next((folder for folder in (job.result_dir, job.media_dir) if not folder.is_dir()), None)
    if gone is None or not isinstance(error, FileNotFoundError) or not str(error.filename).startswith(str(gone)):
        return error
    removed = SceneError(f"the scene removed the folder that it is rendered into ({gone})")
    return removed.with_traceback(error.__traceback__)


def _say(text: str) -> None:
    """Write to the scene's log, if the scene left it open."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(text, file=sys.stderr, flush=True)


def _is_ours(error: BaseException, files: UserFiles) -> bool:
    """Whether our frame path failed: it said so, or an error came up through it that is not the machine's."""
    if isinstance(error, SceneError):
        return False
    chain = list(related(error))
    if any(isinstance(one, ENDS) or getattr(one, "errno", None) in OF_THE_MACHINE for one in chain):
        return False
    return any(isinstance(one, FramePathError) or _came_through_ours(one, files) for one in chain)


def _came_through_ours(error: BaseException, files: UserFiles) -> bool:
    drawing = False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.parent == OWN_FOLDER:
            if path.stem in FRAME_PATH:
                return True
            drawing = drawing or path.stem == DRAWING
        elif files.owns(str(path)):
            drawing = False
    return drawing and not isinstance(error, SceneError)


def _again(job: Job, events: Events, job_file: Path, reason: str) -> None:
    """Start over in Manim's own way, in place of this process and as it was started. The result tells the reason."""
    _say(f"{reason}; the scene is rendered again by Manim's own writer")
    shutil.rmtree(job.media_dir, ignore_errors=True)
    for file in job.result_dir.iterdir():
        file.unlink()
    os.chdir(job.project_dir)
    events.hand_on()
    command = [sys.executable, "-P", "-m", "flaming_horse_build.render", str(job_file), reason]
    execve(sys.executable, command, imports.started_with)
