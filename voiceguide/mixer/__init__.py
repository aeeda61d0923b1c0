"""Timeline -> blocks of PCM, mixed with pydub in short windows, so that memory stays flat.

Takes the items of a timeline in the order of time, and the clips of what is said; it reads sounds
and beds from their files itself. Gives blocks of half a second: 48,000 Hz, 16 bit, mono or stereo.
``Mix`` goes from the beginning to the end, as needed for a file; ``Window`` returns any part of a
session, as needed by a player. Levels, pans, fades and ducking are applied here, and nothing is
louder than the ceiling.

    bed        a bed in a loop: at its level, faded, and quieter under speech
    limiter    bends what is too loud together
    passages   what is heard from one silence to the next, known by a digest before it is mixed
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import warnings
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np

from voiceguide import files
from voiceguide.audio.grid import FRAMES_PER_MS, RATE_HZ
from voiceguide.audio.reader import AudioReader, Excerpt
from voiceguide.errors import Position, ScriptError, SoundError, UsageError, option
from voiceguide.mixer.bed import AHEAD_MS, BEHIND_MS, Loop
from voiceguide.mixer.bed import found_bed as found_bed  # for plans
from voiceguide.mixer.limiter import CEILING, REACH_MS, limited
from voiceguide.mixer.passages import VERSION as VERSION  # for all that keep what was mixed
from voiceguide.mixer.passages import Passage, between_silences
from voiceguide.ssml import Group, Sound, walk
from voiceguide.timeline import Bed, End, Event, Item, Ramp

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that ffmpeg is missing, and audioop old: neither matters
    import audioop

    from pydub import AudioSegment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from voiceguide.audio.grid import Samples
    from voiceguide.ssml import Cue
    from voiceguide.timeline import Timeline
    from voiceguide.voices import Utterance

BLOCK_MS = 500
"""How long a block is, in milliseconds; the last one may be shorter."""

_SILENT_DB, _LOUDEST_DB = -120.0, 40.0
_FADE_IN_MS, _FADE_OUT_MS = 2, 10
"""Where a sound begins or ends with a step."""
_READ_MS = 5000
_TRACKS = 32
"""How many audio files are kept open."""


def channels(script: Cue) -> int:
    """Return how many channels a session needs: two if anything is panned."""
    return 2 if any(isinstance(cue, Group) and cue.timing.pan for cue in walk(script)) else 1


class Clips(Protocol):
    """Where the clips of a session come from: a voice."""

    def clip(self, utterance: Utterance) -> Samples:
        """Return the samples of an utterance."""

    def name(self, utterance: Utterance) -> str:
        """Return a digest of all that decides how it sounds."""


class Mix:
    """A session, mixed once from its beginning to its end: by blocks, or by passages."""

    def __init__(
        self, timeline: Iterable[Item], clips: Clips, channels: int, name: str = "a session"
    ) -> None:
        """Prepare to mix; ``timeline`` is consumed item by item, as what it has is needed.

        ``name`` is what its script is called in messages.
        """
        self._timeline = iter(timeline)
        self._clips = clips
        self._channels = channels
        self._name = name

    @functools.cached_property
    def bed(self) -> Bed | None:
        """What is heard under all of it: with a bed, there are no passages."""
        first = next(self._timeline, None)
        self._timeline = itertools.chain([] if first is None else [first], self._timeline)
        return first if isinstance(first, Bed) else None

    def __iter__(self) -> Iterator[bytes]:
        """Return the blocks: 48,000 Hz, 16 bit little endian, the channels interleaved.

        Raises SoundError for an audio file that cannot be read, ScriptError if the session is
        empty, and whatever the timeline and the clips raise.
        """
        window = Window(self._clips.clip, self._channels)
        events: list[Event] = []
        at_ms = 0
        for item in self._timeline:
            if isinstance(item, Bed):
                window.lay(item)
                continue
            end_ms = item.at_ms if isinstance(item, End) else None
            known_ms = item.at_ms if isinstance(item, End) else item.at_ms - window.ahead_ms
            while known_ms - at_ms >= BLOCK_MS:
                yield window.mix(events, at_ms, at_ms + BLOCK_MS, end_ms)
                at_ms += BLOCK_MS
                events = [event for event in events if event.end_ms > at_ms - window.behind_ms]
            if isinstance(item, Event):
                events.append(item)
            if end_ms == 0:
                raise nothing_is_heard(self._name)
            if end_ms is not None and end_ms > at_ms:
                yield window.mix(events, at_ms, end_ms, end_ms)

    def passages(self, apart_ms: int) -> Iterator[Passage | End]:
        """Return what is heard between silences of ``apart_ms`` or more; before the last, the end.

        Raises what iterating raises.
        """

        @functools.cache
        def name(plays: Utterance | Sound) -> str:
            if not isinstance(plays, Sound):
                return self._clips.name(plays)
            return f"{digest(plays)} {plays.speed} {plays.clip_begin_ms} {plays.clip_end_ms}"

        window = Window(self._clips.clip, self._channels)

        def mixed(events: Sequence[Event], begin_ms: int, end_ms: int, channels: int) -> bytes:
            return window.mix(events, begin_ms, end_ms, channels=channels)

        def passage(events: tuple[Event, ...]) -> Passage:
            return Passage(events, self._channels, mixed, name)

        for one in between_silences(self._timeline, passage, apart_ms):
            if isinstance(one, End) and one.at_ms == 0:
                raise nothing_is_heard(self._name)
            yield one


def digest(sound: Sound | Bed) -> str:
    """Return a digest of a sound's file; raises SoundError."""
    try:
        with sound.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise SoundError(f"{sound.path}: cannot be read: {error.strerror}") from error


