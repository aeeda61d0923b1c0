"""PCM -> MP3 by LAME, with the Info frame that gives an MP3's length to the sample.

Sound is encoded in segments from silence to silence, on all cores, and what was encoded once is
read from the cache, before it is mixed; silence costs nothing. What is heard in the middle is
encoded in one channel, in half the time. The frames are then laid into one file (``frames``).

lameenc does not write the Info frame, which comes before the audio. Its fields are those of the
“Mp3 Info Tag rev 1” (http://gabriel.mp3-tech.org/mp3infotag.html).
"""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, NamedTuple

import lameenc
from mutagen.mp3 import MP3

from voiceguide.audio.grid import RATE_HZ
from voiceguide.child import cores
from voiceguide.export import frames
from voiceguide.export.encoder import KBIT_PER_S
from voiceguide.export.frames import SAMPLES, Frames
from voiceguide.export.segments import (
    APART_MS,
    FRAME_MS,
    OVERLAP,
    Cutter,
    PassageSegment,
    Segment,
    segments,
)
from voiceguide.export.tags import tag_id3
from voiceguide.files import Store, cache_folder
from voiceguide.timeline import End

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.export.tags import Tags
    from voiceguide.mixer.passages import Passage
    from voiceguide.timeline import Timeline

MOST_BYTES = 500_000_000
"""How large the folder of what was encoded may grow: ten hours."""

_QUALITY = 7
"""LAME's fastest setting, a third faster than its default; at these bit rates, its noise is masked
just as well (tests/benchmarks/compare_encoders.py)."""

_MOST_WORKERS = 4
_WAITING = 3
"""How many segments, and silences between them, may wait for each to be laid: 25 MB for four."""

_VERSION = b"LAME3.100"
_DELAY = 576  # LAME's, in samples
_PADDING = 576  # the least that it adds at the end
_INFO_AT = {1: 21, 2: 36}  # the Info header follows the empty side information
_FIELDS = 0b1111  # has frames, bytes, a seek table and quality
_CONSTANT_RATE, _48_KHZ = 1, 2 << 6
_STEREO_MODE = {1: 0 << 2, 2: 3 << 2}  # mono, joint
_VBR_QUALITY = 4  # LAME's default, written at a constant rate too
_SURE = 2  # frames at both ends of what parts share, which know too little of the other part
_CRC = 0xA001  # CRC-16, polynomial 0x8005 with its bits reversed


class _Encoded(NamedTuple):
    """A segment that is encoded."""

    segment: Segment | PassageSegment
    frames: Frames
    skipped: int = 0
    """How many of its frames come from the part before it."""


