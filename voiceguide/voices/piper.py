"""Piper: neural voices; each is a model that speaks one language (extras "piper", "natural").

A voice is a model, ``x.onnx``, and its configuration beside it, ``x.onnx.json``. It lies in the
user's folder of voices, or in an installed package that has “voice” in its name, at its top or in
its folder ``data``: so a voice can come from pip.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import itertools
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from voiceguide import files, phonemes
from voiceguide.child import Child
from voiceguide.errors import MissingVoiceError, VoiceError
from voiceguide.languages import same_language
from voiceguide.voices import neural
from voiceguide.voices.cache import digest_of, digest_of_code
from voiceguide.voices.engine import VoiceInfo
from voiceguide.voices.neural import LIMIT_S, SPEAKER
from voiceguide.voices.piper_model import AT_ONCE
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine, Spoken, Utterance

SUFFIX = ".onnx"
NEEDED = "pip install 'voiceguide[piper]'"

RECOMMENDED = {"en": "en_US-joe-medium", "de": "de_DE-thorsten-medium"}
"""The voice for each language that has texts; both are in the public domain (CC0)."""
PACKAGED = ("en",)
"""The languages whose recommended voice comes with the extra “natural”."""
_GENDERS = {"en_US-joe-medium": "male", "de_DE-thorsten-medium": "male"}
_SHA256 = {
    "en_US-joe-medium": "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
}
"""The digests of models that packages bring: what another package has under such a name is not
loaded."""
_PACES = {_SHA256["en_US-joe-medium"]: [10.514, 18.165]}
"""What is measured for models that are known."""
_QUALITIES = ("x_low", "low", "medium", "high")
_LICENCE = re.compile(r"^\W*licen[cs]e\W+(.+)$", re.IGNORECASE | re.MULTILINE)

_NAME = re.compile(r"[a-z]{2,3}_[A-Z]{2}-\w+-(x_low|low|medium|high)")
"""The names of Piper's own voices."""
_CHILD = Path(__file__).with_name("piper_child.py")
_CODE = (
    *map(_CHILD.with_name, ("piper_child.py", "piper_model.py", "neural_child.py")),
    *map(_CHILD.with_name, ("pace.py", "espeak.py", "times.py")),
    Path(phonemes.__file__),
)
"""What decides how a model sounds and when its words are said, besides itself."""
_LIMIT_S_PER_CHARACTER = 0.5  # five times real time


class _Language(BaseModel, defer_build=True):
    code: str | None = None


class _EspeakSettings(BaseModel, defer_build=True):
    voice: str | None = None


class _Config(BaseModel, defer_build=True):
    """The configuration file beside a model; only the part that is used here.

    Its checks are built when a model is read: most sessions need none.
    """

    audio: dict[str, Any]
    espeak: _EspeakSettings
    language: _Language = _Language()
    num_symbols: int
    num_speakers: int
    phoneme_id_map: dict[str, Any]
    speaker_id_map: dict[str, int] | None = None


class Model(neural.Model):
    """A voice on disk, and the process that speaks with it."""

    def __init__(self, path: Path, speaker: str, voice: str) -> None:
        """Open a model's file, with a speaker or ""; raises VoiceError if either is missing.

        ``voice`` is its name in utterances.
        """
        self.voice = voice
        self.name = path.name.removesuffix(SUFFIX)
        if not files.is_file(path):
            raise MissingVoiceError(f"{path}: no such file")
        config = _config(path)
        neural.check_size(path)
        self.language = _language(config)
        self.speakers = config.speaker_id_map or {}
        if speaker and speaker not in self.speakers:
            there = ", ".join(sorted(self.speakers)) or "only one, without a name"
            raise MissingVoiceError(f"{path}: has no speaker “{speaker}”; available: {there}")
        self.speaker = self.speakers.get(speaker)
        self.child = Child(
            _CHILD, str(path), name="the engine", failure=VoiceError, at_once=AT_ONCE
        )
        version = neural.version("piper-tts", f"{path.name} needs Piper: {NEEDED}")
        self._digest = digest_of(path)
        if path.parent != folder() and self._digest != _SHA256.get(self.name, self._digest):
            what = "is not the voice of that name: its SHA-256 digest is wrong"
            raise VoiceError(f"{path}: {what}; install its package again")
        self.id = " ".join(
            (
                f"piper-tts-{version}",
                digest_of_code(_CODE),
                self._digest,
                hashlib.blake2b(_config_path(path).read_bytes(), digest_size=16).hexdigest(),
            )
        )

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech by the speaker that the utterance asks for; raises VoiceError."""
        _, _, name = (utterance.voice or "").rpartition(SPEAKER)
        speaker = self.speakers.get(name, self.speaker)
        return neural.spoken(
            self.child.ask(
                LIMIT_S + _LIMIT_S_PER_CHARACTER * len(utterance.said),
                do="speak",
                text=utterance.said,
                phonemes=utterance.mnemonics,
                rate=utterance.rate_wpm,
                speaker=speaker,
                lasts_s=_PACES.get(self._digest) or self.paces(speaker=speaker),
            )
        )

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the model or one of its speakers if it is named; nothing else can be chosen."""
        del language
        for name in (" ".join(wanted.names), *wanted.names):
            if name in self.speakers:
                return f"{SPEAKER}{name}"
            if name in (self.name, self.voice):
                return self.voice
        if wanted.names or wanted.gender or wanted.variant:
            return None
        own = [tag for tag in wanted.languages if same_language(tag, self.language)]
        return self.voice if own else None