def nothing_is_heard(name: str) -> ScriptError:
    """Return the error for an empty script."""
    return ScriptError(f"{name}: the script is empty: it has no text, sound or pause")


def chime_before(delay_ms: int) -> list[Event]:
    """Return the soft tone that is heard just before a session begins, at a negative time.

    Raises UsageError for a negative delay.
    """
    if delay_ms < 0:
        raise UsageError(
            f"{option('start_delay_ms', '--start-delay')} {delay_ms}: must be 0 or more"
        )
    found = tone("chime.wav") if delay_ms else None
    if found is None:
        return []
    length_ms = min(found.end_ms, delay_ms)
    return [Event(-length_ms, 0, found.plays, 0.0)]


def tone(name: str) -> Event | None:
    """Return a tone of the sounds, at 0; None if it is missing."""
    path = files.find(name, files.folders("sounds"))
    if path is None:
        return None
    sound = Sound(path, path.name, Position(1, 1))
    return Event(0, sound_ms(sound), sound, 0.0)


def read_through(timeline: Timeline) -> None:
    """Read the sounds and the bed as far as they are heard; raises SoundError for a bad file."""
    sounds = (event.plays for event in timeline.events if isinstance(event.plays, Sound))
    for track in map(_track, dict.fromkeys(sounds)):
        for begin_ms in range(0, track.length_ms, _READ_MS):
            end_ms = min(begin_ms + _READ_MS, track.length_ms)
            track[begin_ms * FRAMES_PER_MS : end_ms * FRAMES_PER_MS]
    if timeline.bed:
        bed = AudioReader(timeline.bed.path)
        heard = min(bed.frames, timeline.duration_ms * FRAMES_PER_MS)
        for begin in range(0, heard, _READ_MS * FRAMES_PER_MS):
            bed.read(begin, min(_READ_MS * FRAMES_PER_MS, heard - begin))


