"""What a timeline is made of: events, chapters, marks, a bed, and its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from voiceguide.ssml import Sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from voiceguide.ssml import SpanKind
    from voiceguide.voices import Utterance, Word


@dataclass(frozen=True, slots=True)
class Ramp:
    """A fade between silence and the full level."""

    begin_ms: int
    end_ms: int
    rising: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is heard, from ``begin_ms`` to ``end_ms`` of the session."""

    begin_ms: int
    end_ms: int
    plays: Utterance | Sound
    gain_db: float
    """Relative to the standard level of its kind."""
    pan: float = 0.0
    """From -1 (left) to 1 (right)."""
    ramps: tuple[Ramp, ...] = ()
    words: tuple[Word, ...] = ()
    """Of speech, as they are written, with times from ``begin_ms`` on; none if not known."""
    joined: tuple[bool, bool] = (False, False)
    """Whether a sound that is repeated goes on from the time before, and into the next time."""

    @property
    def at_ms(self) -> int:
        """When it begins; the items of a timeline are ordered by their ``at_ms``."""
        return self.begin_ms

    @property
    def kind(self) -> Literal["speech", "sound"]:
        """Whether it is speech or a sound."""
        return "sound" if isinstance(self.plays, Sound) else "speech"

    @property
    def text(self) -> str | None:
        """What is said; None for a sound."""
        return None if isinstance(self.plays, Sound) else self.plays.text

    @property
    def source(self) -> str | None:
        """The name of the sound in the script; None for speech."""
        return self.plays.source if isinstance(self.plays, Sound) else None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the session, from ``begin_ms`` to ``end_ms``."""

    title: str
    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Span:
    """A hold, a breath, a movement, a stretch or a side, from ``begin_ms`` to ``end_ms``."""

    kind: SpanKind
    begin_ms: int
    end_ms: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A chapter begins; it ends where the next one begins."""

    title: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Began:
    """A span begins, and ends an open one of the same kind."""

    kind: SpanKind
    label: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The open span of a kind, if any, ends."""

    kind: SpanKind
    at_ms: int


@dataclass(frozen=True, slots=True)
class Bed:
    """A sound that is repeated under the whole session."""

    path: Path
    source: str
    """Its name as the listener gave it: "rain", "music.mp3"."""
    seamless: bool = False
    """Whether its end continues into its beginning."""
    gain_db: float = 0.0
    """Relative to the standard level of beds."""
    at_ms: int = 0
    channels: int = 1
    """How many channels its file fills: 1 or 2."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the session."""

    at_ms: int
    warnings: tuple[str, ...] = ()
    """What was cut off, with its line in the script."""


Placed: TypeAlias = Event | Opening | Began | Ended
"""What has its place in the time of a session."""

Item: TypeAlias = Placed | Bed | End
"""What a timeline is made of, in the order of time; a Bed comes first, an End last."""

ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole of a session."""

    duration_ms: int
    chapters: tuple[Chapter, ...]
    events: tuple[Event, ...]
    bed: Bed | None = None
    marks: tuple[Span, ...] = ()
    """Ordered by their begin."""
    warnings: tuple[str, ...] = ()
    """What was cut off, with its line in the script."""

    def __iter__(self) -> Iterator[Item]:
        """Return the items that it was collected from, in the order of time."""
        if self.bed:
            yield self.bed
        openings = [Opening(chapter.title, chapter.begin_ms) for chapter in self.chapters]
        placed: list[Placed] = [*openings, *edges(self.marks), *self.events]
        yield from sorted(placed, key=lambda item: item.at_ms)
        yield End(self.duration_ms, self.warnings)


def edges(spans: Sequence[Span]) -> list[Began | Ended]:
    """Return the begin and the end of each span, in the order of time."""
    ends = [Ended(span.kind, span.end_ms) for span in spans]
    begins = [Began(span.kind, span.label, span.begin_ms) for span in spans]
    return sorted([*ends, *begins], key=lambda edge: edge.at_ms)


def collect(items: Iterable[Item]) -> Timeline:
    """Return the timeline made from items."""
    events: list[Event] = []
    openings: list[Opening] = []
    begun: list[Began] = []
    ends_ms: dict[int, int] = {}  # by the place in ``begun``
    unended: dict[SpanKind, int] = {}
    bed = None
    end = End(0)
    for item in items:
        match item:
            case Event():
                events.append(item)
            case Opening():
                openings.append(item)
            case Began() | Ended():
                if item.kind in unended:
                    ends_ms[unended.pop(item.kind)] = item.at_ms
                if isinstance(item, Began):
                    unended[item.kind] = len(begun)
                    begun.append(item)
            case Bed():
                bed = item
            case End():
                end = item
    ends = [opening.at_ms for opening in openings[1:]] + [end.at_ms]
    chapters = tuple(
        Chapter(opening.title, opening.at_ms, end_ms)
        for opening, end_ms in zip(openings, ends, strict=False)
    )
    marks = tuple(
        Span(one.kind, one.at_ms, end_ms, one.label)
        for place, one in enumerate(begun)
        if (end_ms := ends_ms.get(place, end.at_ms)) > one.at_ms
    )
    return Timeline(end.at_ms, chapters, tuple(events), bed, marks, end.warnings)


def without_sounds(items: Iterable[Item]) -> Iterator[Item]:
    """Return the items without sounds; speech and length stay the same."""
    return (item for item in items if not (isinstance(item, Event) and item.kind == "sound"))


def delayed(items: Iterable[Item], by_ms: int, lead: Iterable[Event]) -> Iterator[Item]:
    """Return the items at a later time; ``lead``, at negative times, comes before them."""
    items = iter(items)
    first = next(items, None)
    if isinstance(first, Bed):
        yield first
        first = next(items, None)
    yield from (moved(event, by_ms) for event in lead)
    if first is not None:
        yield moved(first, by_ms)
    yield from (moved(item, by_ms) for item in items)


def moved(item: ItemT, by_ms: int) -> ItemT:
    """Return an item at a later time; a bed stays where it is."""
    match item:
        case Event():
            ramps = tuple(
                Ramp(ramp.begin_ms + by_ms, ramp.end_ms + by_ms, ramp.rising) for ramp in item.ramps
            )
            begin_ms, end_ms = item.begin_ms + by_ms, item.end_ms + by_ms
            return replace(item, begin_ms=begin_ms, end_ms=end_ms, ramps=ramps)
        case Opening() | Began() | Ended() | End():
            return replace(item, at_ms=item.at_ms + by_ms)
        case _:
            return item
