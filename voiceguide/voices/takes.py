"""A raw recording -> a take: mono, trimmed to what is said, and judged."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pedalboard import HighpassFilter, Pedalboard

from voiceguide.audio.decoder import Source
from voiceguide.audio.reader import mono_weights, products
from voiceguide.errors import SoundError, VoiceError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHORTEST_MS = 100
"""The shortest trimmed recording; “ja” lasts 200 ms."""
LONGEST_S = 180
"""The longest file: 2,000 characters, the longest run of speech, read slowly."""

_WINDOW_MS = 10
_RUMBLE_HZ, _RUMBLE_POLES = 120, 4  # mains hum, 33 dB down; voices have enough above
_FLOOR_PERCENTILE = 5  # of the windows' levels: even between words there is that much silence
_SPEECH_DB, _SOUND_DB, _EDGE_DB = 15.0, 8.0, 4.0
"""Above the floor: what is speech for sure; a soft consonant, near speech; where each begins. The
level of white noise varies by 0.3 dB from window to window."""
_FLOOR_DBFS = -70.0  # quieter rooms are not told apart: breath is heard in them
_BELOW_LOUDEST_DB = 40.0
"""A voice that is softer than usual is above its room by less; so far below its loudest moment,
nothing is told apart either."""
_SILENT_DBFS = -45.0  # a steady sound below comes from the room; above, speech without a pause
_CLICK_MS, _APART_MS = 60, 150
"""A sound at the edge that is shorter, and this far from the rest, is a click; otherwise it may be
the t of “spot”."""
_BEFORE_MS, _BEHIND_MS = 10, 60
"""Kept around what is heard, fading: soft consonants that begin and end below the room's noise."""
_CLIPPED_AT = 0.985
_CLIPPED_FRAMES, _CLIPPED_RUNS = 3, 3
"""So many frames in a row at the top, so many times: a wave that was cut off."""


class Take(NamedTuple):
    """A recording, with its properties."""

    samples: NDArray[np.float32]
    """Mono, shape (frames,), within ±1, from the first word to the last; empty if silent."""
    rate_hz: int
    speech_dbfs: float
    """The level of its louder parts."""
    floor_dbfs: float
    """The level of the room, where it is heard."""
    clipped: bool


def take(samples: NDArray[np.float32], rate_hz: int) -> Take:
    """Return a trimmed and judged recording; ``samples`` have shape (channels, frames)."""
    window = rate_hz * _WINDOW_MS // 1000
    if samples.shape[1] < window:
        return Take(np.zeros(0, np.float32), rate_hz, -np.inf, -np.inf, clipped=False)
    mono = mono_weights(products(samples)) @ samples
    clipped = any(_is_clipped(channel) for channel in samples)
    mono = mono - mono.mean()
    heard = Pedalboard([HighpassFilter(_RUMBLE_HZ) for _ in range(_RUMBLE_POLES)])(mono, rate_hz)
    whole = heard[: heard.size // window * window].reshape(-1, window)
    levels = 10 * np.log10(np.maximum((whole.astype(np.float64) ** 2).mean(axis=1), 1e-12))
    room = float(np.percentile(levels, _FLOOR_PERCENTILE))
    floor = max(_FLOOR_DBFS, room)
    if levels.max() > floor + _SPEECH_DB:
        floor = max(room, min(_FLOOR_DBFS, float(levels.max()) - _BELOW_LOUDEST_DB))
        first, last = _edges(levels, floor)
        before, behind = (ms * rate_hz // 1000 for ms in (_BEFORE_MS, _BEHIND_MS))
        begin, end = max(0, first * window - before), last * window + behind
        mono = _faded(mono[begin:end], before, behind) if last else mono[:0]
        levels = levels[first:last]
    elif levels.max() < _SILENT_DBFS:
        mono = mono[:0]
    louder = float(np.percentile(levels, 90)) if mono.size else -np.inf
    return Take(mono, rate_hz, louder, floor, clipped)


def read(path: Path) -> Take:
    """Read a recording of any format, rate and number of channels; raises VoiceError."""
    try:
        with contextlib.closing(Source(path)) as source:
            frames, rate_hz = source.facts.frames, source.facts.rate_hz
            if frames > LONGEST_S * rate_hz:
                raise VoiceError(f"is longer than {LONGEST_S} s, too long for a phrase")
            if not frames:
                raise VoiceError("is empty")
            samples = np.nan_to_num(source.read(0, frames))
    except SoundError as error:
        what = "is empty" if path.is_file() and not path.stat().st_size else "cannot be read"
        raise VoiceError(what) from error
    return take(samples, rate_hz)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a recording, and whether it is used anyway."""

    says: str
    heard: bool


def judge(path: Path) -> Verdict | None:
    """Return what is wrong with a recording, if anything."""
    try:
        recording = read(path)
    except VoiceError as error:
        return Verdict(str(error), heard=False)
    if not recording.samples.size:
        return Verdict("is silent", heard=False)
    if recording.samples.size < SHORTEST_MS * recording.rate_hz // 1000:
        return Verdict("is too short", heard=False)
    return Verdict("is clipped", heard=True) if recording.clipped else None


def _is_clipped(channel: NDArray[np.float32]) -> bool:
    top = np.abs(channel) >= _CLIPPED_AT
    edges = np.flatnonzero(np.diff(np.pad(top.astype(np.int8), 1)))
    lengths = edges[1::2] - edges[::2]
    return int((lengths >= _CLIPPED_FRAMES).sum()) >= _CLIPPED_RUNS


def _edges(levels: NDArray[np.float64], floor: float) -> tuple[int, int]:
    """Return the first window of speech and the one after the last; both 0 if there is none."""
    bounds = np.flatnonzero(np.diff(np.pad((levels > floor + _EDGE_DB).astype(np.int8), 1)))
    parts = [
        (int(begin), int(end))
        for begin, end in zip(bounds[::2], bounds[1::2], strict=True)
        if levels[begin:end].max() > floor + _SOUND_DB
    ]
    words = [
        number
        for number, (begin, end) in enumerate(parts)
        if levels[begin:end].max() > floor + _SPEECH_DB and end - begin >= _CLICK_MS // _WINDOW_MS
    ]
    if not words:
        return 0, 0
    first, last = words[0], words[-1]
    apart = _APART_MS // _WINDOW_MS
    while first > 0 and parts[first][0] - parts[first - 1][1] <= apart:
        first -= 1
    while last + 1 < len(parts) and parts[last + 1][0] - parts[last][1] <= apart:
        last += 1
    return parts[first][0], parts[last][1]


def _faded(samples: NDArray[np.float32], before: int, behind: int) -> NDArray[np.float32]:
    """Return samples with the room's noise faded at both ends."""
    faded = samples.copy()
    before, behind = min(before, faded.size), min(behind, faded.size)
    faded[:before] *= np.linspace(0, 1, before, dtype=np.float32)
    faded[faded.size - behind :] *= np.linspace(1, 0, behind, dtype=np.float32) ** 2
    return faded
