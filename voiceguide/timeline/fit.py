"""Scripts + a length -> timelines of exactly that length.

First a variant is chosen (what is left out or repeated), then its elastic pauses are scaled.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from voiceguide import ssml
from voiceguide.errors import ScriptError
from voiceguide.ssml import Group, Pause, Sound, Speech
from voiceguide.timeline.events import Timeline, collect
from voiceguide.timeline.resolve import MAX_MS, resolve
from voiceguide.voices.engine import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

STRETCH = (0.5, 2.0)
"""The range of factors for elastic pauses; beyond it, a session sounds rushed or lost."""
_MOST_STEPS = 40
_NARROW = 0.01
_FRAME_MS = 24
"""How long a frame of an MP3 is."""
_TRIALS = 10
"""How many times the longest length that is allowed a variant may last before it is made to fit."""

_T = TypeVar("_T")
_ChoiceT = TypeVar("_ChoiceT")


class Measured(NamedTuple):
    """A script, and how long its clips last."""

    script: Group
    length_ms: Callable[[Speech | Sound], int]
    name: str = "script"
    """The name in messages."""
    utterance: Callable[[Speech], Utterance] = Utterance.of
    """Returns what an engine says for a speech."""
    least_ms: Callable[[Speech], int] = lambda _: 0
    """Returns what a phrase lasts at least, before it is spoken: a script that is too long even so
    need not be."""
    max_ms: int = MAX_MS
    """The longest session that is allowed."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Timelines that together have exactly the requested length."""

    timelines: tuple[Timeline, ...]
    stretch: float
    """The factor by which their elastic pauses were scaled."""
    in_step: Callable[[], tuple[Timeline, ...]]
    """Returns them with pauses that end where a frame of an MP3 begins, so that what is said after
    them lies in its frames as in every other session, and is only encoded once."""


@dataclass(frozen=True, slots=True)
class Variant(Generic[_T]):
    """A way to write scripts that are played one after another, and these scripts."""

    value: _T
    scripts: tuple[Measured, ...]


class LengthError(Exception):
    """Scripts cannot have the requested length."""

    def __init__(self, nearest_ms: tuple[int, ...]) -> None:
        super().__init__(nearest_ms)
        self.nearest_ms = nearest_ms
        """The nearest possible lengths: one below, one above, or only one of them."""


class _Group(NamedTuple, Generic[_T]):
    """Variants that get longer and longer; each is written when it is first asked for."""

    size: int
    variant: Callable[[int], Variant[_T]]


def choose(
    groups: Iterable[Sequence[_ChoiceT]], write: Callable[[_ChoiceT], Variant[_T]], target_ms: int
) -> tuple[_T, Fitted]:
    """Return the best variant, with elastic pauses scaled so that it lasts ``target_ms`` in total.

    It is taken from the first of ``groups`` of choices in which any variant fits: the one whose
    pauses are scaled least. Within a group, variants get longer and longer; ``write`` returns that
    of a choice. Raises LengthError with the nearest possible lengths, and whatever ``resolve``
    raises.
    """
    nearest_ms: list[int] = []
    too_long: list[tuple[int, int, _Group[_T]]] = []
    too_short_ms = -1
    for number, choices in enumerate(groups):
        group = _group(choices, write)
        least_ms = _least_ms(group.variant(0).scripts)
        if least_ms > target_ms:
            too_long.append((least_ms, number, group))
        elif not least_ms or least_ms > too_short_ms:  # else, shorter than one that is too short
            best, lengths_ms = _best(group, target_ms)
            if best:
                return best
            nearest_ms += lengths_ms
            if max(lengths_ms) < target_ms:
                too_short_ms = max(too_short_ms, least_ms)
    if too_long and max(nearest_ms, default=0) < target_ms:
        nearest_ms += _best(min(too_long)[-1], target_ms)[1]
    below = [ms for ms in nearest_ms if ms < target_ms]
    above = [ms for ms in nearest_ms if ms > target_ms]
    raise LengthError((*sorted(below)[-1:], *sorted(above)[:1]))


def _group(choices: Sequence[_ChoiceT], write: Callable[[_ChoiceT], Variant[_T]]) -> _Group[_T]:
    return _Group(len(choices), functools.cache(lambda index: write(choices[index])))


def _best(group: _Group[_T], target_ms: int) -> tuple[tuple[_T, Fitted] | None, list[int]]:
    """Return the variant of a group whose pauses are scaled least, if any fits.

    Also return the nearest lengths of those that do not.
    """
    scaled: list[tuple[float, _T, _Scaled]] = []
    nearest_ms: list[int] = []
    for variant, natural in _near(group, target_ms):
        try:
            one = _scale(variant.scripts, target_ms, natural)
        except LengthError as error:
            nearest_ms += error.nearest_ms
        else:
            scaled.append((abs(math.log(one.stretch)), variant.value, one))
    for _, value, one in sorted(scaled, key=lambda one: one[0]):
        try:
            return (value, _to_the_millisecond(one, target_ms)), nearest_ms
        except LengthError as error:
            nearest_ms += error.nearest_ms
    return None, nearest_ms


