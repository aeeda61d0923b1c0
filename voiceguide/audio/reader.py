"""Audio files -> samples at the rate of the mix, in windows, with constant memory."""

from __future__ import annotations

import contextlib
import functools
import math
from typing import TYPE_CHECKING

import miniaudio
import numpy as np
import soxr
from pedalboard import time_stretch
from pedalboard.io import AudioFile, ReadableAudioFile

from voiceguide.audio import mp3
from voiceguide.audio.grid import FRAMES_PER_MS, RATE_HZ
from voiceguide.errors import SoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.audio.grid import Samples

_MARGIN_S = 0.05
"""What a resampler needs before and after a window; its filter is shorter."""
_SKIPPED_AT_ONCE = 1 << 16
"""JUCE, which decodes MP3, misses the target of a seek by up to two frames (48 ms, measured). So an
MP3 is decoded from its beginning instead, at about 1,000 times its speed."""
_KNOWN = "it is not WAV, FLAC, OGG (Vorbis) or MP3; convert it to one of these"
_HELD_MS = 10_000  # up to this length, such as a tone, a file is kept in memory
_LONGEST_STRETCHED_S = 60  # kept in memory as a whole
_PROBE_MS, _PROBES, _PROBED_MS = 1000, 20, 300_000
"""The places, within the first part of a file, where we look for channels that cancel out."""


class AudioReader:
    """A file that is read in windows, in any order; sequential reading is fastest."""

    def __init__(self, path: Path) -> None:
        """Open a file of any format, rate and number of channels; raises SoundError."""
        self._path = path
        self._in_order = path.suffix.lower() == ".mp3"
        with self._readable():
            self._file = open_audio(path)
            self._first, padding = mp3.edges(path) if self._in_order else (0, 0)
        self._rate_hz = int(self._file.samplerate)
        self._count = max(0, int(self._file.frames) - self._first - padding)
        step = math.gcd(self._rate_hz, RATE_HZ)
        self._from_unit = self._rate_hz // step
        self._to_unit = RATE_HZ // step
        self._margin = math.ceil(_MARGIN_S * RATE_HZ / self._to_unit)
        self._kept = np.zeros((self.channels, 0), dtype=np.float32)
        self._kept_begin = 0
        self._at = 0

    @property
    def channels(self) -> int:
        """How many channels the file has."""
        return int(self._file.num_channels)

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
        self._file.close()

    def _raw(self, begin: int, count: int) -> NDArray[np.float32]:
        """Return frames at the file's own rate, without reading those of the last window again."""
        with self._readable():
            frames = np.zeros((self.channels, count), dtype=np.float32)
            at, end = max(0, begin), min(begin + count, self._count)
            kept_end = self._kept_begin + self._kept.shape[1]
            if self._kept_begin <= at < kept_end:
                again = self._kept[:, at - self._kept_begin : end - self._kept_begin]
                frames[:, at - begin : at - begin + again.shape[1]] = again
                at += again.shape[1]
            if at < end:
                self._go_to(self._first + at)
                read = self._file.read(end - at)
                self._at += read.shape[1]
                frames[:, at - begin : at - begin + read.shape[1]] = read
            self._kept, self._kept_begin = frames, begin
        return frames

    def _go_to(self, target: int) -> None:
        """Seek to the frame ``target``."""
        if self._in_order:
            if self._at > target:
                self._file.seek(0)
                self._at = 0
            while self._at < target:
                skipped = self._file.read(min(_SKIPPED_AT_ONCE, target - self._at)).shape[1]
                if not skipped:
                    return
                self._at += skipped
        elif self._at != target:
            self._file.seek(target)
            self._at = target

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except RecursionError:
            raise
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            what = _KNOWN if "supported format" in str(error) else error
            raise SoundError(f"{self._path}: cannot be read as audio: {what}") from error


class Track:
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


class _Counted:
    """An MP3 whose header does not say how long it is, with pedalboard's interface.

    pedalboard guesses the length from the bit rate of the beginning, and stops reading there.
    """

    def __init__(self, path: Path) -> None:
        """Open it and count its frames, which takes 0.6 ms per minute; raises DecodeError."""
        self._path = str(path)
        info = miniaudio.mp3_get_file_info(self._path)
        self.samplerate, self.num_channels = info.sample_rate, info.nchannels
        self.frames = info.num_frames
        self.seek(0)

    def read(self, count: int) -> NDArray[np.float32]:
        """Return the next frames, shape (channels, frames), fewer at the end; raises ValueError."""
        parts = [np.zeros((0, self.num_channels), dtype=np.float32)]
        while count:
            try:
                part = np.frombuffer(self._stream.send(min(count, _SKIPPED_AT_ONCE)), np.float32)
            except StopIteration:
                break
            except miniaudio.MiniaudioError as error:
                raise ValueError(str(error)) from error
            parts.append(part.reshape(-1, self.num_channels))
            count -= len(parts[-1])
        return np.concatenate(parts).T

    def seek(self, position: int) -> None:
        """Seek to the frame ``position``."""
        self._stream = miniaudio.stream_file(
            self._path, miniaudio.SampleFormat.FLOAT32, self.num_channels, self.samplerate,
            _SKIPPED_AT_ONCE, seek_frame=position,
        )  # fmt: skip

    def close(self) -> None:
        """Close it."""
        self._stream.close()


def open_audio(path: Path) -> ReadableAudioFile | _Counted:
    """Open a file with a correct ``frames``; the caller closes it. Raises OSError or ValueError."""
    file = AudioFile(str(path))
    if path.suffix.lower() == ".mp3" and not mp3.tells_length(path):
        with contextlib.suppress(miniaudio.DecodeError):  # it is not an MP3
            counted = _Counted(path)
            file.close()
            return counted
    return file