class Window:
    """Mixes any part of a session, any number of times, so that a player can seek."""

    def __init__(self, clip: Callable[[Utterance], Samples], channels: int) -> None:
        self.channels = channels
        self._bed: Loop | None = None
        self._clip = clip
        self._track = functools.lru_cache(_TRACKS)(_track)
        self._playing: list[_Playing] = []
        self._under = -1, np.zeros((channels, 0), dtype=np.float32)
        """Until when the bed was mixed, and the last REACH_MS of that."""

    def lay(self, bed: Bed) -> None:
        """Play ``bed`` under the whole session; raises SoundError if it cannot be played."""
        self._bed = Loop(bed, self.channels)

    @property
    def ahead_ms(self) -> int:
        """How far ahead of a part the events and the end of the session must be known."""
        return REACH_MS + (AHEAD_MS if self._bed else 0)

    @property
    def behind_ms(self) -> int:
        """How long after its end an event still matters."""
        return REACH_MS + (BEHIND_MS if self._bed else 0)

    def mix(
        self,
        events: Iterable[Event],
        begin_ms: int,
        end_ms: int,
        session_ms: int | None = None,
        channels: int | None = None,
    ) -> bytes:
        """Return the block from ``begin_ms`` to ``end_ms``, mixed from the ``events`` in it.

        On the grid of BLOCK_MS, it is identical to the block of a ``Mix``. Events that end up to
        ``behind_ms`` before it or begin up to ``ahead_ms`` after it are needed too, and with a bed,
        the length of the session if it ends within that time. ``channels`` are those of the window,
        or fewer.
        """
        events = list(events)
        channels = channels or self.channels
        ready = {id(one.event): one for one in self._playing}
        reached = begin_ms - REACH_MS, end_ms + REACH_MS
        self._playing = [
            ready.get(id(event)) or self._start(event, channels)
            for event in events
            if event.begin_ms < reached[1] and event.end_ms > reached[0]
        ]
        parts: list[_Part] = []
        for one in self._playing:
            begin, end = max(reached[0], one.event.begin_ms), min(reached[1], one.event.end_ms)
            parts.append((begin - reached[0], one.part(begin, end), one.boost))
        if self._bed and begin_ms >= 0:
            speech = [(e.begin_ms, e.end_ms) for e in events if e.kind == "speech"]
            bed = self._reached(self._bed, (begin_ms, end_ms), speech, session_ms)
            boost = max(1.0, float(np.abs(bed).max()))
            data = np.rint(bed.T * (32767 / boost)).astype("<i2").tobytes()
            parts.append((0, _segment(data, self.channels), boost))
        size, margin = (ms * FRAMES_PER_MS * 2 * channels for ms in (end_ms - begin_ms, REACH_MS))
        return _block(parts, reached[1] - reached[0], channels)[margin : margin + size]

    def _reached(
        self, bed: Loop, block: tuple[int, int], speech: Sequence[tuple[int, int]], end: int | None
    ) -> NDArray[np.float32]:
        """Return the bed of a block, and REACH_MS before and after it."""
        begin_ms, end_ms = block
        until_ms, before = self._under
        if until_ms != begin_ms:  # not block after block
            before = bed.part(begin_ms - REACH_MS, REACH_MS, speech, end)
        heard = bed.part(begin_ms, end_ms - begin_ms, speech, end)
        after = bed.part(end_ms, REACH_MS, speech, end)
        size = REACH_MS * FRAMES_PER_MS
        self._under = end_ms, np.concatenate([before, heard], axis=1)[:, -size:]
        return np.concatenate([before, heard, after], axis=1)

    def _start(self, event: Event, channels: int) -> _Playing:
        plays = event.plays
        clip = self._track(plays) if isinstance(plays, Sound) else self._clip(plays)
        levels: tuple[float, ...] = (10 ** (max(_SILENT_DB, min(0.0, event.gain_db)) / 20),)
        if channels > 1:
            angle = (event.pan + 1) * math.pi / 4  # equal power: as loud in two channels as in one
            levels = (levels[0] * math.cos(angle), levels[0] * math.sin(angle))
        boost = 10 ** (min(_LOUDEST_DB, max(0.0, event.gain_db)) / 20)
        return _Playing(event, clip, levels, boost, (*event.ramps, *_edges(event, clip)))


