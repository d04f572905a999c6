"""One scene from its source to its result."""

from __future__ import annotations

import importlib.util
import sys
import time
import types
from pathlib import Path
from typing import Any

from . import result, settings, shims, sound, stock, tex
from .encoder import Encoder, FramePathError, encoder_options
from .events import Events
from .job import Job
from .problems import SceneError, UserFiles
from .recorder import Canvas, Recording, fast_writer, recording_writer
from .voice import Narration
from .watch import Watch


class Session:
    """The render of one scene, in this process."""

    def __init__(
        self, job: Job, events: Events, files: UserFiles, watch: Watch, fallback: str | None, started: float
    ) -> None:
        self._job = job
        self._events = events
        self._files = files
        self._watch = watch
        self._fallback = fallback
        self._started = started
        self.fast = job.encoder == "fast" and fallback is None

    def run(self) -> None:
        """Render the scene and write its result. Raises what the scene raises, SceneError, or FramePathError."""
        job = self._job
        job.media_dir.mkdir(parents=True, exist_ok=True)
        if job.tex_cache_dir is not None:
            tex.bring(job.tex_cache_dir, job.media_dir / "Tex")
        recording = Recording(self._events)
        narration = Narration(self._events, recording)
        for package in shims.VOICEOVER_PACKAGES:
            shims.after_import(f"{package}.voiceover_scene", narration.watch)
        import manim  # after the line above: as a plugin of Manim, voiceover is imported along with it
        from manim.renderer.cairo_renderer import CairoRenderer

        config: Any = manim.config
        settings.before_import(config, job)
        module = self._import_scene()
        picture = settings.after_import(config, job)
        recording.fps = picture.fps
        scene_class = _find(module, job.class_name, manim.Scene, job.scene_file)
        imported = time.monotonic()
        self._events.send(
            "start", scene=job.scene_id, fps=_number(picture.fps), width=picture.width, height=picture.height
        )

        canvas = Canvas()
        encoder: Encoder | None = None
        video = job.result_dir / result.VIDEO
        options = encoder_options(job.encoder_options, job.encoder_threads)

        def the_encoder() -> Encoder:
            nonlocal encoder
            if encoder is None:
                try:
                    encoder = Encoder(video, picture.width, picture.height, picture.fps, options)
                except Exception as error:
                    raise FramePathError(f"the encoder does not start: {error}") from error
            return encoder

        def writer(base: type) -> type:
            if self.fast:
                return fast_writer(base, recording, the_encoder, canvas)
            return recording_writer(base, recording)

        _give_writer(CairoRenderer, writer, recording)
        _draw_at(manim.Scene, config, picture)
        shims.seed_everything(job.seed)
        try:
            scene = scene_class()
            scene.render()
        except BaseException:
            if encoder is not None:
                encoder.abandon()
            raise
        if not recording.frames:
            raise SceneError(
                f"{job.class_name} shows nothing: it calls neither self.play() nor self.wait()", job.scene_file
            )
        held = self._hold_for_sound(recording)
        if self.fast:
            for _ in range(1 if held else 0):
                the_encoder().add(canvas.last, held)
            written = the_encoder().finish()
        else:
            parts = [Path(part) for part in recording.writer.partial_movie_files if part is not None]
            written = stock.assemble(parts, video, picture.fps)
        if written != recording.frames:
            raise FramePathError(f"{written} frames were written of {recording.frames}")
        drawn = time.monotonic()
        samples = sound.mix(recording.sounds, recording.frames, picture.fps)
        sound.write_wav(job.result_dir / result.AUDIO, samples)
        mixed = time.monotonic()
        if job.tex_cache_dir is not None:
            tex.harvest(job.media_dir / "Tex", job.tex_cache_dir)
        for line in narration.lines:
            self._watch.note(line.audio)
        convert, encode = canvas.seconds, encoder.seconds if encoder is not None else 0.0
        private = [job.media_dir, job.result_dir]
        if job.tex_cache_dir is not None:
            private.append(job.tex_cache_dir)
        total = time.monotonic() - self._started
        result.write(
            job.result_dir,
            {
                "format": 1,
                "scene_id": job.scene_id,
                "class_name": job.class_name,
                "frames": recording.frames,
                "fps": _number(picture.fps),
                "width": picture.width,
                "height": picture.height,
                "samples": len(samples),
                "encoder": "fast" if self.fast else "stock",
                "fallback": self._fallback,
                "captions": _captions(recording.writer),
                "lines": [line.as_json() for line in narration.lines],
                "opened": self._watch.opened(private),
                "unsafe": self._watch.unsafe(),
                "versions": result.versions(),
                "seconds": {
                    "total": round(total, 3),
                    "import": round(imported - self._started, 3),
                    "draw": round(drawn - imported - convert, 3),
                    "convert": round(convert, 3),
                    "encode": round(encode, 3),
                    "sound": round(mixed - drawn, 3),
                },
            },
        )
        self._events.frames(recording.frames, last=True)
        self._events.send("done", frames=recording.frames, seconds=round(total, 3))

    def _hold_for_sound(self, recording: Recording) -> int:
        needed = sound.last_frame(recording.sounds, recording.fps)
        missing = needed - recording.frames
        if missing <= sound.FRAMES_THAT_MAY_BE_CUT or not self.fast:
            return 0
        seconds = float(missing / recording.fps)
        self._events.warning(
            f"the narration goes on {seconds:.2f} s after the scene's last frame, which is held until then: "
            "let the scene wait for its voiceover",
            str(self._job.scene_file),
        )
        recording.count(missing)
        return missing

    def _import_scene(self) -> types.ModuleType:
        path = self._job.scene_file
        if not path.is_file():
            raise SceneError("the scene file does not exist", path)
        # Manim's own way: the module is named by its path, and its folder is searched first.
        name = ".".join(path.with_suffix("").parts)
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module


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


def _give_writer(renderer_class: Any, writer: Any, recording: Recording) -> None:
    """Let every renderer made from now on use our file writer in place of Manim's."""
    from manim.scene.scene_file_writer import SceneFileWriter

    original = renderer_class.__init__
    ours = writer(SceneFileWriter)

    def __init__(renderer: Any, file_writer_class: Any = ours, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(renderer, file_writer_class, *args, **kwargs)
        recording.clock = lambda: renderer.time

    renderer_class.__init__ = __init__


def _draw_at(scene_base: Any, config: Any, picture: settings.Picture) -> None:
    """Let scenes make their cameras for the picture to draw, while all else sees the scene's own size."""
    original = scene_base.__init__

    def __init__(scene: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        with settings.drawn_at(config, picture):
            original(scene, *args, **kwargs)

    scene_base.__init__ = __init__


def _captions(writer: Any) -> list[dict[str, Any]]:
    return [
        {
            "start": caption.start.total_seconds(),
            "end": caption.end.total_seconds(),
            "text": caption.content,
        }
        for caption in getattr(writer, "subcaptions", [])
    ]


def _number(value: Any) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
