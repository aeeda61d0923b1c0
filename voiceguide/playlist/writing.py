"""Sessions -> a folder of tracks with their lists: what playlists and plans have in common."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from voiceguide import export
from voiceguide.files import remove, write_bytes
from voiceguide.playlist.folder import (
    COVER,
    FEED,
    chapters_path,
    files_of,
    m3u8_path,
    track_paths,
    transcript_path,
    whole_path,
    xspf_path,
)
from voiceguide.playlist.lists import m3u8, xspf
from voiceguide.playlist.podcast import chapters, feed
from voiceguide.playlist.track import read
from voiceguide.voices.cache import key
from voiceguide.voices.voice import Standby

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from voiceguide.export import Tags
    from voiceguide.session import Session


@dataclass(frozen=True, slots=True)
class WantedTrack:
    """A track that a folder is to have."""

    stem: str
    """The name of its file, without suffix."""
    session: Session
    tags: Tags
    """Those of its file."""


def write(  # noqa: PLR0913 (each by its name)
    folder: Path,
    entries: Sequence[WantedTrack],
    cover: bytes,
    url: str | None,
    progress: Callable[[float], None] | None,
    *,
    whole: WantedTrack | None = None,
    email: str | None = None,
) -> Path:
    """Write tracks into ``folder``, then its lists; return the path of the M3U8.

    What is there and still right is not made again; our tracks that are not among ``entries`` are
    removed. The feed has those in the language of the first one. ``whole`` has all of it in one
    file, which is only in the feed; ``email`` is its owner's. Raises a VoiceguideError.
    """
    wanted = [*entries, *([whole] if whole else [])]
    with contextlib.closing(Standby()) as engines, engines.used():
        for number, entry in enumerate(wanted):
            part = share(progress, number, len(wanted))
            part(0)
            _export_track(entry.session, folder / f"{entry.stem}.mp3", entry.tags, part)
    write_bytes(folder / COVER, cover)
    paths = [folder / f"{entry.stem}.mp3" for entry in entries]
    made = [replace(read(path), number=number) for number, path in enumerate(paths, 1)]
    all_of_it = read(whole_path(folder)) if whole else None
    for track in (*made, *([all_of_it] if all_of_it else [])):
        write_bytes(chapters_path(track.path), chapters(track))
    write_bytes(m3u8_path(folder), m3u8(made))
    write_bytes(xspf_path(folder), xspf(made))
    if url is None:
        remove(folder / FEED)
    else:
        episodes = [track for track in made if track.language == made[0].language]
        write_bytes(folder / FEED, feed(episodes, url, whole=all_of_it, email=email))
    found = track_paths(folder)
    if whole is None and export.written_by_voiceguide(whole_path(folder)):
        found.append(whole_path(folder))
    extra = (path for path in found if path not in paths)  # one may be called as the whole is
    for path in itertools.chain.from_iterable(map(files_of, extra)):
        remove(path)
    return m3u8_path(folder)


def now() -> str:
    """Return the present time as tags have it, by which feeds are in order."""
    time = dt.datetime.now(tz=dt.UTC).replace(tzinfo=None)
    return time.isoformat(timespec="seconds")


def share(
    progress: Callable[[float], None] | None, number: int, count: int
) -> Callable[[float], None]:
    """Return a progress function for one of ``count`` parts of the work, from 0."""
    return lambda done: progress((number + done) / count) if progress else None


def numbered(entries: Sequence[WantedTrack]) -> list[WantedTrack]:
    """Return the tracks of an album, with their numbers in their tags: 1/3, 2/3, 3/3."""
    return [
        replace(one, tags=replace(one.tags, track=f"{number}/{len(entries)}"))
        for number, one in enumerate(entries, 1)
    ]


def _export_track(
    session: Session, path: Path, tags: Tags, progress: Callable[[float], None]
) -> None:
    """Make a track and its transcript if they are missing or outdated."""
    transcript = transcript_path(path)
    shown = asdict(tags)
    del shown["date"], shown["cover"], shown["source_digest"]
    mark = key(session.fingerprint, shown, (tags.cover or b"").hex())
    if export.read_source_digest(path) != mark:
        remove(transcript)  # it must not outlive its track
        session.export(path, progress, tags=replace(tags, source_digest=mark))
    if not transcript.exists():
        text = export.captions(
            session.timeline, "vtt", title=session.title, language=session.language
        )
        write_bytes(transcript, text.encode())
