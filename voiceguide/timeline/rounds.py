"""A script -> its spots and rounds, and holds of any length.

A round is a hold that movement follows; a spot is the rounds of a chapter. Between two holds is a
part: pieces of the script one after another, whose elastic pauses can be scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from voiceguide import ssml
from voiceguide.errors import RequestError
from voiceguide.ssml import Cue, Group, Pause, SpanKind, SyncBase
from voiceguide.timeline.events import Began, Ended, Event, Item, Opening, Placed, moved
from voiceguide.timeline.fit import STRETCH
from voiceguide.timeline.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from voiceguide.timeline.fit import Measured

LEAST_MS = 30_000
"""How long the shortest hold of the protocol is."""
_COUNTDOWN_MS = 3000
_BREATHS: tuple[SpanKind, ...] = ("inhale", "exhale")


class Piece(NamedTuple):
    """What is heard of a part of the script, from 0 on."""

    items: tuple[Placed, ...]
    ms: int
    is_elastic: bool = False
    """Whether it is an elastic pause; ``ms`` is then as written."""

    def lasts_ms(self, stretch: float) -> int:
        """Return how long it lasts where elastic pauses are scaled."""
        return math.floor(self.ms * stretch) if self.is_elastic else self.ms

    def begins(self, kind: SpanKind) -> bool:
        """Whether a span of a kind begins in it."""
        return any(isinstance(item, Began) and item.kind == kind for item in self.items)

    @property
    def opens(self) -> bool:
        """Whether a chapter begins in it."""
        return any(isinstance(item, Opening) for item in self.items)


class Part:
    """Pieces one after another, and how long they last."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self.rests_ms = [piece.ms for piece in pieces if piece.begins("rest")]
        """How long each rest is, in order; they can be left out, the last one first."""
        self.least_ms = self.lasts_ms(STRETCH[0]) - sum(self.rests_ms)
        """Without rests."""
        self.natural_ms = self.lasts_ms(1.0)
        self.most_ms = self.lasts_ms(STRETCH[1])

    def lasts_ms(self, stretch: float) -> int:
        """Return how long it lasts where elastic pauses are scaled."""
        return sum(piece.lasts_ms(stretch) for piece in self.pieces)

    def with_rests(self, count: int) -> Part:
        """Return it with the first ``count`` rests alone."""
        rests = [at for at, piece in enumerate(self.pieces) if piece.begins("rest")]
        return Part([piece for at, piece in enumerate(self.pieces) if at not in rests[count:]])

    def placed(self, at_ms: int, stretch: float) -> Iterator[Item]:
        """Return what is heard of it from ``at_ms`` on."""
        for piece in self.pieces:
            yield from (moved(item, at_ms) for item in piece.items)
            at_ms += piece.lasts_ms(stretch)

    def spans(self, kind: SpanKind, at_ms: int, stretch: float) -> Iterator[tuple[int, int]]:
        """Return begin and end of each piece in which a span of a kind begins."""
        for piece in self.pieces:
            end_ms = at_ms + piece.lasts_ms(stretch)
            if piece.begins(kind):
                yield at_ms, end_ms
            at_ms = end_ms


@dataclass(frozen=True)
class Spot:
    """The rounds of a chapter."""

    holds: tuple[Piece, ...]
    afters: tuple[Part, ...]
    """What follows each hold; the last has everything up to the next spot."""

    @property
    def can_vary(self) -> bool:
        """Whether it can have more and fewer rounds: something leads from one to the next."""
        return len(self.holds) > 1

    def hold(self, number: int) -> Piece:
        """Return a hold, from 1 on; the last one is repeated."""
        return self.holds[min(number, len(self.holds)) - 1]

    def after(self, number: int, more: int) -> Part:
        """Return what follows a hold, if ``more`` rounds of the spot are to come."""
        return self.afters[min(number, len(self.afters) - 1) - 1] if more else self.afters[-1]


class Course(NamedTuple):
    """A script, in parts."""

    lead: Part
    """Everything before the first spot."""
    spots: list[Spot]
    closing: Part
    """The last chapter; it is the end of the last part too."""


def course(measured: Measured, stretch: float, finished: Callable[[Event], Event]) -> Course:
    """Return the spots and rounds of a script.

    ``stretch`` is the factor by which a length has scaled its pauses; ``finished`` returns an event
    with everything that a player needs. Raises RequestError if parts of the script refer to each
    other, and whatever ``resolve`` raises.
    """
    pieces = [_piece(cue, measured, stretch, finished) for cue in measured.script.children]
    begins = list(_rounds(pieces))
    lead = Part(pieces[: begins[0]] if begins else pieces)
    spots: list[Spot] = []
    for begin, end in zip(begins, [*begins[1:], len(pieces)], strict=True):
        hold, after = pieces[begin], Part(pieces[begin + 1 : end])
        if spots and not any(piece.opens for piece in spots[-1].afters[-1].pieces):
            last = spots.pop()
            spots.append(Spot((*last.holds, hold), (*last.afters, after)))
        else:
            spots.append(Spot((hold,), (after,)))
    final = (spots[-1].afters[-1] if spots else lead).pieces
    opened = max((at for at, piece in enumerate(final) if piece.opens), default=0)
    return Course(lead, spots, Part(final[opened:]))


