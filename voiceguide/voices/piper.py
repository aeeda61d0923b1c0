"""Piper: neural voices; each is a model that speaks one language (extra "piper").

The model runs in a child process: if onnxruntime crashes or hangs on a phrase, the session goes on.
All engines of a voice share the process, since a model is large and one phrase already uses several
cores. The default engine speaks what is in other languages.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ValidationError

from voiceguide import files
from voiceguide.child import Child
from voiceguide.errors import MissingVoiceError, VoiceError
from voiceguide.library import phonemes
from voiceguide.voices.cache import digest_of
from voiceguide.voices.engine import (
    Spoken,
    Utterance,
    VoiceInfo,
    remark_without_pitch,
    same_language,
)
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine

SUFFIX = ".onnx"
SPEAKER = "#"
"""The separator before the name of a speaker, if a model has several: model.onnx#anna."""
NEEDED = "pip install 'voiceguide[piper]'"

_NAME = re.compile(r"[a-z]{2,3}_[A-Z]{2}-\w+-(x_low|low|medium|high)")
"""The names of Piper's own voices."""
_CHILD = Path(__file__).with_name("piper_child.py")
_CODE = (_CHILD, _CHILD.with_name("espeak.py"), Path(phonemes.__file__))
"""What decides how a model sounds, besides itself."""
_LIMIT_S = 60.0  # a large model on a slow disk
_LIMIT_S_PER_CHARACTER = 0.5  # five times real time


class _Language(BaseModel):
    code: str | None = None


class _Espeak(BaseModel):
    voice: str | None = None


class _Config(BaseModel):
    """The configuration file beside a model; only the part that is used here."""

    audio: dict[str, Any]
    espeak: _Espeak
    language: _Language = _Language()
    num_symbols: int
    num_speakers: int
    phoneme_id_map: dict[str, Any]
    speaker_id_map: dict[str, int] | None = None


class Model:
    """A voice on disk, and the process that speaks with it."""

    def __init__(self, path: Path, speaker: str, voice: str) -> None:
        """Open a model's file, with a speaker or ""; raises VoiceError if either is missing.

        ``voice`` is its name in utterances.
        """
        self.voice = voice
        self.name = path.name.removesuffix(SUFFIX)
        if not path.is_file():
            raise MissingVoiceError(f"{path}: no such file")
        config = _config(path)
        self.language = _language(config)
        self.speakers = config.speaker_id_map or {}
        if speaker and speaker not in self.speakers:
            there = ", ".join(sorted(self.speakers)) or "only one, without a name"
            raise MissingVoiceError(f"{path}: has no speaker “{speaker}”; available: {there}")
        self.speaker = self.speakers.get(speaker)
        self.child = Child(_CHILD, str(path), name="the engine", failure=VoiceError)
        self.id = " ".join(
            (
                f"piper-tts-{_version(path)}",
                hashlib.blake2b(
                    b"".join(path.read_bytes() for path in _CODE), digest_size=4
                ).hexdigest(),
                digest_of(path, files.Store(files.cache_folder() / "digests")),
                hashlib.blake2b(_config_path(path).read_bytes(), digest_size=16).hexdigest(),
            )
        )


