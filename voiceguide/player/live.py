"""What is known of a session while it plays: events, chapters, holds. All times are in ms.

A score grows as its timeline is resolved, and a hold in it can be made longer.
"""

from __future__ import annotations

import bisect
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from voiceguide.timeline import Bed, End, Event, Item, Opening, Ramp

if TYPE_CHECKING:
    from collections.abc import Callable

_START, _END, _TICK = "start.wav", "end.wav", "tick.wav"
_BREATHS = {"inhale.wav": "in", "exhale.wav": "out"}
"""The sounds that mark a hold and pace the breath (design, “Sounds”)."""


class Hold(NamedTuple):
    """From the start tone to the end tone."""

    begin_ms: int
    end_ms: int


class Breath(NamedTuple):
    """One half of a breath."""

    way: str
    """ "in" or "out"."""
    done: float
    """How much of it is over, from 0 to 1."""


class LiveTimeline:
    """Events and chapters, in the order of time; safe to use from several threads."""

    def __init__(self) -> None:
        self.known_ms = 0
        """All that is heard before this is known."""
        self.ahead_ms = 0
        """So far ahead must be known what is to be said, for a bed gives way to it."""
        self.end_ms: int | None = None
        """The length of the session, once it is known."""
        self._events: list[Event] = []
        self._openings: list[Opening] = []
        self._longest_ms = 0
        self._shift_ms = 0
        self._cuts: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    def add(self, item: Item) -> None:
        """Take the next item of the timeline."""
        with self._lock:
            item = _moved(item, self._shift_ms)
            match item:
                case Event():
                    self._events.append(item)
                    self._longest_ms = max(self._longest_ms, item.end_ms - item.begin_ms)
                    self.known_ms = max(self.known_ms, item.begin_ms - self.ahead_ms)
                case Opening():
                    self._openings.append(item)
                    self.known_ms = max(self.known_ms, item.begin_ms - self.ahead_ms)
                case End(ms):
                    self.end_ms = self.known_ms = ms

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
        """The chapters that are known."""
        with self._lock:
            return list(self._openings)

    @property
    def cuts(self) -> list[tuple[int, int]]:
        """Where holds were made longer, and by how much, in the order in which it was done."""
        with self._lock:
            return list(self._cuts)

    def chapter_at(self, ms: int) -> int:
        """Return the number of the chapter, from 0; -1 before the first."""
        with self._lock:
            return bisect.bisect_right(self._openings, ms, key=lambda one: one.begin_ms) - 1

    def begin_of(self, chapter: str | int) -> int | None:
        """Return where a chapter begins, by its title or its number; None while it is not known."""
        chapters = self.chapters
        if isinstance(chapter, int):
            return chapters[chapter].begin_ms if chapter < len(chapters) else None
        title = chapter.casefold()
        return next((one.begin_ms for one in chapters if one.title.casefold() == title), None)

    def sentence_at(self, ms: int) -> Event | None:
        """Return what is being said, or was said last."""
        return self._last(ms, lambda event: event.kind == "speech")

    def hold_at(self, ms: int) -> Hold | None:
        """Return the hold that ``ms`` lies in, if all of it is known."""
        begin = self._last(ms, lambda event: _name(event) == _START)
        if begin is None:
            return None
        with self._lock:
            end = next(
                (e for e in self._events if e.begin_ms > begin.begin_ms and _name(e) == _END), None
            )
        if end is None or ms >= end.begin_ms:
            return None
        return Hold(begin.begin_ms, end.begin_ms)

    def exercise_at(self, ms: int) -> int:
        """Return where the current exercise begins: its hold, or else the chapter."""
        begin = self._last(ms, lambda event: _name(event) == _START)
        number = self.chapter_at(ms)
        opening_ms = self.chapters[number].begin_ms if number >= 0 else 0
        return max(opening_ms, begin.begin_ms) if begin else opening_ms

    def breath_at(self, ms: int) -> Breath | None:
        """Return how far the breath is that is being paced."""
        for event in self.between(ms, ms + 1):
            if _name(event) in _BREATHS:
                done = (ms - event.begin_ms) / (event.end_ms - event.begin_ms)
                return Breath(_BREATHS[_name(event)], done)
        return None

    def lengthen(self, hold: Hold, by_ms: int) -> int:
        """Make a hold longer before its last ticks; return where it was cut open.

        Its last breath, in and out, is paced once more there, if there is room for it.
        """
        with self._lock:
            within = [e for e in self._events if hold.begin_ms <= e.begin_ms < hold.end_ms]
            ticks = [event.begin_ms for event in within if _name(event) == _TICK]
            at_ms = min(ticks, default=hold.end_ms)
            again = [event for event in within if _name(event) in _BREATHS][-2:]
            copies: list[Event] = []
            if again and again[-1].end_ms - again[0].begin_ms <= by_ms and again[0].end_ms <= at_ms:
                shift_ms = at_ms - again[0].begin_ms
                copies = [_moved_event(event, shift_ms) for event in again]
            before = [event for event in self._events if event.begin_ms < at_ms]
            after = [event for event in self._events if event.begin_ms >= at_ms]
            self._events = before + copies + [_moved_event(event, by_ms) for event in after]
            self._openings = [
                replace(one, begin_ms=one.begin_ms + by_ms * (one.begin_ms >= at_ms))
                for one in self._openings
            ]
            self._cuts.append((at_ms, by_ms))
            self._shift_ms += by_ms
            self.known_ms += by_ms
            if self.end_ms is not None:
                self.end_ms += by_ms
        return at_ms

    def _last(self, ms: int, wanted: Callable[[Event], bool]) -> Event | None:
        """Return the last event that has begun by ``ms`` and is ``wanted``."""
        with self._lock:
            last = bisect.bisect_right(self._events, ms, key=lambda event: event.begin_ms)
            return next((event for event in reversed(self._events[:last]) if wanted(event)), None)


def _name(event: Event) -> str:
    return event.source or ""


def _moved(item: Item, by_ms: int) -> Item:
    if by_ms == 0:
        return item
    match item:
        case Event():
            return _moved_event(item, by_ms)
        case Opening(title, begin_ms):
            return Opening(title, begin_ms + by_ms)
        case End(ms):
            return End(ms + by_ms)
        case Bed():
            return item


def _moved_event(event: Event, by_ms: int) -> Event:
    ramps = tuple(
        Ramp(ramp.begin_ms + by_ms, ramp.end_ms + by_ms, ramp.rising) for ramp in event.ramps
    )
    return replace(event, begin_ms=event.begin_ms + by_ms, end_ms=event.end_ms + by_ms, ramps=ramps)
