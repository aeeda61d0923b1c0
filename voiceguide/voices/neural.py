"""What neural engines share: a model that speaks one language, in a process of its own.

If the model crashes or hangs on a phrase, the session goes on. All engines of a voice share the
process, since a model is large. Another engine speaks what is in other languages.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import threading
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from voiceguide import files
from voiceguide.errors import VoiceError
from voiceguide.languages import same_language
from voiceguide.voices.cache import key
from voiceguide.voices.engine import CALM_WPM, Spoken, Utterance, Word, remark_without_pitch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from voiceguide.child import Child
    from voiceguide.ssml import WantedVoice
    from voiceguide.voices.engine import Engine

SPEAKER = "#"
"""The separator before the name of one of a model's voices: model.onnx#anna."""
LIMIT_S = 60.0
"""How long a model may take, besides what a text takes: a large one on a slow disk."""
_PACES_LIMIT_S = 240.0
"""To measure its pace, it speaks for a while: half a minute on two free cores."""
_MOST_BYTES = 1_000_000_000
"""A model's size: Piper's have up to 130 MB, Kokoro's up to 330."""
_measuring = threading.Lock()


def check_size(path: Path) -> None:
    """Raise VoiceError if a file is too large to be a voice; reading it would take minutes."""
    size_bytes = path.stat().st_size
    if size_bytes > _MOST_BYTES:
        what = f"has {size_bytes:,} bytes, a voice has at most {_MOST_BYTES:,}; download it again"
        raise VoiceError(f"{path}: {what}")


def version(package: str, needed: str) -> str:
    """Return the version of a package; without it, raises VoiceError that says what is needed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise VoiceError(needed) from error


class Model(ABC):
    """A model on disk, and the process that speaks with it."""

    id: str
    """All that its sound depends on."""
    name: str
    """What it is called in messages."""
    voice: str
    """What it is called in utterances."""
    language: str
    """A BCP 47 tag."""
    child: Child

    @abstractmethod
    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech in its language; raises VoiceError if it cannot be loaded, or fails."""

    @abstractmethod
    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return which of its voices matches best, as in utterances; None if none does."""

    def paces(self, **request: Any) -> list[float]:
        """Return how fast a voice is, as the process measures it (``pace.measured``), once.

        ``request`` says of which of the model's voices.
        """
        store = files.Store(files.cache_folder() / "paces")
        name = key("pace", self.id, request)
        with _measuring:
            kept = store.read(name)
            if kept is None:
                asked = self.child.ask(_PACES_LIMIT_S, do="paces", **request)
                kept = json.dumps(asked).encode()
                store.write(name, kept)
        paces: list[float] = json.loads(kept)
        return paces


class Neural:
    """An engine that speaks with a model, and uses another engine for other languages."""

    def __init__(self, model: Model, default: Engine) -> None:
        self.id = f"{model.id} {default.id}"
        self._model = model
        self._default = default

    def speak(self, utterance: Utterance) -> Spoken:
        """Return speech; raises VoiceError if the model cannot be loaded or fails twice."""
        if self._speaks(utterance):
            return self._model.speak(utterance)
        if self._is_own(utterance.voice):
            utterance = replace(utterance, voice=None)
        return self._default.speak(utterance)

    def calm_wpm(self, language: str) -> int:
        """Return the calm pace of a natural voice; for other languages, the other engine's."""
        if same_language(language, self._model.language):
            return CALM_WPM
        return self._default.calm_wpm(language)

    def choose(self, wanted: WantedVoice, language: str) -> str | None:
        """Return the voice that matches best; one that is named comes first."""
        own = same_language(language, self._model.language)
        return (self._model if own else self._default).choose(wanted, language)

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


def spoken(answer: dict[str, Any]) -> Spoken:
    """Return the speech in a process's answer (``neural_child.Speech.answer``)."""
    pcm = np.frombuffer(base64.b64decode(answer["pcm"]), dtype="<i2")
    return Spoken(
        pcm.astype(np.float32) / np.float32(32767),
        answer["rate_hz"],
        words=tuple(Word(*word) for word in answer["words"]),
        polish=False,
    )
