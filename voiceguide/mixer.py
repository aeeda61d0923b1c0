"""Timeline -> blocks of PCM, mixed with pydub in short windows, so that memory stays flat."""

from __future__ import annotations

import contextlib
import functools
import math
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import soxr
from pedalboard import time_stretch
from pedalboard.io import AudioFile

from voiceguide.errors import ScriptError, SoundError
from voiceguide.ssml import Group, Sound, Speech, walk
from voiceguide.timeline import End, Event, Item, Ramp
from voiceguide.voices.clip import CEILING_DBFS, FRAMES_PER_MS, RATE_HZ

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that ffmpeg is missing, which is never asked for here
    from pydub import AudioSegment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pedalboard.io import ReadableAudioFile

    from voiceguide.ssml import Cue
    from voiceguide.voices.clip import Samples

VERSION = 1
"""Raise it whenever the same timeline sounds different: a playlist's files are then made anew."""

BLOCK_MS = 500
"""How long a block is, in milliseconds; the last one may be shorter."""

_CEILING = 32767 * 10 ** (CEILING_DBFS / 20)
_KNEE = 0.75 * _CEILING
_MP3_FRAME_BYTES = 500
_INFO_END = 44  # the Info header stands at most 36 bytes into the first frame
_DECODER_DELAY = 529
_SILENT_DB, _LOUDEST_DB = -120.0, 40.0
_WINDOW_S, _MARGIN_S = 10, 1  # whole seconds begin on a frame at any rate
_LONGEST_STRETCHED_S = 60  # what is played at another speed is held as a whole


def channels(script: Cue) -> int:
    """Tell how many channels a session needs: two where anything is panned."""
    return 2 if any(isinstance(cue, Group) and cue.timing.pan for cue in walk(script)) else 1


def mix(
    timeline: Iterable[Item],
    speech_clip: Callable[[Speech], Samples],
    channels: int,
    block_ms: int = BLOCK_MS,
) -> Iterator[bytes]:
    """Give the session as blocks: 48,000 Hz, 16 bit little endian, ``channels`` interleaved.

    ``timeline`` is taken item by item, and ``speech_clip`` asked when a speech begins. Raises
    SoundError for an audio file that cannot be read, ScriptError where nothing is heard at all, and
    what the two raise.
    """
    playing: list[_Playing] = []
    at_ms = 0
    for item in timeline:
        until_ms = item.ms if isinstance(item, End) else item.begin_ms
        while until_ms - at_ms >= block_ms:
            yield _block(playing, at_ms, block_ms, channels)
            at_ms += block_ms
            playing = [one for one in playing if one.event.end_ms > at_ms]
        if isinstance(item, Event):
            playing.append(_start(item, speech_clip, channels))
        elif isinstance(item, End) and until_ms > at_ms:
            yield _block(playing, at_ms, until_ms - at_ms, channels)
        elif isinstance(item, End) and until_ms == 0:
            raise nothing_is_heard("the script")


def nothing_is_heard(name: str) -> ScriptError:
    """Give the error for a script that lasts no time."""
    return ScriptError(f"{name}: nothing is heard: it has no text, sound or pause")


class Window:
    """Mixes any part of a session, as often as it is asked for: what a player needs to seek."""

    def __init__(self, speech_clip: Callable[[Speech], Samples], channels: int) -> None:
        self.channels = channels
        self._speech_clip = speech_clip
        self._playing: list[_Playing] = []

    def mix(self, events: Iterable[Event], begin_ms: int, end_ms: int) -> bytes:
        """Give the block from ``begin_ms`` to ``end_ms``, of the ``events`` that reach into it.

        On the grid of BLOCK_MS it holds the same samples as that of ``mix``.
        """
        ready = {id(one.event): one for one in self._playing}
        self._playing = [
            ready.get(id(event)) or _start(event, self._speech_clip, self.channels)
            for event in events
        ]
        return _block(self._playing, begin_ms, end_ms - begin_ms, self.channels)


def sound_ms(sound: Sound) -> int:
    """Tell how long a sound lasts, of which only the head is read; raises SoundError."""
    return _track(sound).length_ms


