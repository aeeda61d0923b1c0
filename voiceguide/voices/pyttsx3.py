"""pyttsx3: every system's own voices, and espeak-ng from its wheel on Linux.

It can hang, crash and stay silent. So it runs in a child process with a time limit for each phrase;
a child that fails is replaced, and the phrase tried once more.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedalboard.io import AudioFile

from voiceguide.errors import MissingVoiceError, VoiceError
from voiceguide.voices.engine import Spoken, Utterance, VoiceInfo

if TYPE_CHECKING:
    from voiceguide.ssml import WantedVoice

_CHILD = Path(__file__).with_name("pyttsx3_child.py")
_LIMIT_S = 10.0
_LIMIT_S_PER_CHARACTER = 0.05
_TRIES = 2
_HARSH_DB = 6.0 if sys.platform == "linux" else 0.0
"""Of espeak-ng. In people's speech 2 to 5 kHz lie 13 to 14 dB below 300 to 2,000 Hz (long-term
spectra of 12 languages: Byrne et al., JASA 96, 1994); in most of its voices 8 to 10 dB. With 6 dB
less, STOI through a phone's loudspeaker in a noisy room is highest (tried: 0, 4, 6, 8)."""


class Pyttsx3:
    """An engine of the kind that every system has."""

    def __init__(self, limit_s: float = _LIMIT_S) -> None:
        """Prepare an engine; its process starts with the first phrase.

        ``limit_s`` is how long a short phrase may take, in seconds; long ones get more.
        """
        self.id = _identity()
        self._limit_s = limit_s
        self._child: _Child | None = None
        self._closed = False

    def speak(self, utterance: Utterance) -> Spoken:
        """Speak; raises VoiceError for a missing voice, or a phrase that fails twice.

        The reader gives runs of 2,000 characters at most; with 18,000, espeak-ng crashes.
        """
        path = self._ask(
            self._limit_s + _LIMIT_S_PER_CHARACTER * len(utterance.text),
            do="speak",
            text=utterance.text,
            language=utterance.language,
            voice=utterance.voice,
            rate=utterance.rate_wpm,
            pitch_st=utterance.pitch_st,
            phonemes=utterance.phonemes,
        )
        try:
            with AudioFile(path) as file:
                frames = file.read(max(1, file.frames))  # it may have said nothing: no frames
                return Spoken(frames.mean(axis=0), int(file.samplerate), _HARSH_DB)
        except (OSError, ValueError) as error:
            self.restart()
            raise VoiceError(f"the engine gave no sound for it ({error})") from error

    def voices(self) -> list[VoiceInfo]:
        """Give the system's voices; raises VoiceError if the engine does not start."""
        found = self._ask(self._limit_s, do="voices")
        return [VoiceInfo(voice["id"], voice["name"], tuple(voice["languages"])) for voice in found]

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Give the id of the voice that fits best; None if none is as it is wanted."""
        chosen = self._ask(self._limit_s, do="choose", language=language, **asdict(wanted))
        return None if chosen is None else str(chosen)

    def restart(self) -> None:
        """End the child process; the next phrase starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def close(self) -> None:
        """End the child process for good."""
        self._closed = True
        self.restart()

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
            self.restart()
        raise VoiceError(f"the engine {trouble}, and so did a new one; try “voiceguide doctor”")

    def _exchange(self, request: str, limit_s: float) -> tuple[Any, str]:
        """Give the child's answer, or None and what happened instead."""
        if self._closed:
            raise VoiceError("the engine was closed")
        child = self._child = self._child or _Child()
        hung = threading.Event()

        def end() -> None:
            hung.set()
            child.process.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            child.stdin.write(request + "\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline()), ""
        except (OSError, ValueError):  # its pipe is broken or closed, its answer is none
            return None, f"did not answer in {limit_s:.0f} s" if hung.is_set() else "crashed"
        finally:
            timer.cancel()


class _Child:
    """A process that speaks, and the folder for its files."""

    def __init__(self) -> None:
        try:
            self.folder = tempfile.mkdtemp(prefix="voiceguide-")
            # -P keeps the script's folder, where this file is called pyttsx3 too, out of the path.
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and script)
                [sys.executable, "-P", str(_CHILD), self.folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
        except OSError as error:
            raise VoiceError(f"the engine cannot be started: {error}") from error
        assert self.process.stdin is not None  # noqa: S101 (both are pipes)
        assert self.process.stdout is not None  # noqa: S101
        self.stdin = self.process.stdin
        self.stdout = self.process.stdout

    def end(self) -> None:
        """Kill the process and remove its files."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):  # what it was to read, it never will
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _identity() -> str:
    """Name the engine and all that its sound hangs on."""
    child = hashlib.blake2b(_CHILD.read_bytes(), digest_size=4).hexdigest()  # the calm voices too
    parts = [f"pyttsx3-{importlib.metadata.version('pyttsx3')}", child]
    if sys.platform != "linux":
        parts.append(f"{platform.system()}-{platform.release()}")
    elif os.environ.get("VOICEGUIDE_SYSTEM_ESPEAK"):
        parts.append("system-espeak-ng")
    else:
        parts.append(f"espeakng-loader-{importlib.metadata.version('espeakng-loader')}")
    return " ".join(parts)
