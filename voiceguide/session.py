"""The whole way as one object: a request or a script in, a script, a timeline and a file out."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from voiceguide import export, library, mixer, resources, script, ssml, timeline
from voiceguide.errors import (
    MissingVoiceError,
    RequestError,
    ScriptError,
    VoiceError,
    shortened,
)
from voiceguide.export import Tags
from voiceguide.ssml import Sound, Speech
from voiceguide.voices import Utterance, Voice, VoiceInfo
from voiceguide.voices.cache import ClipCache
from voiceguide.voices.clip import keep_memory_flat
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voiceguide.timeline import Item, Timeline

DEFAULT_RATE_WPM = 140
"""Calm: conversation runs at 150 to 180 words a minute."""
RATES_WPM = (80, 450)
"""What espeak-ng takes; the slowest calm, the fastest a screen reader's."""

OUTPUT = Path("output")
"""Where exports land by default."""

_SCRIPT_SUFFIXES = (".ssml", ".xml")


@dataclass(frozen=True, slots=True)
class _Written:
    """A script, and what is known about it besides."""

    text: str | bytes
    name: str
    """What messages call it."""
    folders: list[Path]
    """Where its sounds may lie."""
    title: str | None
    album: str
    stem: str
    """The name of a file made of it, without suffix."""


def voices(language: str | None = None) -> list[VoiceInfo]:
    """Give the voices of this machine, those that speak ``language`` if it is given."""
    engine = Pyttsx3()
    try:
        found = engine.voices()
    finally:
        engine.close()
    if language is None:
        return found
    wanted = language.lower()
    return [
        voice for voice in found if any(tag.lower().startswith(wanted) for tag in voice.languages)
    ]


