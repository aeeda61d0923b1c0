"""What a microphone hears, and what the loudspeaker plays -> commands.

The echo is taken out (WebRTC's canceller), then the stationary noise. What is left and stands out
from the room is near: two short knocks are a command, and so is a short word that a spotter knows.
It is given what the microphone heard: while somebody speaks, the session is soft, and a canceller
distorts a voice more than a soft echo does. Nothing is kept longer than the word takes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from voiceguide.errors import VoiceguideError
from voiceguide.listen.spotter import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

FRAME_MS = 10
_FRAME = RATE_HZ * FRAME_MS // 1000
_LEARN_MS = 1500
"""How long the canceller needs to learn a room, counted while something is played."""
_NEAR_DB = 12.0
"""How much louder than the room a near sound is."""
_SOFTEST_DBFS = -58.0
"""Softer sounds than this are never near."""
_LEAK_DB = -26.0
"""What the canceller may leave of the echo, relative to what is played: measured −30 in a room."""
_ONSET = (3, 5)
"""A near sound has begun when so many of the last frames stood out."""
_QUIET_MS = 250
"""A word has ended when nothing has stood out for so long."""
_BEFORE_MS = 120
_SHORTEST_MS = 150
_LONGEST_MS = 1400
"""A longer sound is talk, or music."""
_KNOCK_MS = 90
"""A clap or a tap stands out for no longer."""
_TWO = 2
_KNOCKS_MS = (160, 700)
"""From one knock to the next."""
_FLOOR_DB_S = 3.0
"""How fast the level of the room may rise; it falls at once to what is heard, averaged."""
KNOCKS = "knocks"
"""Two claps or taps."""


class Heard(NamedTuple):
    """Something near."""

    command: str | None
    """A command, or KNOCKS; None for a sound that has begun, or that was none of them."""
    is_begin: bool = False
    """Whether it has only begun."""


class Listener:
    """Hears frame by frame, each with what was played at the same time."""

    def __init__(
        self,
        spot: Callable[[NDArray[np.float32]], str | None],
        both: Callable[[NDArray[np.float32], NDArray[np.float32]], object] = lambda *_: None,
    ) -> None:
        """Begin to learn the room; raises VoiceguideError if pywebrtc-audio is missing.

        ``both`` is called with each frame as it was heard, and what was played.
        """
        try:
            from pywebrtc_audio import EchoCanceller, NoiseSuppressor
        except ImportError as error:
            needs = "listening needs pywebrtc-audio: pip install 'voiceguide[listen]'"
            raise VoiceguideError(needs) from error
        self._spot = spot
        self._both = both
        self._echo = EchoCanceller(RATE_HZ, 1)
        self._noise = NoiseSuppressor(RATE_HZ, 1, 1)
        self._floor_db = _SOFTEST_DBFS
        self._played_db: deque[float] = deque([-100.0], maxlen=30)  # the room still rings with it
        self._learned_ms = 0
        self._last: deque[bool] = deque(maxlen=_ONSET[1])
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=_BEFORE_MS // FRAME_MS + _ONSET[1])
        self._word: list[NDArray[np.float32]] = []
        self._quiet_ms = 0
        self._bursts: list[tuple[int, int]] = []  # begin and length of what stood out, in ms
        self._now_ms = 0

    def take(self, near: NDArray[np.float32], far: NDArray[np.float32]) -> Iterator[Heard]:
        """Yield what is in a block of the microphone's, and in as much of what was played.

        Both are mono at RATE_HZ, within ±1, and of whole frames of FRAME_MS.
        """
        for begin in range(0, len(near) - _FRAME + 1, _FRAME):
            yield from self._frame(near[begin : begin + _FRAME], far[begin : begin + _FRAME])

    def _frame(self, near: NDArray[np.float32], far: NDArray[np.float32]) -> Iterator[Heard]:
        self._now_ms += FRAME_MS
        self._both(near, far)
        left = self._noise.process(self._echo.process(near, far))
        played_db = _dbfs(far)
        self._played_db.append(played_db)
        self._learned_ms += FRAME_MS * (played_db > _SOFTEST_DBFS)
        stands_out = self._stands_out(_dbfs(left))
        self._kept.append(near)
        self._last.append(stands_out)
        self._note(stands_out=stands_out)
        if self._knocked():
            self._word, self._bursts = [], []
            yield Heard(KNOCKS)
        elif self._word:
            self._word.append(near)
            self._quiet_ms = 0 if stands_out else self._quiet_ms + FRAME_MS
            if self._quiet_ms >= _QUIET_MS:
                yield Heard(self._command())
                self._word = []
                self._bursts = self._bursts if len(self._bursts) <= _TWO else []
        elif sum(self._last) >= _ONSET[0]:
            self._word, self._quiet_ms = list(self._kept), 0
            yield Heard(None, is_begin=True)

    def _stands_out(self, level_db: float) -> bool:
        leak_db = max(self._played_db) + _LEAK_DB
        stands_out = level_db > max(self._floor_db + _NEAR_DB, leak_db, _SOFTEST_DBFS)
        if not stands_out:
            self._floor_db += (level_db - self._floor_db) * 0.05
        else:
            self._floor_db += _FLOOR_DB_S * FRAME_MS / 1000
        self._floor_db = max(self._floor_db, _SOFTEST_DBFS - _NEAR_DB)
        return stands_out and (self._learned_ms == 0 or self._learned_ms > _LEARN_MS)

    def _note(self, *, stands_out: bool) -> None:
        """Note how long what stands out has lasted; forget what was long ago."""
        oldest_ms = self._now_ms - 2 * _KNOCKS_MS[1]
        self._bursts = [one for one in self._bursts if one[0] > oldest_ms]
        if stands_out:
            if self._bursts and sum(self._bursts[-1]) >= self._now_ms - 2 * FRAME_MS:
                begin_ms = self._bursts[-1][0]
                self._bursts[-1] = (begin_ms, self._now_ms - begin_ms)
            else:
                self._bursts.append((self._now_ms, 0))

    def _knocked(self) -> bool:
        """Whether the last two sounds were short, well apart, and alone."""
        if len(self._bursts) != _TWO:
            return False
        (first_ms, one_ms), (second_ms, other_ms) = self._bursts
        return (
            max(one_ms, other_ms) <= _KNOCK_MS
            and _KNOCKS_MS[0] <= second_ms - first_ms <= _KNOCKS_MS[1]
            and self._now_ms - second_ms - other_ms >= _QUIET_MS
        )

    def _command(self) -> str | None:
        """Return what the word was, now that it has ended."""
        length_ms = len(self._word) * FRAME_MS - _QUIET_MS - _BEFORE_MS
        is_knocking = all(burst_ms <= _KNOCK_MS for _, burst_ms in self._bursts)
        if is_knocking or not _SHORTEST_MS <= length_ms <= _LONGEST_MS:
            return None
        return self._spot(np.concatenate(self._word))


def _dbfs(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-10))
