"""Blocks of PCM, or passages -> segments of sound, and the silence between them.

Each segment can be encoded alone, at the same time as others, and its frames are the same wherever
it comes. Everything is counted in frames of an MP3 (24 ms) from the beginning of the session.

A segment of a passage has a name before it is mixed. Where a bed leaves no silence, there are only
blocks, and their sound has to tell.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.export.frames import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voiceguide.mixer.passages import Passage

LEAD, TAIL = 3, 2
"""How many silent frames are encoded before and after sound: it spreads into them, and those before
leave room for a loud beginning (with one, its noise is up to 6 dB louder)."""
LONGEST = 404
"""Sound that goes on for longer (9.7 s), such as a bed, is cut: up to 1.9 MB of PCM. Without the
overlap, these are 19 blocks of a passage."""
OVERLAP = 24
"""How many frames both parts have where sound is cut, so that they can be joined within them."""
FRAME_MS = 24
"""How long a frame is."""
APART_MS = (LEAD + TAIL + 1) * FRAME_MS
"""How much silence there has to be between two passages, wherever in a frame they end and begin."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Sound from one silence to the next, or a part of that."""

    pcm: bytes
    """16 bit, interleaved, silence before and after included; whole frames."""
    goes_on: bool
    """Whether the next part continues it, and begins with its last OVERLAP frames."""
    channels: int
    centred: bool = False
    """Whether its one channel is to be heard in the middle of two."""

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.pcm) // (SAMPLES * 2 * self.channels)

    @property
    def name(self) -> str:
        """A digest of its sound."""
        return hashlib.sha256(self.pcm).hexdigest()

    def in_one_channel(self) -> Segment:
        """Return it in one channel, if both are the same."""
        if self.channels > 1:
            left, right = np.frombuffer(self.pcm, "<i2").reshape(-1, 2).T
            if np.array_equal(left, right):
                return replace(self, pcm=left.tobytes(), channels=1, centred=True)
        return self

    def with_next(self, other: Segment) -> Segment:
        """Return this part and the one that continues it as one."""
        more = other.pcm[OVERLAP * SAMPLES * 2 * self.channels :]
        return replace(self, pcm=self.pcm + more, goes_on=other.goes_on)


@dataclass(frozen=True, slots=True)
class PassageSegment:
    """Frames of a passage, from ``begin`` to before ``end``; otherwise like ``Segment``."""

    passage: Passage
    begin: int
    end: int
    goes_on: bool
    centred: bool

    @property
    def channels(self) -> int:
        """How many channels it has."""
        return self.passage.channels

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.end - self.begin

    @property
    def pcm(self) -> bytes:
        """Its sound, mixed now."""
        return self.passage.pcm(self.begin * FRAME_MS, self.end * FRAME_MS)

    @property
    def name(self) -> str:
        """A digest of all that decides its sound."""
        return self.passage.digest(self.begin * FRAME_MS, self.end * FRAME_MS)

    def with_next(self, other: PassageSegment) -> PassageSegment:
        """Return this part and the one that continues it as one."""
        return replace(self, end=other.end, goes_on=other.goes_on)


def segments(passage: Passage, reached: int) -> Iterator[PassageSegment]:
    """Return the segments of a passage, not from before the frame ``reached``."""
    centred = passage.is_centred
    passage = passage.in_one_channel() if centred else passage
    begin = max(reached, passage.begin_ms // FRAME_MS - LEAD)
    last = -(-passage.end_ms // FRAME_MS) + TAIL
    while last - begin > LONGEST:
        end = begin + LONGEST
        yield PassageSegment(passage, begin, end, goes_on=True, centred=centred)
        begin = end - OVERLAP
    yield PassageSegment(passage, begin, last, goes_on=False, centred=centred)


class Cutter:
    """Cuts PCM into segments and silence."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._frame_bytes = SAMPLES * 2 * channels
        self._silent = bytes(self._frame_bytes)
        self._block = b""  # less than a frame
        self._sound: list[bytes] = []  # the frames of a segment that has not ended
        self._quiet = 0  # how many silent frames came last, of the segment or since

    def cut(self, block: bytes) -> Iterator[Segment | int]:
        """Take a block; yield segments that are complete, and counts of silent frames."""
        block = self._block + block
        size = self._frame_bytes
        count = len(block) // size
        self._block = block[count * size :]
        for begin in range(0, count * size, size):
            frame = block[begin : begin + size]
            yield from self._take(frame, loud=frame != self._silent)

    def end(self) -> Iterator[Segment | int]:
        """Yield what is left, and silence beyond the end of the session."""
        missing = -len(self._block) % self._frame_bytes
        yield from self.cut(bytes(missing + (LEAD + TAIL) * self._frame_bytes))
        yield self._quiet

    def _take(self, frame: bytes, *, loud: bool) -> Iterator[Segment | int]:
        if not (self._sound or loud):
            self._quiet += 1
            return
        if not self._sound:
            lead = min(LEAD, self._quiet)
            yield self._quiet - lead
            self._sound = [self._silent] * lead
        self._sound.append(frame)
        self._quiet = 0 if loud else self._quiet + 1
        if self._quiet == LEAD + TAIL:  # the next segment needs its lead
            yield self._segment(self._sound[:-LEAD], goes_on=False)
            self._sound, self._quiet = [], LEAD
        elif len(self._sound) == LONGEST:
            yield self._segment(self._sound, goes_on=True)
            self._sound = self._sound[-OVERLAP:]

    def _segment(self, sound: list[bytes], *, goes_on: bool) -> Segment:
        return Segment(b"".join(sound), goes_on, self._channels)
