"""What a microphone hears -> how many breaths a minute, or none.

Breathing is noise that swells and fades, and sounds different in and out. So the level and the
brightness of what is heard are compared with themselves, a breath later (autocorrelation). The
session's own breaths swell too: in each band, as much is taken away as follows what is played. A
canceller would not do: while a tone plays, it makes the breath softer as well. Only the power in
eight bands, ten times a second, is kept, for three slow breaths.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
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
_EDGES_HZ = (200, 286, 409, 585, 837, 1196, 1711, 2446, 3500)
"""Of the bands: breath is mostly heard from 200 Hz on."""
_BANDS = len(_EDGES_HZ) - 1
_LOW = 4
"""So many bands are low; in is brighter than out."""
_KEPT_S = 48.0
_ECHO_FRAMES = 4
"""What is played is heard for so long: it may come late, and the room rings with it."""
_PERIODS = 2.2
"""How many breaths must be heard to know how long one is."""
_SMOOTH = 9
"""Frames over which both are averaged: a breath changes slowly."""
_MEAN = np.ones(_SMOOTH) / _SMOOTH
_SILENCE = 1e-10
"""Added to powers, whose logarithm is taken."""
_STIFF = 1e-3
"""How much the frames of an echo are held together: they are alike."""
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
        self._waiting = np.zeros((2, 0), np.float32)
        self._heard: deque[NDArray[np.float64]] = deque(maxlen=int(_KEPT_S * _PER_S))

    def take(self, samples: NDArray[np.float32], played: NDArray[np.float32]) -> None:
        """Hear the next samples, and what was played meanwhile: mono at RATE_HZ, within ±1."""
        waiting = np.concatenate([self._waiting, np.stack([samples, played])], axis=1)
        count = waiting.shape[1] // _FRAME
        frames = waiting[:, : count * _FRAME].reshape(2, count, _FRAME)
        self._waiting = waiting[:, count * _FRAME :]
        if count:
            power = np.abs(np.fft.rfft(frames * np.hanning(_FRAME))) ** 2
            edges = [hz * _FRAME // RATE_HZ for hz in _EDGES_HZ]
            bands = [power[..., low:high].mean(axis=-1) for low, high in pairwise(edges)]
            self._heard.extend(np.stack(bands, axis=-1).swapaxes(0, 1) + _SILENCE)

    def per_minute(self) -> float | None:
        """Return how many breaths a minute are heard; None if none are, or not yet."""
        shortest = round(60 / FASTEST * _PER_S * 0.95)
        longest = min(round(60 / SLOWEST * _PER_S * 1.05), int(len(self._heard) / _PERIODS))
        if longest <= shortest + 2:
            return None
        near, played = np.array(self._heard).swapaxes(0, 1)
        bands, known = _without_echo(near, played)
        if known.sum() < _BANDS / 2:
            return None
        level_db = 10 * np.log10(bands[:, known])
        is_low = np.arange(_BANDS)[known] < _LOW
        low, high = (
            (level_db[:, one] if one.any() else level_db).mean(axis=1) for one in (is_low, ~is_low)
        )
        heard = np.stack([low + high, high - low], axis=1)
        smooth = np.apply_along_axis(np.convolve, 0, heard, _MEAN, "valid")
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


def _without_echo(
    near: NDArray[np.float64], played: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the power without what follows what is played, and which bands are known then.

    All have the shape (frames, bands). A band in which more of that is heard than of anything else
    is not known: what is left there would still be the session.
    """
    bands, known = np.empty_like(near), np.zeros(_BANDS, np.bool_)
    for band in range(_BANDS):
        heard = near[:, band]
        late = np.stack([np.roll(played[:, band], frames) for frames in range(_ECHO_FRAMES)], 1)
        for frames in range(1, _ECHO_FRAMES):
            late[:frames, frames] = played[0, band]
        share = 1 / (heard + np.median(heard)) ** 2  # its fluctuations grow with the power
        apart = late - np.average(late, axis=0, weights=share)
        follows = (apart * share[:, None]).T @ apart
        follows += np.eye(_ECHO_FRAMES) * (_STIFF * np.trace(follows) / _ECHO_FRAMES + 1e-20)
        wanted = (apart * share[:, None]).T @ (heard - np.average(heard, weights=share))
        echo = late @ np.maximum(0, np.linalg.solve(follows, wanted))
        left = heard - echo
        spread_left, spread_echo = (np.convolve(one, _MEAN, "valid").std() for one in (left, echo))
        known[band] = spread_left > spread_echo
        least = max(np.percentile(left, 20), 0.05 * np.percentile(heard, 10))
        bands[:, band] = np.maximum(left, least)
    return bands, known


def _likeness(heard: NDArray[np.float64], lag: int) -> float:
    """Return how much level and brightness are alike a lag later: 1 if they are the same."""
    early, late = heard[:-lag], heard[lag:]
    early, late = early - early.mean(axis=0), late - late.mean(axis=0)
    spread = np.sqrt((early**2).sum(axis=0) * (late**2).sum(axis=0)) + 1e-9
    alike = (early * late).sum(axis=0) / spread
    share = heard.std(axis=0)
    return float((alike * share).sum() / (share.sum() + 1e-9))
