"""What a microphone hears, and what is played -> what is heard without what the room gives back.

The power that a room gives back in each bin is learned from the last frames that were played, by
normalized least mean squares, and three times as much is taken away (spectral subtraction). Phases
do not matter, so late loudspeakers and clocks that differ do not either. What is left is good for
the models of speech only: what is near is known by ``listen.near``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voiceguide.listen.near import FRAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WINDOW = 2 * FRAME
_BINS = FRAME + 1
_TAPER = np.sqrt(np.hanning(_WINDOW + 1)[:-1]).astype(np.float32)
"""Windows that overlap by half, tapered before and after, add up to what went in."""
_RINGS = 40
"""For so many frames a room rings with what was played, and a loudspeaker may be late."""
_STEP = np.float32(0.1)
"""So much of what an estimate lacks is learned in a frame."""
_AUDIBLE = 5e-3
"""What is played is learned from if it is this loud: the mean power of its bins, at -45 dBFS."""
_MORE = np.float32(3)
"""So much more than was estimated is taken away, as power,"""
_LEFT = np.float32(0.01)
"""and so much of what was heard is left at least."""


class EchoSuppressor:
    """Knows what a room gives back better and better."""

    def __init__(self) -> None:
        self._heard = np.zeros(_WINDOW, np.float32)
        self._played = np.zeros(_WINDOW, np.float32)
        self._left = np.zeros(_WINDOW, np.float32)
        self._rings = np.zeros((_RINGS, _BINS), np.float32)  # the power that was played, last first
        self._given_back = np.zeros((_RINGS, _BINS), np.float32)  # the share of each that is heard

    def take(
        self, heard: NDArray[np.float32], played: NDArray[np.float32], *, is_near: bool
    ) -> NDArray[np.float32]:
        """Return what is left of the FRAME samples before these, within ±1 as they are.

        The room is learned while nothing near is heard.
        """
        self._heard = np.concatenate([self._heard[FRAME:], heard])
        self._played = np.concatenate([self._played[FRAME:], played])
        self._rings = np.roll(self._rings, 1, axis=0)
        self._rings[0] = _power(np.fft.rfft(self._played * _TAPER))
        spectrum = np.fft.rfft(self._heard * _TAPER)
        power = _power(spectrum)
        echo = np.einsum("rb,rb->b", self._given_back, self._rings)
        if not is_near and heard.any() and self._rings.mean(axis=1).max() > _AUDIBLE:
            squares = np.einsum("rb,rb->b", self._rings, self._rings)
            lacks = _STEP * (power - echo) / (squares + np.float32(1e-6))
            np.maximum(self._given_back + self._rings * lacks, 0, out=self._given_back)
        left = np.maximum(1 - _MORE * echo / (power + 1e-12), _LEFT)
        self._left = np.concatenate([self._left[FRAME:], np.zeros(FRAME, np.float32)])
        self._left += _TAPER * np.fft.irfft(spectrum * np.sqrt(left), _WINDOW).astype(np.float32)
        return self._left[:FRAME].copy()


def _power(spectrum: NDArray[np.complexfloating]) -> NDArray[np.float32]:
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)
