"""Render a job and keep the raw frames that Manim hands over: `python raw_frames.py JOB.json manim|ours`.

`manim`: as Manim itself draws them; they are written to video.mp4 without loss, converted as Manim converts them.
`ours`: as they are drawn on the fast path; video.mp4 is empty.
hashes.json beside it holds one hash a frame of the RGBA picture.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from flaming_horse_build.render import scene, stage
from flaming_horse_build.render.events import Events
from flaming_horse_build.render.film import Film
from flaming_horse_build.render.job import read_job
from flaming_horse_build.render.paths import FastPath
from flaming_horse_build.render.recorder import Recording
from flaming_horse_build.render.settings import Picture


class RawPath(FastPath):
    """Hashes every frame, and for `manim` encodes it without loss."""

    def __init__(self, recording: Recording, video: Path, picture: Picture, _options: dict[str, str]) -> None:
        super().__init__(recording, video, picture, {})
        self._hashes: list[str] = []
        self._video = video
        self._film = Film(video, picture.fps)
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

    def finish(self) -> int:
        if OURS:
            self._video.touch()
        else:
            self._film.add(self._stream.encode(None))
            self._film.close()
        self._video.with_name("hashes.json").write_text(json.dumps(self._hashes))
        return self._recording.frames


OURS = False


def main(job_file: str, drawn_by: str) -> None:
    """Render the job."""
    global OURS  # noqa: PLW0603
    OURS = {"manim": False, "ours": True}[drawn_by]
    job = read_job(Path(job_file))
    prepared = stage.prepare(job.project_dir, job.repo_root, job.seed, Events(None))
    vars(scene)["FastPath"] = RawPath
    scene.Session(job, prepared, None, time.monotonic()).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
