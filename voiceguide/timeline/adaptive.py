"""A session that follows its listener's signs, and still ends on time.

Takes a script with its lengths, as ``fit`` does. Gives the whole session as items, and what becomes
of the rest after a sign: an open hold has ended, or a question was answered. After every hold the
rest is planned anew. If there is too little time, rests within the closing words are left out, then
elastic pauses shrink to half of what is written, then later rounds of the spot are left out, then
later holds shrink to 30 s. If there is time to spare, elastic pauses grow to twice of what is
written, or the spot gets further rounds; what is left then is rest. A hold may take its share of
what all of this leaves, so it never takes what others need; for a round that was asked for, later
spots may have a single one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from voiceguide.timeline.events import End, Ended, Event, Item, moved
from voiceguide.timeline.fit import STRETCH
from voiceguide.timeline.rounds import LEAST_MS, Part, Piece, Spot, course, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from voiceguide.ssml import SpanKind
    from voiceguide.timeline.fit import Measured

Answer: TypeAlias = Literal["better", "same", "worse"]
"""How a spot feels after it was pressed."""
Sign: TypeAlias = Literal["next"] | Answer
"""“Next” ends an open hold."""
MOST_MS = 90_000
"""How long an open hold lasts if no sign comes; it is never shorter than LEAST_MS."""
_MOST_ROUNDS = 10
"""Of a spot: with holds of 30 s, more than the protocol's five minutes."""
_BACK_MS = 3000
"""To come back to the spot, as the templates leave for a step."""
_ROUNDING = 1e-9
"""Pauses are never longer than there is time for; what is left over is rest."""


class Replanned(NamedTuple):
    """What becomes of a session after a sign."""

    from_ms: int
    """What would have begun here or later is replaced."""
    over_ms: int
    """What began before is heard no longer than to here."""
    items: list[Item]
    """What comes instead, up to the End."""


class _Step(NamedTuple):
    """A place in the course of a session."""

    spot: int
    done: int
    """How many holds of the spot are over."""
    more: int
    """How many are to come."""


class _Scale(NamedTuple):
    """How the rest of a session is made to fit."""

    stretch: float
    """The factor of elastic pauses."""
    rests: int
    """How many rests there are within the closing words."""


class _Met(NamedTuple):
    """A hold or a question, where it was placed."""

    kind: SpanKind
    begin_ms: int
    end_ms: int
    place: _Step


