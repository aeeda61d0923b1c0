"""A request -> a plan: everything that decides what a session plays.

Takes requests (``voiceguide.script``). Gives a ``Plan`` for each: its parsed script, its voices and
its bed, before anything is spoken. A given length needs the lengths of the clips: for it, all is
spoken first, and the plan has a timeline too. Sessions and playlists are made from plans. ``items``
returns the timeline of a plan item by item, as its clips are spoken.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from voiceguide import clock, files, library, mixer, script, ssml, timeline
from voiceguide.errors import (
    Findings,
    LengthRequestError,
    MissingVoiceError,
    Position,
    RequestError,
    ScriptError,
    SilentError,
    SoundError,
    UsageError,
    VoiceError,
    VoiceguideError,
    option,
    shortened,
)
from voiceguide.listen.words import words
from voiceguide.ssml import Mark, Sound, Speech
from voiceguide.ssml.cues import Style
from voiceguide.timeline import Adaptive, Bed, Event, Measured, Variant
from voiceguide.voices import DEFAULT, PLAIN, engines
from voiceguide.voices.cache import ClipCache
from voiceguide.voices.cast import Cast, cast
from voiceguide.voices.clip import keep_memory_flat
from voiceguide.voices.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from voiceguide.options import Options
    from voiceguide.script import Choice, Request, Written
    from voiceguide.timeline import Answer, Item, Timeline
    from voiceguide.voices import Utterance

_Chosen: TypeAlias = "tuple[Choice, list[Plan], tuple[Measured, ...]]"
_MOST_CHARACTERS_PER_S = 60
"""The fastest voice says this much; a script with more is refused before anything is spoken."""
_MOST_WPM, _HASTE = 240, 1.3  # nobody who guides says more, nor a voice by so much than its pace


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session plays."""

    request: Request
    written: Written
    script: ssml.Script
    cast: Cast
    bed: Bed | None
    timeline: Timeline | None = None
    """Set if the session was fitted to a length."""
    stretch: float = 1.0
    """The factor by which its elastic pauses were scaled then."""
    least_channels: int = 1
    """Those of the tracks beside it: players send one channel to both loudspeakers, and it would be
    3 dB louder there than what is in the middle of two."""

    @property
    def title(self) -> str:
        """What the session is called."""
        return self.written.title or self.script.title or self.written.album

    @property
    def channels(self) -> int:
        """One channel, or two if anything is panned or the bed is stereo, here or beside it."""
        if self.request.options.mono:
            return 1
        of_bed = self.bed.channels if self.bed else 1
        return max(self.least_channels, of_bed, mixer.channels(self.script.root))

    @property
    def chapters(self) -> list[str]:
        """The titles of the chapters, in the order of the script."""
        marks = (cue for cue in ssml.walk(self.script.root) if isinstance(cue, Mark))
        return [mark.chapter for mark in marks if mark.chapter]

    @property
    def utterances(self) -> list[tuple[str | None, Utterance]]:
        """Everything that is said, in the order of the script, with the title of its chapter."""
        utterances: list[tuple[str | None, Utterance]] = []
        chapter = None
        for cue in ssml.walk(self.script.root):
            if isinstance(cue, Mark):
                chapter = cue.chapter or chapter
            elif isinstance(cue, Speech):
                utterances.append((chapter, self.cast.utterance(cue)))
        return utterances

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the script or the voice; the session plays anyway."""
        with contextlib.closing(engines(self.request.options.voice)()) as engine:
            script = replace(self, cast=replace(self.cast, lexicons={}))  # what it asks for itself
            remarks = engine.remarks([utterance for _, utterance in script.utterances])
        return (*self.written.warnings, *self.script.warnings, *self.cast.warnings, *remarks)


def plan(request: Request) -> Plan:
    """Return the plan of a session at its natural length.

    Raises RequestError, LibraryError, ScriptError or SoundError.
    """
    with clock.timed(f"writing the script of {request.target}"):
        written = script.write(request)
    return planned(request, written)


def planned(request: Request, written: Written, problems: Findings | None = None) -> Plan:
    """Return the plan of a session whose script is already written; otherwise like ``plan``.

    With ``problems``, mistakes in the script are added to it instead of being raised.
    """
    options = request.options
    parsed = read(request, written, problems)
    speeches = (cue for cue in ssml.walk(parsed.root) if isinstance(cue, Speech))
    characters = sum(len(speech.text) for speech in speeches)
    if characters > options.max_ms / 1000 * _MOST_CHARACTERS_PER_S:
        raise ScriptError(
            f"{written.name}: {characters:,} characters are more than can be said in "
            f"{options.max_length}; {option('max_length')} allows more"
        )
    with contextlib.closing(engines(options.voice)()) as engine:
        speakers = cast(
            parsed,
            engine,
            None if options.voice in (PLAIN, DEFAULT) else options.voice,
            options.rate,
            name=written.name,
            lexicon=lambda language: library.lexicon(language, options.library_path),
        )
    return Plan(request, written, parsed, speakers, bed_of(options))


def bed_of(options: Options) -> Bed | None:
    """Return the bed of a session, if any; raises RequestError or SoundError."""
    return None if options.bed is None else mixer.found_bed(options.bed, options.bed_level)


def read(request: Request, written: Written, problems: Findings | None = None) -> ssml.Script:
    """Return a script that is already written as a tree; otherwise like ``plan``."""
    with clock.timed(f"reading {written.name}"):
        return ssml.parse(
            written.text,
            name=written.name,
            folders=list(written.folders),
            language=request.options.language,
            problems=problems,
            lexicons=_lexicon_folders(request, written),
            columns=not written.plain,
        )


def _lexicon_folders(request: Request, written: Written) -> list[Path]:
    """Return the folders that may hold the lexicons of a script: its own, and the library's."""
    roots = files.script_folders(request.options.library_path)
    language = request.options.language
    return [*written.folders, *roots, *(root / language for root in roots)]


