"""Speak lines with the espeak-ng program: `python -m flaming_horse_build.voice_espeak JOB.json`.

Parameters: voice (a name that espeak-ng knows, en-us), speed (words a minute), pitch (0 to 99). A plain voice, but the
same bytes every time and done in milliseconds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

from flaming_horse_build.voice_lines import Parameters, Sound, Speaker, VoiceError, run

PROGRAM = "espeak-ng"
SECONDS_A_LINE = 120


def open_voice(parameters: Parameters) -> Speaker:
    """Find the program. Raises VoiceError if it is not on the PATH."""
    voice = parameters.text("voice", "en-us")
    speed = parameters.integer("speed", 165, 80, 450)
    pitch = parameters.integer("pitch", 50, 0, 99)
    program = shutil.which(PROGRAM)
    if program is None:
        raise VoiceError(
            f"the voice espeak needs the program {PROGRAM}, which is not on the PATH: apt-get install {PROGRAM}"
        )
    command = [program, "-v", voice, "-s", str(speed), "-p", str(pitch), "-b", "1", "--stdin", "-w"]

    def speaker(text: str) -> Sound:
        with tempfile.TemporaryDirectory(prefix="espeak-") as folder:
            wav = Path(folder, "line.wav")
            # The text goes in by stdin: as an argument, one that starts with a dash would be an option.
            ended = subprocess.run(
                [*command, str(wav)], input=text.encode(), capture_output=True, timeout=SECONDS_A_LINE, check=False
            )
            said = ended.stderr.decode(errors="replace").strip()
            if ended.returncode != 0 or not wav.is_file():  # it ends with 0 when it could not write
                raise VoiceError(
                    f"{PROGRAM} failed with status {ended.returncode} for voice {voice!r}: {said or 'no message'}"
                )
            return _read(wav)

    return speaker


def _read(path: Path) -> Sound:
    with wave.open(str(path), "rb") as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise VoiceError(
                f"{PROGRAM} wrote {file.getnchannels()} channels of {8 * file.getsampwidth()} bits, expected one of 16"
            )
        return Sound(file.getframerate(), file.readframes(file.getnframes()))


if __name__ == "__main__":
    sys.exit(run(open_voice))