def folder() -> Path:
    """Return the folder of installed voices."""
    return files.data_folder() / "voices"


def installed() -> dict[str, Path]:
    """Return the model of each voice by its name; the user's own come before those of packages."""
    models: dict[str, Path] = {}
    for path in itertools.chain(sorted(folder().glob(f"*{SUFFIX}")), _in_packages()):
        models.setdefault(path.name.removesuffix(SUFFIX), path)
    return models


def _in_packages() -> Iterator[Path]:
    """Return the models that packages bring; none if ``VOICEGUIDE_NO_PACKAGED_VOICES`` is set."""
    if os.environ.get("VOICEGUIDE_NO_PACKAGED_VOICES"):
        return
    for entry in dict.fromkeys(sys.path):
        if Path(entry).name in ("site-packages", "dist-packages"):
            for within in (f"*voice*/*{SUFFIX}", f"*voice*/data/*{SUFFIX}"):
                yield from sorted(Path(entry).glob(within))


def voices() -> list[VoiceInfo]:
    """Return the installed voices, and the speakers of each model that has several."""
    return [info for path in installed().values() for info in _infos(path)]


def find(voice: str) -> Callable[[], Engine] | None:
    """Return a function that makes engines for an installed voice or a model's path; or None.

    They share the model's process. Raises VoiceError for a model that is missing or cannot be used.
    """
    found = _file(voice)
    if found is not None:
        model = Model(*found, voice)
        return lambda: neural.Neural(model, Pyttsx3())
    if _NAME.match(voice):
        raise MissingVoiceError(
            f"{voice} is not installed; “voiceguide voices --download {voice}” downloads it"
        )
    return None


def licence(voice: str) -> str | None:
    """Return the licence of an installed voice or of a model's path, if it is known."""
    found = _file(voice)
    return None if found is None else _licence(found[0])


def _file(voice: str) -> tuple[Path, str] | None:
    """Return the file of a path or an installed voice, and the speaker or ""."""
    name, _, speaker = voice.rpartition(SPEAKER)
    if not name or voice.lower().endswith(SUFFIX):
        name, speaker = voice, ""
    if name.lower().endswith(SUFFIX):
        return Path(name), speaker
    path = installed().get(name)
    return None if path is None else (path, speaker)


def _infos(path: Path) -> Iterator[VoiceInfo]:
    name = path.name.removesuffix(SUFFIX)
    try:
        config = _config(path)
    except VoiceError:  # incomplete or odd: not listed; using it by name says why
        return
    info = VoiceInfo(
        name,
        "Piper",
        (_language(config),),
        quality=_quality(name, config),
        gender=_GENDERS.get(name),
        size_bytes=path.stat().st_size,
        licence=_licence(path),
    )
    yield info
    for speaker in config.speaker_id_map or ():
        yield replace(info, id=f"{name}{SPEAKER}{speaker}", quality=0)


def _quality(name: str, config: _Config) -> int:
    """Return 1 to 4 for Piper's own grades, 5 for the recommended voice; 0 without Piper."""
    if importlib.util.find_spec("piper") is None:
        return 0
    if name in RECOMMENDED.values():
        return len(_QUALITIES) + 1
    grade = config.audio.get("quality")
    return _QUALITIES.index(grade) + 1 if grade in _QUALITIES else 1


def _licence(model: Path) -> str | None:
    """Return the licence that the card of a model names, if there is a card."""
    for card in (model.with_name(f"{model.name}.card"), model.with_name("MODEL_CARD")):
        with contextlib.suppress(OSError):
            found = _LICENCE.search(card.read_text("utf-8", errors="replace"))
            if found:
                return found[1].strip()
    return None


def _config_path(model: Path) -> Path:
    return model.with_name(f"{model.name}.json")


def _config(model: Path) -> _Config:
    """Return the configuration of a model; raises VoiceError."""
    path = _config_path(model)
    try:
        return _Config.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        what = f"{path.name} is missing beside it; download both files again"
        raise MissingVoiceError(f"{model}: {what}") from error
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        what = "is not a Piper voice; download both of its files again"
        raise VoiceError(f"{path}: {what}") from error


def _language(config: _Config) -> str:
    """Return the BCP 47 tag of a voice's language."""
    code = config.language.code or config.espeak.voice or "und"
    return code.replace("_", "-")
