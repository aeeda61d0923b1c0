"""What a microphone hears, and what is played -> in how many bands something near is heard.

A room gives back what is played, band by band, at most as loud as it did before: what exceeds that
is near. An echo canceller was left out: beside loudspeakers that are late, by clocks that differ,
what it leaves is taken for something near 15 to 25 times a minute, and this seldom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voiceguide.listen.spotter import RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME_MS = 10
FRAME = RATE_HZ * FRAME_MS // 1000
_WINDOW = 2 * FRAME
_BANDS = 12
_EDGES_HZ = np.geomspace(250, 6000, _BANDS + 1)
"""Between them, the ear hears bands as about equally wide."""
_RINGS = 30
"""For so many frames a room rings with what was played, and a loudspeaker may be late."""
_LEARN = 300
"""So many frames in which a band is played are needed to learn what a room gives back in it."""
_AUDIBLE_DB = -45.0
"""What is played is learned from if it is this loud in some band,"""
_FAINT_DB = -60.0
"""and in bands where it is this loud."""
_ECHO_DB = 1.0
"""By how much more than a room ever gave back something is near."""
_ROOM_DB = 12.0
"""By how much more than the noise of the room."""
_SOFTEST_DB = -62.0
"""The noise of a room that is not yet known."""
_SILENT_DB = -78.0
"""No room counts as more silent than this."""
_RISE_DB = 0.03
"""By how much, in a frame, something near may come to be the room's own (3 dB a second)."""
_FALL_DB = 0.005
"""By how much less, in a frame, the room may give back than before."""
_JUMP_DB = 1.0
"""By how much more, in a frame, it may give back."""
_AVERAGED = 0.05
"""The share of a frame in the level of the room."""


_HZ = np.fft.rfftfreq(_WINDOW, 1 / RATE_HZ)[:, None]
_WITHIN = (_EDGES_HZ[:-1] <= _HZ) & (_EDGES_HZ[1:] > _HZ)
_FILTERS = (_WITHIN / _WITHIN.sum(axis=0) / _WINDOW).astype(np.float32)
_TAPER = np.hanning(_WINDOW).astype(np.float32)


class Near:
    """Knows a room better and better."""

    def __init__(self) -> None:
        self._heard = np.zeros(_WINDOW, np.float32)
        self._played = np.zeros(_WINDOW, np.float32)
        self._rings_db = np.full((_RINGS, _BANDS), -100.0)
        self._given_back_db = np.full(_BANDS, -100.0)
        self._room_db = np.full(_BANDS, _SOFTEST_DB)
        self._frames = 0
        self._learned = np.zeros(_BANDS, np.int64)

    def bands(self, heard: NDArray[np.float32], played: NDArray[np.float32]) -> int:
        """Return in how many of twelve bands something near is heard, in FRAME samples.

        Both are within ±1. A band counts once it is known what the room gives back in it. Nothing
        is learned while the microphone is muted.
        """
        self._heard = np.concatenate([self._heard[FRAME:], heard])
        self._played = np.concatenate([self._played[FRAME:], played])
        self._rings_db[self._frames % _RINGS] = _levels_db(self._played)
        self._frames += 1
        if not heard.any():
            return 0
        level_db, echo_db = _levels_db(self._heard), self._rings_db.max(axis=0)
        more_db, audible = level_db - echo_db, echo_db > _FAINT_DB
        over = (
            (level_db > self._room_db + _ROOM_DB)
            & (more_db > self._given_back_db + _ECHO_DB)
            & (~audible | (self._learned > _LEARN))
        )
        if echo_db.max() > _AUDIBLE_DB:
            known_db = self._given_back_db
            risen_db = np.minimum(more_db, known_db + _JUMP_DB)
            now_db = np.where(over, known_db + _RISE_DB, np.maximum(known_db - _FALL_DB, risen_db))
            self._given_back_db = np.where(audible, now_db, known_db)
            self._learned += audible
        else:
            averaged_db = self._room_db + (level_db - self._room_db) * _AVERAGED
            now_db = np.where(over, self._room_db + _RISE_DB, averaged_db)
            self._room_db = np.maximum(now_db, _SILENT_DB)
        return int(over.sum())


def _levels_db(window: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean power of a bin in each band: of white noise, 4 dB less than its dBFS."""
    power = np.square(np.abs(np.fft.rfft(window * _TAPER))) @ _FILTERS
    return np.asarray(10 * np.log10(power + 1e-10), np.float64)
