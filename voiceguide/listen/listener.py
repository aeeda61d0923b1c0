"""What a microphone hears, and what the loudspeaker plays -> commands.

Of what is near (``listen.near``), two short knocks are a command, and so is a short word that a
spotter knows; where it is not sure, the word has to be heard twice. The session is soft while
somebody speaks, and what is still heard of it is taken away (``listen.echo``). Nothing is kept
longer than the word takes.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from voiceguide.listen.echo import EchoSuppressor
from voiceguide.listen.near import FRAME, FRAME_MS, Near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from voiceguide.listen.spotter import Guess

_NEEDED = 3
"""What stands out is heard in so many bands."""
_BROAD = 6
"""A clap or a tap is heard in so many."""
_ONSET = (3, 5)
"""A near sound has begun when so many of so many frames stood out; it goes on in one band."""
_SUM = (17, 10)
"""It has, too, when it was heard so many times in all bands of so many frames."""
_QUIET_MS = 250
"""A word has ended when nothing has stood out for so long."""
_BEFORE_MS = 120
_SHORTEST_MS = 150
_LONGEST_MS = 1400
"""A longer sound is talk, or music."""
_KNOCK_MS = 90
"""A clap or a tap stands out for no longer."""
_BUSY = 4
"""So many near sounds that were no commands,"""
_BUSY_MS = 40_000
"""in so long a time: somebody talks, or there is music."""
_UNKNOWN_MS = 15_000
"""For so long at first, a room that is not known counts as busy."""
_AGAIN_MS = 6000
"""What may have been a command is one if it is heard again so soon."""
_TWO = 2
_KNOCKS_MS = (160, 700)
"""From one knock to the next."""
KNOCKS = "knocks"
"""Two claps or taps."""


class Heard(NamedTuple):
    """Something near."""

    command: str | None
    """A command, or KNOCKS; None for a sound that has begun, or that was none of them."""
    is_begin: bool = False
    """Whether it has only begun."""


class Spot(Protocol):
    """Tells which command a sound is."""

    def __call__(self, samples: NDArray[np.float32], /, *, is_busy: bool) -> Guess | None:
        """Return it, or None; ``is_busy`` is whether there were many other sounds before it."""


class Listener:
    """Hears frame by frame, each with what was played at the same time."""

    def __init__(
        self,
        spot: Spot,
        both: Callable[[NDArray[np.float32], NDArray[np.float32]], object] = lambda *_: None,
    ) -> None:
        """Begin to learn the room.

        ``both`` is called with each frame as it was heard, and what was played.
        """
        self._spot = spot
        self._both = both
        self._near = Near()
        self._echo = EchoSuppressor()
        self._last: deque[int] = deque(maxlen=_SUM[1])
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=_BEFORE_MS // FRAME_MS + _SUM[1])
        self._word: list[NDArray[np.float32]] = []
        self._quiet_ms = 0
        self._others_ms = deque([_UNKNOWN_MS - _BUSY_MS] * _BUSY, _BUSY)  # when they ended
        self._guessed_ms: dict[str, int] = {}  # when what may have been a command was heard
        self._bursts: list[tuple[int, int, int]] = []  # of what stood out: begin, ms, most bands
        self._now_ms = 0

    def take(self, near: NDArray[np.float32], far: NDArray[np.float32]) -> Iterator[Heard]:
        """Yield what is in a block of the microphone's, and in as much of what was played.

        Both are mono at ``spotter.RATE_HZ``, within ±1, and of whole frames of FRAME_MS.
        """
        for begin in range(0, len(near) - FRAME + 1, FRAME):
            yield from self._frame(near[begin : begin + FRAME], far[begin : begin + FRAME])

    def _frame(self, near: NDArray[np.float32], far: NDArray[np.float32]) -> Iterator[Heard]:
        self._now_ms += FRAME_MS
        self._both(near, far)
        bands = self._near.bands(near, far)
        stands_out = bands >= _NEEDED
        left = self._echo.take(near, far, is_near=bool(bands or self._word))
        self._kept.append(left)
        self._last.append(bands)
        self._note(bands if stands_out else 0)
        if self._knocked():
            self._word, self._bursts = [], []
            yield Heard(KNOCKS)
        elif self._word:
            self._word.append(left)
            self._quiet_ms = 0 if bands else self._quiet_ms + FRAME_MS
            if self._quiet_ms >= _QUIET_MS:
                command = self._command()
                if command is None and self._is_word() and not self._is_knocking():
                    self._others_ms.append(self._now_ms)
                yield Heard(command)
                self._word = []
                self._bursts = self._bursts if len(self._bursts) <= _TWO else []
        elif self._has_begun():
            self._word, self._quiet_ms = list(self._kept), 0
            yield Heard(None, is_begin=True)

    def _has_begun(self) -> bool:
        """Whether something near is heard clearly for a moment, or less so for longer."""
        last = itertools.islice(reversed(self._last), _ONSET[1])
        return sum(bands >= _NEEDED for bands in last) >= _ONSET[0] or sum(self._last) >= _SUM[0]

    def _note(self, bands: int) -> None:
        """Note how long what stands out has lasted; forget what was long ago."""
        oldest_ms = self._now_ms - 2 * _KNOCKS_MS[1]
        self._bursts = [one for one in self._bursts if one[0] > oldest_ms]
        if bands:
            begin_ms, length_ms, most = self._bursts[-1] if self._bursts else (-1000, 0, 0)
            if begin_ms + length_ms >= self._now_ms - 2 * FRAME_MS:
                self._bursts[-1] = (begin_ms, self._now_ms - begin_ms, max(most, bands))
            else:
                self._bursts.append((self._now_ms, 0, bands))

    def _knocked(self) -> bool:
        """Whether, in a calm room, the last two sounds were short, wide, well apart and alone."""
        if len(self._bursts) != _TWO:
            return False
        (first_ms, one_ms, one), (second_ms, other_ms, other) = self._bursts
        return (
            not self._is_busy()
            and max(one_ms, other_ms) <= _KNOCK_MS
            and min(one, other) >= _BROAD
            and _KNOCKS_MS[0] <= second_ms - first_ms <= _KNOCKS_MS[1]
            and self._now_ms - second_ms - other_ms >= _QUIET_MS
        )

    def _is_knocking(self) -> bool:
        """Whether claps or taps were heard, and nothing else."""
        return bool(self._bursts) and all(
            burst_ms <= _KNOCK_MS and bands >= _BROAD for _, burst_ms, bands in self._bursts
        )

    def _is_busy(self) -> bool:
        """Whether much else was heard; then it is easily taken for a command."""
        return self._others_ms[0] > self._now_ms - _BUSY_MS

    def _length_ms(self) -> int:
        return len(self._word) * FRAME_MS - _QUIET_MS - _BEFORE_MS

    def _is_word(self) -> bool:
        """Whether it is a word, or more; what is shorter is mostly a remnant of the session."""
        return self._length_ms() >= _SHORTEST_MS

    def _command(self) -> str | None:
        """Return what the word was, now that it has ended."""
        if not self._is_word() or self._is_knocking() or self._length_ms() > _LONGEST_MS:
            return None
        guess = self._spot(np.concatenate(self._word), is_busy=self._is_busy())
        if guess is None:
            return None
        before_ms = self._guessed_ms.pop(guess.command, -_AGAIN_MS)
        if guess.is_sure or self._now_ms - before_ms <= _AGAIN_MS:
            if before_ms in self._others_ms:  # it was a command the first time, too
                self._others_ms.remove(before_ms)
                self._others_ms.appendleft(-_BUSY_MS)
            return guess.command
        self._guessed_ms[guess.command] = self._now_ms
        return None
