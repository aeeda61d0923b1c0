"""Raw speech -> a clip: trimmed, polished, brought to level, at the rate of the mix, faded.

``tests/benchmarks/compare_voices.py`` shows the effect, with levels and spectrograms.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

import loudness
import numpy as np
import soxr
from pedalboard import Compressor, HighpassFilter, PeakFilter, Pedalboard

from voiceguide.audio.grid import CEILING_DBFS, FRAMES_PER_MS, RATE_HZ, SPEECH_LUFS
from voiceguide.voices.engine import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from voiceguide.audio.grid import Samples
    from voiceguide.voices.engine import Spoken

VERSION = 6
"""Part of the key of cached clips: raise it whenever a change here changes how they sound."""

_RUMBLE_HZ = 60.0
"""Below 80 Hz there is no speech (a deep voice's own pitch is 85), but microphones give hum and
steps there, and espeak-ng 0.002 of DC. Twice the filter, each falling by 6 dB an octave."""
_HARSH_HZ, _HARSH_Q = 3700.0, 0.9
"""The middle and the width of the band from 2 to 5 kHz."""
_LEVEL_DBFS = -18.0
"""The level (RMS) at which speech is compressed; the final one comes after."""
_COMPRESSION = {"threshold_db": -20.0, "ratio": 2.0, "attack_ms": 5.0, "release_ms": 120.0}
"""Gentle: of the peaks it takes what the limiter would take otherwise (4 to 5 dB, now less than 1),
and it raises what is said softly: extended STOI through a phone's loudspeaker in a noisy room rises
from 0.54 to 0.60 (plain STOI falls by 0.005). A ratio of 3 gains 0.02 more, and flattens sentences.
Neural voices are compressed by their makers: with it, Distill-MOS of Piper's joe falls from 4.26 to
4.05, Kokoro's am_michael from 4.56 to 4.52 (raw: 4.09 and 4.56; tests/benchmarks/judge_voices.py).
No room: espeak's women have an echo of their own, and a dry voice is clearer on a loudspeaker."""

_SILENCE_DB = -40.0  # below the clip's peak: breath and noise at the edges, no speech
_SILENT_PEAK = 1e-3  # −60 dBFS: an engine that stays below has said nothing
_FADE_IN_MS = 2
_FADE_OUT_MS = 10
_TAIL_MS = 20  # kept behind the last loud millisecond, so that a word's end is not clipped
_ROUGHLY_MS = 3  # how exactly an engine knows where a word ends
_LOOKAHEAD_MS = 5
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_EVEN_DB = 0.2  # what nobody hears
_BEYOND = 1.3  # clips come out within 0.35 LU, most after two passes (measured)
_SHORTEST_S = 0.4  # one gating block of ITU-R BS.1770


class Clip(NamedTuple):
    """Finished speech."""

    samples: Samples
    words: tuple[Word, ...] = ()
    """As they are said, and when; none if that is not known."""


_is_decided = threading.Event()


def keep_memory_flat(returned_from: int = 128 * 1024) -> None:
    """Make the C library return freed arrays from so many bytes on; the first call decides.

    glibc would keep more and more freed large arrays for reuse; a fixed threshold (mallopt(3))
    stops that. For small ones, all threads share one heap. Without this, a render of 3.4 hours
    takes 131 MB instead of 103, and 1.27 times as much as one of 12 minutes instead of 1.13
    (tests/benchmarks/bench_render.py allows 1.15).
    """
    if sys.platform == "linux" and not _is_decided.is_set():
        _is_decided.set()
        with contextlib.suppress(AttributeError, OSError):  # another C library has no mallopt
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, returned_from)
            mallopt(_M_ARENA_MAX, 1)


def finish(spoken: Spoken) -> Clip | None:
    """Return a clip of raw speech; None if it is silent."""
    raw = spoken.samples - spoken.samples.mean() if spoken.samples.size else spoken.samples
    peak = float(np.abs(raw).max(initial=0.0))
    if peak < _SILENT_PEAK:
        return None
    speech, words = _trim(spoken._replace(samples=raw), peak)
    if spoken.polish:
        speech = _polish(speech, spoken.rate_hz, spoken.harsh_db)
    resampled = soxr.resample(speech, spoken.rate_hz, RATE_HZ)
    samples: NDArray[np.float32] = np.pad(resampled, (0, -resampled.size % FRAMES_PER_MS))
    peaks = _peaks(samples, FRAMES_PER_MS)
    gain_db = SPEECH_LUFS - integrated_lufs(samples)
    limited = np.empty_like(samples)
    _limit(samples, peaks, gain_db, limited)
    for _ in range(2):  # the limiter lowers the level a little; more gain makes up for it
        missing_db = SPEECH_LUFS - integrated_lufs(limited)
        if abs(missing_db) < _EVEN_DB:
            break
        gain_db += _BEYOND * missing_db  # of which the limiter takes a part again
        _limit(samples, peaks, gain_db, limited)
    fade_in, fade_out = (
        min(ms * FRAMES_PER_MS, limited.size) for ms in (_FADE_IN_MS, _FADE_OUT_MS)
    )
    limited[:fade_in] *= np.linspace(0, 1, fade_in)
    limited[-fade_out:] *= np.linspace(1, 0, fade_out)
    limited *= 32767
    finished = np.rint(limited, out=limited).astype(np.int16)
    return Clip(finished, words)


