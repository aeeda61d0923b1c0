"""Scripts + a length -> timelines that last exactly so long, by their elastic pauses."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from voiceguide import ssml
from voiceguide.errors import ScriptError
from voiceguide.ssml import Group, Pause, Sound, Speech
from voiceguide.timeline.events import Timeline, collect
from voiceguide.timeline.resolve import MAX_MS, resolve
from voiceguide.voices.engine import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

STRETCH = (0.5, 2.0)
"""Within these factors elastic pauses may be scaled; beyond, a session sounds hasty or lost."""
_MOST_STEPS = 40
_MOST_PAUSES = 50
_NARROW = 0.01
_TRIAL_MS = 10 * MAX_MS
_ROUNDING_MS = 20
"""What whole milliseconds leave over, one pause takes in unheard."""


class Measured(NamedTuple):
    """A script, and how long its clips last."""

    script: Group
    length_ms: Callable[[Speech | Sound], int]
    name: str = "script"
    """It stands in messages."""
    utterance: Callable[[Speech], Utterance] = Utterance.of
    """What an engine says for a speech."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Timelines that together are exactly as long as was asked for."""

    timelines: tuple[Timeline, ...]
    stretch: float
    """The factor by which its elastic pauses were scaled."""


class LengthError(Exception):
    """Scripts cannot last as long as was asked: only between these two."""

    def __init__(self, shortest_ms: int, longest_ms: int) -> None:
        super().__init__(shortest_ms, longest_ms)
        self.shortest_ms = shortest_ms
        self.longest_ms = longest_ms


def fit(  # noqa: C901 (a search, and what its ends are)
    scripts: Sequence[Measured], target_ms: int
) -> Fitted:
    """Scale the elastic pauses so that ``scripts``, one after another, last exactly ``target_ms``.

    Raises LengthError with the lengths that can be had, and what ``resolve`` raises.
    """

    def timelines(pause_ms: Callable[[Pause], int]) -> tuple[Timeline, ...]:
        return tuple(
            collect(
                resolve(
                    one.script,
                    one.length_ms,
                    pause_ms=pause_ms,
                    utterance=one.utterance,
                    name=one.name,
                    max_ms=_TRIAL_MS,
                )
            )
            for one in scripts
        )

    def furthest(stretch: float) -> tuple[float, tuple[Timeline, ...]]:
        """Go as far from 1 as the scripts allow: what hangs on a pause may not fit any more."""
        while abs(stretch - 1) > _NARROW:
            try:
                return stretch, timelines(_scaled(stretch))
            except ScriptError:
                stretch = (stretch + 1) / 2
        return 1, natural

    natural = timelines(_scaled(1))
    low, below = furthest(STRETCH[0])
    high, above = furthest(STRETCH[1])
    if not _total_ms(below) <= target_ms <= _total_ms(above):
        raise LengthError(_total_ms(below), _total_ms(above))
    if _total_ms(above) == target_ms:
        return Fitted(above, high)
    for step in range(_MOST_STEPS):
        missing_ms = target_ms - _total_ms(below)
        if missing_ms <= _ROUNDING_MS:
            break
        part = missing_ms / (_total_ms(above) - _total_ms(below))
        middle = low + (high - low) * (0.5 if step % 2 else part)
        tried = timelines(_scaled(middle))
        if _total_ms(tried) <= target_ms:
            low, below = middle, tried
        else:
            high, above = middle, tried
    missing_ms = target_ms - _total_ms(below)
    if missing_ms == 0:
        return Fitted(below, low)
    cues = itertools.chain.from_iterable(ssml.walk(one.script) for one in scripts)
    pauses = (cue for cue in cues if isinstance(cue, Pause) and cue.elastic)
    for pause in itertools.islice(pauses, _MOST_PAUSES):
        for times in range(1, missing_ms + 1):  # it may lie in what is repeated so many times
            if missing_ms % times == 0:
                tried = timelines(_scaled(low, pause, missing_ms // times))
                if _total_ms(tried) == target_ms:
                    return Fitted(tried, low)
    raise LengthError(_total_ms(below), _total_ms(above))


def _total_ms(timelines: Iterable[Timeline]) -> int:
    return sum(timeline.duration_ms for timeline in timelines)


def _scaled(stretch: float, longer: Pause | None = None, by_ms: int = 0) -> Callable[[Pause], int]:
    """Return how long pauses last: elastic ones scaled, and ``longer`` longer still."""

    def pause_ms(pause: Pause) -> int:
        scaled = round(pause.ms * stretch) if pause.elastic else pause.ms
        return scaled + by_ms if pause is longer else scaled

    return pause_ms
