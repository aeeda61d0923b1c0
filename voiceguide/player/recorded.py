"""A rendered file as something to play: an MP3 with its chapters, words and tones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mutagen import MutagenError, mp3
from pedalboard.io import AudioFile

from voiceguide import mixer
from voiceguide.errors import Place, SoundError
from voiceguide.player.score import Score
from voiceguide.ssml import Sound, Speech
from voiceguide.ssml.cues import Style
from voiceguide.timeline import End, Event, Opening
from voiceguide.voices.clip import FRAMES_PER_MS, RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOWHERE = Place(1, 1)


class Recorded:
    """A file that is decoded as it plays."""

    error: Exception | None = None
    can_mute = False

    def __init__(self, path: Path, lead: Iterable[Event] = ()) -> None:
        """Open it; ``lead`` is heard before it, at negative times. Raises SoundError."""
        try:
            tags = mp3.MP3(path).tags
            self._file = AudioFile(str(path))
        except (OSError, ValueError, RuntimeError, MutagenError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SoundError(f"{path}: cannot be played: {reason}") from error
        self.channels = int(self._file.num_channels)
        if self._file.samplerate != RATE_HZ:
            self._file.close()
            raise SoundError(f"{path}: is not one of voiceguide's: it has no {RATE_HZ:,} Hz")
        self.title = str(tags["TIT2"]) if tags and "TIT2" in tags else path.stem
        self._first, padding = mixer.mp3_edges(path)
        length_ms = (self._file.frames - self._first - padding) // FRAMES_PER_MS
        self.score = Score()
        for item in sorted(_items(tags) if tags else [], key=lambda item: item.begin_ms):
            self.score.add(item)
        self.score.add(End(length_ms))
        self._lead = list(lead)
        self._window = mixer.Window(_no_speech, self.channels)

    def block(self, begin_ms: int, end_ms: int, *, tones: bool) -> bytes:
        """Give a block of it; tones cannot be taken out."""
        del tones
        if begin_ms < 0:
            return self._window.mix(self._lead, begin_ms, end_ms)
        parts = _parts(begin_ms, end_ms, self.score.cuts)
        return b"".join(self._read(begin, end, silent=silent) for begin, end, silent in parts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, begin_ms: int, end_ms: int, *, silent: bool) -> bytes:
        count = (end_ms - begin_ms) * FRAMES_PER_MS
        whole = np.zeros((count, self.channels), dtype="<i2")
        if not silent:
            first = self._first + begin_ms * FRAMES_PER_MS
            if self._file.tell() != first:
                self._file.seek(first)
            read = self._file.read(count).T
            whole[: len(read)] = np.rint(np.clip(read, -1, 1) * 32767)
        return whole.tobytes()


def _parts(
    begin_ms: int, end_ms: int, cuts: list[tuple[int, int]]
) -> Iterator[tuple[int, int, bool]]:
    """Give where in the file a part of the session lies, and whether it is a lengthening instead.

    ``cuts`` are the lengthenings, in the order in which they were made: where and how long.
    """
    if not cuts:
        yield begin_ms, end_ms, False
        return
    *earlier, (at_ms, by_ms) = cuts
    if begin_ms < at_ms:
        yield from _parts(begin_ms, min(end_ms, at_ms), earlier)
    if begin_ms < at_ms + by_ms and end_ms > at_ms:
        yield max(begin_ms, at_ms), min(end_ms, at_ms + by_ms), True
    if end_ms > at_ms + by_ms:
        yield from _parts(max(begin_ms - by_ms, at_ms), end_ms - by_ms, earlier)


def _items(tags: mp3.EasyMP3) -> Iterator[Opening | Event]:
    for chapter in tags.getall("CHAP"):
        titles = chapter.sub_frames.getall("TIT2")
        yield Opening(str(titles[0]) if titles else chapter.element_id, chapter.start_time)
    for words in tags.getall("SYLT")[:1]:
        style = Style(words.lang)
        for text, begin_ms in words.text:
            yield Event(begin_ms, begin_ms + 1, Speech(text, style, _NOWHERE), 0.0)
    for frame in tags.getall("TXXX:voiceguide sounds"):
        for line in str(frame).splitlines():
            begin, end, source = line.split(" ", 2)
            yield Event(int(begin), int(end), Sound(Path(source), source, _NOWHERE), 0.0)


def _no_speech(speech: Speech) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    raise SoundError(f"“{speech.text}” is not in the file")
