"""Render jobs and keep the raw frames that Manim hands over: `python raw_frames.py JOB.json manim|ours|driver ...`.

`manim`: as Manim itself draws them; they are written to video.mp4 without loss, converted as Manim converts them.
`ours`: as they are drawn on the fast path; video.mp4 is empty.
`driver`: as the driver does it, without raw frames, with its events, output and status in files beside the job.
All jobs share one import of Manim.
hashes.json beside it holds one hash a frame of the RGBA picture.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import traceback
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import av
import numpy as np
from flaming_horse_build.render import film, program, result, scene, stage
from flaming_horse_build.render.events import Events
from flaming_horse_build.render.film import Film
from flaming_horse_build.render.job import read_job
from flaming_horse_build.render.paths import FastPath
from flaming_horse_build.render.recorder import Recording
from flaming_horse_build.render.storage import OutputFile, Written


class RawPath(FastPath):
    """Hashes every frame, and for `manim` encodes it without loss."""

    def __init__(self, recording: Recording, open_encoder: Any) -> None:
        super().__init__(recording, open_encoder)
        self._hashes: list[str] = []
        session: scene.Session = open_encoder.__self__
        picture = session.picture
        self._video = session.job.result_dir / result.VIDEO
        self._film = Film(self._video, picture.fps)
        self._stream = self._film.add_encoder(picture.width, picture.height, {"preset": "ultrafast", "qp": "0"})
        if not OURS:
            self.drawing.install = lambda *_classes: None  # type: ignore[method-assign]

    def _take(self, frame: Any, repeat: int) -> None:
        pictures = self.drawing.pictures_of(frame)
        if pictures is not None:
            before = None if pictures._sent is None else pictures._sent.words.copy()
            changed = pictures.send()
            # What is said to have changed must be all that did.
            if before is not None:
                for x0, y0, x1, y1 in changed or ():
                    before[y0:y1, x0:x1] = pictures._live.words[y0:y1, x0:x1]
                assert np.array_equal(before, pictures._live.words), "a change was missed"
        first = len(self._hashes)
        self._hashes += [hashlib.blake2b(frame.data, digest_size=16).hexdigest()] * repeat
        for number in range(first, first if OURS else first + repeat):
            shown = av.VideoFrame.from_numpy_buffer(frame, "rgba").reformat(format="yuv420p")
            shown.pts = number
            shown.time_base = Fraction(1) / self._recording.fps
            self._film.add(self._stream.encode(shown))
        self._recording.count(repeat)

    def finish(self) -> tuple[Written, int]:
        if not OURS:
            self._film.add(self._stream.encode(None))
        self._video.with_name("hashes.json").write_text(json.dumps(self._hashes))
        written = OutputFile(self._video).finish() if OURS else self._film.finish()
        return written, self._recording.frames


OURS = False


def main(job_files: list[str], drawn_by: list[str]) -> int:
    """Render each job in a process of its own and leave its exit status beside it; 0 if all of them are."""
    job = read_job(Path(job_files[0]))
    prepared = stage.prepare(job.project_dir, job.repo_root, job.seed, Events(None))
    program.import_manim(job.project_dir)
    failed = 0
    for file, by in zip(job_files, drawn_by, strict=True):
        child = os.fork()
        if not child:
            render(Path(file), by, prepared)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        Path(file).with_name("status").write_text(str(status))
        failed |= status
    return int(failed != 0)


def render(job_file: Path, drawn_by: str, prepared: stage.Stage) -> NoReturn:
    """Render one job and end this process."""
    global OURS  # noqa: PLW0603
    OURS = drawn_by == "ours"
    if drawn_by == "driver":
        for name, descriptor in (("output", 1), ("output", 2), ("events", 3)):
            file = os.open(job_file.with_name(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(file, descriptor)
            if file > 3:
                os.close(file)
        prepared.events.attach()
        program.leave(program.run([str(job_file)], time.monotonic(), prepared))
    vars(scene)["FastPath"] = RawPath
    if OURS:
        vars(film)["check"] = lambda *_arguments: None
    try:
        scene.Session(read_job(job_file), prepared, None, time.monotonic()).run()
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1::2], sys.argv[2::2]))
