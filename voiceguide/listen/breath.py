"""What a microphone hears -> how many breaths a minute, or none.

Breathing is noise that swells and fades, and sounds different in and out. So the level and the
brightness of what is heard are compared with themselves, a breath later (autocorrelation). Only
these two numbers, ten times a second, are kept, for three slow breaths.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.listen.spotter import RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOWEST, FASTEST = 4.0, 9.0
"""Breaths a minute that are looked for: calm ones."""
_FRAME_MS = 100
_FRAME = RATE_HZ * _FRAME_MS // 1000
_PER_S = 1000 // _FRAME_MS
_BANDS_HZ = ((200, 900), (900, 3500))
"""Breath is mostly heard from 200 Hz on; in is brighter than out."""
_KEPT_S = 48.0
_PERIODS = 2.2
"""How many breaths must be heard to know how long one is."""
_SMOOTH = 9
"""Frames over which both are averaged: a breath changes slowly."""
_LEAST_DB = 0.6
"""How much, as standard deviation, breathing changes the level at least; noise alone, 0.2."""
_OUTSIDE = 3.0
"""What is so many times as far from the median as a tenth is below it, is no breath: a bump."""
_SURE = 0.5
"""The autocorrelation from which on it is breathing; noise alone reaches 0.3."""
_NEARLY = 0.9
"""A shorter breath that fits nearly as well as the best is the breath, the best several of it."""


class Breathing:
    """Hears how somebody breathes."""

    def __init__(self) -> None:
        self._waiting = np.zeros(0, np.float32)
        self._heard: deque[tuple[float, float]] = deque(maxlen=int(_KEPT_S * _PER_S))

    def take(self, samples: NDArray[np.float32]) -> None:
        """Hear the next samples: mono at RATE_HZ, within ±1, without what is played."""
        waiting = np.concatenate([self._waiting, samples])
        count = len(waiting) // _FRAME
        frames = waiting[: count * _FRAME].reshape(count, _FRAME)
        self._waiting = waiting[count * _FRAME :]
        power = np.abs(np.fft.rfft(frames * np.hanning(_FRAME))) ** 2
        hz = np.fft.rfftfreq(_FRAME, 1 / RATE_HZ)
        low, high = (
            10 * np.log10(power[:, (hz >= begin) & (hz < end)].mean(axis=1) + 1e-10)
            for begin, end in _BANDS_HZ
        )
        self._heard.extend(zip((low + high).tolist(), (high - low).tolist(), strict=True))

    def per_minute(self) -> float | None:
        """Return how many breaths a minute are heard; None if none are, or not yet."""
        shortest = round(60 / FASTEST * _PER_S * 0.95)
        longest = min(round(60 / SLOWEST * _PER_S * 1.05), int(len(self._heard) / _PERIODS))
        if longest <= shortest + 2:
            return None
        heard = np.array(self._heard)
        smooth = np.apply_along_axis(np.convolve, 0, heard, np.ones(_SMOOTH) / _SMOOTH, "valid")
        tenth, median = np.percentile(smooth, (10, 50), axis=0)
        reach = _OUTSIDE * (median - tenth)
        smooth = np.clip(smooth, median - reach, median + reach)
        if smooth[:, 0].std() / 2 < _LEAST_DB:
            return None
        likeness = np.array([_likeness(smooth, lag) for lag in range(shortest, longest + 1)])
        inner = likeness[1:-1]
        peaks = 1 + np.flatnonzero((inner >= likeness[:-2]) & (inner >= likeness[2:]))
        sure = [at for at in peaks if likeness[at] >= max(_SURE, _NEARLY * likeness[peaks].max())]
        if not sure:
            return None
        before, here, after = likeness[sure[0] - 1 : sure[0] + 2]
        between = 0.5 * (before - after) / min(-1e-9, before - 2 * here + after)
        return float(60 * _PER_S / (shortest + sure[0] + between))


def _likeness(heard: NDArray[np.float64], lag: int) -> float:
    """Return how much level and brightness are alike a lag later: 1 if they are the same."""
    early, late = heard[:-lag], heard[lag:]
    early, late = early - early.mean(axis=0), late - late.mean(axis=0)
    spread = np.sqrt((early**2).sum(axis=0) * (late**2).sum(axis=0)) + 1e-9
    alike = (early * late).sum(axis=0) / spread
    share = heard.std(axis=0)
    return float((alike * share).sum() / (share.sum() + 1e-9))