class _Playing(NamedTuple):
    event: Event
    clip: Samples | _Track
    levels_db: tuple[float, ...]
    """A gain for each channel, 0 or less."""
    boost: float
    """A factor of 1 or more: what goes beyond full scale is only limited in the sum."""

    def part(self, begin_ms: int, end_ms: int) -> AudioSegment:
        """Give what is heard from ``begin_ms`` to ``end_ms`` of the session."""
        begin, end = ((ms - self.event.begin_ms) * FRAMES_PER_MS for ms in (begin_ms, end_ms))
        data = self.clip[begin:end].tobytes()
        mono = AudioSegment(data=data, sample_width=2, frame_rate=RATE_HZ, channels=1)
        channels = [mono.apply_gain(level) if level else mono for level in self.levels_db]
        part = channels[0]
        if len(channels) > 1:
            part = AudioSegment.from_mono_audiosegments(*channels)
        for ramp in self.event.ramps:
            if ramp.begin_ms < end_ms and ramp.end_ms > begin_ms:
                part = _ramped(part, ramp, begin_ms)
        return part


def _block(playing: list[_Playing], begin_ms: int, length_ms: int, channels: int) -> bytes:
    parts: list[tuple[int, AudioSegment, float]] = []
    for one in playing:
        begin = max(begin_ms, one.event.begin_ms)
        end = min(begin_ms + length_ms, one.event.end_ms)
        if end > begin:
            parts.append((begin - begin_ms, one.part(begin, end), one.boost))
    if sum(part.max * boost for _, part, boost in parts) > _CEILING:
        return _limited(parts, length_ms, channels)
    # Not by AudioSegment.silent: it is a sample short for 4 lengths in 100 (284 ms is one).
    silence = bytes(length_ms * FRAMES_PER_MS * 2 * channels)
    block = AudioSegment(data=silence, sample_width=2, frame_rate=RATE_HZ, channels=channels)
    for position, part, boost in parts:
        loud = part if boost == 1 else part.apply_gain(_decibels(boost))
        block = block.overlay(loud, position=position)
    return bytes(block.raw_data)


def _limited(parts: list[tuple[int, AudioSegment, float]], length_ms: int, channels: int) -> bytes:
    """Mix what may be too loud: where it is, what goes beyond the knee is bent, never clipped."""
    total = np.zeros((length_ms * FRAMES_PER_MS, channels), dtype=np.float32)
    for position, part, boost in parts:
        samples = np.frombuffer(part.raw_data, dtype="<i2").reshape(-1, channels)
        begin = position * FRAMES_PER_MS
        total[begin : begin + len(samples)] += samples * np.float32(boost)
    if np.abs(total).max() > _CEILING:
        beyond = np.maximum(np.abs(total) - _KNEE, 0)
        excess = beyond - (_CEILING - _KNEE) * np.tanh(beyond / (_CEILING - _KNEE))
        total -= np.sign(total) * excess
    return np.rint(total).astype("<i2").tobytes()


def _start(event: Event, speech_clip: Callable[[Speech], Samples], channels: int) -> _Playing:
    cue = event.cue
    clip = speech_clip(cue) if isinstance(cue, Speech) else _track(cue)
    level_db = max(_SILENT_DB, min(0.0, event.gain_db))
    levels_db: tuple[float, ...] = (level_db,)
    if channels > 1:
        angle = (event.pan + 1) * math.pi / 4  # equal power: as loud in two channels as in one
        levels_db = (
            level_db + _decibels(math.cos(angle)), level_db + _decibels(math.sin(angle)),
        )  # fmt: skip
    boost = 10 ** (min(_LOUDEST_DB, max(0.0, event.gain_db)) / 20)
    return _Playing(event, clip, levels_db, boost)


def _ramped(part: AudioSegment, ramp: Ramp, begin_ms: int) -> AudioSegment:
    """Fade a part that begins at ``begin_ms`` of the session, in a raised cosine."""
    frames = int(part.frame_count())
    span = (ramp.end_ms - ramp.begin_ms) * FRAMES_PER_MS
    at = np.arange(frames) + (begin_ms - ramp.begin_ms) * FRAMES_PER_MS
    gain = 0.5 - 0.5 * np.cos(np.pi * np.clip(at / span, 0, 1))
    if not ramp.rising:
        gain = 1 - gain
    samples = np.frombuffer(part.raw_data, dtype="<i2").reshape(frames, part.channels)
    return part._spawn(np.rint(samples * gain[:, None]).astype("<i2").tobytes())  # noqa: SLF001


