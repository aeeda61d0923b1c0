"""What an engine is, and the table of engines; each engine is a file in this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from voiceguide.tables import Table
from voiceguide.voices import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from voiceguide.ssml import Speech, WantedVoice

DEFAULT_RATE_WPM = 120
"""Calm: conversation runs at 150 to 180 words a minute."""
RATES_WPM = (80, 450)
"""What espeak-ng takes; the slowest calm, the fastest a screen reader's."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something to say, and how."""

    text: str
    """As it is written, and shown in captions."""
    language: str
    """A BCP 47 tag."""
    voice: str | None
    """A voice as the engine calls it; None for the engine's calm default in the language."""
    rate_wpm: int
    """Words a minute."""
    pitch_st: float
    """Semitones above the voice's own pitch."""
    phonemes: str | None = None
    """The text again, with words in espeak's mnemonics within [[ ]], for engines that know them."""
    spoken: str | None = None
    """The text with numbers, units and abbreviations as words, where it has any."""

    @property
    def said(self) -> str:
        """What an engine says."""
        return self.text if self.spoken is None else self.spoken

    @classmethod
    def of(
        cls, speech: Speech, voice: str | None = None, rate_wpm: float = DEFAULT_RATE_WPM
    ) -> Utterance:
        """Return what an engine has to say for a cue, in its style and relative to ``rate_wpm``."""
        slowest, fastest = RATES_WPM
        style = speech.style
        rate = min(fastest, max(slowest, round(rate_wpm * style.rate)))
        pitch_st = round(style.pitch_st, 2)
        spoken = words.spoken(speech.text, style.language)
        return cls(
            speech.text,
            style.language,
            voice,
            rate,
            pitch_st,
            speech.phonemes,
            None if spoken == speech.text else spoken,
        )


class Spoken(NamedTuple):
    """What an engine returns: raw speech, not trimmed or leveled yet."""

    samples: NDArray[np.float32]
    """Mono, shape (frames,), within ±1."""
    rate_hz: int
    harsh_db: float = 0.0
    """How much too loud this engine's band from 2 to 5 kHz is; it is lowered by this much."""


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """A voice that an engine has."""

    id: str
    name: str
    languages: tuple[str, ...]


class Engine(Protocol):
    """A way to speak. One engine serves one thread."""

    id: str
    """Its name, version and whatever else its sound depends on: part of the key of cached clips."""

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech; raises VoiceError that says why if it fails."""

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the id of the voice that matches best; None if none matches."""

    def remarks(self, utterances: Iterable[Utterance]) -> list[str]:
        """Return a line for each thing to know before it speaks them, such as what it cannot do."""

    def restart(self) -> None:
        """Start afresh with the next phrase."""

    def close(self) -> None:
        """Stop for good; a caller that still waits for a phrase gets a VoiceError."""


class Voices(Protocol):
    """The voices of one kind of engine, an entry of ``ENGINES``: a module or an object."""

    def voices(self) -> list[VoiceInfo]:
        """Return the installed voices, as ``voiceguide voices`` lists them."""

    def find(self, voice: str) -> Callable[[], Engine] | None:
        """Return a function that makes engines for ``voice``; None if it is not one of these.

        ``voice`` is a name, or the path of a file or folder, as the user gave it; utterances use
        the same name. What all its engines can share, such as a model, is loaded here, once. Raises
        VoiceError for a voice that is one of these but cannot be used.
        """


ENGINES: Table[Voices] = Table(
    "voiceguide.engines",
    {
        "kokoro": "voiceguide.voices.kokoro",
        "recordings": "voiceguide.voices.recordings",
        "piper": "voiceguide.voices.piper",
        "pyttsx3": "voiceguide.voices.pyttsx3",
    },
    "engine",
)
"""The kinds of engines, in the order in which they are tried for a voice."""
DEFAULT = "pyttsx3"
"""The engine that speaks by default. It accepts any name, so it is tried after all others."""


def same_language(one: str, other: str) -> bool:
    """Whether two BCP 47 tags name the same language, maybe in different countries."""
    return one.lower().partition("-")[0] == other.lower().partition("-")[0]


def remarks_without_espeak(name: str, utterances: Iterable[Utterance]) -> list[str]:
    """Return a line for each thing in ``utterances`` that espeak-ng can do, but ``name`` cannot."""
    utterances = list(utterances)
    remarks = []
    if any(utterance.pitch_st for utterance in utterances):
        remarks.append(f"{name} cannot change its pitch: the script's changes are ignored")
    if any(utterance.phonemes for utterance in utterances):
        remarks.append(f"{name} does not know espeak's phonemes: it speaks the text as written")
    return remarks
