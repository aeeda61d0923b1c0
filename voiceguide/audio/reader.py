"""Audio files -> samples at the rate of the mix, in windows, with constant memory."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import soxr
from pedalboard import time_stretch

from voiceguide.audio.decoder import Source
from voiceguide.audio.grid import FRAMES_PER_MS, RATE_HZ
from voiceguide.errors import SoundError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.audio.grid import Samples

_MARGIN_S = 0.05
"""What a resampler needs before and after a window; its filter is shorter."""
_HELD_MS = 10_000  # up to this length, such as a tone, a file is kept in memory
_LONGEST_STRETCHED_S = 60  # kept in memory as a whole
_SILENT = 33  # in 16 bit: −60 dBFS
_PROBE_MS, _PROBES, _PROBED_MS = 1000, 20, 300_000
"""The places, within the first part of a file, where we look for channels that cancel out."""


class AudioReader:
    """A file that is read in windows, in any order; sequential reading is fastest."""

    def __init__(self, path: Path) -> None:
        """Open a file of any format and rate, with 1 to 8 ``channels``; raises SoundError."""
        self._source = Source(path)
        _, self.channels, self._rate_hz, self._count = self._source.facts
        step = math.gcd(self._rate_hz, RATE_HZ)
        self._from_unit = self._rate_hz // step
        self._to_unit = RATE_HZ // step
        self._margin = math.ceil(_MARGIN_S * RATE_HZ / self._to_unit)
        self._kept = np.zeros((self.channels, 0), dtype=np.float32)
        self._kept_begin = 0

    @property
    def frames(self) -> int:
        """How many frames it has, at 48,000 Hz."""
        return round(self._count * RATE_HZ / self._rate_hz)

    def read(self, begin: int, count: int) -> NDArray[np.float32]:
        """Return ``count`` frames at 48,000 Hz, shape (channels, count), zeros beyond the ends.

        The result does not depend on what was read before. Raises SoundError.
        """
        if self._rate_hz == RATE_HZ:
            return self._raw(begin, count)
        # Units of both rates begin together, so that each window is on the grid of the file.
        first = begin // self._to_unit - self._margin
        last = -(-(begin + count) // self._to_unit) + self._margin
        raw = self._raw(first * self._from_unit, (last - first) * self._from_unit)
        resampled: NDArray[np.float32] = soxr.resample(raw.T, self._rate_hz, RATE_HZ).T
        skipped = begin - first * self._to_unit
        return resampled[:, skipped : skipped + count]

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def _raw(self, begin: int, count: int) -> NDArray[np.float32]:
        """Return frames at the file's own rate, without reading those of the last window again."""
        frames = np.zeros((self.channels, count), dtype=np.float32)
        at, end = max(0, begin), min(begin + count, self._count)
        kept_end = self._kept_begin + self._kept.shape[1]
        if self._kept_begin <= at < kept_end:
            again = self._kept[:, at - self._kept_begin : end - self._kept_begin]
            frames[:, at - begin : at - begin + again.shape[1]] = again
            at += again.shape[1]
        if at < end:
            read = self._source.read(at, end - at)
            frames[:, at - begin : at - begin + read.shape[1]] = read
        self._kept, self._kept_begin = frames, begin
        return frames


class Excerpt:
    """A part of an audio file, mono, at a speed; slicing it reads it."""

    def __init__(self, path: Path, speed: float, begin_ms: int, end_ms: int | None) -> None:
        """Open a file; ``end_ms`` is None for its end. Raises SoundError."""
        self._windows = AudioReader(path)
        self._speed = speed
        frames = self._windows.frames
        self._begin = begin_ms * FRAMES_PER_MS
        self._end = frames if end_ms is None else min(frames, end_ms * FRAMES_PER_MS)
        if self._begin >= frames:
            length_s = frames / RATE_HZ
            raise SoundError(f"{path}: clipBegin is past the end of the file ({length_s:.3f} s)")
        if speed != 1 and self._end - self._begin > _LONGEST_STRETCHED_S * RATE_HZ:
            what = f"is longer than {_LONGEST_STRETCHED_S} s, the most that can have another speed"
            raise SoundError(f"{path}: {what}")
        self.length_ms: int = round((self._end - self._begin) / speed / FRAMES_PER_MS)
        self._held = speed != 1 or self.length_ms <= _HELD_MS

    def __getitem__(self, part: slice) -> Samples:
        """Return samples of a slice with a begin and an end; silence beyond the file."""
        if self._held:
            return _fitted(self._whole[part], part.stop - part.start)
        begin = self._begin + part.start
        end = min(self._begin + part.stop, self._end)
        samples = _in_16_bit(self._mono(begin, max(0, end - begin)))
        return _fitted(samples, part.stop - part.start)

    @functools.cached_property
    def steps(self) -> tuple[bool, bool]:
        """Whether it begins and ends with a step, which would click; of a long one, it may."""
        if not self._held or not self.length_ms:
            return True, True
        first, last = np.abs(self._whole[[0, -1]].astype(int)) > _SILENT
        return bool(first), bool(last)

    @functools.cached_property
    def is_loop(self) -> bool:
        """Whether its end leads on to its begin, with no greater step than beside it."""
        if self._speed != 1:  # stretched, its ends are uncertain
            return False
        end = self.length_ms * FRAMES_PER_MS
        size = min(FRAMES_PER_MS, end)
        steps = np.abs(np.diff(np.concatenate([self[end - size : end], self[0:size]]).astype(int)))
        around = np.delete(steps, size - 1)
        return bool(steps[size - 1] <= _SILENT + 2 * around.max(initial=0))

    @functools.cached_property
    def _whole(self) -> Samples:
        """The whole part, at its speed."""
        frames = self._end - self._begin
        samples = self._mono(self._begin, frames)
        if self._speed != 1:
            samples = time_stretch(samples, RATE_HZ, self._speed)[0]
        return _in_16_bit(samples)

    def _mono(self, begin: int, frames: int) -> NDArray[np.float32]:
        return self._weights @ self._windows.read(begin, frames)

    @functools.cached_property
    def _weights(self) -> NDArray[np.float32]:
        """The weight of each channel in the mono mix, constant over the file."""
        probe = min(_PROBE_MS * FRAMES_PER_MS, self._end - self._begin)
        reach = min(_PROBED_MS * FRAMES_PER_MS, self._end - self._begin) - probe
        channels = self._windows.channels
        probes = (
            self._windows.read(self._begin + int(at), probe)
            for at in (np.linspace(0, reach, _PROBES) if channels > 1 else ())
        )
        return mono_weights(sum(map(products, probes), np.zeros((channels, channels))))


def products(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the products of all pairs of channels, summed over time: powers and correlations."""
    exact = samples.astype(np.float64)
    sums: NDArray[np.float64] = exact @ exact.T
    return sums


def mono_weights(products: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the weight of each channel in a mono mix.

    The mix is their mean, or the loudest channel if they would cancel out or most are silent.
    """
    count = len(products)
    powers = np.diag(products)
    if products.sum() / count**2 < powers.max() / 8:
        loudest: NDArray[np.float32] = (np.arange(count) == powers.argmax()).astype(np.float32)
        return loudest
    return np.full(count, 1 / count, dtype=np.float32)


def _in_16_bit(samples: NDArray[np.float32]) -> Samples:
    return np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def _fitted(samples: Samples, frames: int) -> Samples:
    """Return exactly ``frames`` samples, padded with silence."""
    if len(samples) >= frames:
        return samples[:frames]
    return np.pad(samples, (0, frames - len(samples)))
