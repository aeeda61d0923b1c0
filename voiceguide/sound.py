"""Audio files -> samples at the rate of the mix: whole where they are short, else in windows."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import soxr
from pedalboard import time_stretch
from pedalboard.io import AudioFile

from voiceguide.errors import SoundError
from voiceguide.voices.clip import FRAMES_PER_MS, RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.ssml import Sound
    from voiceguide.voices.clip import Samples

LONG_MS = 60_000
"""What lasts longer is not held in memory, but read as it is played."""
_MOST_STRETCHED_MS = 600_000
"""To change the speed, all of a sound has to be in memory: so much is 115 MB."""

_MARGIN_S = 0.05
"""What a resampler has to know before and after a window; its filter reaches less far."""
_MP3_FRAME_BYTES = 500
_INFO_END = 44  # the Info header stands at most 36 bytes into the first frame
_DECODER_DELAY = 529


def sound_ms(sound: Sound) -> int:
    """Tell how long a sound lasts; raises SoundError if it cannot be read."""
    return _length_ms(sound.path, sound.speed, sound.clip_begin_ms, sound.clip_end_ms)


def samples(sound: Sound) -> Samples:
    """Read a sound as it is to be heard; raises SoundError."""
    return _read(sound.path, sound.speed, sound.clip_begin_ms, sound.clip_end_ms)


class Windows:
    """A file that is read in windows, in any order; what follows the last one costs least."""

    def __init__(self, path: Path) -> None:
        """Open a file of any format, rate and number of channels; raises SoundError."""
        self._path = path
        try:
            self._file = AudioFile(str(path))
            self._first, padding = mp3_edges(path)
        except RecursionError:
            raise
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreadable(path, error) from error
        self._rate_hz = int(self._file.samplerate)
        self._count = max(0, int(self._file.frames) - self._first - padding)
        step = math.gcd(self._rate_hz, RATE_HZ)
        self._from_unit = self._rate_hz // step
        self._to_unit = RATE_HZ // step
        self._margin = math.ceil(_MARGIN_S * RATE_HZ / self._to_unit)
        self._kept = np.zeros((self.channels, 0), dtype=np.float32)
        self._kept_begin = 0

    @property
    def channels(self) -> int:
        """How many channels the file has."""
        return int(self._file.num_channels)

    @property
    def frames(self) -> int:
        """How many frames it has, at 48,000 Hz."""
        return round(self._count * RATE_HZ / self._rate_hz)

    def read(self, begin: int, count: int) -> NDArray[np.float32]:
        """Give ``count`` frames at 48,000 Hz, shape (channels, count), zeros beyond the ends.

        They are the same whatever was read before. Raises SoundError.
        """
        if self._rate_hz == RATE_HZ:
            return self._raw(begin, count)
        # Units of both rates begin together, so that each window is on the grid of the whole.
        first = begin // self._to_unit - self._margin
        last = -(-(begin + count) // self._to_unit) + self._margin
        raw = self._raw(first * self._from_unit, (last - first) * self._from_unit)
        resampled: NDArray[np.float32] = soxr.resample(raw.T, self._rate_hz, RATE_HZ).T
        skipped = begin - first * self._to_unit
        return resampled[:, skipped : skipped + count]

    def _raw(self, begin: int, count: int) -> NDArray[np.float32]:
        """Give frames at the file's own rate; those of the last window are not read again."""
        frames = np.zeros((self.channels, count), dtype=np.float32)
        at, end = max(0, begin), min(begin + count, self._count)
        kept_end = self._kept_begin + self._kept.shape[1]
        if self._kept_begin <= at < kept_end:
            again = self._kept[:, at - self._kept_begin : end - self._kept_begin]
            frames[:, at - begin : at - begin + again.shape[1]] = again
            at += again.shape[1]
        if at < end:
            try:
                if self._file.tell() != self._first + at:
                    self._file.seek(self._first + at)
                read = self._file.read(end - at)
            except (OSError, ValueError, RuntimeError) as error:
                raise _unreadable(self._path, error) from error
            frames[:, at - begin : at - begin + read.shape[1]] = read
        self._kept, self._kept_begin = frames, begin
        return frames


@functools.lru_cache(maxsize=256)
def _length_ms(path: Path, speed: float, begin_ms: int, end_ms: int | None) -> int:
    length_ms = Windows(path).frames // FRAMES_PER_MS
    part_ms = (length_ms if end_ms is None else min(end_ms, length_ms)) - begin_ms
    if part_ms <= LONG_MS:
        return len(_read(path, speed, begin_ms, end_ms)) // FRAMES_PER_MS
    if speed == 1:
        return part_ms
    if part_ms > _MOST_STRETCHED_MS:
        most = _MOST_STRETCHED_MS // 60_000
        raise SoundError(f"{path}: lasts more than {most} minutes: leave its speed as it is")
    return round(part_ms / speed)


@functools.lru_cache(maxsize=32)
def _read(path: Path, speed: float, begin_ms: int, end_ms: int | None) -> Samples:
    """Read a part of a file: mono, 48,000 Hz, a whole number of milliseconds."""
    try:
        with AudioFile(str(path)) as file:
            rate_hz = file.samplerate
            first, padding = mp3_edges(path)
            frames = file.frames - first - padding
            begin = round(begin_ms * rate_hz / 1000)
            end = frames if end_ms is None else round(end_ms * rate_hz / 1000)
            if begin >= frames:
                length_s = frames / rate_hz
                raise SoundError(f"{path}: its clipBegin lies behind its end ({length_s:.3f} s)")
            file.seek(first + begin)
            samples: NDArray[np.float32] = file.read(min(end, frames) - begin).mean(axis=0)
    except RecursionError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    length_ms = round(len(samples) / speed / FRAMES_PER_MS)
    if speed != 1:
        samples = time_stretch(samples, RATE_HZ, speed)[0]
    fitted = np.zeros(length_ms * FRAMES_PER_MS, dtype=np.int16)
    part = samples[: len(fitted)]
    fitted[: len(part)] = np.rint(np.clip(part, -1, 1) * 32767)
    return fitted


def _unreadable(path: Path, error: Exception) -> SoundError:
    return SoundError(f"{path}: cannot be read as audio: {error}")


def mp3_edges(path: Path) -> tuple[int, int]:
    """Tell how many frames an MP3 encoder put before and behind the sound (the LAME header).

    pedalboard gives them too; players leave them out.
    """
    if path.suffix.lower() != ".mp3":
        return 0, 0
    with path.open("rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3":  # its size is in four times seven bits
            file.seek(10 + sum(byte << 7 * place for place, byte in enumerate(reversed(tag[6:]))))
        else:
            file.seek(0)
        frame = file.read(_MP3_FRAME_BYTES)
    info = max(frame.find(b"Info", 0, _INFO_END), frame.find(b"Xing", 0, _INFO_END))
    if info < 0 or frame[info + 120 : info + 122] not in (b"LA", b"La"):  # LAME, Lavc, Lavf
        return 0, 0
    delay, padding = divmod(int.from_bytes(frame[info + 141 : info + 144], "big"), 4096)
    return delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)
