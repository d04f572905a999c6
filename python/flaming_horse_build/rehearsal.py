"""Run one scene as Manim's dry run does: every line of it, without drawing a frame or writing a video.

    python -P -m flaming_horse_build.rehearsal JOB.json

It finds what only running finds: errors in names, arguments, formulas and files. It does not see what drawing and
encoding would: pictures are empty, and lines that nobody has spoken yet have an estimated length.
"""

from __future__ import annotations

import sys
import traceback
import types
from pathlib import Path
from typing import Any

from .render.events import Events
from .render.job import Job, JobError, read_job
from .render.problems import SceneError, describe
from .render.program import BAD_JOB, DONE, OWN_FOLDER, SCENE_FAILED
from .render.stage import Stage, prepare

CHARACTERS_A_SECOND = 15
"""How fast lines are taken to be spoken; the same number as in src/render/schedule.ts."""
SHORTEST_LINE = 0.5
VOICE_MODULE = "flaming_horse_voice"
SAMPLE_RATE = 24000


def main(arguments: list[str]) -> int:
    """Run the program and return its exit status."""
    events = Events.inherited()
    try:
        if len(arguments) != 1:
            raise JobError("expected one argument, the path of the job")
        job = read_job(Path(arguments[0]))
        stage = prepare(job.project_dir, job.repo_root, job.seed, events)
    except JobError as error:
        events.send("error", type="JobError", message=str(error), file=None, line=None, traceback="")
        return BAD_JOB
    try:
        rehearse(job, stage)
    except BaseException as error:  # noqa: BLE001 - sys.exit and whatever else a scene does
        problem = describe(error, stage.files, job.scene_file)
        events.send("error", **problem)
        print(problem["traceback"], file=sys.stderr)
        return SCENE_FAILED
    return DONE


def rehearse(job: Job, stage: Stage) -> None:
    """Run the scene of a job. Raises what the scene raises, or SceneError."""
    from .render import imports, settings, shims
    from .render.causes import VOICEOVER_PACKAGES
    from .render.scene import _find  # after the stage is prepared: it brings numpy and PyAV

    job.media_dir.mkdir(parents=True, exist_ok=True)
    voice = Voice(job.media_dir)
    for package in VOICEOVER_PACKAGES:
        shims.after_import(f"{package}.voiceover_scene", voice.speak_for)
    shims.after_import(VOICE_MODULE, voice.stand_in)
    manim = imports.import_manim(job.project_dir)
    configured = settings.Settings(manim.config, job, stage.files)
    module = imports.import_scene(job.scene_file, job.project_dir, job.repo_root)
    configured.settle()
    scene_class: Any = _find(module, job.class_name, manim.Scene, job.scene_file)
    manim.config.dry_run = True
    _draw_nothing()
    shims.seed_everything(job.seed)
    scene = scene_class()
    scene.render()
    if not scene.renderer.num_plays:
        raise SceneError(
            f"{job.class_name} shows nothing: it calls neither self.play() nor self.wait()",
            *stage.files.construct_of(scene_class, job.scene_file),
        )
    stage.events.send("done", frames=0, seconds=round(float(scene.renderer.time), 3))


def _draw_nothing() -> None:
    from manim.renderer.cairo_renderer import CairoRenderer

    def update_frame(*_args: Any, **_kwargs: Any) -> None:
        return

    def get_frame(renderer: Any) -> Any:
        return renderer.camera.pixel_array  # not a copy: nobody draws over it

    renderer_class: Any = CairoRenderer
    renderer_class.update_frame = update_frame
    renderer_class.get_frame = get_frame


class Voice:
    """Speaks for every service: with the sound that is there, else with silence of the length to expect."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def speak_for(self, voiceover_scene: types.ModuleType) -> None:
        """Let scenes of a voiceover package speak through this."""
        scene_class = vars(voiceover_scene)["VoiceoverScene"]
        original = scene_class.set_speech_service

        def set_speech_service(scene: Any, speech_service: Any, *args: Any, **kwargs: Any) -> None:
            original(scene, _Service(speech_service, self), *args, **kwargs)

        scene_class.set_speech_service = set_speech_service

    def stand_in(self, module: types.ModuleType) -> None:
        """Let a project whose voice cache is missing have a service all the same."""
        original = getattr(module, "get_speech_service", None)
        if original is None:
            return

        def get_speech_service(*args: Any, **kwargs: Any) -> Any:
            try:
                return original(*args, **kwargs)
            except FileNotFoundError:
                return types.SimpleNamespace(cache_dir=str(self.folder))

        vars(module)["get_speech_service"] = get_speech_service

    def silence(self, text: str) -> Path:
        """Give a silent file of about the length that speaking a text takes."""
        seconds = max(SHORTEST_LINE, round(len(" ".join(text.split())) / CHARACTERS_A_SECOND, 1))
        path = self.folder / f"silence_{seconds}.mp3"
        if not path.exists():
            _write_silence(path, seconds)
        return path


class _Service:
    """A scene's speech service, which never has to speak."""

    def __init__(self, service: Any, voice: Voice) -> None:
        self._service = service
        self._voice = voice
        self.cache_dir = str(getattr(service, "cache_dir", voice.folder))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def _wrap_generate_from_text(self, text: str, path: str | None = None, **kwargs: Any) -> dict[str, Any]:
        # Only ours is known to read what is there and to speak nothing.
        if Path(sys.modules[type(self._service).__module__].__file__ or "").is_relative_to(OWN_FOLDER.parents[1]):
            try:
                found: dict[str, Any] = self._service._wrap_generate_from_text(text, path=path, **kwargs)  # noqa: SLF001
            except FileNotFoundError:
                pass
            else:
                return found
        audio = str(self._voice.silence(text))
        length = len(text)
        return {
            "input_text": text,
            "input_data": {"input_text": text, "service": "rehearsal"},
            "original_audio": audio,
            "final_audio": audio,
            # bookmarks lie where an even pace brings them
            "word_boundaries": [
                {"audio_offset": 0, "text_offset": 0, "word_length": length, "text": text, "boundary_type": "Word"},
                {
                    "audio_offset": length * 10_000_000 // CHARACTERS_A_SECOND,
                    "text_offset": length,
                    "word_length": 1,
                    "text": ".",
                    "boundary_type": "Word",
                },
            ],
        }


def _write_silence(path: Path, seconds: float) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w", format="mp3") as container:
        stream: Any = container.add_stream("mp3", rate=SAMPLE_RATE)
        stream.layout = "mono"
        samples: Any = np.zeros((1, int(seconds * SAMPLE_RATE)), dtype=np.int16)
        frame: Any = av.AudioFrame.from_ndarray(samples, format="s16p", layout="mono")
        frame.rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception:  # noqa: BLE001 - a fault of ours, on standard error
        traceback.print_exc()
        sys.exit(BAD_JOB)
