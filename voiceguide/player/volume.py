"""How loud a player is: as wanted, soft for a while, answers over everything; and its fades."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DUCK_DB = -20.0
"""How much softer it is while somebody may be speaking to it."""
_LOUDEST_DB, _SOFTEST_DB = 6.0, -18.0
_LIMIT = 32767
_CHANGE_FRAMES = 30 * 48
"""A change takes 30 ms: at once, and without a click."""


class Volume:
    """Changes what is played, block by block; its methods may be called from any thread."""

    def __init__(self) -> None:
        self.ducked = False
        """Whether it is soft, since somebody may be speaking to it."""
        self._wanted_db = 0.0
        self._gain = 1.0
        self._answer: NDArray[np.int16] = np.zeros(0, np.int16)
        self._lock = threading.Lock()

    def change(self, by_db: float) -> None:
        """Be louder from now on, or softer, within limits."""
        with self._lock:
            self._wanted_db = min(_LOUDEST_DB, max(_SOFTEST_DB, self._wanted_db + by_db))

    def answer(self, samples: NDArray[np.int16], *, after: bool = False) -> None:
        """Play a mono sound over everything, instead of the one that plays or after it."""
        with self._lock:
            self._answer = np.concatenate([self._answer, samples]) if after else samples

    @property
    def is_answering(self) -> bool:
        """Whether an answer has still to be played."""
        with self._lock:
            return len(self._answer) > 0

    def applied(self, block: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the next block as it is heard; both have the shape (frames, channels), 16 bit."""
        with self._lock:
            wanted = 10 ** (self._wanted_db / 20)
            gain = wanted * 10 ** (DUCK_DB / 20 * self.ducked)
            if gain != 1 or self._gain != 1:
                part = np.arange(1, len(block) + 1) / min(_CHANGE_FRAMES, max(1, len(block)))
                ramp = self._gain + (gain - self._gain) * np.minimum(1, part)
                block, self._gain = np.rint(block * ramp[:, None]).astype(np.int32), gain
            answer, self._answer = self._answer[: len(block)], self._answer[len(block) :]
            if len(answer):
                block = block.copy()
                block[: len(answer)] += np.rint(answer * wanted).astype(np.int32)[:, None]
        return np.clip(block, -_LIMIT - 1, _LIMIT)


def rise(begin: int, frames: int, count: int) -> NDArray[np.float64]:
    """Return part of a raised cosine that goes from 0 to 1 in ``count`` frames."""
    at = np.clip((np.arange(frames) + begin) / max(1, count), 0, 1)
    part: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * at)
    return part


def scaled(samples: NDArray[np.int32], gain: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return samples with a gain for each frame; they have the shape (frames, channels)."""
    return np.rint(samples * gain[:, None]).astype(np.int32)