def integrated_lufs(samples: NDArray[np.float32]) -> float:
    """Return the gated loudness of mono ``samples`` at 48,000 Hz (ITU-R BS.1770-4).

    A clip that is shorter than a gating block is measured as if it were repeated.
    """
    shortest = int(_SHORTEST_S * RATE_HZ)
    if samples.size < shortest:
        samples = np.resize(samples, shortest)
    return float(loudness.integrated_loudness(samples.astype(np.float32, copy=False), RATE_HZ))


def _trim(spoken: Spoken, peak: float) -> tuple[NDArray[np.float32], tuple[Word, ...]]:
    """Return speech without silence at both ends, to the millisecond, and its words there.

    A word begins and ends where it is heard: engines count the silence before a “t” to it.
    """
    raw, rate_hz = spoken.samples, spoken.rate_hz
    window = rate_hz // 1000
    loud = np.flatnonzero(_peaks(raw, window) > peak * _gain(_SILENCE_DB))
    begin = max(0, int(loud[0]) - _FADE_IN_MS)
    loud_ms = loud * window * 1000 / rate_hz  # a window is not quite a millisecond at 22,050 Hz
    begin_ms = begin * window * 1000 / rate_hz
    words = []
    for word in spoken.words:
        inside = loud_ms[np.searchsorted(loud_ms, word.begin_ms) :]
        inside = inside[: np.searchsorted(inside, word.end_ms - _ROUGHLY_MS)]
        edges = (inside[0], inside[-1] + 1) if inside.size else (word.begin_ms, word.end_ms)
        words.append(Word(word.text, *(max(0, round(ms - begin_ms)) for ms in edges)))
    return raw[begin * window : (int(loud[-1]) + 1 + _TAIL_MS) * window], tuple(words)


def _polish(speech: NDArray[np.float32], rate_hz: int, harsh_db: float) -> NDArray[np.float32]:
    """Return speech without rumble and harshness, compressed; without delay or pre-ringing."""
    clear = HighpassFilter(_RUMBLE_HZ)(speech, rate_hz)
    clear *= np.float32(_gain(_LEVEL_DBFS) / np.sqrt(np.mean(np.square(clear)) + 1e-12))
    effects = [PeakFilter(_HARSH_HZ, -harsh_db, _HARSH_Q)] if harsh_db else []
    effects += [
        Compressor(**_COMPRESSION),
        HighpassFilter(_RUMBLE_HZ),
    ]  # compressing lopsided waves makes DC
    polished: NDArray[np.float32] = Pedalboard(effects)(clear, rate_hz)
    return polished


def _peaks(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Return the peak of each ``window`` samples; the last may have fewer."""
    peaks: NDArray[np.float32]
    peaks = np.maximum.reduceat(np.abs(samples), np.arange(0, samples.size, window))
    return peaks  # four times as fast as by rows


def _limit(
    samples: NDArray[np.float32],
    peaks: NDArray[np.float32],
    gain_db: float,
    limited: NDArray[np.float32],
) -> None:
    """Write ``samples``, raised by ``gain_db``, into ``limited``; a smooth gain limits peaks.

    ``peaks`` are those of each millisecond of ``samples``.
    """
    raised = np.float32(_gain(gain_db))
    np.multiply(samples, raised, out=limited)
    ceiling = _gain(CEILING_DBFS)
    levels = peaks * raised
    if levels.max() <= ceiling:
        return
    wanted = np.minimum(1.0, ceiling / np.maximum(levels, 1e-9))
    reach = 2 * _LOOKAHEAD_MS + 1
    padded = np.pad(wanted, 2 * _LOOKAHEAD_MS, mode="edge")
    shifted = (padded[first : padded.size - reach + 1 + first] for first in range(reach))
    lowest = functools.reduce(np.minimum, shifted)
    smooth = np.lib.stride_tricks.sliding_window_view(lowest, reach).mean(axis=1)
    edges = np.pad((smooth[:-1] + smooth[1:]) / 2, 1, mode="edge").astype(np.float32)
    part = np.linspace(0, 1, FRAMES_PER_MS, endpoint=False, dtype=np.float32)
    gains = np.multiply.outer(np.diff(edges), part)  # straight from edge to edge
    gains += edges[:-1, None]
    limited *= gains.ravel()
    np.clip(limited, -ceiling, ceiling, out=limited)


def _gain(db: float) -> float:
    return float(10 ** (db / 20))
