"""The whole way as one object: a request or a script in, a script, a timeline and a file out."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import hashlib
import math
import os
import re
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from voiceguide import files, library, mixer, script, ssml, timeline
from voiceguide.errors import (
    Findings,
    LengthRequestError,
    MissingVoiceError,
    Place,
    RequestError,
    ScriptError,
    SilentError,
    SoundError,
    VoiceError,
    shortened,
)
from voiceguide.ssml import Mark, Sound, Speech, WantedVoice
from voiceguide.ssml.xml import MAX_BYTES, text_of
from voiceguide.timeline import Bed
from voiceguide.voices import (
    DEFAULT_RATE_WPM,
    Utterance,
    Voice,
    VoiceInfo,
    cache,
    clip,
    engines,
    installed_voices,
)
from voiceguide.voices.cache import ClipCache
from voiceguide.voices.clip import keep_memory_flat
from voiceguide.voices.engine import RATES_WPM, same_language

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from voiceguide.export import Tags
    from voiceguide.library import Library
    from voiceguide.player.device import Opener
    from voiceguide.player.source import Source
    from voiceguide.timeline import Item, Timeline

_MOST_CHARACTERS_PER_S = 60
"""What the fastest voice says; a script with more is refused before any of it is spoken."""

OUTPUT = Path("output")
"""Where exports land by default."""

_SCRIPT_SUFFIXES = (".ssml", ".xml", ".jinja")
_STANDARD_INPUT = "-"
_MARKERS = (b"{{", b"{%", b"{#")
"""Of Jinja; what comes on standard input is a template if it holds one of them."""


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
    """Return the voices of this machine, those that speak ``language`` if it is given."""
    found = installed_voices()
    if language is None:
        return found
    wanted = language.lower()
    return [
        voice for voice in found if any(tag.lower().startswith(wanted) for tag in voice.languages)
    ]


def play_file(
    path: str | os.PathLike[str],
    *,
    begin: str | int = 0,
    start_delay_ms: int = 0,
    player: str = "miniaudio",
    quiet: bool = True,
) -> None:
    """Play a file that was rendered, with its chapters; the rest is as with ``Session.play``."""
    from voiceguide.player import device
    from voiceguide.player.file import Recorded

    open_device = device.opener(player)
    with contextlib.closing(Recorded(Path(path), _lead(start_delay_ms))) as source:
        _check_chapter(begin, [chapter.title for chapter in source.live.chapters])
        _play(source, begin, start_delay_ms, open_device, quiet=quiet)


class _Choice(TypedDict, total=False):
    """What is left open when a session is to have a certain length."""

    areas: int
    rounds: int
    terse: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a session plays."""

    written: _Written
    parsed: ssml.Script
    voices: dict[tuple[WantedVoice, str], str | None] = field(default_factory=dict)
    """The voices that the script wants, in a language, as the engine calls them."""
    warnings: tuple[str, ...] = ()
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
        for. ``target`` is a region ("calf"), a complaint ("calf-pain"), a script (my.ssml), a
        template (my.ssml.jinja), or "-" for one of these on standard input. ``voice`` is one that
        ``voiceguide voices`` lists, a Piper model, or a folder of recordings; ``rate`` is in words
        a minute. ``options`` are those of ``script.Request``: method, area, side, level, minutes,
        guidance, explain, prepare, language, library, seed, bed, bed_level, mono, variables,
        max_length. Raises RequestError for an option that is not known or out of range.
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
        fitted = self._request.length_ms is not None or "_plan" in self.__dict__
        return text_of(self._plan.written.text if fitted else self._written.text)

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
        """What is odd about the script or the voice, though it plays."""
        return self._plan.parsed.warnings + self._plan.warnings + self._remarks

    @property
    def utterances(self) -> list[tuple[str | None, Utterance]]:
        """All that is said, in the order of the script, each with the title of its chapter."""
        said: list[tuple[str | None, Utterance]] = []
        chapter = None
        for cue in ssml.walk(self._plan.parsed.root):
            if isinstance(cue, ssml.Mark) and cue.name.startswith(ssml.CHAPTER):
                chapter = cue.name.removeprefix(ssml.CHAPTER)
            elif isinstance(cue, Speech):
                said.append((chapter, self._utterance(cue, self._plan)))
        return said

    @property
    def default_path(self) -> Path:
        """Where the session is exported to unless another path is given."""
        return OUTPUT / f"{self._plan.written.stem}.mp3"

    @property
    def tags(self) -> Tags:
        """What a player shows of the session, if it is exported today."""
        from voiceguide.export import Tags  # takes long to load, and play needs none

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

    @property
    def fingerprint(self) -> str:
        """A digest of all that decides how the session sounds: script, voice, sounds, program."""
        from voiceguide import export

        plan = self._plan
        cues = list(ssml.walk(plan.parsed.root))
        bed = self._bed
        engine = engines(self._voice)()
        engine.close()
        sounds = {str(cue.source): _digest(cue) for cue in cues if isinstance(cue, Sound)}
        times = plan.timeline and [(one.begin_ms, one.end_ms) for one in plan.timeline.events]
        return cache.key(
            (clip.VERSION, mixer.VERSION, export.VERSION, engine.id),
            (text_of(plan.written.text), self._voice, self._rate_wpm),
            (sorted(sounds.items()), times),
            (self._request.mono, bed and (_digest(bed), bed.gain_db)),
        )

    @cached_property
    def timeline(self) -> Timeline:
        """Events and chapters, on the millisecond grid. All speech is made for it."""
        if self._plan.timeline is not None:
            return replace(self._plan.timeline, bed=self._bed)
        with self._open_voice() as voice:
            whole = timeline.collect(self._items(voice, self._plan))
        if whole.duration_ms == 0:
            raise mixer.nothing_is_heard(self._plan.written.name)
        return whole

    def prepare(self) -> None:
        """Read or write the script, so that what is wrong with it is known before anything is made.

        Raises a VoiceguideError.
        """
        _ = self._bed
        _ = self._plan

    def check(self) -> None:
        """Read and time the script; raises a VoiceguideError with all that is wrong in either."""
        problems = Findings()
        plan = self._planned(self._write(), problems)
        if problems:
            with self._open_voice() as voice:
                timeline.collect(self._items(voice, plan, problems))
        _ = self.timeline

    def export(
        self,
        path: str | os.PathLike[str],
        progress: Callable[[float], None] | None = None,
        *,
        tags: Tags | None = None,
    ) -> Path:
        """Write the session to ``path``: MP3, WAV, FLAC or OGG by its suffix; return the path.

        ``progress`` is called now and then with the part that is done, from 0 to 1. ``tags`` are
        its own unless others are given. Raises a VoiceguideError that says what is wrong; then
        there is no file, or the old one.
        """
        from voiceguide import export

        path = Path(path)
        export.suffix(path)  # before any work is done
        seen: list[Item] = []
        plan = self._plan
        cues = sum(isinstance(cue, Speech | Sound | Mark) for cue in ssml.walk(plan.parsed.root))
        channels = self._channels
        with self._open_voice() as voice:
            known = self.timeline if plan.timeline else self.__dict__.get("timeline")
            blocks = mixer.mix(
                _tee(known or self._items(voice, plan), seen),
                voice.clip,
                channels,
            )
            export.write(
                path,
                blocks,
                channels=channels,
                tags=tags or self.tags,
                timeline=lambda: (
                    known or self.__dict__.setdefault("timeline", timeline.collect(seen))
                ),
                progress=lambda: progress and progress(min(1.0, len(seen) / max(1, cues))),
            )
        return path

    def play(
        self,
        *,
        begin: str | int = 0,
        start_delay_ms: int = 0,
        player: str = "miniaudio",
        quiet: bool = True,
    ) -> None:
        """Play the session through the loudspeaker; return when it has ended.

        It is spoken while it plays. ``begin`` is the title of a chapter or a time in ms,
        ``start_delay_ms`` the time to get into position; a soft tone tells its end. Unless it is
        ``quiet``, standard error shows what is heard; on a terminal, keys steer it. Raises a
        VoiceguideError, and KeyboardInterrupt or SystemExit for signals, after a fade.
        """
        from voiceguide.player import device
        from voiceguide.player.source import Spoken

        open_device = device.opener(player)
        plan = self._plan
        titles = [
            cue.name.removeprefix(ssml.CHAPTER)
            for cue in ssml.walk(plan.parsed.root)
            if isinstance(cue, ssml.Mark) and cue.name.startswith(ssml.CHAPTER)
        ]
        _check_chapter(begin, titles)
        with self._open_voice() as voice:
            window = mixer.Window(
                voice.clip,
                self._channels,
            )
            items = self.timeline if plan.timeline else self._items(voice, plan)
            with contextlib.closing(
                Spoken(self.title, len(titles), items, window, _lead(start_delay_ms))
            ) as source:
                _play(source, begin, start_delay_ms, open_device, quiet=quiet)

    @cached_property
    def _bed(self) -> Bed | None:
        """What sounds under all of it; raises RequestError or SoundError if it is not to be had."""
        name = self._request.bed
        if name is None:
            return None
        shipped = name in script.BEDS
        path = files.find(f"{name}.flac", files.folders("sounds")) if shipped else None
        path = path or Path(name)
        if not os.path.isfile(path):  # noqa: PTH113 (unlike Path's, it takes any name)
            beds = ", ".join(script.BEDS)
            raise RequestError(f"bed = {name!r}: there is no such file, and beds are {beds}")
        bed = Bed(path, name, shipped, self._request.bed_level)
        mixer.check(bed)
        return bed

    @property
    def _channels(self) -> int:
        return 1 if self._request.mono else mixer.channels(self._plan.parsed.root)

    @cached_property
    def _plan(self) -> _Plan:
        """What is played: as written, or fitted to the length that was asked for."""
        target_ms = self._request.length_ms
        if target_ms is None:
            return self._planned(self._written)
        return _fitted([self], target_ms)[0][1]

    @cached_property
    def _written(self) -> _Written:
        """The script, where no length is asked for."""
        return self._write()

    def _planned(self, written: _Written, problems: Findings | None = None) -> _Plan:
        parsed = ssml.parse(
            written.text,
            name=written.name,
            folders=written.folders,
            language=self._request.language,
            problems=problems,
        )
        speeches = (cue for cue in ssml.walk(parsed.root) if isinstance(cue, Speech))
        characters = sum(len(speech.text) for speech in speeches)
        if characters > self._request.max_ms / 1000 * _MOST_CHARACTERS_PER_S:
            raise ScriptError(
                f"{written.name}: {characters:,} characters are more than can be said in "
                f"{self._request.max_length}; --max-length allows more"
            )
        return _Plan(written, parsed, *self._choose_voices(written, parsed))

    def _choose_voices(
        self, written: _Written, parsed: ssml.Script
    ) -> tuple[dict[tuple[WantedVoice, str], str | None], tuple[str, ...]]:
        """Find the voices that a script wants; warn of those that are not there."""
        chosen: dict[tuple[WantedVoice, str], str | None] = {}
        missing = Findings()
        engine = engines(self._voice)()
        try:
            for cue in ssml.walk(parsed.root):
                if not isinstance(cue, Speech) or cue.style.voice is None:
                    continue
                wanted = (cue.style.voice, cue.style.language)
                if wanted not in chosen:
                    chosen[wanted] = engine.choose(*wanted)
                if chosen[wanted] is None:
                    what = f"no voice here is {cue.style.voice}: another one speaks"
                    missing.add(what, cue.at)
        finally:
            engine.close()
        return chosen, tuple(missing.report(written.name))

    def _choices(self) -> Iterator[list[_Choice]]:
        """Return what ``script.render`` can choose from: lists, the best first."""
        if self._file:
            yield [{}]
            return
        most = len(script.treatment(self._request, self._texts).areas)
        fewest = 1 if self._request.area is None else most
        for areas in range(most, fewest - 1, -1):
            least = script.ROUNDS.start if areas == 1 else script.ROUNDS_FOR_MORE_AREAS
            for terse in (False, True) if self._request.guidance == "full" else (False,):
                yield [
                    {"areas": areas, "rounds": rounds, "terse": terse}
                    for rounds in script.ROUNDS
                    if rounds >= least
                ]

    @cached_property
    def _file(self) -> Path | None:
        """The script's file, if the target is one; standard input is one too."""
        path = Path(self._request.target)
        is_script = path.suffix.lower() in _SCRIPT_SUFFIXES
        return path if is_script or str(path) == _STANDARD_INPUT else None

    @cached_property
    def _source(self) -> bytes:
        """What the script's file holds."""
        path = self._file
        assert path is not None  # noqa: S101 (asked only then)
        try:
            if str(path) == _STANDARD_INPUT:
                return sys.stdin.buffer.read(MAX_BYTES + 1)
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error

    def _write(self, **choice: Unpack[_Choice]) -> _Written:
        return self._write_own(self._file) if self._file else self._write_region(**choice)

    def _write_own(self, path: Path) -> _Written:
        options = script.Request.model_fields
        for name in ("method", "area", "side", "level", "guidance", "explain", "prepare"):
            if getattr(self._request, name) != options[name].default:
                raise RequestError(f"{name} is for regions; {path} is a script of its own")
        piped = str(path) == _STANDARD_INPUT
        name = "standard input" if piped else str(path)
        stem = "script" if piped else path.name.removesuffix(".jinja").removesuffix(".ssml")
        stem = stem.removesuffix(".xml")
        folder = path.resolve().parent
        text: str | bytes = self._source
        template = path.suffix == ".jinja" or (piped and any(mark in text for mark in _MARKERS))
        if template:
            text = script.render_own(_decoded(self._source, name), name, folder, self._request)
            name = f"what {name} renders to"
        elif self._request.variables:
            raise RequestError(f"variables are for templates; {name} is none")
        return _Written(text, name, [folder, *files.folders("sounds")], None, stem, stem)

    def _write_region(self, **choice: Unpack[_Choice]) -> _Written:
        if self._request.variables:
            raise RequestError("variables are for templates; a region is none")
        region, method, areas = script.treatment(self._request, self._texts)
        part = self._request.part
        if part == "whole":
            title = f"{region.name}: {method.name}"
        elif part == "treat":
            title = areas[0].name[0].upper() + areas[0].name[1:]
        else:
            titles = self._texts.wording.chapters
            title = titles.get("preparation" if part == "prepare" else "stretches", part)
        return _Written(
            script.render(self._request, self._texts, **choice),
            f"the script of {region.id}",
            files.folders("sounds"),
            title,
            region.name,
            "-".join([self._request.target, *self._chosen()]),
        )

    @cached_property
    def _texts(self) -> Library:
        return library.load(self._request.language, self._request.library)

    def _chosen(self) -> Iterator[str]:
        """Return what was chosen otherwise than by default."""
        defaults = script.Request.model_fields
        for name in (
            "method",
            "area",
            "side",
            "level",
            "guidance",
            "explain",
            "prepare",
            "part",
            "language",
        ):
            chosen = getattr(self._request, name)
            if chosen != defaults[name].default:
                yield name if chosen is True else chosen
        if self._request.bed is not None:
            yield Path(self._request.bed).stem
        if self._request.mono:
            yield "mono"
        if self._request.length_ms is not None:
            yield f"{self._request.length_ms / 60_000:.4g}-min"
        if self._voice is not None:
            name = Path(self._voice).absolute().name.removesuffix(".onnx")  # of a model or a folder
            yield re.sub(r"[^a-z0-9]+", "-", name.lower())
        if self._rate_wpm != DEFAULT_RATE_WPM:
            yield f"{self._rate_wpm}-wpm"
        if self._request.seed:
            yield f"seed-{self._request.seed}"

    @cached_property
    def _remarks(self) -> tuple[str, ...]:
        """What the voice cannot do of what is asked of it."""
        engine = engines(self._voice)()
        try:
            return tuple(engine.remarks([utterance for _, utterance in self.utterances]))
        finally:
            engine.close()

    def _open_voice(self) -> Voice:
        keep_memory_flat()
        return Voice(engines(self._voice), ClipCache(files.cache_folder() / "clips"))

    def _items(self, voice: Voice, plan: _Plan, problems: Findings | None = None) -> Iterator[Item]:
        if self._bed:
            yield self._bed
        yield from timeline.resolve(
            plan.parsed.root,
            self._length_ms(voice, plan),
            name=plan.written.name,
            utterance=lambda speech: self._utterance(speech, plan),
            max_ms=self._request.max_ms,
            problems=problems,
        )

    def _length_ms(self, voice: Voice, plan: _Plan) -> Callable[[Speech | Sound], int]:
        """Begin to speak the script; return what tells how long each clip is."""
        speeches = (cue for cue in ssml.walk(plan.parsed.root) if isinstance(cue, Speech))
        voice.prepare(self._utterance(speech, plan) for speech in speeches)
        sound_ms = functools.lru_cache(maxsize=1024)(mixer.sound_ms)

        def length_ms(cue: Speech | Sound) -> int:
            try:
                if isinstance(cue, Sound):
                    return sound_ms(cue)
                return voice.length_ms(self._utterance(cue, plan))
            except SoundError as error:
                raise ScriptError(str(error)) from error
            except MissingVoiceError as error:
                if self._voice is not None:
                    raise
                raise ScriptError(str(error)) from error
            except VoiceError as error:
                assert isinstance(cue, Speech)  # noqa: S101 (a sound needs no voice)
                what = f"“{shortened(cue.text)}” cannot be spoken: {error}"
                if isinstance(error, SilentError):
                    raise ScriptError(what) from error
                raise VoiceError(f"{plan.written.name}:{cue.at}: {what}") from error

        return length_ms

    def _utterance(self, speech: Speech, plan: _Plan) -> Utterance:
        style = speech.style
        slowest, fastest = RATES_WPM
        voice = plan.voices.get((style.voice, style.language)) if style.voice else None
        if voice is None and same_language(style.language, plan.parsed.language):
            voice = self._voice
        return Utterance(
            speech.text,
            style.language,
            voice,
            min(fastest, max(slowest, round(self._rate_wpm * style.rate))),
            round(style.pitch_st, 2),
            speech.phonemes,
        )


