"""What a player shows of a file: title, chapters, words, in ID3 or Vorbis comments."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, cast

import mutagen
from mutagen import MutagenError, id3
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4Tags

from voiceguide import clock
from voiceguide.export.views import lrc, pieces, spoken
from voiceguide.languages import primary
from voiceguide.ssml import SPAN_KINDS
from voiceguide.timeline import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from mutagen import FileType

    from voiceguide.ssml import SpanKind
    from voiceguide.timeline import Timeline

MARKS = "voiceguide marks"
"""The tag from which “play” and the phone page read holds, breaths and sides."""
SEED = "voiceguide seed"
"""The tag that says with which seed the words of a file were chosen."""

_SPAN = re.compile(rf"(\d{{1,12}}) (\d{{1,12}}) ({'|'.join(SPAN_KINDS)})(?: (.+))?")

_ISO_639_2 = {"en": "eng", "de": "deu"}  # ISO 639-2, as ID3v2.4 wants it
UNDETERMINED = "und"
"""The language code of files in other languages."""

_FRONT = id3.PictureType.COVER_FRONT
_MARK = "TXXX:voiceguide"
_MOST_ENTRIES = 255
_PIECE_BYTES = 1 << 20

REPLAY_GAIN = {"replaygain_track_gain": "-2.00 dB", "replaygain_track_peak": "0.891251"}
"""Speech is at −16 LUFS, the reference of ReplayGain 2 at −18; peaks are at most −1 dBTP."""

ARTIST = "voiceguide"
"""Who made a file."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What a player shows of a session."""

    title: str
    album: str
    language: str
    """A BCP 47 tag."""
    date: str
    """In ISO 8601: "2026-11-23", or with a time: "2026-11-23T17:04:05"; empty for none."""
    comment: str
    artist: str = ARTIST
    genre: str = "Health"
    track: str = "1"
    """Its number, or "2/5"."""
    cover: bytes | None = None
    """A PNG picture."""
    id3: Literal["2.4", "2.3"] = "2.4"
    """The version of ID3 in MP3 and WAV files; old players need 2.3."""
    seed: int | None = None
    """The seed that chose the words."""
    source_digest: str | None = None
    """A digest of what an MP3 is made from; see ``read_source_digest``."""


def tag_id3(
    kind: Callable[[IO[bytes]], FileType], file: IO[bytes], tags: Tags, timeline: Timeline
) -> None:
    """Write ``tags`` and the contents of ``timeline`` into an open file, as ID3.

    ``kind`` is mutagen's class for such files.
    """
    file.seek(0)
    audio = kind(file)
    audio.add_tags()
    for frame in _id3_frames(tags, timeline):
        audio.tags.add(frame)
    if tags.id3 == "2.3":
        audio.tags.update_to_v23()
    file.seek(0)
    audio.save(file, v2_version=int(tags.id3[-1]))


def tag_vorbis(
    kind: Callable[[IO[bytes]], FileType],
    file: IO[bytes],
    tags: Tags,
    timeline: Timeline,
    gain: Mapping[str, str] = REPLAY_GAIN,
) -> None:
    """Write ``tags`` and the contents of ``timeline`` into an open file, as Vorbis comments.

    ``gain`` are the comments that say how loud it is.
    """
    file.seek(0)
    audio = kind(file)
    if audio.tags is None:
        audio.add_tags()
    for key, value in [*_vorbis_comments(tags, timeline), *gain.items()]:
        audio[key] = value
    if tags.cover is not None:
        picture = Picture()
        picture.type, picture.mime, picture.data = _FRONT, "image/png", tags.cover
        if isinstance(audio, FLAC):
            audio.add_picture(picture)
        else:
            audio["metadata_block_picture"] = base64.b64encode(picture.write()).decode()
    file.seek(0)
    audio.save(file)


def _id3_frames(tags: Tags, timeline: Timeline) -> Iterator[id3.Frame]:
    """Return ID3v2.4 frames, with the chapters of its addendum (https://id3.org/id3v2-chapters-1.0)."""
    language = iso_639_2(tags.language)
    utf8 = id3.Encoding.UTF8
    yield id3.TIT2(utf8, tags.title)
    yield id3.TPE1(utf8, tags.artist)
    yield id3.TPE2(utf8, tags.artist)
    yield id3.TALB(utf8, tags.album)
    yield id3.TRCK(utf8, tags.track)
    yield id3.TCON(utf8, tags.genre)
    yield id3.TLAN(utf8, language)
    if tags.date:
        yield id3.TDRC(utf8, tags.date)
    yield id3.COMM(utf8, language, "", tags.comment)
    if tags.cover is not None:
        yield id3.APIC(id3.Encoding.LATIN1, "image/png", _FRONT, "", tags.cover)
    if tags.seed is not None:
        yield id3.TXXX(utf8, SEED, str(tags.seed))
    if tags.source_digest is not None:
        yield id3.TXXX(utf8, _MARK.partition(":")[2], tags.source_digest)
    for key, value in REPLAY_GAIN.items():
        yield id3.TXXX(utf8, key.upper(), value)
    yield id3.USLT(utf8, language, "", "\n".join(text for _, text in spoken(timeline)))
    yield id3.SYLT(utf8, language, 2, 1, "", list(_synchronised(timeline)))
    yield id3.TXXX(utf8, MARKS, marks_as_lines(timeline.marks))
    if not timeline.chapters:
        return
    # mutagen writes shorter frames first, then sorts by name. Names that compensate for the lengths
    # of the titles keep the chapters in order for programs that ignore the table of contents:
    # ffprobe, and players that use libavformat, show them in the order of their frames.
    lengths = [len(chapter.title.encode()) for chapter in timeline.chapters]
    digits = max(3, len(str(len(lengths) - 1)))
    names = [
        f"{number:0{digits}}".ljust(digits + max(lengths) - length, "-")
        for number, length in enumerate(lengths)
    ]
    yield from _contents(names, tags.title)
    for name, chapter in zip(names, timeline.chapters, strict=True):
        unused = 0xFFFFFFFF  # byte offsets are not used, only times
        title = id3.TIT2(utf8, chapter.title)
        yield id3.CHAP(name, chapter.begin_ms, chapter.end_ms, unused, unused, [title])


