"""Utterance -> clip: an engine speaks; the voice finishes, caches, and works ahead.

Takes utterances: a text, its language, the name of a voice, a rate and a pitch. Gives clips: mono,
48,000 Hz, 16 bit, trimmed, brought to level and faded, a whole number of milliseconds long. A clip
that was made before is read from the cache; its key is everything that decides how it sounds.

    engine      what an utterance and an engine are, and the table of engines, found by name
    pyttsx3     every system's own voices (espeak-ng on Linux), for where there is no better one
    piper       neural voices, each a model in a file (piper_model runs it in a process,
                piper_download downloads them)
    kokoro      one neural model with many English voices (kokoro_download downloads it)
    neural      what those two share, with neural_child and pace in their processes
    times       when each word is said, and which written word it is
    download    downloads that resume and are verified, for both
    recordings  a folder of a person's recordings, one file for each phrase
    best        which voice speaks if none is named
    words       written text -> what is said for it, by the rules in words_en and words_de
    amounts     numbers, ranges and units, which those rules share
    espeak      how espeak-ng reads a text, in IPA
    takes       a recording -> what was said in it, trimmed and judged
    cast        which voice speaks which part of a script
    clip        raw speech -> a clip
    cache       clips on disk
    voice       engines, cache, and work done ahead, as one object
    *_child     the processes in which engines run; one that hangs or crashes is replaced

Another engine is one file with ``voices`` and ``find`` (``engine.Voices``), and one line in
``engine.ENGINES``; a package adds its own by an entry point of the group ``voiceguide.engines``
(see ``voiceguide.tables``). ``engines`` asks them in the order of the table, ours first.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from voiceguide.voices.engine import (
    CALM_WPM,
    DEFAULT,
    ENGINES,
    Spoken,
    Utterance,
    VoiceInfo,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.voices.engine import Engine

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is loaded: nothing is sent anywhere

PLAIN = "default"
"""The name for the voice of every machine: that of pyttsx3."""

__all__ = [
    "CALM_WPM",
    "DEFAULT",
    "ENGINES",
    "PLAIN",
    "Spoken",
    "Utterance",
    "VoiceInfo",
    "Word",
    "engines",
    "installed_voices",
]


def engines(voice: str | None) -> Callable[[], Engine]:
    """Return a function that makes engines for a voice; engines from one function share resources.

    ``voice`` is None for the best voice of each language, “default” or “pyttsx3” for the system's
    calm one, the name of one of ``installed_voices``, the path of a
    Piper model (x.onnx), or a folder of recordings. Raises VoiceError if it is known to be missing.
    """
    from voiceguide.voices import best
    from voiceguide.voices.pyttsx3 import Pyttsx3

    if voice is None:
        return best.engines()
    if voice in (DEFAULT, PLAIN):
        return Pyttsx3
    for name in ENGINES:
        if name != DEFAULT:
            make_engine = ENGINES.load(name).find(voice)
            if make_engine is not None:
                return make_engine
    return Pyttsx3


def installed_voices() -> list[VoiceInfo]:
    """Return the voices on this machine, engine by engine."""
    return [
        replace(voice, engine=name) for name in ENGINES for voice in ENGINES.load(name).voices()
    ]