def _least_ms(scripts: Sequence[Measured]) -> int:
    """Return what scripts are not shorter than, however they are scaled; nothing is spoken.

    0 if that is not known: where something begins before the end of what is said, so much that
    the shortest speech has no room for it.
    """

    def unspoken(one: Measured) -> Measured:
        def length_ms(cue: Speech | Sound) -> int:
            return one.least_ms(cue) if isinstance(cue, Speech) else one.length_ms(cue)

        return one._replace(length_ms=length_ms)

    try:
        return _total_ms(_timelines([unspoken(one) for one in scripts], _scaled(STRETCH[0])))
    except ScriptError:
        return 0


def _near(group: _Group[_T], target_ms: int) -> Iterator[tuple[Variant[_T], tuple[Timeline, ...]]]:
    """Return the two variants of a group whose natural lengths enclose ``target_ms``, or the last.

    Each comes with its timelines at that length. Few are made: the search doubles the index, then
    bisects.
    """
    made: dict[int, tuple[Variant[_T], tuple[Timeline, ...]]] = {}

    def is_longer(index: int) -> bool:
        if index not in made:
            variant = group.variant(index)
            made[index] = variant, _timelines(variant.scripts, _scaled(1))
        return _total_ms(made[index][1]) > target_ms

    last = group.size - 1
    shorter, longer = -1, 0
    while longer <= last and not is_longer(longer):
        shorter, longer = longer, min(2 * longer + 1, last) if longer < last else last + 1
    while longer - shorter > 1:
        middle = (shorter + longer) // 2
        if is_longer(middle):
            longer = middle
        else:
            shorter = middle
    yield from (made[index] for index in (shorter, longer) if 0 <= index <= last)


def fit(scripts: Sequence[Measured], target_ms: int, stretch: float | None = None) -> Fitted:
    """Return timelines of ``scripts`` with pauses scaled so that they last ``target_ms`` in total.

    ``stretch`` is the factor that was found before, for scripts of the same ``lengths_ms``: it need
    not be found again. Raises LengthError with the possible lengths, and whatever ``resolve``
    raises.
    """
    if stretch is None:
        scaled = _scale(scripts, target_ms, _timelines(scripts, _scaled(1)))
    else:
        below = _timelines(scripts, _scaled(stretch))
        scaled = _Scaled(scripts, stretch, below, _elastic(scripts), (_total_ms(below),) * 2)
    return _to_the_millisecond(scaled, target_ms)


def lengths_ms(scripts: Iterable[Measured]) -> list[int]:
    """Return how long each clip and each sound of scripts lasts."""
    return [
        one.length_ms(cue)
        for one in scripts
        for cue in ssml.walk(one.script)
        if isinstance(cue, Speech | Sound)
    ]


class _Scaled(NamedTuple):
    """Scripts whose pauses are scaled as far as they may be, without being too long."""

    scripts: Sequence[Measured]
    stretch: float
    timelines: tuple[Timeline, ...]
    pauses: list[Pause]
    """Those that are elastic."""
    ends_ms: tuple[int, int]
    """The lengths that are possible."""


def _scale(scripts: Sequence[Measured], target_ms: int, natural: tuple[Timeline, ...]) -> _Scaled:
    """Scale pauses until less than a millisecond for each is missing; raises LengthError."""
    low, below = _furthest(scripts, STRETCH[0], natural)
    high, above = _furthest(scripts, STRETCH[1], natural)
    ends_ms = (_total_ms(below), _total_ms(above))
    if not ends_ms[0] <= target_ms <= ends_ms[1]:
        raise LengthError(tuple(dict.fromkeys(ends_ms)))
    pauses = _elastic(scripts)
    for step in range(_MOST_STEPS):
        missing_ms = target_ms - _total_ms(below)
        if missing_ms <= len(pauses):  # each has lost less than a millisecond to rounding
            break
        part = missing_ms / (_total_ms(above) - _total_ms(below))
        middle = low + (high - low) * (0.5 if step % 2 else part)
        tried = _timelines(scripts, _scaled(middle))
        if _total_ms(tried) <= target_ms:
            low, below = middle, tried
        else:
            high, above = middle, tried
    return _Scaled(scripts, low, below, pauses, ends_ms)


def _elastic(scripts: Iterable[Measured]) -> list[Pause]:
    cues = itertools.chain.from_iterable(ssml.walk(one.script) for one in scripts)
    return [cue for cue in cues if isinstance(cue, Pause) and cue.elastic]