class Piper:
    """An engine that speaks with a model, and uses another engine for other languages."""

    def __init__(self, model: Model, default: Engine) -> None:
        self.id = f"{model.id} {default.id}"
        self._model = model
        self._default = default

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech; raises VoiceError if the model cannot be loaded or fails twice."""
        if not self._speaks(utterance):
            if self._is_own(utterance.voice):
                utterance = replace(utterance, voice=None)
            return self._default.speak(utterance)
        _, _, speaker = (utterance.voice or "").rpartition(SPEAKER)
        answer = self._model.child.ask(
            _LIMIT_S + _LIMIT_S_PER_CHARACTER * len(utterance.said),
            do="speak",
            text=utterance.said,
            phonemes=utterance.phonemes
            and phonemes.for_espeak(utterance.phonemes, utterance.language),
            rate=utterance.rate_wpm,
            speaker=self._model.speakers.get(speaker, self._model.speaker),
        )
        pcm = np.frombuffer(base64.b64decode(answer["pcm"]), dtype="<i2")
        return Spoken(pcm.astype(np.float32) / np.float32(32767), int(answer["rate_hz"]))

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the model or one of its speakers if it is named; nothing else can be chosen."""
        if not same_language(language, self._model.language):
            return self._default.choose(wanted, language)
        for name in (" ".join(wanted.names), *wanted.names):
            if name in self._model.speakers:
                return f"{SPEAKER}{name}"
            if name in (self._model.name, self._model.voice):
                return self._model.voice
        if wanted.names or wanted.gender or wanted.variant:
            return None
        own = [tag for tag in wanted.languages if same_language(tag, self._model.language)]
        return self._model.voice if own else None

    def remarks(self, utterances: Iterable[Utterance]) -> list[str]:
        """Return what the model cannot do for ``utterances``."""
        utterances = list(utterances)
        mine = [utterance for utterance in utterances if self._speaks(utterance)]
        others = [utterance for utterance in utterances if not self._speaks(utterance)]
        name = self._model.name
        remarks = []
        if others:
            languages = ", ".join(sorted({utterance.language for utterance in others}))
            speaks = f"{name} speaks “{self._model.language}”"
            remarks.append(f"{speaks}; another voice speaks what is in “{languages}”")
        return remarks + remark_without_pitch(name, mine) + self._default.remarks(others)

    def restart(self) -> None:
        """Start afresh with the next phrase."""
        self._model.child.restart()
        self._default.restart()

    def close(self) -> None:
        """End the process of the model, for all engines that share it."""
        self._model.child.close()
        self._default.close()

    def _speaks(self, utterance: Utterance) -> bool:
        own = utterance.voice is None or self._is_own(utterance.voice)
        return own and same_language(utterance.language, self._model.language)

    def _is_own(self, voice: str | None) -> bool:
        return voice == self._model.voice or (voice or "").startswith(SPEAKER)


def folder() -> Path:
    """Return the folder of installed voices."""
    return files.data_folder() / "voices"


def voices() -> list[VoiceInfo]:
    """Return the installed voices, and the speakers of each model that has several."""
    return [info for path in sorted(folder().glob(f"*{SUFFIX}")) for info in _infos(path)]


def find(voice: str) -> Callable[[], Engine] | None:
    """Return a function that makes engines for an installed voice or a model's path; or None.

    They share the model's process. Raises VoiceError for a model that is missing or cannot be used.
    """
    found = _file(voice)
    if found is not None:
        model = Model(*found, voice)
        return lambda: Piper(model, Pyttsx3())
    if _NAME.match(voice):
        raise MissingVoiceError(
            f"{voice} is not installed; “voiceguide voices --download {voice}” downloads it"
        )
    return None


def _file(voice: str) -> tuple[Path, str] | None:
    """Return the file of a path or an installed voice, and the speaker or ""."""
    name, _, speaker = voice.rpartition(SPEAKER)
    if not name or voice.lower().endswith(SUFFIX):
        name, speaker = voice, ""
    if name.lower().endswith(SUFFIX):
        return Path(name), speaker
    path = files.find(f"{name}{SUFFIX}", [folder()])
    return None if path is None else (path, speaker)


def _infos(path: Path) -> Iterator[VoiceInfo]:
    name = path.name.removesuffix(SUFFIX)
    try:
        config = _config(path)
    except VoiceError:  # incomplete or odd: not listed; using it by name says why
        return
    languages = (_language(config),)
    yield VoiceInfo(name, "Piper", languages)
    for speaker in config.speaker_id_map or ():
        yield VoiceInfo(f"{name}{SPEAKER}{speaker}", "Piper", languages)


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


def _version(model: Path) -> str:
    try:
        return importlib.metadata.version("piper-tts")
    except importlib.metadata.PackageNotFoundError as error:
        raise VoiceError(f"{model.name} needs Piper: {NEEDED}") from error
