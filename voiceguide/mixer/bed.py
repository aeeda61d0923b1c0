"""A bed under speech: a file in a loop, at its level, faded, and ducked under speech.

Any part can be rendered on its own, given the speech around it, so that a player can seek.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pedalboard import HighpassFilter, HighShelfFilter, Pedalboard

from voiceguide.audio.grid import FRAMES_PER_MS, RATE_HZ, SPEECH_LUFS
from voiceguide.audio.reader import AudioReader, mono_weights, products
from voiceguide.errors import SoundError
from voiceguide.options import BEDS, bed_file
from voiceguide.timeline import Bed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BED_LUFS = -36.0
"""The level without speech: 20 LU below speech, and 5 below the tones that pace the breath."""
DUCKED_DB = 6.0
"""How much quieter a bed is under speech. The STOI of speech is then 0.996 with our beds."""
DUCK_MS, HOLD_MS, RISE_MS = 700, 300, 1800
"""The bed is down when speech begins, stays down in case more follows, and comes back slowly: it
does not pump between sentences."""
FADE_IN_MS, FADE_OUT_MS = 4000, 6000
"""At the beginning and the end of the session."""
AHEAD_MS = max(DUCK_MS, FADE_OUT_MS)
"""How far ahead speech and the end of the session must be known."""
BEHIND_MS = HOLD_MS + RISE_MS
"""How long after its end speech still matters."""

_SEAM_MS = 4000
"""How long the end of a file that is not seamless is crossfaded with its beginning."""
_LIKENESS = (-0.5, 1.0)
"""The limits of the correlation of both: beyond the lower one, the sum is not raised further."""
_MEASURED_MS, _PROBE_MS, _PROBES = 3_600_000, 3000, 200
"""Ten minutes are measured completely, in parts of 3 s (short-term loudness); longer files in this
many places of their first hour."""
_GATE_LU = 10.0
"""Parts this far below the mean do not count (ITU-R BS.1770-4)."""
_MOST_DB = 12.0
"""How much a quiet file is raised at most."""
_BELOW_SPEECH_LU = 10.0
"""How far the loudest 3 s of a bed stay below speech, unless its level is raised."""
_SILENT_LUFS = -69.0
_HEARD = Pedalboard(
    [HighShelfFilter(1682, 4, 0.707), HighpassFilter(38.1), HighpassFilter(38.1)]
)  # the K-weighting of ITU-R BS.1770-4, within 0.3 dB


def found_bed(name: str, gain_db: float) -> Bed:
    """Return the bed that is one of ours or a file.

    Raises RequestError if there is none, SoundError if it cannot be played.
    """
    found = Bed(bed_file(name), name, name in BEDS, gain_db)
    return replace(found, channels=Loop(found, channels=1).channels)


class Loop:
    """A bed's file, ready to play."""

    def __init__(self, bed: Bed, channels: int) -> None:
        """Open it for a mix with this many channels, and measure its level there.

        Raises SoundError if it is not audio or is silent.
        """
        self._path = bed.path
        self._windows = AudioReader(bed.path)
        self._ending = AudioReader(bed.path)  # each continues where it was
        frames = self._windows.frames
        self._seam = 0 if bed.seamless else min(_SEAM_MS * FRAMES_PER_MS, frames // 4)
        self._period = frames - self._seam
        powers, means = _measured(bed.path)
        self._weights = _weights(powers.sum(axis=0), channels)
        self._offset = self._weights @ means
        mixed = self._weights @ powers @ self._weights.T
        level_lufs, loudest_lufs = _lufs(np.trace(mixed, axis1=1, axis2=2))
        if loudest_lufs < _SILENT_LUFS:
            raise SoundError(f"{bed.path}: the file is silent")
        most_db = min(_MOST_DB, SPEECH_LUFS - _BELOW_SPEECH_LU - loudest_lufs)
        self._gain_db = min(BED_LUFS - level_lufs, most_db) + bed.gain_db

    @property
    def channels(self) -> int:
        """How many channels its file fills, of the two that a mix may have."""
        return min(2, self._windows.channels)

    def part(
        self,
        begin_ms: int,
        length_ms: int,
        speech: Sequence[tuple[int, int]],
        session_ms: int | None,
    ) -> NDArray[np.float32]:
        """Return the bed from ``begin_ms`` on: shape (channels, frames); it may exceed ±1.

        ``speech`` lists when something is said, from BEHIND_MS before this part to AHEAD_MS after
        it; ``session_ms`` is the session's length, None if it ends later than AHEAD_MS after it.
        """
        looped = self._looped(begin_ms * FRAMES_PER_MS, length_ms * FRAMES_PER_MS)
        heard = self._weights @ looped - self._offset
        gain_db = self._gain_db - DUCKED_DB * _ducking(begin_ms, length_ms, speech)
        gain = 10 ** (gain_db / 20) * _fade(begin_ms, length_ms, session_ms)
        at_ms = np.arange(heard.shape[1]) / FRAMES_PER_MS
        smooth: NDArray[np.float32] = np.interp(at_ms, np.arange(length_ms + 1), gain).astype("f4")
        return heard * smooth

    def _looped(self, begin: int, count: int) -> NDArray[np.float32]:
        """Return frames of the endless loop."""
        parts = []
        while count:
            at = begin % self._period
            part = self._windows.read(at, min(count, self._period - at))
            if at < self._seam and begin >= self._period:  # crossfade from the end
                size = min(part.shape[1], self._seam - at)
                before = self._ending.read(self._period + at, size)
                angle = (np.arange(at, at + size) / self._seam * np.pi / 2).astype("f4")
                rising, falling = np.sin(angle), np.cos(angle)
                power = 1 + 2 * self._likeness * rising * falling
                part = part.copy()  # the reader keeps what it returned
                part[:, :size] = (part[:, :size] * rising + before * falling) / np.sqrt(power)
            parts.append(part)
            begin += part.shape[1]
            count -= part.shape[1]
        return np.concatenate(parts, axis=1)

    @functools.cached_property
    def _likeness(self) -> np.float32:
        """The correlation of the end with the beginning: the more alike, the louder their sum."""
        windows = AudioReader(self._path)
        both = [self._weights @ windows.read(at, self._seam) for at in (0, self._period)]
        windows.close()
        begin, end = (samples.astype(np.float64).ravel() for samples in both)
        of_both = float(np.sqrt((begin @ begin) * (end @ end)))
        return np.float32(np.clip(float(begin @ end) / (of_both or 1.0), *_LIKENESS))


def _weights(powers: NDArray[np.float64], channels: int) -> NDArray[np.float32]:
    """Return the weight of each channel of a file in each channel of the mix."""
    if channels == 1:
        return mono_weights(powers)[None, :]
    weights = np.full((channels, len(powers)), np.sqrt(0.5), dtype=np.float32)  # equal power
    if len(powers) > 1:  # the first two are left and right, all others in the middle
        weights[:, :channels] = np.eye(channels)
    return weights


def _lufs(powers: NDArray[np.float64]) -> tuple[float, float]:
    """Return the gated loudness of a file and the loudness of its loudest part."""
    levels = 10 * np.log10(np.maximum(powers, 1e-12)) - 0.691
    heard = powers[levels > _SILENT_LUFS]
    if not heard.size:
        return -np.inf, -np.inf
    heard = heard[heard > heard.mean() / 10 ** (_GATE_LU / 10)]
    return float(10 * np.log10(heard.mean()) - 0.691), float(levels.max())


@functools.lru_cache(maxsize=8)
def _measured(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the weighted powers of a file's channels, and their means.

    The powers have the shape (parts, channels, channels): that of a part, mixed with the weights w,
    is w·P·w. The means, shape (channels, 1), are not heard, but would be raised with the file.
    """
    windows = AudioReader(path)
    probe = min(_PROBE_MS * FRAMES_PER_MS, windows.frames)
    reach = min(_MEASURED_MS * FRAMES_PER_MS, windows.frames) - probe
    count = min(_PROBES, -(-reach // max(1, probe)) + 1)
    powers, means = [], []
    for at in np.linspace(0, reach, count):
        part = windows.read(int(at), probe)
        means.append(part.sum(axis=1, keepdims=True) / max(1, probe))
        powers.append(products(_HEARD(part - means[-1], RATE_HZ)) / max(1, probe))
    windows.close()
    return np.array(powers), np.mean(means, axis=0).astype("f4")


def _ducking(
    begin_ms: int, length_ms: int, speech: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Return how far the bed is down at each millisecond, from 0 to 1."""
    at_ms = np.arange(begin_ms, begin_ms + length_ms + 1)
    down = np.zeros(len(at_ms))
    for begin, end in speech:
        before = np.clip((at_ms - begin + DUCK_MS) / DUCK_MS, 0, 1)
        after = np.clip((end + HOLD_MS + RISE_MS - at_ms) / RISE_MS, 0, 1)
        np.maximum(down, np.minimum(before, after), out=down)
    return 0.5 - 0.5 * np.cos(np.pi * down)


def _fade(begin_ms: int, length_ms: int, session_ms: int | None) -> NDArray[np.float64]:
    """Return how far the bed is faded in at each millisecond, from 0 to 1."""
    at_ms = np.arange(begin_ms, begin_ms + length_ms + 1)
    level = np.clip(at_ms / FADE_IN_MS, 0, 1)
    if session_ms is not None:
        level = level * np.clip((session_ms - at_ms) / FADE_OUT_MS, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * level)