class Encoder:
    """Writes 48,000 Hz, 16 bit to a file as MP3; ``close`` completes it."""

    apart_ms = APART_MS

    def __init__(
        self, file: IO[bytes], channels: int, kept: Store, shared: Store | None = None
    ) -> None:
        """Start at the beginning of a seekable file; ``kept`` has what was encoded before.

        ``shared`` has passages, without a bed: what one is mixed into hardly ever comes again.
        """
        self._file, self._channels = file, channels
        self._kept, self._shared = kept, shared or kept
        self._kbit_per_s = KBIT_PER_S[channels]
        self._samples = self._laid = self._reached = 0
        self._cutter = Cutter(channels)
        self._abandoned = self._ends = False
        workers = cores(_MOST_WORKERS)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="lame")
        self._most_waiting = _WAITING * workers
        self._waiting: deque[Future[_Encoded] | int] = deque()
        self._last: _Encoded | None = None  # it goes on, and waits for what continues it
        file.write(bytes(frames.frame_bytes(self._kbit_per_s)))  # the place of the Info frame
        self._writer = frames.Writer(file, channels, self._kbit_per_s)

    def write(self, block: bytes) -> None:
        """Encode a block (interleaved); raises OSError."""
        self._samples += len(block) // (2 * self._channels)
        for one in self._cutter.cut(block):
            self._add(one)

    def lay(self, passage: Passage | End, progress: Callable[[int], object]) -> None:
        """Encode a passage, or note where the session ends; raises OSError and what mixing does."""
        if isinstance(passage, End):
            self._samples, self._ends = passage.at_ms * RATE_HZ // 1000, True
        else:
            for one in segments(passage, self._reached):
                silent, self._reached = one.begin - self._reached, one.end
                if not self._ends:
                    self._samples = one.end * SAMPLES
                self._add(max(0, silent))  # a part that continues another shares frames with it
                self._add(one)
                progress(one.end * FRAME_MS)

    def abandon(self) -> None:
        """Let ``close`` write nothing more."""
        self._abandoned = True

    def close(self) -> None:
        """Write what is not written yet, and the Info frame; raises OSError."""
        try:
            if not self._abandoned:
                self._complete()
        finally:
            self._pool.shutdown(cancel_futures=True)
            for store in {self._kept, self._shared}:
                store.prune(MOST_BYTES)

    def _complete(self) -> None:
        for one in self._cutter.end():
            self._add(one)
        if self._ends:
            self._add(max(0, self._frames - self._reached))
        self._lay_first(len(self._waiting))
        self._writer.close()
        self._file.seek(0)
        self._file.write(self._info_frame())

    @property
    def _frames(self) -> int:
        """How many frames play what was written."""
        return -(-(self._samples + _DELAY + _PADDING) // SAMPLES)

    def _add(self, one: Segment | PassageSegment | int) -> None:
        """Begin to encode a segment; lay what is ready, and do not let too many wait."""
        if isinstance(one, int):
            self._waiting.append(one)
        elif isinstance(one, Segment):
            self._waiting.append(self._pool.submit(self._encoded, one))
        else:
            kept = self._shared.read(self._name(one))
            pcm = one.pcm if kept is None else b""  # mixed here: one window serves one thread
            self._waiting.append(self._pool.submit(self._framed, one, kept, pcm))
        self._lay_first(len(self._waiting) - self._most_waiting)

    def _lay_first(self, count: int) -> None:
        """Lay so many of those that wait, and then what is ready; raises OSError."""
        while self._waiting:
            first = self._waiting[0]
            if isinstance(first, int):
                self._lay(frames.silence(first, self._channels, self._kbit_per_s))
            elif count > 0 or first.done():
                self._join(first.result())
            else:
                return
            self._waiting.popleft()
            count -= 1

    def _join(self, part: _Encoded) -> None:
        """Lay a segment, in place of the end of the one that it continues."""
        before, self._last = self._last, None
        if before is not None:
            part = self._continued(before, part)
        if part.segment.goes_on:
            self._last = part
        else:
            self._lay(part.frames)

    def _continued(self, before: _Encoded, part: _Encoded) -> _Encoded:
        """Lay a part up to where the next one can take over, and return the rest of that.

        Where it never can, return both as one that is encoded anew.
        """
        shared = len(before.frames) - OVERLAP
        for number in range(_SURE, OVERLAP - _SURE):
            first, rest = before.frames.part(0, shared + number), part.frames.part(number)
            if frames.meet(first, rest) and self._writer.fits(first.data + rest.data):
                self._lay(first)
                return _Encoded(part.segment, rest, number)
        whole = before.segment.with_next(part.segment)  # type: ignore[arg-type] # of one kind
        encoded = self._encoded(whole).frames
        return _Encoded(whole, encoded.part(before.skipped), before.skipped)

    def _lay(self, some: Frames) -> None:
        """Write frames, but none after the end of the session."""
        some = some.part(0, self._frames - self._laid)
        self._laid += len(some)
        self._writer.write(some)

    def _encoded(self, segment: Segment | PassageSegment) -> _Encoded:
        """Return the frames of a segment; encoded, unless they are kept."""
        one = segment.in_one_channel() if isinstance(segment, Segment) else segment
        kept = self._store(one).read(self._name(one))
        return self._framed(one, kept, one.pcm if kept is None else b"")._replace(segment=segment)

    def _framed(self, one: Segment | PassageSegment, kept: bytes | None, pcm: bytes) -> _Encoded:
        """Return the frames of a segment from what is ``kept``, or from its sound."""
        kbit_per_s = KBIT_PER_S[one.channels]
        if kept is None:
            kept = _lame(pcm, one.channels, kbit_per_s)
            self._store(one).write(self._name(one), kept)
        found = frames.read(kept, one.channels, kbit_per_s).part(0, one.frames)  # more are padding
        if one.centred:
            found = frames.centred(found, self._kbit_per_s)
        return _Encoded(one, found)

    def _store(self, one: Segment | PassageSegment) -> Store:
        """Return where a segment is kept."""
        return self._kept if isinstance(one, Segment) else self._shared

    def _name(self, one: Segment | PassageSegment) -> str:
        """Return the name under which a segment is kept."""
        kind = b"%s %d %d %d " % (_VERSION, _QUALITY, one.channels, KBIT_PER_S[one.channels])
        return hashlib.sha256(kind + one.name.encode()).hexdigest()

    def _info_frame(self) -> bytes:
        padding = self._frames * SAMPLES - _DELAY - self._samples
        frame_bytes = frames.frame_bytes(self._kbit_per_s)
        file_bytes = ((self._frames + 1) * frame_bytes).to_bytes(4, "big")
        begin = _INFO_AT[self._channels]
        info = b"".join((
            frames.header(self._channels, self._kbit_per_s).ljust(begin, b"\0"),
            b"Info",
            _FIELDS.to_bytes(4, "big"),
            self._frames.to_bytes(4, "big"),
            file_bytes,
            bytes(percent * 256 // 100 for percent in range(100)),
            (100 - 10 * _VBR_QUALITY - _QUALITY).to_bytes(4, "big"),
            _VERSION,
            _CONSTANT_RATE.to_bytes(1, "big"),
            bytes(10),  # lowpass, peak, ReplayGain and switches of LAME: not told
            self._kbit_per_s.to_bytes(1, "big"),
            (_DELAY << 12 | padding).to_bytes(3, "big"),
            (_48_KHZ | _STEREO_MODE[self._channels]).to_bytes(1, "big"),
            bytes(3),  # gain and preset: none
            file_bytes,
            bytes(2),  # no checksum of the sound
        ))  # fmt: skip
        return (info + checksum(info).to_bytes(2, "big")).ljust(frame_bytes, b"\0")


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes MP3 to a file."""
    here, shared = (
        Store(cache_folder() / "encoded", ".frames", shared=one) for one in (False, True)
    )
    return Encoder(file, channels, here, shared)


def _lame(pcm: bytes, channels: int, kbit_per_s: int) -> bytes:
    """Return what LAME makes of PCM: 16 bit, interleaved."""
    lame = lameenc.Encoder()
    lame.silence()
    lame.set_in_sample_rate(RATE_HZ)
    lame.set_out_sample_rate(RATE_HZ)
    lame.set_channels(channels)
    lame.set_bit_rate(kbit_per_s)
    lame.set_quality(_QUALITY)
    return bytes(lame.encode(pcm)) + bytes(lame.flush())


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters and words into a file of the format."""
    tag_id3(MP3, file, tags, timeline)


def checksum(content: bytes) -> int:
    """Return the CRC-16 that ends an Info header."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC if crc & 1 else 0)
    return crc
