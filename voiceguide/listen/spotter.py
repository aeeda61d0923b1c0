"""A short sound -> the command that it is, or none.

Two models of English judge it: Moonshine's, by how likely it is to write each word, and that of
pocketsphinx, by its phonemes. Where they agree, a sound may be less clear. They get words of other
languages as English has them (``listen.foreign``).
"""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from voiceguide.languages import primary
from voiceguide.listen import foreign
from voiceguide.listen.moonshine import Moonshine, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from pocketsphinx import Decoder

_Name = TypeVar("_Name", bound=str)

RATE_HZ = 16_000
_WORST = -6.5
"""Of a word, the mean over its frames of ln(its likelihood ÷ that of the best phoneme there);"""
_WORST_FOREIGN = -7.5
"""of words in a language that the model has not learned."""
_DOUBT = 0.03
"""How likely each other word is, beside a command."""
_CLEAR = -5.0
"""Where much else is heard, a command that one model alone hears has to be so likely, as ln."""
_SAFETY = "stop"
"""The command that ends the pressure; Moonshine writes “stopp” so, too."""
_SAFE = 2
"""So much more likely it counts, as ln: it has to be heard."""
_WAYS = 12
"""In so many ways a command that English lacks may sound; four times as many help no more."""
_LEVEL = 0.1
"""Sounds are brought to this root mean square, as the model does not hear quiet ones well."""
_QUIET_S = 0.2
_HISS = 1e-4
"""Added to a sound whose room is perfectly silent, which the model does not know."""
_COUNTER = re.compile(r"\(\d+\)$")  # of a word's other sounds in the dictionary


class _Limits(NamedTuple):
    """How likely a command has to be, as ln of it."""

    agree: float
    """So much more likely is what both models take it for."""
    least: float
    clear: float
    """The least where much else is heard, and both models take it for that."""
    within: float
    """It may be so much less likely than what would be written, of all that can be,"""
    other: float
    """and than each of the others that are no commands."""


_IN_ENGLISH = _Limits(agree=6, least=-7, clear=-9, within=8, other=2)
_IN_OTHERS = _Limits(agree=10, least=-12, clear=-16, within=12, other=3)


class Guess(NamedTuple):
    """What a sound may be."""

    command: str
    is_sure: bool
    """Whether it is enough to have heard it once."""


class Spotter:
    """Knows some commands, each by one or more words, and others that are none."""

    def __init__(
        self, language: str, commands: Mapping[_Name, Iterable[str]], others: Iterable[str] = ()
    ) -> None:
        """Learn the words of each command, and ``others``, which are told apart from them.

        Raises VoiceguideError if a library is missing, or espeak-ng does not know the language.
        """
        words = {command: list(said) for command, said in commands.items() if said}
        others = list(others)
        self._others = [word.lower() for word in others]
        self._model = Moonshine()
        listed = [(command, word) for command, said in words.items() for word in said]
        self._sounds = _Sounds(language, [*listed, *((None, word) for word in others)])
        self._limits = _IN_ENGLISH
        self._spelled = {command: [one.lower() for one in said] for command, said in words.items()}
        if primary(language) != "en":
            self._limits = _IN_OTHERS
            for command, said in words.items():
                english = filter(None, (foreign.spelled(one, language) for one in said))
                self._spelled[command] = list(dict.fromkeys([*self._spelled[command], *english]))

    def spot(self, samples: NDArray[np.float32], *, is_busy: bool = False) -> Guess | None:
        """Return the command that a sound may be, mono at RATE_HZ; None if it is none.

        In a room where much is said or played (``is_busy``), it has to be clear, and is not sure
        even so, unless it is the safety word, and both models hear nothing else.
        """
        level = float(np.sqrt(np.mean(np.square(samples)))) if samples.size else 0.0
        if not level or not self._spelled:
            return None
        quiet = np.zeros(int(_QUIET_S * RATE_HZ), np.float32)
        samples = np.concatenate([quiet, samples * np.float32(_LEVEL / level), quiet])
        by_sound, said = self._sounds.spot(samples), self._model.hear(samples)
        likely = {name: max(map(said.likely, words)) for name, words in self._spelled.items()}
        for name in () if is_busy else likely:
            likely[name] += _SAFE * (name == _SAFETY) + self._limits.agree * (name == by_sound)
        command = max(likely, key=lambda name: likely[name])
        agreed = command == by_sound
        fits = self._is_clear if is_busy else self._is_likely
        if not fits(likely[command], said, agreed=agreed):
            return None
        most = likely[command] + self._limits.other
        if any(said.likely(one) > most for one in self._others):
            return None
        is_safe = agreed and command == _SAFETY
        as_written = (_SAFETY, *self._spelled[command])
        return Guess(command, is_sure=not is_busy or (is_safe and said.written[0] in as_written))

    def _is_clear(self, likely: float, said: Said, *, agreed: bool) -> bool:
        """Whether the likeliest command is clear; ``agreed`` is whether both models hear it."""
        return likely >= (self._limits.clear if agreed else max(_CLEAR, said.written[1]))

    def _is_likely(self, likely: float, said: Said, *, agreed: bool) -> bool:
        """Whether the likeliest command is likely enough in a calm room."""
        written, written_likely = said.written
        if not agreed and (not written or written in self._others):
            return False
        return likely >= max(self._limits.least, written_likely - self._limits.within)


