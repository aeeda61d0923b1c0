"""pyttsx3: every system's own voices, and espeak-ng from its wheel on Linux.

It can hang, crash or stay silent. So it runs in a child process with a time limit for each phrase;
a child that fails is replaced, and the phrase is tried once more.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pedalboard.io import AudioFile

from voiceguide import files, phonemes
from voiceguide.child import Child
from voiceguide.errors import MissingVoiceError, VoiceError
from voiceguide.languages import primary
from voiceguide.voices import times
from voiceguide.voices.cache import digest_of_code
from voiceguide.voices.engine import (
    Spoken,
    Utterance,
    VoiceInfo,
    remark_without_phonemes,
    remark_without_pitch,
    slowed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine

_CHILD = Path(__file__).with_name("pyttsx3_child.py")
_LIMIT_S = 10.0
_LIMIT_S_PER_CHARACTER = 0.05
_HARSH_DB = 6.0 if sys.platform == "linux" else 0.0
"""Of espeak-ng. In people's speech 2 to 5 kHz lie 13 to 14 dB below 300 to 2,000 Hz (long-term
spectra of 12 languages: Byrne et al., JASA 96, 1994); in most of its voices 8 to 10 dB. With 6 dB
less, STOI through a phone's loudspeaker in a noisy room is highest (tried: 0, 4, 6, 8)."""


_CALM_WPM = {"de": 140}
"""Its calm pace as heard; 150 elsewhere. Slower, a voice without melody drags."""
_PER_SETTING = {"en": 1.206, "de": 1.09}
"""How many words a minute are heard for each that espeak-ng is set to, in the sentences of three
sessions (measured); 1.25 in other languages."""
_SLOWEST = 84
"""The slowest setting of espeak-ng; lower ones sound the same (measured)."""


class Pyttsx3:
    """The engine that works on every system."""

    def __init__(self, limit_s: float = _LIMIT_S) -> None:
        """Prepare an engine; its process starts with the first phrase.

        ``limit_s`` is how long a short phrase may take, in seconds; long ones get more.
        """
        self.id = _identity()
        self._limit_s = limit_s
        self._child = Child(_CHILD, name="the engine", failure=VoiceError)

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech; raises VoiceError for a missing voice, or a phrase that fails twice.

        Runs of speech have at most 2,000 characters; with 18,000, espeak-ng crashes.
        """
        per_setting = _PER_SETTING.get(primary(utterance.language), 1.25)
        setting = round(utterance.rate_wpm / per_setting)
        try:
            answer = self._child.ask(
                self._limit_s + _LIMIT_S_PER_CHARACTER * len(utterance.said),
                do="speak",
                text=utterance.said,
                language=utterance.language,
                voice=utterance.voice,
                rate=max(setting, _SLOWEST),
                pitch_st=utterance.pitch_st,
                phonemes=utterance.mnemonics,
            )
        except MissingVoiceError as error:
            raise MissingVoiceError(_missing(utterance.voice or "") or str(error)) from error
        try:
            with AudioFile(answer["path"]) as file:
                frames = file.read(max(1, file.frames))  # it may have said nothing: no frames
                rate_hz = int(file.samplerate)
        except (OSError, ValueError) as error:
            self.restart()
            raise VoiceError(f"the engine returned no sound for it ({error})") from error
        samples = frames.mean(axis=0)
        pace = min(1.0, setting / _SLOWEST)
        if pace < 1:
            samples = slowed(samples, rate_hz, pace)
        events = [(at, round(ms / pace)) for at, ms in answer["events"]]
        words = times.of_events(answer["spoken"], events)
        return Spoken(samples, rate_hz, _HARSH_DB, tuple(words))

    def calm_wpm(self, language: str) -> int:
        """Return its calm pace, in words a minute as heard."""
        return _CALM_WPM.get(primary(language), 150)

    def voices(self) -> list[VoiceInfo]:
        """Return the system's voices; raises VoiceError if the engine does not start."""
        voices = self._child.ask(self._limit_s, do="voices")
        return [
            VoiceInfo(voice["id"], voice["name"], tuple(voice["languages"]), gender=voice["gender"])
            for voice in voices
        ]

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the id of the voice that matches best; None if none matches."""
        chosen = self._child.ask(self._limit_s, do="choose", language=language, **asdict(wanted))
        return None if chosen is None else str(chosen)

    def remarks(self, utterances: Iterable[Utterance]) -> list[str]:
        """Return what the voices of Windows and macOS cannot do for ``utterances``."""
        if sys.platform in ("win32", "darwin"):  # elsewhere, pyttsx3 uses espeak-ng
            name, said = "the system's voice", list(utterances)
            return remark_without_pitch(name, said) + remark_without_phonemes(name, said)
        return []

    def restart(self) -> None:
        """End the child process; the next phrase starts another."""
        self._child.restart()

    def close(self) -> None:
        """End the child process for good."""
        self._child.close()


def voices() -> list[VoiceInfo]:
    """Return the system's voices; raises VoiceError if the engine does not start."""
    with contextlib.closing(Pyttsx3()) as engine:
        return engine.voices()


def find(voice: str) -> Callable[[], Engine]:  # noqa: ARG001 (its process knows, once it runs)
    """Return a function that makes engines for any voice; a missing one is reported on speaking."""
    return Pyttsx3


def _missing(voice: str) -> str | None:
    """Return what is wrong with a voice that looks like a path; None for other names."""
    path = Path(voice)
    if voice and files.is_folder(path):
        return f"{voice}: has no recordings; “voiceguide phrases … -o {voice}” lists what to record"
    if files.is_file(path):
        return f"{voice}: is not a voice; give a Piper model (x.onnx) or a folder of recordings"
    if "/" in voice or os.sep in voice:  # names of voices have them too
        what = f"{voice}: no such file, folder or voice"
        return f"{what}; “voiceguide voices” lists all voices"
    return None


@functools.cache
def _identity() -> str:
    """Return the name of the engine and of everything that its sound depends on."""
    # The child has the calm voices too.
    code = digest_of_code((_CHILD, Path(times.__file__), Path(phonemes.__file__)))
    parts = [f"pyttsx3-{importlib.metadata.version('pyttsx3')}", code]
    if sys.platform != "linux":
        parts.append(f"{platform.system()}-{platform.release()}")
    elif os.environ.get("VOICEGUIDE_SYSTEM_ESPEAK"):
        parts.append("system-espeak-ng")
    else:
        parts.append(f"espeakng-loader-{importlib.metadata.version('espeakng-loader')}")
    return " ".join(parts)
