"""A bed under speech: a file in a loop, at its level, faded, and ducked where something is said.

What is heard of it at any time hangs on that time alone, and on the speech around it: a player may
jump about.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from voiceguide.errors import SoundError
from voiceguide.sound import Windows
from voiceguide.voices.clip import FRAMES_PER_MS, integrated_lufs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.timeline import Bed

BED_LUFS = -36.0
"""Where nothing is said: 20 LU below speech, and 5 below the tones that pace the breath."""
DUCKED_DB = 6.0
"""How much softer a bed is under speech. STOI of speech is then 0.996 with each of ours."""
DUCK_MS, HOLD_MS, RISE_MS = 700, 300, 1800
"""It is down when speech begins, waits for what may follow, and comes back slowly: between two
sentences it does not pump."""
FADE_IN_MS, FADE_OUT_MS = 4000, 6000
"""At the begin and the end of the session."""
AHEAD_MS = max(DUCK_MS, FADE_OUT_MS)
"""So far ahead speech and the session's end have to be known."""
BEHIND_MS = HOLD_MS + RISE_MS
"""So long after its end speech still counts."""

_SEAM_MS = 4000
"""The end of a file that is no loop by itself is crossfaded with its begin for so long."""
_MEASURED_MS, _PROBE_MS, _PROBES = 300_000, 2000, 20
"""The level is that of 20 probes from the first five minutes."""
_SILENT_LUFS = -69.0


class Loop:
    """A bed's file, ready to play."""

    def __init__(self, bed: Bed, channels: int) -> None:
        """Open it for a mix of so many channels, and measure its level there.

        Raises SoundError if it is not audio, or silent.
        """
        self._windows = Windows(bed.path)
        self._ending = Windows(bed.path)  # each is read on where it was
        self._channels = channels
        frames = self._windows.frames
        self._seam = 0 if bed.seamless else min(_SEAM_MS * FRAMES_PER_MS, frames // 4)
        self._period = frames - self._seam
        level_lufs = _lufs(bed.path, channels)
        if level_lufs < _SILENT_LUFS:
            raise SoundError(f"{bed.path}: nothing is heard in it")
        self._gain_db = BED_LUFS - level_lufs + bed.gain_db

    def part(
        self,
        begin_ms: int,
        length_ms: int,
        speech: Sequence[tuple[int, int]],
        session_ms: int | None,
    ) -> NDArray[np.float32]:
        """Give the bed from ``begin_ms`` on: shape (channels, frames), within ±1 or a little over.

        ``speech`` is when something is said, from BEHIND_MS before to AHEAD_MS after that part;
        ``session_ms`` is the session's length, None if it ends later than AHEAD_MS after it.
        """
        looped = self._looped(begin_ms * FRAMES_PER_MS, length_ms * FRAMES_PER_MS)
        heard = _in_channels(looped, self._channels)
        gain_db = self._gain_db - DUCKED_DB * _ducking(begin_ms, length_ms, speech)
        gain = 10 ** (gain_db / 20) * _fade(begin_ms, length_ms, session_ms)
        at_ms = np.arange(heard.shape[1]) / FRAMES_PER_MS
        smooth: NDArray[np.float32] = np.interp(at_ms, np.arange(length_ms + 1), gain).astype("f4")
        return heard * smooth

    def _looped(self, begin: int, count: int) -> NDArray[np.float32]:
        """Give frames of the endless loop."""
        parts = []
        while count:
            at = begin % self._period
            part = self._windows.read(at, min(count, self._period - at))
            if at < self._seam and begin >= self._period:  # what was before goes on into it
                size = min(part.shape[1], self._seam - at)
                before = self._ending.read(self._period + at, size)
                angle = (np.arange(at, at + size) / self._seam * np.pi / 2).astype("f4")
                part[:, :size] = part[:, :size] * np.sin(angle) + before * np.cos(angle)
            parts.append(part)
            begin += part.shape[1]
            count -= part.shape[1]
        return np.concatenate(parts, axis=1)


def _in_channels(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Bring samples, shape (channels, frames), to one channel or two."""
    if channels == 1:
        mono: NDArray[np.float32] = samples.mean(axis=0, keepdims=True)
        return mono
    if len(samples) == 1:  # equal power: as loud in two channels as in one
        return np.repeat(samples * np.float32(np.sqrt(0.5)), channels, axis=0)
    return samples[:channels]


@functools.lru_cache(maxsize=8)
def _lufs(path: Path, channels: int) -> float:
    """Measure how loud a file is in so many channels."""
    windows = Windows(path)
    probe = min(_PROBE_MS * FRAMES_PER_MS, windows.frames)
    reach = min(_MEASURED_MS * FRAMES_PER_MS, windows.frames) - probe
    begins = np.linspace(0, reach, _PROBES).astype(int) if reach > 0 else [0]
    probes = np.concatenate([windows.read(int(at), probe) for at in begins], axis=1)
    heard = _in_channels(probes, channels) if probes.size else ()
    levels = [integrated_lufs(channel) for channel in heard]
    power = sum(10 ** (level / 10) for level in levels if np.isfinite(level))
    return float(10 * np.log10(power or 1e-12))


def _ducking(
    begin_ms: int, length_ms: int, speech: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Tell how far the bed is down at each millisecond, from 0 to 1."""
    at_ms = np.arange(begin_ms, begin_ms + length_ms + 1)
    down = np.zeros(len(at_ms))
    for begin, end in speech:
        before = np.clip((at_ms - begin + DUCK_MS) / DUCK_MS, 0, 1)
        after = np.clip((end + HOLD_MS + RISE_MS - at_ms) / RISE_MS, 0, 1)
        np.maximum(down, np.minimum(before, after), out=down)
    return 0.5 - 0.5 * np.cos(np.pi * down)


def _fade(begin_ms: int, length_ms: int, session_ms: int | None) -> NDArray[np.float64]:
    """Tell how far the bed is faded in at each millisecond, from 0 to 1."""
    at_ms = np.arange(begin_ms, begin_ms + length_ms + 1)
    level = np.clip(at_ms / FADE_IN_MS, 0, 1)
    if session_ms is not None:
        level = level * np.clip((session_ms - at_ms) / FADE_OUT_MS, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * level)
