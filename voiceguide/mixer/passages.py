"""Timeline -> passages: what is heard from one silence to the next.

What decides how a passage sounds is known before it is mixed, and counted from its beginning: so
one that was encoded before, in this session or another, need not be mixed again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voiceguide.timeline import End, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from voiceguide.ssml import Sound
    from voiceguide.timeline import Item
    from voiceguide.voices import Utterance

BLOCK_MS = 480
"""How long the parts are in which a passage is mixed: 20 frames of an MP3."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Events with silence before and after them."""

    events: tuple[Event, ...]
    channels: int
    mix: Callable[[Sequence[Event], int, int, int], bytes]
    """Mixes events, from a time to another in ms, in so many channels."""
    name: Callable[[Utterance | Sound], str]
    """Returns a digest of what is played."""

    @property
    def begin_ms(self) -> int:
        """When the first event begins."""
        return self.events[0].begin_ms

    @property
    def end_ms(self) -> int:
        """When the last one ends."""
        return max(event.end_ms for event in self.events)

    @property
    def pan(self) -> float | None:
        """From where all of it is heard, if that is one place, and its level tells nothing else.

        Sounds at one side that are heard at once may be too loud in one channel alone.
        """
        pan = self.events[0].pan
        if any(event.pan != pan for event in self.events):
            return None
        pairs = itertools.pairwise(self.events)
        apart = all(one.end_ms <= other.begin_ms and one.gain_db <= 0 for one, other in pairs)
        return pan if pan == 0 or (apart and self.events[-1].gain_db <= 0) else None

    def mean(self) -> Passage:
        """Return a passage in one channel: the mean of both, of one that has a ``pan``."""
        angle = ((self.pan or 0) + 1) * math.pi / 4
        db = 20 * math.log10((math.sin(angle) + math.cos(angle)) / 2)
        events = (replace(event, gain_db=event.gain_db + db, pan=0.0) for event in self.events)
        return replace(self, events=tuple(events), channels=1)

    def digest(self, begin_ms: int, end_ms: int) -> str:
        """Return a digest of all that decides how it sounds from ``begin_ms`` to ``end_ms``."""
        heard = [
            [
                event.begin_ms - begin_ms, event.end_ms - begin_ms, self.name(event.plays),
                event.gain_db, event.pan,
                [[r.begin_ms - begin_ms, r.end_ms - begin_ms, r.rising] for r in event.ramps],
            ]
            for event in self._within(begin_ms, end_ms)
        ]  # fmt: skip
        content = json.dumps([end_ms - begin_ms, self.channels, heard])
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def pcm(self, begin_ms: int, end_ms: int) -> bytes:
        """Return how it sounds from ``begin_ms`` to ``end_ms``: 16 bit, interleaved."""
        events = self._within(begin_ms, end_ms)
        return b"".join(
            self.mix(events, at_ms, min(at_ms + BLOCK_MS, end_ms), self.channels)
            for at_ms in range(begin_ms, end_ms, BLOCK_MS)
        )

    def _within(self, begin_ms: int, end_ms: int) -> list[Event]:
        return [one for one in self.events if one.begin_ms < end_ms and one.end_ms > begin_ms]


def passages(
    items: Iterable[Item],
    passage_of: Callable[[tuple[Event, ...]], Passage],
    apart_ms: int,
) -> Iterator[Passage | End]:
    """Return the passages of a session, with silence of ``apart_ms`` or more between.

    Its end is told before the last one. ``items`` are consumed one by one; they have no bed.
    """
    events: list[Event] = []
    end_ms = 0
    for item in items:
        if isinstance(item, End):
            yield item
        if events and (isinstance(item, End) or item.at_ms >= end_ms + apart_ms):
            yield passage_of(tuple(events))
            events, end_ms = [], 0
        if isinstance(item, Event) and item.begin_ms < item.end_ms:
            events.append(item)
            end_ms = max(end_ms, item.end_ms)
