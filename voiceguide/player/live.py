"""What is known of a session while it plays: events, chapters, marks. All times are in ms.

It grows as the timeline is resolved, and holds in it can be extended.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from voiceguide.ssml import Sound
from voiceguide.timeline import (
    Bed,
    Began,
    End,
    Ended,
    Event,
    Item,
    Opening,
    Replanned,
    Span,
    moved,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voiceguide.ssml import SpanKind

_HOLDS: tuple[SpanKind, ...] = ("hold", "stretch")
"""Spans that are counted down and can be extended."""
_EXERCISES: tuple[SpanKind, ...] = ("hold", "move", "stretch")
_BREATHS: tuple[SpanKind, ...] = ("inhale", "exhale")
_STEP = 0.1
"""By how much of its length a breath differs from the one before at most."""
_LED_MS = 500
"""Words that begin so soon after a breath lead it."""
_COUNTDOWN_MS = 3000
"""Tones may count down the end of a hold, so it is extended before them."""


class Breath(NamedTuple):
    """One half of a breath."""

    way: str
    """ "in" or "out"."""
    done: float
    """The fraction that is over, from 0 to 1."""


@dataclass(slots=True)
class _Marked:
    """A span, as far as it is known."""

    kind: SpanKind
    label: str | None
    begin_ms: int
    end_ms: int | None = None
    """None while it is open."""
    tone: Event | None = None
    """The tone of a breath: the first sound after its mark."""
    until_ms: int | None = None
    """When the series of breaths ended, of which it is; None as long as it is as written."""

    def move(self, by_ms: int) -> None:
        self.begin_ms += by_ms
        self.end_ms = None if self.end_ms is None else self.end_ms + by_ms
        self.tone = self.tone and moved(self.tone, by_ms)
        self.until_ms = None if self.until_ms is None else self.until_ms + by_ms


_Breath: TypeAlias = tuple[_Marked, _Marked]
"""In, and out."""


def _end_ms(breath: _Breath) -> int:
    return breath[1].end_ms or breath[1].begin_ms


def _breath_ms(breath: _Breath) -> int:
    return _end_ms(breath) - breath[0].begin_ms


def _nearer(ms: float, wanted_ms: float) -> float:
    """Return the length of the breath after one of ``ms``."""
    return ms + max(-_STEP * ms, min(_STEP * ms, wanted_ms - ms))


def _series(breaths: list[_Breath]) -> Iterator[list[_Breath]]:
    """Return breaths that follow one another at once."""
    series: list[_Breath] = []
    for breath in breaths:
        if series and breath[0].begin_ms > _end_ms(series[-1]):
            yield series
            series = []
        series.append(breath)
    if series:
        yield series


def _breath_at(breath: _Breath, at_ms: int, factor: float, until_ms: int) -> _Breath:
    """Return a breath at another time, longer by a factor."""

    def placed(mark: _Marked) -> _Marked:
        def ms(then_ms: int) -> int:
            return at_ms + round(factor * (then_ms - breath[0].begin_ms))

        tone = mark.tone
        if tone and isinstance(tone.plays, Sound):
            sound = replace(tone.plays, speed=tone.plays.speed / factor)
            tone = replace(tone, begin_ms=ms(tone.begin_ms), end_ms=ms(tone.end_ms), plays=sound)
        end_ms = ms(mark.end_ms or mark.begin_ms)
        return _Marked(mark.kind, mark.label, ms(mark.begin_ms), end_ms, tone, until_ms)

    return placed(breath[0]), placed(breath[1])


class LiveTimeline:
    """Events, chapters and marks, in the order of time; safe to use from several threads."""

    def __init__(self) -> None:
        self.known_ms = 0
        """Everything that is heard before this is known."""
        self.ahead_ms = 0
        """How far ahead of what is heard events and the end must be known, to mix it."""
        self.end_ms: int | None = None
        """The length of the session, once it is known."""
        self._events: list[Event] = []
        self._openings: list[Opening] = []
        self._marks: list[_Marked] = []
        self._open: dict[SpanKind, _Marked] = {}
        self._longest_ms = 0
        self._shift_ms = 0
        self._cuts: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def add(self, item: Item) -> None:
        """Add the next item of the timeline."""
        with self._lock:
            self._add(moved(item, self._shift_ms))

    def replace(self, replanned: Replanned) -> None:
        """Let the rest of the session be another one; all of it is known."""
        from_ms, over_ms, items = replanned
        with self._lock:
            self._events = [
                event
                for event in self._events
                if event.begin_ms < from_ms and event.end_ms <= over_ms
            ]
            self._openings = [one for one in self._openings if one.at_ms < from_ms]
            self._marks = [mark for mark in self._marks if mark.begin_ms < from_ms]
            self._open = {}
            for mark in self._marks:
                if mark.end_ms is None or mark.end_ms >= from_ms:
                    mark.end_ms = over_ms if mark.kind in _BREATHS else None
                    if mark.end_ms is None:
                        self._open[mark.kind] = mark
            for item in items:
                self._add(item)

    def _add(self, item: Item) -> None:
        match item:
            case Event():
                self._append(item)
                for mark in self._open.values() if item.kind == "sound" else ():
                    mark.tone = mark.tone or item
            case Opening():
                self._openings.append(item)
            case Began() | Ended():
                self._close(item.kind, item.at_ms)
                if isinstance(item, Began):
                    self._open[item.kind] = _Marked(item.kind, item.label, item.at_ms)
                    self._marks.append(self._open[item.kind])
            case End(ms):
                for kind in list(self._open):
                    self._close(kind, ms)
                self.end_ms = self.known_ms = ms
                return
            case Bed():
                return
        self._know(item.at_ms)

    def _append(self, event: Event) -> None:
        self._events.append(event)
        self._longest_ms = max(self._longest_ms, event.end_ms - event.begin_ms)

    def know(self, before_ms: int) -> None:
        """Note that no item to come begins before this time."""
        with self._lock:
            self._know(before_ms + self._shift_ms)

    def _know(self, before_ms: int) -> None:
        self.known_ms = max(self.known_ms, before_ms - self.ahead_ms)

    def _close(self, kind: SpanKind, end_ms: int) -> None:
        if mark := self._open.pop(kind, None):
            mark.end_ms = end_ms

    def between(self, begin_ms: int, end_ms: int) -> list[Event]:
        """Return the events that are heard from ``begin_ms`` to ``end_ms``, in order."""
        with self._lock:
            first = bisect.bisect_left(
                self._events, begin_ms - self._longest_ms, key=lambda event: event.begin_ms
            )
            last = bisect.bisect_left(self._events, end_ms, key=lambda event: event.begin_ms)
            return [event for event in self._events[first:last] if event.end_ms > begin_ms]

    @property
    def chapters(self) -> list[Opening]:
        """The chapters that are known so far."""
        with self._lock:
            return list(self._openings)

    @property
    def cuts(self) -> list[tuple[int, int]]:
        """Where holds were extended and by how much, in the order in which it was done."""
        with self._lock:
            return list(self._cuts)

    def chapter_at(self, ms: int) -> int:
        """Return the number of the chapter, from 0; -1 before the first."""
        with self._lock:
            return bisect.bisect_right(self._openings, ms, key=lambda one: one.at_ms) - 1

    def begin_of(self, chapter: str | int) -> int | None:
        """Return where a chapter begins, by its title or number; None while it is unknown."""
        chapters = self.chapters
        if isinstance(chapter, int):
            return chapters[chapter].at_ms if chapter < len(chapters) else None
        title = chapter.casefold()
        return next((one.at_ms for one in chapters if one.title.casefold() == title), None)

    def sentence_at(self, ms: int) -> Event | None:
        """Return the current sentence, or the last one."""
        with self._lock:
            last = bisect.bisect_right(self._events, ms, key=lambda event: event.begin_ms)
            begun = reversed(self._events[:last])
            return next((event for event in begun if event.kind == "speech"), None)

    def hold_at(self, ms: int) -> Span | None:
        """Return the hold or stretch at ``ms``, if all of it is known."""
        return self._span_at(ms, _HOLDS)

    def question_at(self, ms: int) -> Span | None:
        """Return the question that is asked at ``ms``, if all of it is known."""
        return self._span_at(ms, ("ask",))

    def round_at(self, ms: int) -> int:
        """Return which hold of its chapter was begun last, from 1; 0 before the first."""
        number = self.chapter_at(ms)
        begin_ms = self.chapters[number].at_ms if number >= 0 else 0
        with self._lock:
            return sum(mark.begin_ms >= begin_ms for mark in self._begun(ms, ("hold",)))

    def next_exercise(self, ms: int) -> tuple[str, int] | None:
        """Return kind and begin of the next hold, move or stretch that is known; None if none."""
        with self._lock:
            first = bisect.bisect_right(self._marks, ms, key=lambda mark: mark.begin_ms)
            for mark in self._marks[first:]:
                if mark.kind in _EXERCISES:
                    return mark.kind, mark.begin_ms
        return None

    def exercise_at(self, ms: int) -> int:
        """Return where the current exercise begins: its hold or stretch, or else the chapter."""
        with self._lock:
            begin_ms = next((mark.begin_ms for mark in self._begun(ms, _HOLDS)), 0)
        number = self.chapter_at(ms)
        return max(begin_ms, self.chapters[number].at_ms if number >= 0 else 0)

    def breath_at(self, ms: int) -> Breath | None:
        """Return the current breath and its progress; None if no breath is paced."""
        with self._lock:
            for mark in self._begun(ms, _BREATHS):
                if mark.end_ms is None or mark.end_ms <= ms:
                    return None
                done = (ms - mark.begin_ms) / (mark.end_ms - mark.begin_ms)
                return Breath("in" if mark.kind == "inhale" else "out", done)
        return None

    def pace(self, from_ms: int, per_minute: float) -> None:
        """Let breaths that begin from ``from_ms`` on near a pace, each by a tenth at most.

        A series of breaths begins and ends when it did; what is left at its end is silent. Breaths
        that are led by words, or in which the breath is held, stay as they are.
        """
        with self._lock:
            breaths = list(self._breaths())
            before = [one for one in breaths if one[0].begin_ms < from_ms]
            ms = float(_breath_ms(before[-1])) if before else None
            for series in _series(breaths[len(before) :]):
                first = series[0]
                until_ms = first[0].until_ms or max(
                    _end_ms(series[-1]), self._counted_down_ms(first[0].begin_ms)
                )
                old = {id(mark) for breath in series for mark in breath}
                tones = {id(mark.tone) for breath in series for mark in breath}
                self._marks = [mark for mark in self._marks if id(mark) not in old]
                self._events = [event for event in self._events if id(event) not in tones]
                at_ms, ms = first[0].begin_ms, ms or float(_breath_ms(first))
                while at_ms + (next_ms := _nearer(ms, 60_000 / per_minute)) <= until_ms:
                    ms = next_ms
                    marks = _breath_at(first, at_ms, ms / _breath_ms(first), until_ms)
                    self._marks += marks
                    for mark in marks:
                        if mark.tone:
                            self._append(mark.tone)
                    at_ms = _end_ms(marks)
                self._marks.sort(key=lambda mark: mark.begin_ms)
                self._events.sort(key=lambda event: event.begin_ms)

    def _counted_down_ms(self, ms: int) -> int:
        """Return when the countdown of the hold at ``ms`` begins; 0 if there is none."""
        hold = next(self._begun(ms, _HOLDS), None)
        return hold.end_ms - _COUNTDOWN_MS if hold and hold.end_ms and hold.end_ms > ms else 0

    def _breaths(self) -> Iterator[_Breath]:
        """Return the breaths that can be paced: in, and at once out, by tones alone."""
        words_ms = [event.begin_ms for event in self._events if event.kind == "speech"]
        marks = [mark for mark in self._marks if mark.kind in _BREATHS]
        for one, other in itertools.pairwise(marks):
            is_breath = (one.kind, other.kind) == ("inhale", "exhale") and other.end_ms is not None
            if is_breath and one.end_ms == other.begin_ms:
                begins_ms = (one.begin_ms, other.begin_ms)
                if not all(any(0 <= ms - at <= _LED_MS for ms in words_ms) for at in begins_ms):
                    yield one, other

    def lengthen(self, hold: Span, by_ms: int) -> int:
        """Extend a hold before its countdown; return where the time was inserted.

        Its last breath, in and out, is repeated there if there is room.
        """
        with self._lock:
            # If a hold is as short as the countdown, what begins with it stays in place.
            at_ms = max(hold.begin_ms + 1, hold.end_ms - _COUNTDOWN_MS)
            copies = self._breath_again(hold, at_ms, at_ms + by_ms)
            for mark in self._marks:
                if mark.begin_ms >= at_ms:
                    mark.move(by_ms)
                elif mark.end_ms is not None and mark.end_ms > at_ms and mark.kind not in _BREATHS:
                    mark.end_ms += by_ms  # a breath lasts as long as its tone
            self._marks = sorted([*self._marks, *copies], key=lambda mark: mark.begin_ms)
            before = [event for event in self._events if event.begin_ms < at_ms]
            after = [event for event in self._events if event.begin_ms >= at_ms]
            tones = [mark.tone for mark in copies if mark.tone]
            self._events = before + tones + [moved(event, by_ms) for event in after]
            self._openings = [
                replace(one, at_ms=one.at_ms + by_ms * (one.at_ms >= at_ms))
                for one in self._openings
            ]
            self._cuts.append((at_ms, by_ms))
            self._shift_ms += by_ms
            self.known_ms += by_ms
            if self.end_ms is not None:
                self.end_ms += by_ms
        return at_ms

    def _breath_again(self, hold: Span, at_ms: int, limit_ms: int) -> list[_Marked]:
        """Return copies of the last breath of a hold, placed at ``at_ms``, if there is room."""
        breaths = [
            mark for mark in self._begun(at_ms - 1, _BREATHS) if mark.begin_ms >= hold.begin_ms
        ][:2]
        if not breaths or any(mark.end_ms is None for mark in breaths):
            return []
        begin_ms = breaths[-1].begin_ms
        end_ms = max(mark.end_ms or 0 for mark in breaths)
        shift_ms = max(at_ms, end_ms) - begin_ms  # one that lasts into the countdown ends first
        if end_ms + shift_ms > limit_ms:
            return []
        copies = [replace(mark) for mark in reversed(breaths)]
        for mark in copies:
            mark.move(shift_ms)
        return copies

    def _span_at(self, ms: int, kinds: tuple[SpanKind, ...]) -> Span | None:
        with self._lock:
            for mark in self._begun(ms, kinds):
                if mark.end_ms is not None and ms < mark.end_ms:
                    return Span(mark.kind, mark.begin_ms, mark.end_ms, mark.label)
        return None

    def _begun(self, ms: int, kinds: tuple[SpanKind, ...]) -> Iterator[_Marked]:
        """Return the marks of ``kinds`` that have begun by ``ms``, the last one first."""
        last = bisect.bisect_right(self._marks, ms, key=lambda mark: mark.begin_ms)
        for mark in reversed(self._marks[:last]):
            if mark.kind in kinds and mark.end_ms != mark.begin_ms:
                yield mark