def _synchronised(timeline: Timeline) -> Iterator[tuple[str, int]]:
    """Return each word and its time in ms; a sentence begins with a line feed, as ID3v2.4 wants."""
    for event in timeline.events:
        if event.text is not None:
            for number, (begin_ms, words) in enumerate(pieces(event)):
                yield ("" if number else "\n") + words, begin_ms


def _contents(names: list[str], title: str) -> Iterator[id3.Frame]:
    """Return the table of contents for chapters with these names.

    A table has 255 entries at most, so the entries of a longer one are tables themselves.
    """
    level = 0
    while len(names) > _MOST_ENTRIES:
        level += 1
        parts = [names[at : at + _MOST_ENTRIES] for at in range(0, len(names), _MOST_ENTRIES)]
        names = [f"toc{level}-{number}" for number in range(len(parts))]
        for name, part in zip(names, parts, strict=True):
            yield id3.CTOC(name, id3.CTOCFlags.ORDERED, part, [])
    flags = id3.CTOCFlags.TOP_LEVEL | id3.CTOCFlags.ORDERED
    yield id3.CTOC("toc", flags, names, [id3.TIT2(id3.Encoding.UTF8, title)])


def _vorbis_comments(tags: Tags, timeline: Timeline) -> Iterator[tuple[str, str]]:
    yield "title", tags.title
    yield "artist", tags.artist
    yield "albumartist", tags.artist
    yield "album", tags.album
    yield "tracknumber", tags.track
    yield "genre", tags.genre
    yield "language", tags.language
    if tags.date:
        yield "date", tags.date
    yield "comment", tags.comment
    if tags.seed is not None:
        yield SEED, str(tags.seed)
    yield "lyrics", "\n".join(text for _, text in spoken(timeline))
    yield "syncedlyrics", "".join(lrc(timeline, tags.title, tags.language))
    yield MARKS, marks_as_lines(timeline.marks)
    for number, chapter in enumerate(timeline.chapters):
        yield f"chapter{number:03}", clock.stamp(chapter.begin_ms)
        yield f"chapter{number:03}name", chapter.title


def read_sound_digest(path: Path) -> str | None:
    """Return the digest of the sound that the tags of an MP3 name; None if they name none."""
    with contextlib.suppress(OSError, MutagenError, ValueError, LookupError):
        return str(id3.ID3(path)[_MARK].text[0].split(" ")[1])
    return None


def read_source_digest(path: Path) -> str | None:
    """Return the source digest of an MP3; None if it has none, or its audio was changed."""
    with contextlib.suppress(OSError, MutagenError, ValueError, LookupError):
        tags = id3.ID3(path)
        mark, sound = tags[_MARK].text[0].split(" ")
        with path.open("rb") as file:
            return str(mark) if digest(file, tags.size) == sound else None
    return None


def written_by_voiceguide(path: Path) -> bool:
    """Whether an MP3 has a source digest, even if it was damaged since."""
    with contextlib.suppress(OSError, MutagenError):
        return _MARK in id3.ID3(path)
    return False


def made_by_voiceguide(path: Path) -> bool:
    """Whether a file of any format says that voiceguide made it."""
    with contextlib.suppress(OSError, MutagenError):
        known = mutagen.File(path)
        tags = known.tags if known else None
        names = [(id3.ID3, "TPE1"), (MP4Tags, "\xa9ART"), (object, "artist")]
        name = next(name for kind, name in names if isinstance(tags, kind))
        return str((tags or {}).get(name, [""])[0]) == ARTIST
    return False


def marks_as_lines(marks: Iterable[Span]) -> str:
    """Return the text of the tag ``MARKS``: a line with begin, end, kind and label for each."""
    return "\n".join(
        f"{mark.begin_ms} {mark.end_ms} {mark.kind} {mark.label or ''}".rstrip() for mark in marks
    )


def marks_from_lines(lines: str) -> list[Span]:
    """Return the marks in text from ``marks_as_lines``; other lines are ignored."""
    found = filter(None, map(_SPAN.fullmatch, lines.splitlines()))
    spans = [
        Span(cast("SpanKind", match[3]), int(match[1]), int(match[2]), match[4]) for match in found
    ]
    return [span for span in spans if span.begin_ms < span.end_ms]


def iso_639_2(language: str) -> str:
    """Return the ISO 639-2 code for a BCP 47 tag, as in ID3; "und" for other languages."""
    return _ISO_639_2.get(primary(language), UNDETERMINED)


def language(code: str) -> str:
    """Return the BCP 47 tag for an ISO 639-2 code, as in ID3."""
    return {long: short for short, long in _ISO_639_2.items()}.get(code, UNDETERMINED)


def digest(file: IO[bytes], begin: int) -> str:
    """Return a digest of a file from the byte ``begin`` on."""
    file.seek(begin)
    digest = hashlib.blake2b(digest_size=20)
    while part := file.read(_PIECE_BYTES):
        digest.update(part)
    return digest.hexdigest()