def sound_ms(sound: Sound) -> int:
    """Return how long a sound lasts, from the header of its file; raises SoundError."""
    try:
        status = sound.path.stat()
    except OSError:  # told when it is opened
        return _track(sound).length_ms
    return _known_ms(sound, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1024)
def _known_ms(sound: Sound, _changed_ns: int, _size: int) -> int:
    return _track(sound).length_ms


def _track(sound: Sound) -> Excerpt:
    return Excerpt(sound.path, sound.speed, sound.clip_begin_ms, sound.clip_end_ms)


class _Playing(NamedTuple):
    event: Event
    clip: Samples | Excerpt
    levels: tuple[float, ...]
    """A factor for each channel, 1 or less."""
    boost: float
    """A factor of 1 or more; samples beyond full scale are only limited after mixing."""
    ramps: tuple[Ramp, ...]

    def part(self, begin_ms: int, end_ms: int) -> AudioSegment:
        """Return what is heard from ``begin_ms`` to ``end_ms`` of the session."""
        begin, end = ((ms - self.event.begin_ms) * FRAMES_PER_MS for ms in (begin_ms, end_ms))
        data = self.clip[begin:end].tobytes()
        part = _segment(data, 1)
        if len(self.levels) > 1:
            both = audioop.tostereo(data, 2, *self.levels)
            part = _segment(both, 2)
        elif self.levels[0] < 1:
            part = part.apply_gain(_decibels(self.levels[0]))
        for ramp in self.ramps:
            if ramp.begin_ms < end_ms and ramp.end_ms > begin_ms:
                part = _ramped(part, ramp, begin_ms)
        return part


def _edges(event: Event, clip: Samples | Excerpt) -> Iterator[Ramp]:
    """Return the fades without which a sound would click; one that is cut has its own."""
    if not isinstance(clip, Excerpt):
        return
    begins, ends = clip.steps
    goes_on, is_followed = (joined and clip.is_loop for joined in event.joined)
    if begins and not goes_on:
        yield Ramp(event.begin_ms, event.begin_ms + _FADE_IN_MS, rising=True)
    if ends and not is_followed and event.end_ms - event.begin_ms == clip.length_ms:
        yield Ramp(max(event.begin_ms, event.end_ms - _FADE_OUT_MS), event.end_ms, rising=False)


_Part: TypeAlias = tuple[int, AudioSegment, float]
"""Its begin within the block in ms, its audio, and the factor by which to boost it."""


def _block(parts: list[_Part], length_ms: int, channels: int) -> bytes:
    if sum(part.max * boost for _, part, boost in parts) > CEILING:
        return _limited(parts, length_ms, channels)
    size = length_ms * FRAMES_PER_MS * 2 * channels
    if len(parts) == 1 and parts[0][2] == 1 and len(parts[0][1].raw_data) == size:
        return bytes(parts[0][1].raw_data)
    # Not by AudioSegment.silent: it is a sample short for 4 lengths in 100 (284 ms is one).
    block = _segment(bytes(size), channels)
    for position, part, boost in parts:
        loud = part if boost == 1 else part.apply_gain(_decibels(boost))
        block = block.overlay(loud, position=position)
    return bytes(block.raw_data)


def _limited(parts: list[_Part], length_ms: int, channels: int) -> bytes:
    """Mix parts that may be too loud."""
    total = np.zeros((length_ms * FRAMES_PER_MS, channels), dtype=np.float32)
    for position, part, boost in parts:
        samples = np.frombuffer(part.raw_data, dtype="<i2").reshape(-1, channels)
        begin = position * FRAMES_PER_MS
        total[begin : begin + len(samples)] += samples * np.float32(boost)
    return np.rint(limited(total)).astype("<i2").tobytes()


def _segment(data: bytes, channels: int) -> AudioSegment:
    return AudioSegment(data=data, sample_width=2, frame_rate=RATE_HZ, channels=channels)


def _ramped(part: AudioSegment, ramp: Ramp, begin_ms: int) -> AudioSegment:
    """Return a part that begins at ``begin_ms`` of the session, faded by a raised cosine."""
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