def _to_the_millisecond(scaled: _Scaled, target_ms: int) -> Fitted:
    """Return timelines that last exactly ``target_ms``; raises LengthError."""
    rounded = _rounded(scaled, target_ms)
    if rounded is None:
        raise LengthError(scaled.ends_ms)
    longer, timelines = rounded
    pause_ms = _scaled(scaled.stretch, longer)
    return Fitted(
        timelines,
        scaled.stretch,
        lambda: tuple(_in_step(one, pause_ms) for one in scaled.scripts),
    )


def _rounded(scaled: _Scaled, target_ms: int) -> tuple[dict[int, int], tuple[Timeline, ...]] | None:
    """Return which pauses get the missing milliseconds, by id, and the timelines with them.

    Those that rounding cut most get one: the largest remainders are rounded up. A pause that is
    repeated counts several times, one beside something longer not at all. Returns None if no pauses
    add up to the target.
    """
    scripts, stretch, timelines, pauses, _ = scaled
    by_remainder = sorted(pauses, key=lambda pause: -(pause.ms * stretch % 1))
    missing_ms = target_ms - _total_ms(timelines)
    longer = dict.fromkeys(map(id, by_remainder[:missing_ms]), 1)
    tried = _timelines(scripts, _scaled(stretch, longer)) if longer else timelines
    if _total_ms(tried) == target_ms:
        return longer, tried
    longer = {}
    for pause in by_remainder:
        missing_ms = target_ms - _total_ms(timelines)
        if missing_ms == 0:
            break
        by_one = _total_ms(_timelines(scripts, _scaled(stretch, {**longer, id(pause): 1})))
        times = by_one - _total_ms(timelines)
        if 0 < times <= missing_ms:
            longer[id(pause)] = missing_ms // times
            timelines = _timelines(scripts, _scaled(stretch, longer))
    return (longer, timelines) if _total_ms(timelines) == target_ms else None


def _in_step(script: Measured, pause_ms: Callable[[Pause, int], int]) -> Timeline:
    """Return a timeline whose elastic pauses end up to 12 ms beside where ``pause_ms`` has it.

    The last keeps its end, and so does the session. Where something would move by more, as in what
    is repeated, or speech would be cut off elsewhere, all pauses stay as they are.
    """
    ends_ms: dict[int, int] = {}

    def noted(pause: Pause, begin_ms: int) -> int:
        length_ms = pause_ms(pause, begin_ms)
        if pause.elastic and pause.ms:
            ends_ms[id(pause)] = begin_ms + length_ms
        return length_ms

    def in_step(pause: Pause, begin_ms: int) -> int:
        end_ms = ends_ms.get(id(pause))
        if end_ms is None:
            return pause_ms(pause, begin_ms)
        if end_ms < last_ms:
            end_ms = round(end_ms / _FRAME_MS) * _FRAME_MS
        return max(0, end_ms - begin_ms)

    (exact,) = _timelines([script], noted)
    last_ms = max(ends_ms.values(), default=0)
    try:
        (stepped,) = _timelines([script], in_step)
    except ScriptError:  # there is no room for it
        return exact
    pairs = zip(exact.events, stepped.events, strict=False)
    beside = all(abs(one.begin_ms - other.begin_ms) <= _FRAME_MS / 2 for one, other in pairs)
    same = stepped.duration_ms == exact.duration_ms and len(stepped.events) == len(exact.events)
    uncut = stepped.warnings == exact.warnings
    return stepped if beside and same and uncut else exact


def _furthest(
    scripts: Sequence[Measured], stretch: float, natural: tuple[Timeline, ...]
) -> tuple[float, tuple[Timeline, ...]]:
    """Go as far from 1 as the scripts allow: scaled pauses may leave too little room for speech."""
    while abs(stretch - 1) > _NARROW:
        try:
            return stretch, _timelines(scripts, _scaled(stretch))
        except ScriptError:
            stretch = (stretch + 1) / 2
    return 1, natural


def _timelines(
    scripts: Sequence[Measured], pause_ms: Callable[[Pause, int], int]
) -> tuple[Timeline, ...]:
    return tuple(
        collect(
            resolve(
                one.script,
                one.length_ms,
                pause_ms=pause_ms,
                utterance=one.utterance,
                name=one.name,
                max_ms=_TRIALS * one.max_ms,
            )
        )
        for one in scripts
    )


def _total_ms(timelines: Iterable[Timeline]) -> int:
    return sum(timeline.duration_ms for timeline in timelines)


def _scaled(stretch: float, longer: Mapping[int, int] | None = None) -> Callable[[Pause, int], int]:
    """Return a function for the length of pauses: elastic ones scaled, some ``longer`` (by id)."""

    def pause_ms(pause: Pause, _: int) -> int:
        if not pause.elastic:
            return pause.ms
        return math.floor(pause.ms * stretch) + (longer.get(id(pause), 0) if longer else 0)

    return pause_ms
