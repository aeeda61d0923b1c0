"""Timeline -> passages: what is heard from one silence to the next.

What decides how a passage sounds is known before it is mixed, and counted from its beginning: so
one that was encoded before, in this session or another, need not be mixed again.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voiceguide.mixer.limiter import REACH_MS
from voiceguide.timeline import End, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from voiceguide.ssml import Sound
    from voiceguide.timeline import Item
    from voiceguide.voices import Utterance

VERSION = 6
"""Raise this whenever the same timeline sounds different: what is kept is then made again, as are
playlists."""

_OF_TWO_DB = 20 * math.log10(math.cos(math.pi / 4))
"""How much softer each of two channels is than one: the mixer's pans have equal power."""
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
    def is_centred(self) -> bool:
        """Whether all of it is heard in the middle of two channels."""
        return self.channels > 1 and all(event.pan == 0 for event in self.events)

    def in_one_channel(self) -> Passage:
        """Return what each channel of a passage has that is centred."""
        events = (replace(one, gain_db=one.gain_db + _OF_TWO_DB) for one in self.events)
        return replace(self, events=tuple(events), channels=1)

    def digest(self, begin_ms: int, end_ms: int) -> str:
        """Return a digest of all that decides how it sounds from ``begin_ms`` to ``end_ms``."""
        heard = [
            [
                event.begin_ms - begin_ms, event.end_ms - begin_ms, self.name(event.plays),
                event.gain_db, event.pan, event.joined,
                [[r.begin_ms - begin_ms, r.end_ms - begin_ms, r.rising] for r in event.ramps],
            ]
            for event in self._within(begin_ms, end_ms)
        ]  # fmt: skip
        content = json.dumps([VERSION, end_ms - begin_ms, self.channels, heard])
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def pcm(self, begin_ms: int, end_ms: int) -> bytes:
        """Return how it sounds from ``begin_ms`` to ``end_ms``: 16 bit, interleaved."""
        events = self._within(begin_ms, end_ms)
        return b"".join(
            self.mix(events, at_ms, min(at_ms + BLOCK_MS, end_ms), self.channels)
            for at_ms in range(begin_ms, end_ms, BLOCK_MS)
        )

    def _within(self, begin_ms: int, end_ms: int) -> list[Event]:
        begin_ms, end_ms = begin_ms - REACH_MS, end_ms + REACH_MS
        return [one for one in self.events if one.begin_ms < end_ms and one.end_ms > begin_ms]


def between_silences(
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
