"""Samples that may be too loud -> softly limited ones, never clipped.

What is done at a moment depends on the peaks near it and on nothing else, so that a session can be
limited in parts that go on without a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voiceguide.audio.grid import CEILING_DBFS, FRAMES_PER_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CEILING = 32767 * 10 ** (CEILING_DBFS / 20)
"""What no sample exceeds, in 16 bit."""

_LOUD, _LOUD_DB = 1.6, 2.5
"""Peaks this far above the ceiling, such as a voice at +6 dB, are limited from a lower knee and by
this much more: MP3 raises hard-limited peaks by up to 3 dB (measured: +0.7 dBTP without)."""
_TOO_LOUD = 1.12
"""Up to peaks this far above it, the knee comes down from the ceiling, so that a bed that adds a
little to a voice bends little of it. With 1.03, what is bent is 11 dB stronger."""
_NEAR_MS, _SMOOTH_MS = 80, 40
"""For how long before and after a peak all is limited as there, and how long before and after that
the limiting begins and ends. With 40 and 20, the true peak of Opus rises by 0.7 dB."""
REACH_MS = _NEAR_MS + _SMOOTH_MS + 1
"""How far before and after a part its limiting depends on what is heard."""


def limited(total: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples in 16 bit, shape (frames, channels), with their peaks bent.

    There are whole milliseconds of them; those within REACH_MS of the ends are not right yet.
    """
    peaks = np.abs(total).reshape(len(total) // FRAMES_PER_MS, -1).max(axis=1) / CEILING
    if peaks.max() <= 1:
        return total
    near = _near(peaks)[:, None]
    loudness = np.clip((near - 1) / (_LOUD - 1), 0, 1)
    ceiling = CEILING * 10 ** (-_LOUD_DB * loudness / 20)
    softness = (0.25 + 0.45 * loudness) * np.clip((near - 1) / (_TOO_LOUD - 1), 1e-3, 1)
    room = softness * ceiling
    beyond = np.maximum(np.abs(total) - (ceiling - room), 0)
    bent: NDArray[np.float32] = total - np.sign(total) * (beyond - room * np.tanh(beyond / room))
    return bent


def _near(peaks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each sample the highest of the ``peaks``, one a millisecond, near it, smoothed."""
    highest = _around(peaks, _NEAR_MS).max(axis=1)
    smooth = _around(highest, _SMOOTH_MS).mean(axis=1)
    at_ms = np.arange(len(peaks) * FRAMES_PER_MS) / FRAMES_PER_MS - 0.5  # from middle to middle
    near: NDArray[np.float32] = np.interp(at_ms, np.arange(len(peaks)), smooth).astype("f4")
    return near


def _around(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return, for each value, those from ``reach`` before it to ``reach`` after it."""
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