def held(hold: Piece, length_ms: int, ready: Event | None) -> list[Placed]:
    """Return a hold of another length: breaths are repeated, and the countdown is at its end.

    ``ready`` is heard after LEAST_MS, if the hold lasts longer.
    """
    tick_ms = hold.ms - _COUNTDOWN_MS
    paced = _paced(hold)
    found: list[Placed] = list(_breaths(paced, length_ms - _COUNTDOWN_MS))
    for item in hold.items:
        is_sound = isinstance(item, Event) and item.kind == "sound"
        end_ms = item.end_ms if isinstance(item, Event) else item.at_ms
        if isinstance(item, Ended) and item.kind == "hold":
            found.append(Ended("hold", length_ms))
        elif is_sound and item.at_ms >= tick_ms:
            found.append(moved(item, length_ms - hold.ms))
        elif item not in paced and item.at_ms < length_ms - _COUNTDOWN_MS and end_ms < length_ms:
            found.append(item)
    if ready is not None and length_ms > LEAST_MS + _COUNTDOWN_MS:
        found.append(moved(ready, LEAST_MS))
    return sorted(found, key=lambda item: item.at_ms)


def _piece(
    cue: Cue, measured: Measured, stretch: float, finished: Callable[[Event], Event]
) -> Piece:
    if isinstance(cue, Pause):
        return Piece((), cue.ms, cue.elastic)
    _refuse_references(cue, measured.name)
    items = list(_resolved(cue, measured, stretch))
    placed = [finished(item) if isinstance(item, Event) else item for item in items]
    return Piece(tuple(item for item in placed if isinstance(item, Placed)), items[-1].at_ms)


def _resolved(cue: Cue, measured: Measured, stretch: float) -> Iterator[Item]:
    def pause_ms(pause: Pause, _: int) -> int:
        return math.floor(pause.ms * stretch) if pause.elastic else pause.ms

    script = replace(measured.script, children=(cue,))
    length_ms, utterance, name = measured.length_ms, measured.utterance, measured.name
    return resolve(script, length_ms, pause_ms=pause_ms, utterance=utterance, name=name)


def _refuse_references(cue: Cue, name: str) -> None:
    timings = [one.timing for one in ssml.walk(cue) if isinstance(one, Group)]
    known = {timing.id for timing in timings}
    for point in (point for timing in timings for point in (timing.begin, timing.end)):
        if isinstance(point, SyncBase) and point.id not in known:
            what = f"“{point.id}” is in another part of the script, so no hold of it can be open"
            raise RequestError(f"{name}:{cue.at}: {what}")


def _rounds(pieces: Sequence[Piece]) -> Iterator[int]:
    """Return which pieces are holds that movement follows, before the next hold."""
    last = None
    for at, piece in enumerate(pieces):
        if piece.begins("hold"):
            last = at if piece.ms >= LEAST_MS else None
        elif piece.begins("move") and last is not None:
            yield last
            last = None


def _paced(hold: Piece) -> list[Placed]:
    """Return the marks and tones of the breaths in a hold."""
    marks = [
        item for item in hold.items if isinstance(item, Began | Ended) and item.kind in _BREATHS
    ]
    begins_ms = {mark.at_ms for mark in marks if isinstance(mark, Began)}
    sounds = [item for item in hold.items if isinstance(item, Event) and item.kind == "sound"]
    return [*marks, *(sound for sound in sounds if sound.begin_ms in begins_ms)]


def _breaths(paced: Iterable[Placed], until_ms: int) -> Iterator[Placed]:
    """Return the first breath as often as it fits before ``until_ms``."""
    paced = sorted(paced, key=lambda item: item.at_ms)
    begin_ms = next((item.at_ms for item in paced if isinstance(item, Began)), 0)
    ends_ms = [item.at_ms for item in paced if isinstance(item, Ended) and item.kind == "exhale"]
    if not ends_ms:
        return
    breath_ms = ends_ms[0] - begin_ms
    first = [item for item in paced if begin_ms <= item.at_ms < ends_ms[0]]
    for number in range((until_ms - begin_ms) // breath_ms):
        yield from (moved(item, number * breath_ms) for item in first)
        yield Ended("exhale", ends_ms[0] + number * breath_ms)