class Adaptive:
    """A session that is planned anew at every sign; its methods are called one at a time."""

    def __init__(  # noqa: PLR0913 (each by its name)
        self,
        measured: Measured,
        *,
        stretch: float = 1.0,
        length_ms: int | None = None,
        ready: Event | None = None,
        replies: Callable[[Answer], Sequence[Event]] = lambda _: (),
        finished: Callable[[Event], Event] = lambda event: event,
    ) -> None:
        """Measure a script, whose pauses were scaled by ``stretch``; all of its speech is made.

        With ``length_ms``, it lasts exactly so long whatever the signs are, unless it is ended
        early; with None, as long as its parts do. ``ready``, which begins at 0, is heard when a
        hold can be ended; with None, holds are not open. ``replies`` returns what is said to an
        answer, from 0 on; ``finished`` returns an event with everything that a player needs. Raises
        whatever ``course`` raises.
        """
        self._lead, self._spots, self._closing = course(measured, stretch, finished)
        self._length_ms = length_ms
        self._ready = ready
        self._replies = replies
        self._met: list[_Met] = []

    @property
    def is_open(self) -> bool:
        """Whether the listener ends the holds."""
        return self._ready is not None

    def items(self) -> list[Item]:
        """Return the session as it is if no sign comes: open holds are as long as they may be."""
        self._met = []
        first = _Step(0, 0, len(self._spots[0].holds) if self._spots else 0)
        return list(self._planned(self._lead, 0, first))

    def sign(self, at_ms: int, what: Sign) -> Replanned | None:
        """Return what becomes of the session after a sign; None if it means nothing at this time.

        An open hold ends at once, or when it has lasted 30 s. An answer counts from the begin of
        the question until its time is over.
        """
        kind = "hold" if what == "next" else "ask"
        met = next((one for one in self._met if one.begin_ms <= at_ms < one.end_ms), None)
        if met is None or met.kind != kind or (what == "next" and not self.is_open):
            return None
        self._met = self._met[: self._met.index(met)]
        if what != "next":
            return Replanned(at_ms, at_ms, self._answered(at_ms, what, met.place))
        end_ms = min(met.end_ms, max(at_ms, met.begin_ms + LEAST_MS))
        self._met.append(met._replace(end_ms=end_ms))
        hold = held(self._hold(met.place), end_ms - met.begin_ms, self._ready)
        items: list[Item] = [moved(item, met.begin_ms) for item in hold]
        items = [item for item in items if not isinstance(item, End) and item.at_ms >= at_ms]
        return Replanned(at_ms, end_ms, [*items, *self._after(end_ms, met.place)])

    def lengthened(self, at_ms: int, by_ms: int) -> None:
        """Note that the hold at ``at_ms`` was made longer, and all that follows is later."""
        self._met = [
            one._replace(
                begin_ms=one.begin_ms + by_ms * (one.begin_ms > at_ms),
                end_ms=one.end_ms + by_ms * (one.end_ms > at_ms),
            )
            for one in self._met
        ]
        if self._length_ms is not None:
            self._length_ms += by_ms

    def _answered(self, at_ms: int, what: Answer, place: _Step) -> list[Item]:
        """Return what follows an answer: another round, how it goes on, or the closing words."""
        events = tuple(self._replies(what))
        reply = Piece(events, max((event.end_ms for event in events), default=0))
        over, back = Piece((Ended("ask", 0),), 0), Piece((), _BACK_MS)
        if what == "worse":
            closing = Part([over, reply, Piece((Ended("side", 0),), 0), *self._closing.pieces])
            return [*closing.placed(at_ms, 1.0), End(at_ms + closing.natural_ms)]
        again, once_more = Part([over, reply, back]), place._replace(more=1)
        if what == "same" and place.done < _MOST_ROUNDS and self._fits(again, at_ms, once_more):
            return list(self._planned(again, at_ms, once_more))
        pieces = self._spots[place.spot].afters[-1].pieces
        asked = max(at for at, piece in enumerate(pieces) if piece.begins("ask"))
        on = Part([over, reply, *pieces[asked + 1 :]])
        if what == "same" or not self._fits(on, at_ms, place):
            on = Part([over, *pieces[asked + 1 :]])
        return list(self._planned(on, at_ms, place))

    def _planned(self, part: Part, at_ms: int, place: _Step) -> Iterator[Item]:
        """Return what is heard from ``at_ms`` on: a part, and what follows it, up to the End."""
        scale = self._scale(part, at_ms, place)
        if scale is None:
            is_short = at_ms + self._most_ms(part, place) < (self._length_ms or 0)
            scale = _Scale(STRETCH[is_short], len(self._closing.rests_ms) * is_short)
        stretch = scale.stretch
        following = self._following(place)
        if following is None:
            part = self._filled(part.with_rests(scale.rests), at_ms, stretch)
        yield from part.placed(at_ms, stretch)
        for begin_ms, end_ms in part.spans("ask", at_ms, stretch) if place.done else ():
            self._met.append(_Met("ask", begin_ms, end_ms, place))
        at_ms += part.lasts_ms(stretch)
        if following is None:
            yield End(at_ms)
            return
        end_ms = at_ms + self._hold_ms(at_ms, following)
        self._met.append(_Met("hold", at_ms, end_ms, following))
        for item in held(self._hold(following), end_ms - at_ms, self._ready):
            yield moved(item, at_ms)
        yield from self._after(end_ms, following)

    def _after(self, at_ms: int, place: _Step) -> Iterator[Item]:
        """Return what follows a hold: the rounds that are planned, or as many as there is time for.

        If pauses can make up for the difference, nothing else changes.
        """
        spot, done, more = place
        counts = [more]
        if self._spots[spot].can_vary:
            counts += [*range(more)[::-1], *range(more + 1, _MOST_ROUNDS - done + 1)]
        after = self._spots[spot].after
        ways = [(after(done, count), _Step(spot, done, count)) for count in counts]
        fitting = (way for way in ways if self._scale(way[0], at_ms, way[1]) is not None)
        best = next(fitting, None)
        if best is None:  # the longest that is too short, to be filled, or else the shortest
            left_ms = 0 if self._length_ms is None else self._length_ms - at_ms
            ways.sort(key=lambda way: way[1].more)
            shorter = [way for way in ways if self._most_ms(*way) < left_ms]
            best = shorter[-1] if shorter else ways[0]
        yield from self._planned(best[0], at_ms, best[1])

    def _following(self, place: _Step) -> _Step | None:
        """Return the place of the next hold, as if it were over; None after the last."""
        spot, done, more = place
        if more:
            return _Step(spot, done + 1, more - 1)
        if spot + 1 < len(self._spots):
            return _Step(spot + 1, 1, len(self._spots[spot + 1].holds) - 1)
        return None

    def _hold(self, place: _Step) -> Piece:
        return self._spots[place.spot].hold(place.done)

    def _hold_ms(self, at_ms: int, place: _Step) -> int:
        """Return how long a hold may be: as written, or what there is time for, from 30 s on.

        An open one may take the place of later rounds, and its share of what all spots can have.
        """
        wanted_ms = MOST_MS if self.is_open else self._hold(place).ms
        if self._length_ms is None:
            return wanted_ms
        spot = self._spots[place.spot]
        more = 0 if spot.can_vary and self.is_open else place.more
        sharing = len(self._spots) - place.spot if self.is_open else 1
        place = place._replace(more=more)
        least_ms = LEAST_MS + self._least_ms(spot.after(place.done, more), place)
        spare_ms = self._length_ms - at_ms - least_ms
        return max(LEAST_MS, min(wanted_ms, LEAST_MS + spare_ms // sharing))

    def _rounds(self, place: _Step) -> Iterator[tuple[Piece, Part]]:
        """Return the holds to come, each with what follows it."""
        spots: list[Spot] = self._spots[place.spot :]
        for number in range(place.more):
            done = place.done + number + 1
            yield spots[0].hold(done), spots[0].after(done, place.more - number - 1)
        for spot in spots[1:]:
            yield from zip(spot.holds, spot.afters, strict=True)

    def _least_ms(self, part: Part, place: _Step) -> int:
        return part.least_ms + sum(LEAST_MS + after.least_ms for _, after in self._rounds(place))

    def _most_ms(self, part: Part, place: _Step) -> int:
        return part.most_ms + sum(hold.ms + after.most_ms for hold, after in self._rounds(place))

    def _fits(self, part: Part, at_ms: int, place: _Step) -> bool:
        """Whether there is time for the rest, if need be with single rounds of later spots."""
        if self._length_ms is None:
            return True
        found, done, more = place
        least_ms = part.least_ms + LEAST_MS * more
        for number in range(1, more + 1):
            least_ms += self._spots[found].after(done + number, more - number).least_ms
        for spot in self._spots[found + 1 :]:
            afters = spot.afters[-1:] if spot.can_vary else spot.afters
            least_ms += sum(LEAST_MS + after.least_ms for after in afters)
        return at_ms + least_ms <= self._length_ms

    def _scale(self, part: Part, at_ms: int, place: _Step) -> _Scale | None:
        """Return how the rest fits, with holds as written; None if it does not.

        Rests are left out before pauses become shorter than they are written.
        """
        rounds = list(self._rounds(place))
        parts = [part, *(after for _, after in rounds)]
        rests_ms = parts[-1].rests_ms
        if self._length_ms is None:
            return _Scale(1.0, len(rests_ms))
        left_ms = self._length_ms - at_ms - sum(hold.ms for hold, _ in rounds)
        natural_ms = sum(one.natural_ms for one in parts)
        most_ms = sum(one.most_ms for one in parts)
        if not sum(one.least_ms for one in parts) <= left_ms <= most_ms:
            return None
        elastic_ms = max(1.0, (most_ms - natural_ms) / (STRETCH[1] - 1))
        count = len(rests_ms)
        while count and natural_ms > left_ms:
            count -= 1
            natural_ms -= rests_ms[count]
        stretch = 1 + (left_ms - natural_ms) / elastic_ms - _ROUNDING
        return _Scale(min(STRETCH[1], max(STRETCH[0], stretch)), count)

    def _filled(self, part: Part, at_ms: int, stretch: float) -> Part:
        """Return the last part with the rest that is missing, in its longest pause near the end."""
        if self._length_ms is None:
            return part
        missing_ms = self._length_ms - at_ms - part.lasts_ms(stretch)
        count = len(part.pieces)
        near = range(max(0, count - len(self._closing.pieces)), count)
        pauses = [at for at in near if part.pieces[at].is_elastic]
        at = max(pauses, key=lambda at: part.pieces[at].ms, default=count - 1) + 1
        return Part([*part.pieces[:at], Piece((), missing_ms), *part.pieces[at:]])
