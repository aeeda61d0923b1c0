"""M4B and M4A: AAC in MPEG-4, as audio books and music are, with chapters, cover and words."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm

from voiceguide.export.libav import LibavEncoder, add_chapters
from voiceguide.export.tags import MARKS, REPLAY_GAIN, SEED, iso_639_2, marks_as_lines
from voiceguide.export.views import lrc, spoken

if TYPE_CHECKING:
    from voiceguide.export.encoder import Encoder
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline

_CONTAINER = "ipod"  # FFmpeg's name of what Apple's players read
_FREE = "----:com.apple.iTunes:"
"""The prefix of tags that have no name of their own."""
_AUDIOBOOK = 2  # the media kind; players remember the place in one


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes AAC in MPEG-4 to a file."""
    return LibavEncoder(file, channels, "aac", _CONTAINER)


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters, cover and words into a file of the format."""
    add_chapters(file, _CONTAINER, timeline.chapters, iso_639_2(tags.language))
    file.seek(0)
    audio = MP4(file)
    if audio.tags is None:
        audio.add_tags()
    number, _, count = tags.track.partition("/")
    audio["\xa9nam"] = tags.title
    audio["\xa9ART"] = tags.artist
    audio["aART"] = tags.artist
    audio["\xa9alb"] = tags.album
    audio["\xa9gen"] = tags.genre
    if tags.date:
        audio["\xa9day"] = tags.date
    audio["\xa9cmt"] = tags.comment
    audio["\xa9lyr"] = "\n".join(text for _, text in spoken(timeline))
    audio["trkn"] = [(int(number), int(count or 0))]
    audio["stik"] = [_AUDIOBOOK]
    audio[f"{_FREE}SYNCEDLYRICS"] = _free("".join(lrc(timeline, tags.title, tags.language)))
    audio[f"{_FREE}{MARKS}"] = _free(marks_as_lines(timeline.marks))
    if tags.seed is not None:
        audio[f"{_FREE}{SEED}"] = _free(str(tags.seed))
    for key, value in REPLAY_GAIN.items():
        audio[f"{_FREE}{key}"] = _free(value)
    if tags.cover is not None:
        audio["covr"] = [MP4Cover(tags.cover, MP4Cover.FORMAT_PNG)]
    file.seek(0)
    audio.save(file)


def _free(text: str) -> MP4FreeForm:
    return MP4FreeForm(text.encode(), AtomDataType.UTF8)