def fit(tracks: Sequence[Session], length_ms: int) -> list[Session]:
    """Fit the tracks of a playlist, heard one after another, to a length in all; return what fits.

    The first track prepares for all areas and the last one closes; in between there is one for
    each area, the most useful first. Which of these are kept, and how many rounds they have, is
    chosen as for a single session. Raises RequestError with the nearest lengths that can be had.
    """
    fitted = []
    for session, plan in _fitted(tracks, length_ms):
        session._plan = plan
        fitted.append(session)
    return fitted


def _fitted(  # noqa: C901 (a search, and what its ends are)
    sessions: Sequence[Session], target_ms: int
) -> list[tuple[Session, _Plan]]:
    """Choose areas and rounds, then stretch the elastic pauses.

    As many areas as fit with enough rounds; of these, the rounds that stretch pauses least.
    What is said is cut short only where nothing fits otherwise.
    """
    first, *middle = sessions
    asked = first._request
    if target_ms > asked.max_ms:
        what = f"{_clock(target_ms)} minutes are more than {asked.max_length}"
        raise RequestError(f"{what}; --max-length allows more")
    shorter_ms: list[int] = []
    longer_ms: list[int] = []
    with first._open_voice() as voice:
        for choices in first._choices():
            best: list[tuple[Session, _Plan]] = []
            all_are_too_short = True
            least_strain = math.inf
            for choice in choices:
                chosen = [first, *middle[:-1][: choice.get("areas")], *middle[-1:]]
                plans = [one._planned(one._write(**choice)) for one in chosen]
                measured = [
                    timeline.Measured(
                        plan.parsed.root,
                        one._length_ms(voice, plan),
                        plan.written.name,
                        functools.partial(one._utterance, plan=plan),
                    )
                    for one, plan in zip(chosen, plans, strict=True)
                ]
                try:
                    fit = timeline.fit(measured, target_ms)
                except timeline.LengthError as error:
                    for ms in (error.shortest_ms, error.longest_ms):
                        (shorter_ms if ms < target_ms else longer_ms).append(ms)
                    if error.longest_ms < target_ms:
                        continue
                    all_are_too_short = False
                    break  # more rounds last longer still
                strain = abs(math.log(fit.stretch))
                if strain >= least_strain:
                    break  # and more rounds strain it more
                least_strain = strain
                best = [
                    (one, replace(plan, timeline=part))
                    for one, plan, part in zip(chosen, plans, fit.timelines, strict=True)
                ]
            if best:
                return best
            if all_are_too_short:
                break  # and what follows is shorter still
    nearest = [max(shorter_ms)] if shorter_ms else []
    nearest += [min(longer_ms)] if longer_ms else []
    if nearest == [0]:
        raise mixer.nothing_is_heard(plans[0].written.name)
    what = "session" if len(sessions) == 1 else "playlist"
    are = "lengths are" if len(nearest) > 1 else "length is"
    raise LengthRequestError(
        f"no {what} of {_clock(target_ms)} minutes can be made of it; the nearest {are} "
        + " and ".join(map(_clock, nearest)),
        tuple(nearest),
    )


