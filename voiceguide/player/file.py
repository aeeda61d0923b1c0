"""A rendered file as something to play, with its chapters, marks and words."""

from __future__ import annotations

import contextlib
import functools
import re
from typing import TYPE_CHECKING

import mutagen
import numpy as np
from mutagen import flac, id3, mp3, oggvorbis, wave

from voiceguide import clock, mixer
from voiceguide.audio.grid import FRAMES_PER_MS, RATE_HZ
from voiceguide.audio.reader import AudioReader
from voiceguide.errors import SoundError
from voiceguide.export import MARKS, marks_from_lines
from voiceguide.player.live import LiveTimeline
from voiceguide.timeline import End, Event, Opening, edges
from voiceguide.voices import Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.timeline import Placed, Sign, Span

_KINDS = [mp3.MP3, wave.WAVE, flac.FLAC, oggvorbis.OggVorbis]
_LINE = re.compile(r"\[([\d:.]+)\](.*)")  # of LRC
_WORD_TIME = re.compile(r"<[\d:.]+>")  # of enhanced LRC
_PIECE = RATE_HZ
_RECENT = 90
"""How many pieces are kept for going back."""
_EDGE_MS = 10
"""How long the file is faded where a hold was extended."""


class Rendered:
    """A file that is decoded as it plays."""

    error: Exception | None = None
    can_mute = False
    wanted_ms: float = 0

    def __init__(self, path: Path, lead: Iterable[Event] = ()) -> None:
        """Open it; ``lead`` is heard before it, at negative times. Raises SoundError."""
        try:
            file = mutagen.File(path, _KINDS)
        except (OSError, mutagen.MutagenError) as error:
            causes = [one for one in (error, *error.args) if isinstance(one, OSError)]
            reason = causes[0].strerror if causes else error
            raise SoundError(f"{path}: cannot be played: {reason}") from error
        tags = file.tags if file else None
        self._reader = AudioReader(path)
        self.channels = self._reader.channels
        title, items = (_id3 if isinstance(tags, id3.ID3) else _vorbis)(tags or {})
        self.title = title or path.stem
        self.live = LiveTimeline()
        for item in sorted(items, key=lambda item: item.at_ms):
            self.live.add(item)
        self.live.add(End(self._reader.frames // FRAMES_PER_MS))
        self.chapters = len(self.live.chapters)
        self._piece = functools.lru_cache(_RECENT)(self._read_piece)
        self._lead = list(lead)
        self._window = mixer.Window(_no_speech, self.channels)

    def block(self, begin_ms: int, end_ms: int, *, tones: bool) -> bytes:
        """Return a block; tones cannot be removed."""
        del tones
        if begin_ms < 0:
            return self._window.mix(self._lead, begin_ms, end_ms)
        ms = np.arange(begin_ms, end_ms)
        silences = _silences(self.live.cuts)
        file_ms = ms - sum(np.clip(ms - begin, 0, end - begin) for begin, end in silences)
        frames = self._read(int(file_ms[0]), int(file_ms[-1]) + 1)
        samples = frames.reshape(-1, FRAMES_PER_MS, self.channels)[file_ms - file_ms[0]]
        samples = samples.reshape(-1, self.channels)
        at_ms = begin_ms + np.arange(len(samples)) / FRAMES_PER_MS
        for begin, end in silences:
            outside_ms = np.maximum(begin - at_ms, at_ms - end)
            samples = samples * np.clip(outside_ms / _EDGE_MS, 0, 1)[:, None]
        block: bytes = np.rint(samples).astype("<i2").tobytes()
        return block

    def sign(self, at_ms: int, what: Sign) -> bool:
        """Change nothing: a file is as it is."""
        del at_ms, what
        return False

    def lengthen(self, hold: Span, by_ms: int) -> int:
        """Extend a hold by silence; return where it was inserted."""
        return self.live.lengthen(hold, by_ms)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _read(self, begin_ms: int, end_ms: int) -> NDArray[np.int16]:
        """Return a part of the file: (frames, channels)."""
        begin, end = begin_ms * FRAMES_PER_MS, end_ms * FRAMES_PER_MS
        first = begin // _PIECE
        pieces = [self._piece(number) for number in range(first, (end - 1) // _PIECE + 1)]
        return np.concatenate(pieces)[begin - first * _PIECE : end - first * _PIECE]

    def _read_piece(self, number: int) -> NDArray[np.int16]:
        samples = np.clip(self._reader.read(number * _PIECE, _PIECE).T, -1, 1)
        return np.rint(samples * 32767).astype(np.int16)


def _silences(cuts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the begin and end of each extension of a hold, where the file is silent.

    ``cuts`` has the position and length of each, in the order in which they were made.
    """
    silences: list[tuple[int, int]] = []
    for at_ms, by_ms in cuts:
        before = [(begin, end) for begin, end in silences if begin < at_ms]
        after = [(begin + by_ms, end + by_ms) for begin, end in silences if begin >= at_ms]
        silences = [*before, (at_ms, at_ms + by_ms), *after]
    return silences


def _id3(tags: id3.ID3) -> tuple[str, list[Placed]]:
    """Return the title, and the chapters, words and marks, of an MP3 or WAV file."""
    items: list[Placed] = []
    for chapter in tags.getall("CHAP"):
        titles = chapter.sub_frames.getall("TIT2")
        items.append(Opening(str(titles[0]) if titles else chapter.element_id, chapter.start_time))
    for words in tags.getall("SYLT")[:1]:
        items += _sentences(words.text)
    for frame in tags.getall(f"TXXX:{MARKS}"):
        items += edges(marks_from_lines(str(frame)))
    return str(tags.get("TIT2", "")), items


def _vorbis(tags: Mapping[str, list[str]]) -> tuple[str, list[Placed]]:
    """Return the title, and the chapters, words and marks, of a FLAC or OGG file."""
    items: list[Placed] = []
    for key, (value, *_) in tags.items():
        name = tags.get(f"{key}name")
        if key.lower().startswith("chapter") and name:
            with contextlib.suppress(ValueError):
                items.append(Opening(name[0], clock.milliseconds(value)))
    for line in "\n".join(tags.get("syncedlyrics", [])).splitlines():
        if match := _LINE.fullmatch(line):
            with contextlib.suppress(ValueError):
                items.append(_speech(clock.milliseconds(match[1]), _WORD_TIME.sub("", match[2])))
    items += edges(marks_from_lines("\n".join(tags.get(MARKS, []))))
    return "".join(tags.get("title", [])[:1]), items


def _sentences(words: Iterable[tuple[str, int]]) -> Iterator[Event]:
    """Return sentences; each begins with a line feed, or all words are sentences."""
    begin_ms, sentence = 0, ""
    for text, ms in words:
        if sentence and (text.startswith("\n") or "\n" not in sentence):
            yield _speech(begin_ms, sentence.strip())
            sentence = ""
        if not sentence:
            begin_ms = ms
        sentence += text
    if sentence:
        yield _speech(begin_ms, sentence.strip())


def _speech(begin_ms: int, text: str) -> Event:
    return Event(begin_ms, begin_ms + 1, Utterance(text, "und", None, 0, 0.0), 0.0)


def _no_speech(speech: Utterance) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    raise SoundError(f"“{speech.text}” is not in the file")