def fit(requests: Sequence[Request], length_ms: int) -> list[Plan]:
    """Return the plans of sessions that, one after another, last ``length_ms`` in total.

    The first and the last session are always kept; of those in between (the tracks of a playlist,
    the most useful first), as many as fit. The rules of their kind decide how many, and everything
    else that may vary. Raises LengthRequestError with the nearest possible lengths, and whatever
    ``plan`` raises.
    """
    first = requests[0]
    options = first.options
    if length_ms > options.max_ms:
        what = f"{option('minutes')}: {clock.text(length_ms)} is more than {options.max_length}"
        raise UsageError(f"{what}; {option('max_length')} allows more")
    try:
        with clock.timed(f"fitting {first.target}"), open_voice(options) as voice:
            plans, fitted = _chosen(requests, length_ms, voice)
            timelines = fitted.in_step()
    except timeline.LengthError as error:
        raise _cannot_last(requests, length_ms, error.nearest_ms) from error
    return [
        replace(one, timeline=replace(part, bed=one.bed), stretch=fitted.stretch)
        for one, part in zip(plans, timelines, strict=True)
    ]


def items(
    plan: Plan,
    voice: Voice,
    problems: Findings | None = None,
    known: Callable[[int], object] = lambda _: None,
) -> Iterator[Item]:
    """Return the timeline of a plan, item by item; the speech is made as it is needed.

    ``known`` is called as by ``timeline.resolve``. Raises ScriptError if something does not fit or
    cannot be spoken, VoiceError if no engine works.
    """
    if plan.timeline is not None:
        found: Iterable[Item] = plan.timeline
    else:
        found = timeline.resolve(
            plan.script.root,
            _length_ms(plan, voice),
            utterance=plan.cast.utterance,
            name=plan.written.name,
            max_ms=plan.request.options.max_ms,
            problems=problems,
            known=known,
        )
        if plan.bed:
            yield plan.bed
    for item in found:
        yield _with_words(item, voice) if isinstance(item, Event) else item


def adaptive(plan: Plan, voice: Voice) -> Adaptive:
    """Return what plans a session anew at its listener's signs; all of its speech is made.

    Holds are open, or as written, as the request says. Raises what ``items`` raises.
    """
    options = plan.request.options
    length_ms = _length_ms(plan, voice)
    return Adaptive(
        Measured(plan.script.root, length_ms, plan.written.name, plan.cast.utterance),
        stretch=plan.stretch,
        length_ms=options.length_ms,
        ready=mixer.tone("half.wav") if options.holds == "open" else None,
        replies=functools.cache(functools.partial(_reply, plan, length_ms)),
        finished=lambda event: _with_words(event, voice),
    )


def _reply(
    plan: Plan, length_ms: Callable[[Speech | Sound], int], answer: Answer
) -> tuple[Event, ...]:
    """Return what is said to an answer; nothing in a language whose answers are not known."""
    language = plan.script.language
    try:
        known = words(language, plan.request.options.library_path)
    except RequestError:
        return ()
    speech = Speech(getattr(known.answers, answer), Style(language), Position(1, 1))
    if not speech.text:
        return ()
    return (Event(0, length_ms(speech), plan.cast.utterance(speech), 0.0),)


def _with_words(event: Event, voice: Voice) -> Event:
    """Return an event with the times of its words, if it is speech."""
    if isinstance(event.plays, Sound):
        return event
    heard_ms = event.end_ms - event.begin_ms
    words = tuple(word for word in voice.words(event.plays) if word.end_ms <= heard_ms)
    return replace(event, words=words)


def open_voice(options: Options) -> Voice:
    """Return the voice of a session; the caller closes it."""
    keep_memory_flat()
    return Voice(engines(options.voice), ClipCache(files.cache_folder() / "clips"), options.voice)


