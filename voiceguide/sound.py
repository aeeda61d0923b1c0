"""Audio files -> samples at the rate of the mix, in windows: an hour costs no memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import soxr
from pedalboard.io import AudioFile

from voiceguide.errors import SoundError
from voiceguide.voices.clip import RATE_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MARGIN_S = 0.05
"""What a resampler has to know before and after a window; its filter reaches less far."""
_MP3_FRAME_BYTES = 500
_INFO_END = 44  # the Info header stands at most 36 bytes into the first frame
_DECODER_DELAY = 529


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
