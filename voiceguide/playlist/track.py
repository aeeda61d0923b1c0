"""The file of a track -> what its tags say of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutagen import MutagenError, id3, mp3

from voiceguide import export
from voiceguide.errors import ExportError
from voiceguide.playlist.folder import track_paths, whole_path
from voiceguide.timeline import Chapter

if TYPE_CHECKING:
    from pathlib import Path

    from voiceguide.timeline import Span


@dataclass(frozen=True, slots=True)
class Track:
    """A track of a playlist, according to its file."""

    path: Path
    number: int
    """From 1 on; 0 for the file that has all of it."""
    title: str
    album: str
    artist: str
    comment: str
    language: str
    """A BCP 47 tag, or "und"."""
    date: dt.datetime
    """When it was made, in UTC."""
    sound: str
    """A digest of what is heard, as far as its tags tell; "" if they do not."""
    duration_ms: int
    size_bytes: int
    chapters: tuple[Chapter, ...]


def tracks(folder: Path) -> list[Track]:
    """Return the tracks of a playlist in ``folder``, in order, ignoring other files."""
    return [read(path) for path in track_paths(folder)]


def whole(folder: Path) -> Track | None:
    """Return the file that has all of a playlist; None if there is none. Raises ExportError."""
    path = whole_path(folder)
    return read(path) if path.is_file() and export.written_by_voiceguide(path) else None


def read(path: Path) -> Track:
    """Return a track from the tags of its file; raises ExportError."""
    try:
        file = mp3.MP3(path)
        tags = file.tags or id3.ID3()
        frames = sorted(tags.getall("CHAP"), key=lambda chapter: chapter.start_time)
        return Track(
            path,
            int(tags["TRCK"].text[0].partition("/")[0]),
            str(tags["TIT2"]),
            str(tags["TALB"]),
            str(tags["TPE1"]),
            str(tags.getall("COMM")[0]),
            export.language(str(tags["TLAN"])),
            _date(str(tags["TDRC"])),
            export.read_sound_digest(path) or "",
            round(file.info.length * 1000),
            path.stat().st_size,
            tuple(
                Chapter(str(one.sub_frames["TIT2"]), one.start_time, one.end_time) for one in frames
            ),
        )
    except KeyError as error:
        raise ExportError(f"{path}: cannot be read as a track: lacks {error.args[0]}") from error
    except (OSError, MutagenError, IndexError, TypeError, ValueError) as error:
        raise ExportError(f"{path}: cannot be read as a track: {error}") from error


def _date(written: str) -> dt.datetime:
    """Return a time of ID3, which may have been shortened to a month or a year."""
    with_time = len(written) > len("2026-11-28")
    day = dt.datetime.fromisoformat(written if with_time else f"{written}-01-01"[:10])
    return day.replace(tzinfo=dt.UTC)


def marks(path: Path) -> list[Span]:
    """Return the holds, breaths and other marks of a track, from its tags; raises ExportError."""
    try:
        frame = mp3.MP3(path).tags.get(f"TXXX:{export.MARKS}", "")
    except (OSError, MutagenError, AttributeError) as error:
        raise ExportError(f"{path}: cannot be read as a track: {error}") from error
    return export.marks_from_lines(str(frame))