def _digest(sound: Sound | Bed) -> str:
    """Return a digest of a sound's file."""
    try:
        with sound.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise SoundError(f"{sound.path}: cannot be read: {error.strerror}") from error


def _clock(ms: int) -> str:
    """Write a length as minutes, seconds and milliseconds: 12:30.000."""
    return f"{ms // 60_000}:{ms % 60_000 / 1000:06.3f}"


def _decoded(source: bytes, name: str) -> str:
    """Return the text of a template."""
    if len(source) > MAX_BYTES:
        raise ScriptError(f"{name}: is longer than the {MAX_BYTES:,} bytes that a script may have")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8: byte 0x{source[error.start]:02x}; save it as UTF-8"
        raise ScriptError(f"{name}: {what}") from error


def _check_chapter(begin: str | int, titles: list[str]) -> None:
    if isinstance(begin, str) and begin.casefold() not in map(str.casefold, titles):
        chapters = "; ".join(dict.fromkeys(titles)) or "none"
        hint = " (a time is written 4:30 or 90s)" if begin.lstrip("-+")[:1].isdigit() else ""
        raise RequestError(f"there is no chapter “{begin}”{hint}; there are: {chapters}")


def _play(
    source: Source, begin: str | int, delay_ms: int, open_device: Opener, *, quiet: bool
) -> None:
    from voiceguide.player import loop
    from voiceguide.player.keys import keys
    from voiceguide.player.player import Player
    from voiceguide.player.screen import Nothing, screen

    loop.run(
        Player(source, delay_ms=delay_ms, begin=begin),
        open_device,
        keys(),
        Nothing() if quiet or sys.stderr is None else screen(sys.stderr),
    )


def _lead(delay_ms: int) -> list[timeline.Event]:
    """Return the soft tone that is heard before a session begins, at its negative time."""
    path = files.find("chime.wav", files.folders("sounds"))
    if path is None or delay_ms == 0:
        return []
    tone = Sound(path, path.name, Place(1, 1))
    length_ms = min(mixer.sound_ms(tone), delay_ms)
    return [timeline.Event(-length_ms, 0, tone, 0.0)]


def _tee(items: Iterable[Item], seen: list[Item]) -> Iterator[Item]:
    for item in items:
        seen.append(item)
        yield item
