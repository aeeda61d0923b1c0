"""Timeline -> blocks of PCM, mixed with pydub in short windows, so that memory stays flat."""

from __future__ import annotations

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

    from voiceguide.ssml import Cue
    from voiceguide.voices.clip import Samples

BLOCK_MS = 500
"""How long a block is, in milliseconds; the last one may be shorter."""

_CEILING = 32767 * 10 ** (CEILING_DBFS / 20)
_KNEE = 0.75 * _CEILING
_MP3_FRAME_BYTES = 500
_INFO_END = 44  # the Info header stands at most 36 bytes into the first frame
_DECODER_DELAY = 529
_SILENT_DB, _LOUDEST_DB = -120.0, 40.0


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
    """Tell how long a sound lasts; raises SoundError if it cannot be read."""
    return len(_samples(sound)) // FRAMES_PER_MS


class _Playing(NamedTuple):
    event: Event
    clip: AudioSegment
    """Attenuated as the event wants it."""
    boost: float
    """A factor of 1 or more: what goes beyond full scale is only limited in the sum."""


def _block(playing: list[_Playing], begin_ms: int, length_ms: int, channels: int) -> bytes:
    parts: list[tuple[int, AudioSegment, float]] = []
    for event, clip, boost in playing:
        begin = max(begin_ms, event.begin_ms)
        end = min(begin_ms + length_ms, event.end_ms)
        if end <= begin:
            continue
        part = clip[begin - event.begin_ms : end - event.begin_ms]
        for ramp in event.ramps:
            if ramp.begin_ms < end and ramp.end_ms > begin:
                part = _ramped(part, ramp, begin)
        parts.append((begin - begin_ms, part, boost))
    if sum(part.max * boost for _, part, boost in parts) > _CEILING:
        return _limited(parts, length_ms, channels)
    block = AudioSegment.silent(length_ms, RATE_HZ).set_channels(channels)
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
    samples = speech_clip(cue) if isinstance(cue, Speech) else _samples(cue)
    clip = AudioSegment(data=samples.tobytes(), sample_width=2, frame_rate=RATE_HZ, channels=1)
    if event.gain_db < 0:
        clip = clip.apply_gain(max(_SILENT_DB, event.gain_db))
    boost = 10 ** (min(_LOUDEST_DB, max(0.0, event.gain_db)) / 20)
    if channels == 1:
        return _Playing(event, clip, boost)
    angle = (event.pan + 1) * math.pi / 4  # equal power: as loud in two channels as in one
    left = clip.apply_gain(_decibels(math.cos(angle)))
    right = clip.apply_gain(_decibels(math.sin(angle)))
    return _Playing(event, AudioSegment.from_mono_audiosegments(left, right), boost)


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


def _samples(sound: Sound) -> Samples:
    return _read(sound.path, sound.speed, sound.clip_begin_ms, sound.clip_end_ms)


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
        raise SoundError(f"{path}: cannot be read as audio: {error}") from error
    if rate_hz != RATE_HZ:
        samples = soxr.resample(samples, rate_hz, RATE_HZ)
    length_ms = round(len(samples) / speed / FRAMES_PER_MS)
    if speed != 1:
        samples = time_stretch(samples, RATE_HZ, speed)[0]
    fitted = np.zeros(length_ms * FRAMES_PER_MS, dtype=np.int16)
    part = samples[: len(fitted)]
    fitted[: len(part)] = np.rint(np.clip(part, -1, 1) * 32767)
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
