"""What an engine is, and the table of engines; each engine is a file in this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from voiceguide.phonemes import for_espeak, marked, parts
from voiceguide.tables import Table
from voiceguide.voices import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from voiceguide.library import Lexicon
    from voiceguide.ssml import Speech, WantedVoice

CALM_WPM = 128
"""The pace of a natural voice that nobody asked for another; conversation runs at 150 to 180."""
RATES_WPM = (20, 450)
"""From a sixth of the calm pace to a screen reader's fastest."""


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
    """Words a minute, as heard from the first sound of a sentence to its last."""
    pitch_st: float
    """Semitones above the voice's own pitch."""
    phonemes: str | None = None
    """What is said, with words in IPA within [[ ]], for engines that know phonemes."""
    spoken: str | None = None
    """The text with numbers, units and abbreviations as words, and with aliases, if it has any."""

    @property
    def said(self) -> str:
        """What an engine says."""
        return self.text if self.spoken is None else self.spoken

    @property
    def mnemonics(self) -> str | None:
        """Its phonemes, for engines that know them in espeak-ng's mnemonics."""
        return self.phonemes and for_espeak(self.phonemes, self.language)

    @classmethod
    def of(
        cls,
        speech: Speech,
        voice: str | None = None,
        rate_wpm: float = CALM_WPM,
        lexicon: Lexicon | None = None,
    ) -> Utterance:
        """Return what an engine has to say for a cue, in its style and relative to ``rate_wpm``.

        What the script itself gives in phonemes goes before the lexicon.
        """
        slowest, fastest = RATES_WPM
        style = speech.style
        rate = min(fastest, max(slowest, round(rate_wpm * style.rate)))
        pitch_st = round(style.pitch_st, 2)
        written = speech.text if speech.said is None else speech.said
        spoken = words.spoken(written, style.language)
        spoken = lexicon.aliased(spoken) if lexicon else spoken

        def said(text: str) -> str:
            text = words.spoken(text, style.language)
            return lexicon.applied(text) if lexicon else text

        phonemes = "".join(
            marked(part.text) if part.is_ipa else said(part.text)
            for part in parts(speech.phonemes or written.replace("[[", ""))
        )
        return cls(
            speech.text,
            style.language,
            voice,
            rate,
            pitch_st,
            phonemes if "[[" in phonemes else None,
            None if spoken == speech.text else spoken,
        )


class Word(NamedTuple):
    """A word in speech, from ``begin_ms`` to ``end_ms`` of its clip."""

    text: str
    begin_ms: int
    end_ms: int


class Spoken(NamedTuple):
    """What an engine returns: raw speech, not trimmed or leveled yet."""

    samples: NDArray[np.float32]
    """Mono, shape (frames,), within ±1."""
    rate_hz: int
    harsh_db: float = 0.0
    """How much too loud this engine's band from 2 to 5 kHz is; it is lowered by this much."""
    words: tuple[Word, ...] = ()
    """As they are said, and when; none if the engine does not know."""
    polish: bool = True
    """Whether rumble and peaks are taken out of it. Neural voices have none, and lose by it."""


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """A voice that an engine has."""

    id: str
    name: str
    languages: tuple[str, ...]
    """BCP 47 tags."""
    quality: int = 0
    """How good it sounds beside others: the best of a language speaks by default. A voice with 0
    only speaks if it is named."""
    gender: str | None = None
    """female, male, neutral or None: not known."""
    size_bytes: int | None = None
    """Of its model; None if it has none of its own."""
    licence: str | None = None
    engine: str = ""
    """The name of its engine, filled in by ``installed_voices``."""


class Engine(Protocol):
    """A way to speak. One engine serves one thread."""

    id: str
    """Its name, version and whatever else its sound depends on: part of the key of cached clips."""

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech; raises VoiceError that says why if it fails."""

    def calm_wpm(self, language: str) -> int:
        """Return its calm pace in a language (a BCP 47 tag), in words a minute as heard."""

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


def slowed(samples: NDArray[np.float32], rate_hz: int, factor: float) -> NDArray[np.float32]:
    """Return mono speech at ``factor`` of its pace, at the same pitch: 0.5 lasts twice as long."""
    from pedalboard import time_stretch

    stretched: NDArray[np.float32] = time_stretch(
        samples.astype("float32"), rate_hz, factor, high_quality=True
    )
    return stretched.reshape(-1)


def remark_without_pitch(name: str, utterances: Iterable[Utterance]) -> list[str]:
    """Return a line if ``utterances`` change a pitch, which ``name`` cannot."""
    if any(utterance.pitch_st for utterance in utterances):
        return [f"{name} cannot change its pitch: the script's changes are ignored"]
    return []


def remark_without_phonemes(name: str, utterances: Iterable[Utterance]) -> list[str]:
    """Return a line if ``utterances`` have phonemes, which ``name`` does not know."""
    if any(utterance.phonemes for utterance in utterances):
        return [f"{name} does not know espeak's phonemes: it speaks the text as written"]
    return []
