"""Text -> clip. An engine speaks; the voice finishes, caches, and works ahead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voiceguide.errors import MissingVoiceError
from voiceguide.voices.engine import DEFAULT_RATE_WPM, Engine, Spoken, Utterance, VoiceInfo
from voiceguide.voices.pyttsx3 import Pyttsx3
from voiceguide.voices.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_RATE_WPM",
    "Engine",
    "Spoken",
    "Utterance",
    "Voice",
    "VoiceInfo",
    "engines",
    "installed_voices",
]

_PIPER_NAME = re.compile(r"[a-z]{2,3}_[A-Z]{2}-\w+-(x_low|low|medium|high)")


def engines(voice: str | None) -> Callable[[], Engine]:
    """Return what makes engines for a voice: one that is to be used together makes all of them.

    ``voice`` is None for the default one, the name of one that ``there_are``, the path of a Piper
    model (x.onnx), or a folder of recordings. Raises VoiceError where that is known to be missing.
    """
    if voice is None:
        return Pyttsx3
    from voiceguide.voices import piper, recordings  # most sessions need neither

    if recordings.is_folder(voice):
        folder = recordings.Recordings(voice)
        return lambda: recordings.Recorded(folder, Pyttsx3())
    found = piper.find(voice)
    if found is not None:
        model = piper.Model(*found, voice)
        return lambda: piper.Piper(model, Pyttsx3())
    if _PIPER_NAME.match(voice):
        raise MissingVoiceError(
            f"{voice} is not here; “voiceguide voices --download {voice}” fetches it"
        )
    return Pyttsx3


def installed_voices() -> list[VoiceInfo]:
    """Return the voices of this machine."""
    from voiceguide.voices import piper

    engine = Pyttsx3()
    try:
        return engine.voices() + piper.installed()
    finally:
        engine.close()