def _chosen(
    requests: Sequence[Request], length_ms: int, voice: Voice
) -> tuple[list[Plan], timeline.Fitted]:
    """Return the best plans of a length: those that were chosen before, or else of all."""
    kept = script.KeptChoice(requests, length_ms, voice.engine_id, (ssml, timeline, mixer))
    before = kept.read()
    if before is not None:
        found = _variant(requests, voice, before.choice)
        with contextlib.suppress(ScriptError, timeline.LengthError):  # the search tells it better
            if timeline.lengths_ms(found.scripts) == before.lengths_ms:
                return found.value[1], timeline.fit(found.scripts, length_ms, before.stretch)

    write = functools.partial(_variant, requests, voice)
    choices = script.choices(requests[0])
    (choice, plans, scripts), fitted = timeline.choose(choices, write, length_ms)
    kept.write(choice, fitted.stretch, lambda: timeline.lengths_ms(scripts))
    return plans, fitted


def _variant(requests: Sequence[Request], voice: Voice, choice: Choice) -> Variant[_Chosen]:
    """Return sessions as a choice by the rules of their kind has them."""
    first, *others = requests
    taken = [first, *others[:-1][: choice.get("areas")], *others[-1:]]
    plans = [planned(one, script.write(one, choice)) for one in taken]
    scripts = tuple(
        Measured(
            one.script.root,
            functools.cache(_length_ms(one, voice)),  # asked at every trial
            one.written.name,
            functools.cache(one.cast.utterance),
            _least_ms(one),
            one.request.options.max_ms,
        )
        for one in plans
    )
    return Variant((choice, plans, scripts), scripts)


def _length_ms(plan: Plan, voice: Voice) -> Callable[[Speech | Sound], int]:
    """Return a function that returns the length of each clip; it starts to speak the script."""

    @functools.cache
    def start() -> None:
        speeches = (cue for cue in ssml.walk(plan.script.root) if isinstance(cue, Speech))
        voice.prepare(map(plan.cast.utterance, speeches))

    def length_ms(cue: Speech | Sound) -> int:
        try:
            if isinstance(cue, Sound):
                return mixer.sound_ms(cue)
            start()
            return voice.length_ms(plan.cast.utterance(cue))
        except SoundError as error:
            raise ScriptError(str(error)) from error
        except MissingVoiceError as error:
            if plan.cast.voice is not None:
                raise
            raise ScriptError(str(error)) from error
        except VoiceError as error:
            text = cue.text if isinstance(cue, Speech) else ""
            what = f"“{shortened(text)}” cannot be spoken: {error}"
            if isinstance(error, SilentError):
                raise ScriptError(what) from error
            raise VoiceError(f"{plan.written.name}:{cue.at}: {what}") from error

    return length_ms


def _least_ms(plan: Plan) -> Callable[[Speech], int]:
    """Return a function that returns what each phrase lasts at least, whoever speaks it."""

    def least_ms(speech: Speech) -> int:
        wpm = max(_MOST_WPM, plan.cast.utterance(speech).rate_wpm * _HASTE)
        return int(len(speech.text.split()) * 60_000 / wpm)

    return least_ms


def _cannot_last(
    requests: Sequence[Request], length_ms: int, nearest_ms: tuple[int, ...]
) -> VoiceguideError:
    """Return the error for an impossible length, with the nearest possible ones."""
    if nearest_ms == (0,):
        return mixer.nothing_is_heard(requests[0].target)
    below = [ms for ms in nearest_ms if ms < length_ms]
    above = [ms for ms in nearest_ms if ms > length_ms]
    shown = [clock.text(ms) for ms in below]
    shown += [clock.text(-(-ms // 1000) * 1000) for ms in above]
    if len(shown) > 1:
        can = f"the nearest lengths are {' and '.join(shown)}"
    else:
        can = f"the {'shortest' if above else 'longest'} possible is {shown[0]}"
    one_side_ms = _one_side_ms(requests, length_ms) if above else None
    if one_side_ms:
        can += f", or {clock.text(-(-one_side_ms // 1000) * 1000)} with {option('side')} left"
    what = f"{requests[0].target} cannot be {clock.text(length_ms)} long; {can}"
    return LengthRequestError(what, nearest_ms, one_side_ms)


def _one_side_ms(requests: Sequence[Request], length_ms: int) -> int | None:
    """Return the length nearest to ``length_ms`` that is possible for one side alone.

    None if only one side was requested, or both are treated at once.
    """
    if requests[0].options.side != "both":
        return None
    one_sided = [replace(one, options=replace(one.options, side="left")) for one in requests]
    try:
        both, left = script.write(requests[0]), script.write(one_sided[0])
        if both.text == left.text and len(requests) == 1:
            return None
        return sum(one.timeline.duration_ms for one in fit(one_sided, length_ms) if one.timeline)
    except LengthRequestError as error:
        return min(error.nearest_ms, key=lambda ms: abs(ms - length_ms))
    except RequestError:  # a script of the listener's own has no sides
        return None
