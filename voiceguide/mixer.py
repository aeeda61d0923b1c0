"""Timeline -> blocks of PCM, mixed with pydub in short windows, so that memory stays flat."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from voiceguide.bed import AHEAD_MS, BEHIND_MS, Loop
from voiceguide.errors import ScriptError
from voiceguide.sound import LONG_MS, Windows, mp3_edges, samples, sound_ms
from voiceguide.ssml import Group, Speech, walk
from voiceguide.timeline import Bed, End, Event, Item, Ramp
from voiceguide.voices.clip import CEILING_DBFS, FRAMES_PER_MS, RATE_HZ

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that ffmpeg is missing, and audioop is old: neither matters
    import audioop

    from pydub import AudioSegment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from voiceguide.ssml import Cue
    from voiceguide.voices.clip import Samples

__all__ = [
    "AHEAD_MS", "BEHIND_MS", "BLOCK_MS", "Window", "channels", "check", "mix", "mp3_edges",
    "nothing_is_heard", "sound_ms",
]  # fmt: skip

BLOCK_MS = 500
"""How long a block is, in milliseconds; the last one may be shorter."""

_CEILING = 32767 * 10 ** (CEILING_DBFS / 20)
_KNEE = 0.75 * _CEILING
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
    window = Window(speech_clip, channels)
    events: list[Event] = []
    at_ms = 0
    for item in timeline:
        if isinstance(item, Bed):
            window.bed = Loop(item)
            continue
        until_ms = item.ms if isinstance(item, End) else item.begin_ms
        end_ms = item.ms if isinstance(item, End) else None
        known_ms = until_ms if isinstance(item, End) else until_ms - window.ahead_ms
        while known_ms - at_ms >= block_ms:
            yield window.mix(events, at_ms, at_ms + block_ms, end_ms)
            at_ms += block_ms
            events = [event for event in events if event.end_ms > at_ms - window.behind_ms]
        if isinstance(item, Event):
            events.append(item)
        elif isinstance(item, End) and until_ms > at_ms:
            yield window.mix(events, at_ms, until_ms, end_ms)
        elif isinstance(item, End) and until_ms == 0:
            raise nothing_is_heard("the script")


def nothing_is_heard(name: str) -> ScriptError:
    """Give the error for a script that lasts no time."""
    return ScriptError(f"{name}: nothing is heard: it has no text, sound or pause")


def check(bed: Bed) -> None:
    """Raise SoundError if a bed cannot be played."""
    Loop(bed)


class Window:
    """Mixes any part of a session, as often as it is asked for: what a player needs to seek."""

    def __init__(self, speech_clip: Callable[[Speech], Samples], channels: int) -> None:
        self.channels = channels
        self.bed: Loop | None = None
        """What sounds under all of the session."""
        self._speech_clip = speech_clip
        self._playing: list[_Playing] = []

    @property
    def ahead_ms(self) -> int:
        """How far ahead of a part its events, and the end of the session, have to be known."""
        return AHEAD_MS if self.bed else 0

    @property
    def behind_ms(self) -> int:
        """How far behind an event's end it still matters."""
        return BEHIND_MS if self.bed else 0

    def mix(
        self, events: Iterable[Event], begin_ms: int, end_ms: int, session_ms: int | None = None
    ) -> bytes:
        """Give the block from ``begin_ms`` to ``end_ms``, of the ``events`` that reach into it.

        On the grid of BLOCK_MS it holds the same samples as that of ``mix``. With a bed, events
        that end up to ``behind_ms`` before it, or begin up to ``ahead_ms`` after it, are needed
        too, and the length of the session, if it ends within that.
        """
        events = list(events)
        ready = {id(one.event): one for one in self._playing}
        self._playing = [
            ready.get(id(event)) or _start(event, self._speech_clip, self.channels)
            for event in events
            if event.begin_ms < end_ms and event.end_ms > begin_ms
        ]
        parts = _parts(self._playing, begin_ms, end_ms)
        if self.bed and begin_ms >= 0:
            speech = [(e.begin_ms, e.end_ms) for e in events if isinstance(e.cue, Speech)]
            length_ms = end_ms - begin_ms
            bed = self.bed.part(begin_ms, length_ms, speech, session_ms, self.channels)
            whole = np.clip(np.rint(bed.T * 32767), -32768, 32767).astype("<i2")
            parts.append((0, _segment(whole, self.channels), 1.0))
        return _block(parts, end_ms - begin_ms, self.channels)