def _track(sound: Sound) -> _Track:
    return _opened(sound.path, sound.speed, sound.clip_begin_ms, sound.clip_end_ms)


@functools.lru_cache(maxsize=32)
def _opened(path: Path, speed: float, begin_ms: int, end_ms: int | None) -> _Track:
    return _Track(path, speed, begin_ms, end_ms)


class _Track:
    """A part of an audio file: mono, 48,000 Hz, read window by window as it is sliced."""

    def __init__(self, path: Path, speed: float, begin_ms: int, end_ms: int | None) -> None:
        self._path = path
        self._speed = speed
        with self._reading() as file:
            self._rate_hz = int(file.samplerate)
            first, padding = mp3_edges(path)
            frames = file.frames - first - padding
        begin = round(begin_ms * self._rate_hz / 1000)
        end = frames if end_ms is None else min(frames, round(end_ms * self._rate_hz / 1000))
        if begin >= frames:
            length_s = frames / self._rate_hz
            raise SoundError(f"{path}: its clipBegin lies behind its end ({length_s:.3f} s)")
        if speed != 1 and end - begin > _LONGEST_STRETCHED_S * self._rate_hz:
            what = f"is longer than the {_LONGEST_STRETCHED_S} s that can have another speed"
            raise SoundError(f"{path}: {what}")
        self._begin, self._end = first + begin, first + end
        self.length_ms: int = round((end - begin) / self._rate_hz / speed * 1000)
        self._window = functools.lru_cache(maxsize=2)(self._read_window)

    def __getitem__(self, part: slice) -> Samples:
        """Give samples; the slice has a begin and an end, both within the track."""
        if self._speed != 1:
            return self._whole[part]
        parts = []
        at = part.start
        while at < part.stop:
            number, offset = divmod(at, _WINDOW_S * RATE_HZ)
            parts.append(self._window(number)[offset : offset + part.stop - at])
            at += len(parts[-1])
        return np.concatenate(parts)

    @functools.cached_property
    def _whole(self) -> Samples:
        """All of it, at its speed."""
        samples = self._resampled(self._begin, self._end)
        samples = time_stretch(samples, RATE_HZ, self._speed)[0]
        return _fitted(samples, self.length_ms * FRAMES_PER_MS)

    def _read_window(self, number: int) -> Samples:
        """Read a window, and a margin around it: there a resampler does not hear the cut."""
        begin = self._begin + (number * _WINDOW_S - _MARGIN_S) * self._rate_hz
        end = begin + (_WINDOW_S + 2 * _MARGIN_S) * self._rate_hz
        from_begin = max(begin, self._begin)
        samples = self._resampled(from_begin, min(end, self._end))
        if from_begin == begin:
            samples = samples[_MARGIN_S * RATE_HZ :]
        return _fitted(samples, _WINDOW_S * RATE_HZ)

    def _resampled(self, begin: int, end: int) -> NDArray[np.float32]:
        with self._reading() as file:
            file.seek(begin)
            samples: NDArray[np.float32] = file.read(end - begin).mean(axis=0)
        return np.asarray(soxr.resample(samples, self._rate_hz, RATE_HZ))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[ReadableAudioFile]:
        try:
            with AudioFile(str(self._path)) as file:
                yield file
        except RecursionError:
            raise
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            what = str(error).replace(f'file "{self._path}" ', "it ")
            raise SoundError(f"{self._path}: cannot be read as audio: {what}") from error


def _fitted(samples: NDArray[np.float32], frames: int) -> Samples:
    """Give ``frames`` of 16 bit: what is missing is silence."""
    fitted = np.zeros(frames, dtype=np.int16)
    heard = samples[:frames]
    fitted[: len(heard)] = np.rint(np.clip(heard, -1, 1) * 32767)
    return fitted


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


def _decibels(factor: float) -> float:
    return 20 * math.log10(max(factor, 1e-6))
