"""pyttsx3: every system's own voices, and espeak-ng from its wheel on Linux.

It can hang, crash and stay silent. So it runs in a child process with a time limit for each phrase;
a child that fails is replaced, and the phrase tried once more.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from pedalboard.io import AudioFile

from voiceguide.errors import MissingVoiceError, VoiceError
from voiceguide.voices.engine import Spoken, Utterance, VoiceInfo

_CHILD = Path(__file__).with_name("pyttsx3_child.py")
_LIMIT_S = 10.0
_LIMIT_S_PER_CHARACTER = 0.05
_TRIES = 2


class Pyttsx3:
    """An engine of the kind that every system has."""

    def __init__(self, limit_s: float = _LIMIT_S) -> None:
        """Prepare an engine; its process starts with the first phrase.

        ``limit_s`` is how long a short phrase may take, in seconds; long ones get more.
        """
        self.id = _identity()
        self._limit_s = limit_s
        self._child: subprocess.Popen[str] | None = None

    def speak(self, utterance: Utterance) -> Spoken:
        """Speak; raises VoiceError for a missing voice, or a phrase that fails twice."""
        path = self._ask(
            self._limit_s + _LIMIT_S_PER_CHARACTER * len(utterance.text),
            do="speak",
            text=utterance.text,
            language=utterance.language,
            voice=utterance.voice,
            rate=utterance.rate_wpm,
            pitch_st=utterance.pitch_st,
        )
        try:
            with AudioFile(path) as file:
                frames = file.read(max(1, file.frames))  # it may have said nothing: no frames
                return Spoken(frames.mean(axis=0), int(file.samplerate))
        except (OSError, ValueError) as error:
            self.close()
            raise VoiceError(f"the engine gave no sound for it ({error})") from error

    def voices(self) -> list[VoiceInfo]:
        """Give the system's voices; raises VoiceError if the engine does not start."""
        found = self._ask(self._limit_s, do="voices")
        return [VoiceInfo(voice["id"], voice["name"], tuple(voice["languages"])) for voice in found]

    def close(self) -> None:
        """End the child process."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what it was to read, it never will
                    pipe.close()

    def _ask(self, limit_s: float, **request: object) -> Any:
        """Put a request to the child, to a new one if the first does not answer."""
        trouble = ""
        for _ in range(_TRIES):
            answer, trouble = self._exchange(json.dumps(request), limit_s)
            if answer is not None:
                if "missing_voice" in answer:
                    what = answer["missing_voice"]
                    raise MissingVoiceError(
                        f"{what} here; “voiceguide voices” lists those there are"
                    )
                if "error" in answer:
                    raise VoiceError(answer["error"])
                return answer["result"]
            self.close()
        raise VoiceError(f"the engine {trouble}, and so did a new one")

    def _exchange(self, request: str, limit_s: float) -> tuple[Any, str]:
        """Give the child's answer, or None and what happened instead."""
        child = self._child = self._child or _start()
        assert child.stdin is not None  # noqa: S101 (both are pipes)
        assert child.stdout is not None  # noqa: S101
        hung = threading.Event()

        def end() -> None:
            hung.set()
            child.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            child.stdin.write(request + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except OSError:
            line = ""
        finally:
            timer.cancel()
        if line:
            return json.loads(line), ""
        return None, f"did not answer in {limit_s:.0f} s" if hung.is_set() else "crashed"


def _start() -> subprocess.Popen[str]:
    # -P keeps the script's folder, where this file is called pyttsx3 too, out of the module path.
    return subprocess.Popen(  # noqa: S603 (our own interpreter and script)
        [sys.executable, "-P", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )


def _identity() -> str:
    """Name the engine and all that its sound hangs on."""
    parts = [f"pyttsx3-{importlib.metadata.version('pyttsx3')}"]
    if sys.platform != "linux":
        parts.append(f"{platform.system()}-{platform.release()}")
    elif os.environ.get("VOICEGUIDE_SYSTEM_ESPEAK"):
        parts.append("system-espeak-ng")
    else:
        parts.append(f"espeakng-loader-{importlib.metadata.version('espeakng-loader')}")
    return " ".join(parts)
