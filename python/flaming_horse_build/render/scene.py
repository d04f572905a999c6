"""One scene from its source to its result."""

from __future__ import annotations

import functools
import math
import time
import types
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from . import film, imports, manim_cfg, result, settings, shims, sound, tex
from .causes import VOICEOVER_PACKAGES
from .drawing import probe
from .encoder import Encoder, encoder_options
from .job import Job
from .paths import FastPath, FramePath, StockPath, unknown_to_fast
from .problems import FramePathError, SceneError
from .recorder import Recording
from .stage import Stage


@dataclass
class Session:
    """The render of one scene, in this process."""

    job: Job
    stage: Stage
    fallback: str | None
    """Why the stock path is taken although the fast one was asked for."""
    started: float
    fast: bool = False
    picture: settings.Picture = field(init=False, default=settings.Picture(0, 0, 0, 0, Fraction(0)))

    def __post_init__(self) -> None:
        self.events = self.stage.events
        self.watch = self.stage.watch
        self.tex = self.stage.tex

    def run(self) -> None:
        """Render the scene and write its result. Raises what the scene raises, SceneError, or FramePathError."""
        begun = time.thread_time()  # not 0: after a fallback this process has already rendered once
        self.events.move_away()
        job = self.job
        job.media_dir.mkdir(parents=True, exist_ok=True)
        self.tex.media_dir = job.media_dir
        if job.tex_cache_dir is not None:
            tex.bring(job.tex_cache_dir, job.media_dir / "Tex")
        recording = Recording(self.events, self.stage.files)
        for package in VOICEOVER_PACKAGES:
            shims.after_import(f"{package}.voiceover_scene", recording.follow_voiceover)
        manim = imports.import_manim(job.project_dir)  # after the line above: voiceover is a plugin that Manim imports

        manim_cfg.warn(job.project_dir, self.events)
        self.settings = settings.Settings(manim.config, job, self.stage.files)
        module = imports.import_scene(job.scene_file, job.project_dir, job.repo_root)
        self._settle(recording)
        scene_class = _find(module, job.class_name, manim.Scene, job.scene_file)
        imported = time.thread_time()

        path = self._prepare(manim, recording)
        self._draw(scene_class, recording, path)
        video, frames = path.finish()
        if frames != recording.frames:
            problem = FramePathError if self.fast else SceneError
            raise problem(f"{frames} frames were written of {recording.frames}")
        drawn = time.thread_time()

        self._warn_of_cut_sounds(recording)
        samples = sound.mix(recording.sounds, recording.frames, recording.fps, recording.cuts)
        audio = sound.write_wav(job.result_dir / result.AUDIO, samples)
        mixed = time.thread_time()
        if job.tex_cache_dir is not None:
            self.tex.harvest(job.media_dir / "Tex", job.tex_cache_dir)
        total = time.monotonic() - self.started
        converting, encoding = path.seconds()
        seconds = {
            "total": total,
            "import": imported - begun,
            "draw": drawn - imported - converting,
            "convert": converting,
            "encode": encoding,
            "sound": mixed - drawn,
        }
        hashes = {result.VIDEO: video.verified(), result.AUDIO: audio.verified()}
        film.check(video.path, recording.fps, frames)
        facts = {**self._facts(recording, len(samples)), "seconds": _rounded(seconds)}
        result.write(job.result_dir, facts, hashes)
        self.events.frames(recording.frames, last=True)
        self.events.send("done", frames=recording.frames, seconds=round(total, 3))

    def _settle(self, recording: Recording) -> None:
        """Settle the picture: after the import, and when the scene is made, which may have set its size by then."""
        picture = self.settings.settle()
        if picture == self.picture:
            return
        self.picture = picture
        recording.fps = picture.fps
        self.events.send(
            "start", scene=self.job.scene_id, fps=_number(picture.fps), width=picture.width, height=picture.height
        )

    def _prepare(self, manim: Any, recording: Recording) -> FramePath:
        """Put our file writer, and on the fast path our drawing, into Manim."""
        from manim.renderer.cairo_renderer import CairoRenderer
        from manim.scene.scene_file_writer import SceneFileWriter

        wanted = self.job.encoder == "fast" and self.fallback is None
        unknown = unknown_to_fast(SceneFileWriter, CairoRenderer) if wanted else None
        if unknown is not None:
            self.fallback = f"this version of Manim is not known: {unknown} differs"
        self.fast = wanted and unknown is None
        path: FramePath
        if self.fast:
            self._encoder_options()  # wrong ones are told before anything is drawn
            path = fast = FastPath(recording, self._open_encoder)
            strange = probe(manim.Camera, CairoRenderer)
            if strange is None:
                fast.drawing.install(manim.Camera, manim.VMobject, CairoRenderer)
            else:
                self.events.warning(f"this version of Manim draws in its own way ({strange}): rendering takes longer")
        else:
            path = StockPath(recording, self.job.result_dir / result.VIDEO)
        recording.follow_renderers(CairoRenderer, path.writer)
        self._draw_small(manim, recording)
        return path

    def _encoder_options(self) -> dict[str, str]:
        return encoder_options(self.job.encoder_options, self.job.encoder_threads, self.picture.fps)

    def _open_encoder(self) -> Encoder:
        picture = self.picture
        video = self.job.result_dir / result.VIDEO
        return Encoder(video, picture.width, picture.height, picture.fps, self._encoder_options())

    def _draw_small(self, manim: Any, recording: Recording) -> None:
        """Let cameras be made for the picture to draw, while all else sees the scene's own size."""

        def drawn_small(original: Any) -> Any:
            @functools.wraps(original)
            def method(*args: Any, **kwargs: Any) -> Any:
                with settings.drawn_at(manim.config, self.picture):
                    return original(*args, **kwargs)

            return method

        make = drawn_small(manim.Scene.__init__)

        @functools.wraps(make)
        def make_settled(*args: Any, **kwargs: Any) -> None:
            self._settle(recording)
            make(*args, **kwargs)

        manim.Scene.__init__ = make_settled
        # How many pixels wide a point is drawn: Manim compares the camera's size with the configured one.
        manim.Camera.adjusted_thickness = drawn_small(manim.Camera.adjusted_thickness)
        # Manim before 0.22 asks the configuration for the size of each file that it encodes.
        writer = manim.scene.scene_file_writer.SceneFileWriter
        if hasattr(writer, "open_partial_movie_stream"):
            writer.open_partial_movie_stream = drawn_small(writer.open_partial_movie_stream)

    def _draw(self, scene_class: type, recording: Recording, path: FramePath) -> None:
        shims.seed_everything(self.job.seed)
        try:
            scene: Any = scene_class()
            end = scene.tear_down

            def tear_down() -> None:
                end()
                self._wait_for_narration(scene, recording)

            scene.tear_down = tear_down
            scene.render()
        except BaseException:
            path.abandon()
            raise
        if not recording.frames:
            path.abandon()
            why = "all that it plays is skipped" if recording.cuts else "it calls neither self.play() nor self.wait()"
            raise SceneError(
                f"{self.job.class_name} shows nothing: {why}",
                *self.stage.files.construct_of(scene_class, self.job.scene_file),
            )

    def _wait_for_narration(self, scene: Any, recording: Recording) -> None:
        """Hold the last picture until the narration ends, where the scene does not wait for it."""
        import manim

        spoken = {line.audio for line in recording.lines}
        narration = [noise for noise in recording.sounds if noise.path in spoken]
        missing = sound.last_frame(narration, recording.fps, recording.cuts) - recording.frames
        ended_early = 0 <= manim.config.upto_animation_number < scene.renderer.num_plays
        if missing <= sound.FRAMES_THAT_MAY_BE_CUT or not recording.frames or ended_early:
            return
        self.events.warning(
            f"the narration goes on for {float(missing / recording.fps):.2f} s after the scene's last frame, which is "
            "held until then: let the scene wait for its voiceover",
            *self._place(narration[-1]),
        )
        recording.stop_skipping()
        # Half a frame more, so that Manim's rounding down gives the number meant.
        manim.Scene.wait(scene, float((missing + Fraction(1, 2)) / recording.fps), frozen_frame=True)

    def _warn_of_cut_sounds(self, recording: Recording) -> None:
        for noise in recording.sounds:
            over = sound.last_frame([noise], recording.fps, recording.cuts) - recording.frames
            if over <= sound.FRAMES_THAT_MAY_BE_CUT:
                continue
            length = math.ceil(len(noise.samples) * recording.fps / sound.RATE)
            what = (
                f"goes on for {float(over / recording.fps):.2f} s after the scene's end, where it is cut"
                if over < length
                else "starts after the scene's end and is not heard"
            )
            self.events.warning(f"the sound {noise.path.name} {what}", *self._place(noise))

    def _place(self, noise: sound.Sound) -> tuple[str, int | None]:
        """The user's file and line that a sound comes from, the scene's file at worst."""
        file, line = noise.place
        return (file, line) if file is not None else (str(self.job.scene_file), None)

    def _facts(self, recording: Recording, samples: int) -> dict[str, Any]:
        job = self.job
        for noise in recording.sounds:  # read by a C library, which the watch does not see
            self.watch.note(noise.path)
        private = [folder for folder in (job.media_dir, job.result_dir, job.tex_cache_dir) if folder is not None]
        return {
            "scene_id": job.scene_id,
            "class_name": job.class_name,
            "frames": recording.frames,
            "fps": _number(recording.fps),
            "width": self.picture.width,
            "height": self.picture.height,
            "samples": samples,
            "encoder": "fast" if self.fast else "stock",
            "fallback": self.fallback,
            "captions": recording.captions(),
            "lines": [line.as_json() for line in recording.lines],
            "opened": self.watch.opened(private),
            "unsafe": self.watch.unsafe(),
            "latex": self.tex.used,
            "versions": result.versions(),
        }


def _find(module: types.ModuleType, class_name: str, scene_base: type, path: Path) -> type:
    found = getattr(module, class_name, None)
    if isinstance(found, type) and issubclass(found, scene_base):
        return found
    there = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, scene_base) and value.__module__ == module.__name__
    ]
    what = "is not a scene" if found is not None else "does not exist"
    raise SceneError(f"the class {class_name} {what} in {path.name}: it has {', '.join(there) or 'no scene'}", path)


def _number(fps: Fraction) -> int | float:
    return int(fps) if fps.denominator == 1 else float(fps)


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in seconds.items()}