class _Choice(TypedDict, total=False):
    """What is left open when a session is to have a certain length."""

    areas: int
    rounds: int
    brief: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a session plays."""

    written: _Written
    parsed: ssml.Script
    timeline: Timeline | None = None
    """Known where it was fitted to a length."""


class Session:
    """A guided session.

    >>> session = Session("calf", side="left")
    >>> session.export("output/calf.mp3")
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        voice: str | None = None,
        rate: int | None = None,
        **options: object,
    ) -> None:
        """Prepare a session; nothing is made before it is asked for.

        A session of a given length speaks all of itself as soon as its script or title is asked
        for. ``target`` is a region ("calf"), a complaint ("calf-pain") or a file (my.ssml).
        ``voice`` is one that ``voiceguide voices`` lists, ``rate`` is in words a minute.
        ``options`` are those of ``script.Request``: method, area, side, level, minutes, language,
        seed. Raises RequestError for an option that is not known or out of range.
        """
        slowest, fastest = RATES_WPM
        if rate is not None and not slowest <= rate <= fastest:
            raise RequestError(f"rate = {rate}: must lie between {slowest} and {fastest}")
        self._voice = voice
        self._rate_wpm = DEFAULT_RATE_WPM if rate is None else rate
        self._request = script.request(target=os.fspath(target), **options)

    @property
    def script(self) -> str:
        """The script: SSML text."""
        return ssml.as_text(self._plan.written.text)

    @property
    def title(self) -> str:
        """What the session is called."""
        return self._plan.written.title or self._plan.parsed.title or self._plan.written.stem

    @property
    def language(self) -> str:
        """The script's language, a BCP 47 tag."""
        return self._plan.parsed.language

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd about the script, though it plays."""
        return self._plan.parsed.warnings

    @property
    def default_path(self) -> Path:
        """Where the session is exported to unless another path is given."""
        return OUTPUT / f"{self._plan.written.stem}.mp3"

    @cached_property
    def timeline(self) -> Timeline:
        """Events and chapters, on the millisecond grid. All speech is made for it."""
        if self._plan.timeline is not None:
            return self._plan.timeline
        with self._open_voice() as voice:
            return timeline.collect(self._items(voice))

    def prepare(self) -> None:
        """Read or write the script, so that what is wrong with it is known before anything is made.

        Raises a VoiceguideError.
        """
        _ = self._plan

    def export(
        self, path: str | os.PathLike[str], progress: Callable[[float], None] | None = None
    ) -> Path:
        """Write the session to ``path``: MP3, WAV, FLAC or OGG by its suffix; give the path.

        ``progress`` is called now and then with the part that is done, from 0 to 1. Raises a
        VoiceguideError that says what is wrong; then there is no file, or the old one.
        """
        path = Path(path)
        export.suffix(path)  # before any work is done
        seen: list[Item] = []
        heard = sum(isinstance(cue, Speech | Sound) for cue in ssml.walk(self._plan.parsed.root))
        channels = mixer.channels(self._plan.parsed.root)
        with self._open_voice() as voice:
            known = self._plan.timeline or self.__dict__.get("timeline")
            blocks = mixer.mix(
                _noting(known or self._items(voice), seen),
                lambda speech: voice.clip(self._utterance(speech)),
                channels,
            )
            export.write(
                path,
                blocks,
                channels=channels,
                tags=self._tags(),
                timeline=lambda: (
                    known or self.__dict__.setdefault("timeline", timeline.collect(seen))
                ),
                progress=lambda: progress and progress(min(1.0, len(seen) / max(1, heard))),
            )
        return path

    @cached_property
    def _plan(self) -> _Plan:
        """What is played: as written, or fitted to the length that was asked for."""
        target_ms = self._request.length_ms
        if target_ms is None:
            written = self._write()
            return _Plan(written, self._parse(written))
        with self._open_voice() as voice:
            return self._fitted(voice, target_ms)

    def _fitted(self, voice: Voice, target_ms: int) -> _Plan:
        """Choose areas and rounds, then stretch the elastic pauses.

        As many areas as fit with enough rounds; of these, the rounds that stretch pauses least.
        What is said is cut short only where nothing fits otherwise.
        """
        shorter_ms, longer_ms = [], []
        for choices in self._choices():
            best: _Plan | None = None
            least_strain = math.inf
            for choice in choices:
                written = self._write(**choice)
                parsed = self._parse(written)
                length_ms = self._length_ms(voice, written, parsed)
                try:
                    fit = timeline.fit(parsed.root, length_ms, target_ms, name=written.name)
                except timeline.LengthError as error:
                    if error.longest_ms < target_ms:
                        shorter_ms.append(error.longest_ms)
                        continue
                    longer_ms.append(error.shortest_ms)
                    break  # more rounds last longer still
                strain = abs(math.log(fit.stretch))
                if strain >= least_strain:
                    break  # and more rounds strain it more
                best, least_strain = _Plan(written, parsed, fit.timeline), strain
            if best:
                return best
        nearest = [max(shorter_ms)] if shorter_ms else []
        nearest += [min(longer_ms)] if longer_ms else []
        raise RequestError(
            f"no session of {_clock(target_ms)} minutes can be made of this; "
            f"the nearest lengths are {' and '.join(map(_clock, nearest))}"
        )

    def _choices(self) -> Iterator[list[_Choice]]:
        """Give what ``script.render`` can choose from: lists, the best first."""
        if self._file:
            yield [{}]
            return
        texts = library.load(self._request.language)
        most = script.suited_areas(self._request, texts)
        fewest = 1 if self._request.area is None else most
        for areas in range(most, fewest - 1, -1):
            least = script.ROUNDS.start if areas == 1 else script.ROUNDS_FOR_MORE_AREAS
            for brief in (False, True):
                yield [
                    {"areas": areas, "rounds": rounds, "brief": brief}
                    for rounds in script.ROUNDS
                    if rounds >= least
                ]

    @property
    def _file(self) -> Path | None:
        """The script's file, if the target is one."""
        path = Path(self._request.target)
        return path if path.suffix.lower() in _SCRIPT_SUFFIXES else None

    def _write(self, **choice: Unpack[_Choice]) -> _Written:
        sounds = resources.folders("sounds")
        if path := self._file:
            options = script.Request.model_fields
            for name in ("method", "area", "side", "level"):
                if getattr(self._request, name) != options[name].default:
                    raise RequestError(f"{name} is for regions; {path} is a script of its own")
            try:
                text = path.read_bytes()
            except OSError as error:
                raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error
            folders = [path.resolve().parent, *sounds]
            return _Written(text, str(path), folders, None, path.stem, path.stem)
        texts = library.load(self._request.language)
        region = texts.region(self._request.target)
        method = texts.method(self._request.method)
        return _Written(
            script.render(self._request, texts, **choice),
            f"the script of {region.id}",
            sounds,
            f"{region.name}: {method.name.lower()}",
            region.name,
            "-".join([region.id, *self._chosen()]),
        )

    def _chosen(self) -> Iterator[str]:
        """Give what was chosen otherwise than by default."""
        defaults = script.Request.model_fields
        for name in ("method", "area", "side", "level", "language"):
            chosen = getattr(self._request, name)
            if chosen != defaults[name].default:
                yield chosen
        if self._request.length_ms is not None:
            yield f"{self._request.length_ms / 60_000:.4g}-min"
        if self._voice is not None:
            yield re.sub(r"[^a-z0-9]+", "-", self._voice.lower())
        if self._rate_wpm != DEFAULT_RATE_WPM:
            yield f"{self._rate_wpm}-wpm"
        if self._request.seed:
            yield f"seed-{self._request.seed}"

    def _parse(self, written: _Written) -> ssml.Script:
        return ssml.parse(
            written.text,
            name=written.name,
            folders=written.folders,
            language=self._request.language,
        )

    def _open_voice(self) -> Voice:
        keep_memory_flat()
        return Voice(Pyttsx3, ClipCache(resources.cache_folder() / "clips"))

    def _items(self, voice: Voice) -> Iterator[Item]:
        plan = self._plan
        length_ms = self._length_ms(voice, plan.written, plan.parsed)
        return timeline.resolve(plan.parsed.root, length_ms, name=plan.written.name)

    def _length_ms(
        self, voice: Voice, written: _Written, parsed: ssml.Script
    ) -> Callable[[Speech | Sound], int]:
        """Begin to speak the script; give what tells how long each clip is."""
        speeches = (cue for cue in ssml.walk(parsed.root) if isinstance(cue, Speech))
        voice.prepare(map(self._utterance, speeches))

        def length_ms(cue: Speech | Sound) -> int:
            if isinstance(cue, Sound):
                return mixer.sound_ms(cue)
            try:
                return voice.length_ms(self._utterance(cue))
            except MissingVoiceError:
                raise
            except VoiceError as error:
                where = f"{written.name}:{cue.line}"
                raise VoiceError(
                    f"{where}: “{shortened(cue.text)}” cannot be spoken: {error}"
                ) from error

        return length_ms

    def _utterance(self, speech: Speech) -> Utterance:
        style = speech.style
        slowest, fastest = RATES_WPM
        return Utterance(
            speech.text,
            style.language,
            style.voice or self._voice,
            min(fastest, max(slowest, round(self._rate_wpm * style.rate))),
            round(style.pitch_st, 2),
        )

    def _tags(self) -> Tags:
        comment = "Made by voiceguide."
        if not self._file:
            comment += " Trigger point self-massage is self-care, not treatment."
        return Tags(
            title=self.title,
            album=self._plan.written.album,
            language=self.language,
            date=dt.datetime.now(tz=dt.UTC).date().isoformat(),
            comment=comment,
        )


def _clock(ms: int) -> str:
    """Write a length as minutes, seconds and milliseconds: 12:30.000."""
    return f"{ms // 60_000}:{ms % 60_000 / 1000:06.3f}"


def _noting(items: Iterable[Item], seen: list[Item]) -> Iterator[Item]:
    for item in items:
        seen.append(item)
        yield item