class _Sounds:
    """Knows words by their phonemes, by pocketsphinx; where that is not there, it knows none."""

    def __init__(self, language: str, listed: Sequence[tuple[str | None, str]]) -> None:
        """Learn words, and the command that each of them is, or None."""
        self._commands: dict[str, str | None] = {}
        self._decoder: Decoder | None = None
        try:
            from pocketsphinx import Decoder, get_model_path
        except ImportError:  # it has no wheels for Python 3.14
            return
        if not listed:
            return
        is_english = primary(language) == "en"
        self._worst = _WORST if is_english else _WORST_FOREIGN
        self._decoder = Decoder(
            hmm=get_model_path("en-us/en-us"),
            dict=None,
            lm=None,
            remove_noise=True,
            loglevel="FATAL",
        )
        known = _dictionary(get_model_path("en-us/cmudict-en-us.dict")) if is_english else {}
        for command, word in listed:
            most = 1 if is_english or command is None else _WAYS
            ways = _sounds(word, known) or foreign.sounds(word, language, most)
            for sound in ways:
                name = f"w{len(self._commands)}"
                self._commands[name] = command
                self._decoder.add_word(name, sound, False)  # noqa: FBT003 (of C)
        self._decoder.add_word("silence", "SIL", True)  # noqa: FBT003 (now all are read)
        words = " | ".join(
            f"/{_DOUBT if command is None else 1}/ {name}"
            for name, command in self._commands.items()
        )
        self._decoder.add_jsgf_string(
            "words", f"#JSGF V1.0;\ngrammar words;\npublic <w> = {words};\n"
        )
        self._decoder.activate_search("words")

    def spot(self, samples: NDArray[np.float32]) -> str | None:
        """Return the command that a sound is; None if it is none, or doubtful."""
        if self._decoder is None:
            return None
        hiss = np.random.default_rng(0).standard_normal(len(samples), np.float32)
        samples = samples + np.float32(_HISS) * hiss
        self._decoder.start_utt()
        pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        self._decoder.process_raw(pcm, False, True)  # noqa: FBT003 (it is searched, and is whole)
        self._decoder.end_utt()
        for part in self._decoder.seg() or ():
            if part.word in self._commands:
                frames = part.end_frame - part.start_frame + 1
                score = math.log(max(part.ascore, 1e-300)) / frames
                return self._commands[part.word] if score > self._worst else None
        return None


def _sounds(words: str, known: Mapping[str, list[str]]) -> list[str]:
    """Return the ways to say some words that are all known; otherwise none."""
    parts = [known.get(part, []) for part in words.lower().split()]
    return list(map(" ".join, itertools.product(*parts))) if parts else []


def _dictionary(path: str) -> dict[str, list[str]]:
    """Return the model's own dictionary: words and how each may sound."""
    sounds: dict[str, list[str]] = {}
    with open(path, encoding="utf-8") as lines:  # noqa: PTH123 (a path of the package)
        for line in lines:
            word, _, sound = line.strip().partition(" ")
            sounds.setdefault(_COUNTER.sub("", word), []).append(sound)
    return sounds
