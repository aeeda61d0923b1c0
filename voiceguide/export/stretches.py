"""Blocks of PCM -> stretches of sound, and the silence between them.

Each stretch can be encoded alone, at the same time as others, and its frames are the same wherever
it comes. Everything is counted in frames of an MP3 (24 ms) from the beginning of the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voiceguide.export.frames import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAD, TAIL = 3, 2
"""How many silent frames are encoded before and after sound: it spreads into them, and those before
leave room for a loud beginning (with one, its noise is up to 6 dB louder)."""
LONGEST = 400
"""Sound that goes on for longer (9.6 s), such as a bed, is cut: up to 1.8 MB of PCM."""
OVERLAP = 24
"""How many frames both parts have where sound is cut, so that they can be joined within them."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sound from one silence to the next, or a part of that."""

    pcm: bytes
    """16 bit, interleaved, silence before and after included; whole frames."""
    continues: bool
    """Whether it begins with the last OVERLAP frames of the part before it."""
    goes_on: bool
    """Whether the next part continues it."""


class Cutter:
    """Cuts PCM into stretches and silence."""

    def __init__(self, channels: int) -> None:
        self._frame_bytes = SAMPLES * 2 * channels
        self._silent = bytes(self._frame_bytes)
        self._block = b""  # less than a frame
        self._sound: list[bytes] = []  # the frames of a stretch that has not ended
        self._continues = False
        self._quiet = 0  # how many silent frames came last, of the stretch or since

    def cut(self, block: bytes) -> Iterator[Stretch | int]:
        """Take a block; yield stretches that are complete, and counts of silent frames."""
        block = self._block + block
        size = self._frame_bytes
        count = len(block) // size
        self._block = block[count * size :]
        for begin in range(0, count * size, size):
            frame = block[begin : begin + size]
            yield from self._take(frame, loud=frame != self._silent)

    def end(self) -> Iterator[Stretch | int]:
        """Yield what is left, and silence beyond the end of the session."""
        missing = -len(self._block) % self._frame_bytes
        yield from self.cut(bytes(missing + (LEAD + TAIL) * self._frame_bytes))
        yield self._quiet

    def _take(self, frame: bytes, *, loud: bool) -> Iterator[Stretch | int]:
        if not (self._sound or loud):
            self._quiet += 1
            return
        if not self._sound:
            lead = min(LEAD, self._quiet)
            yield self._quiet - lead
            self._sound = [self._silent] * lead
        self._sound.append(frame)
        self._quiet = 0 if loud else self._quiet + 1
        if self._quiet == LEAD + TAIL:  # the next stretch needs its lead
            yield Stretch(b"".join(self._sound[:-LEAD]), self._continues, goes_on=False)
            self._sound, self._continues, self._quiet = [], False, LEAD
        elif len(self._sound) == LONGEST:
            yield Stretch(b"".join(self._sound), self._continues, goes_on=True)
            self._sound, self._continues = self._sound[-OVERLAP:], True