class _Playing(NamedTuple):
    event: Event
    part: Callable[[int, int], AudioSegment]
    """Gives what lies between two of its milliseconds, attenuated as the event wants it."""
    boost: float
    """A factor of 1 or more: what goes beyond full scale is only limited in the sum."""


_Part: TypeAlias = tuple[int, AudioSegment, float]
"""Where in the block it begins, in ms; what is heard; by what it is to be boosted."""


def _parts(playing: list[_Playing], begin_ms: int, end_ms: int) -> list[_Part]:
    """Give what is heard of each event in a block."""
    parts: list[_Part] = []
    for event, part_of, boost in playing:
        begin = max(begin_ms, event.begin_ms)
        end = min(end_ms, event.end_ms)
        part = part_of(begin - event.begin_ms, end - event.begin_ms)
        for ramp in event.ramps:
            if ramp.begin_ms < end and ramp.end_ms > begin:
                part = _ramped(part, ramp, begin)
        parts.append((begin - begin_ms, part, boost))
    return parts


def _block(parts: list[_Part], length_ms: int, channels: int) -> bytes:
    if sum(part.max * boost for _, part, boost in parts) > _CEILING:
        return _limited(parts, length_ms, channels)
    block = AudioSegment.silent(length_ms, RATE_HZ).set_channels(channels)
    for position, part, boost in parts:
        loud = part if boost == 1 else part.apply_gain(_decibels(boost))
        block = block.overlay(loud, position=position)
    return bytes(block.raw_data)


def _limited(parts: list[_Part], length_ms: int, channels: int) -> bytes:
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
    boost = 10 ** (min(_LOUDEST_DB, max(0.0, event.gain_db)) / 20)
    if isinstance(cue, Speech):
        clip = _placed(speech_clip(cue), event, channels)
    elif sound_ms(cue) <= LONG_MS or cue.speed != 1:
        clip = _placed(samples(cue), event, channels)
    else:
        windows = Windows(cue.path)

        def part(begin_ms: int, end_ms: int) -> AudioSegment:
            first, count = ((cue.clip_begin_ms + begin_ms), (end_ms - begin_ms))
            read = windows.read(first * FRAMES_PER_MS, count * FRAMES_PER_MS).mean(axis=0)
            whole = np.rint(np.clip(read, -1, 1) * 32767).astype(np.int16)
            return _placed(whole, event, channels)

        return _Playing(event, part, boost)
    return _Playing(event, lambda begin_ms, end_ms: clip[begin_ms:end_ms], boost)


def _placed(samples: Samples, event: Event, channels: int) -> AudioSegment:
    """Give samples at the level and the place that their event wants."""
    clip = _segment(samples, 1)
    if event.gain_db < 0:
        clip = clip.apply_gain(max(_SILENT_DB, event.gain_db))
    if channels == 1:
        return clip
    angle = (event.pan + 1) * math.pi / 4  # equal power: as loud in two channels as in one
    both = audioop.tostereo(clip.raw_data, 2, math.cos(angle), math.sin(angle))
    return clip._spawn(both, {"channels": 2, "frame_width": 4})  # noqa: SLF001


def _segment(samples: NDArray[np.int16], channels: int) -> AudioSegment:
    return AudioSegment(
        data=samples.tobytes(), sample_width=2, frame_rate=RATE_HZ, channels=channels
    )


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


def _decibels(factor: float) -> float:
    return 20 * math.log10(max(factor, 1e-6))
