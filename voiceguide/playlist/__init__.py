"""The sessions of a region -> a folder of MP3 files with M3U8, XSPF and a podcast feed.

In the folder, where NN counts from 01 so that the order of names is the order of the playlist:

    NN-NAME.mp3             a track, with title, album, number, cover, chapters and words
    NN-NAME.vtt             its transcript, WebVTT
    NN-NAME.chapters.json   its chapters, as Podcasting 2.0 has them
    cover.png
    FOLDER.m3u8, FOLDER.xspf, feed.xml, by the name of the folder

The lists are made of what the files' tags say, so that a program that serves such a folder can make
them for its own address. They are written with ElementTree: feedgen knows iTunes' tags, but none of
Podcasting 2.0, and brings lxml along for what are five elements here.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import itertools
import json
import uuid
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from mutagen import MutagenError, mp3

from voiceguide import export, library, script
from voiceguide.errors import ExportError
from voiceguide.export import cover
from voiceguide.playlist import transfer
from voiceguide.session import Session, fit
from voiceguide.timeline import Chapter
from voiceguide.voices.cache import key

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from voiceguide.export import Tags
    from voiceguide.timeline import Span

COVER = "cover.png"
FEED = "feed.xml"

_XSPF = "http://xspf.org/ns/0/"
_ATOM = "http://www.w3.org/2005/Atom"
_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_PODCAST = "https://podcastindex.org/namespace/1.0"
_PODCAST_GUID = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""The namespace of podcast:guid, as its specification gives it."""

_PREPARATION, _CLOSE = "preparation", "stretch-and-close"


class Playlist:
    """The sessions of a region in their order: preparation, each area, stretching and closing.

    >>> playlist = Playlist("neck", minutes=30)
    >>> playlist.export("output/neck")
    """

    def __init__(
        self, target: str, *, voice: str | None = None, rate: int | None = None, **options: object
    ) -> None:
        """Prepare a playlist; nothing is made before it is asked for.

        ``target`` is a region or a complaint. The options are those of ``Session``; ``minutes`` is
        how long all tracks last together, exactly. An area that the method does not suit is treated
        with the deepest that does. Raises a VoiceguideError for what cannot be had.
        """
        asked = script.request(target=target, **options)
        texts = library.load(asked.language, asked.library)
        region, _, areas = script.treatment(asked.model_copy(update={"part": "prepare"}), texts)
        self.target = target
        self.region_id = region.id
        self.title = region.name
        self._length_ms = asked.length_ms
        self._names = [_PREPARATION, *(area.id for area in areas), _CLOSE]

        def track(part: str, **area: str) -> Session:
            chosen = {**options, "minutes": None, "part": part, **area}
            return Session(target, voice=voice, rate=rate, **chosen)

        treated = [track("treat", area=area.id) for area in areas]
        self._tracks = [track("prepare"), *treated, track("close")]

    @cached_property
    def sessions(self) -> list[Session]:
        """What the tracks are made of, in order; of a given length, as many areas as fit."""
        if self._length_ms is None:
            return self._tracks
        return fit(self._tracks, self._length_ms)

    def export(
        self,
        folder: str | os.PathLike[str],
        progress: Callable[[float], None] | None = None,
        *,
        url: str | None = None,
    ) -> Path:
        """Write the playlist into ``folder``, which is its own, and return the path of the M3U8.

        A track is only made where there is none that was made of the same and is whole; tracks of
        ours that no longer belong to the playlist are removed. The lists come last. ``url`` is the
        address of the folder for the links of the feed, the folder's own by default. ``progress``
        is called now and then with the part that is done, from 0 to 1. Raises a VoiceguideError;
        what is finished by then stays, and need not be made again.
        """
        folder = Path(folder)
        picture = cover.png(self.region_id)
        paths = [folder / f"{stem}.mp3" for stem in self._stems()]
        for number, (session, path) in enumerate(zip(self.sessions, paths, strict=True)):
            if progress is not None:
                progress(number / len(paths))
            tags = replace(session.tags, track=f"{number + 1}/{len(paths)}", cover=picture)
            _export_track(session, path, tags, _share(progress, number, len(paths)))
        export.write_bytes(folder / COVER, picture)
        found = [read(path) for path in paths]
        for track in found:
            export.write_bytes(_chapters_path(track.path), chapters(track))
        export.write_bytes(_m3u8_path(folder), m3u8(found))
        export.write_bytes(_xspf_path(folder), xspf(found))
        address = folder.resolve().as_uri() if url is None else url
        export.write_bytes(folder / FEED, feed(found, address))
        for track in tracks(folder):
            if track.path not in paths:
                for path in _files(track.path):
                    path.unlink(missing_ok=True)
        return _m3u8_path(folder)

    def _stems(self) -> list[str]:
        last = len(self.sessions) - 1
        names = [*self._names[:last], self._names[-1]]
        return [f"{number:02}-{name}" for number, name in enumerate(names, 1)]


@dataclass(frozen=True, slots=True)
class Track:
    """A track of a playlist, as its file says."""

    path: Path
    number: int
    title: str
    album: str
    artist: str
    comment: str
    language: str
    """A BCP 47 tag, or "und"."""
    date: dt.date
    """When it was made."""
    duration_ms: int
    size_bytes: int
    chapters: tuple[Chapter, ...]


def tracks(folder: Path) -> list[Track]:
    """Return the tracks of a playlist in ``folder``, in order; other files are passed over."""
    return [
        read(path) for path in sorted(folder.glob("*.mp3")) if export.written_by_voiceguide(path)
    ]


def read(path: Path) -> Track:
    """Read the tags of a track; raises ExportError."""
    try:
        file = mp3.MP3(path)
        tags = file.tags
        found = sorted(tags.getall("CHAP"), key=lambda chapter: chapter.start_time)
        return Track(
            path,
            int(tags["TRCK"].text[0].partition("/")[0]),
            str(tags["TIT2"]),
            str(tags["TALB"]),
            str(tags["TPE1"]),
            str(tags.getall("COMM")[0]),
            export.language(str(tags["TLAN"])),
            dt.date.fromisoformat(f"{tags['TDRC']}-01-01"[:10]),  # another program may cut it
            round(file.info.length * 1000),
            path.stat().st_size,
            tuple(
                Chapter(str(one.sub_frames["TIT2"]), one.start_time, one.end_time) for one in found
            ),
        )
    except KeyError as error:
        raise ExportError(f"{path}: cannot be read as a track: lacks {error.args[0]}") from error
    except (OSError, MutagenError, IndexError, TypeError, ValueError) as error:
        raise ExportError(f"{path}: cannot be read as a track: {error}") from error


def files(folder: Path) -> list[Path]:
    """Return the files of the playlist in ``folder``; what else lies there is passed over."""
    made = [folder / COVER, folder / FEED, _m3u8_path(folder), _xspf_path(folder)]
    found = (path for path in folder.glob("*.mp3") if export.written_by_voiceguide(path))
    made += itertools.chain.from_iterable(map(_files, found))
    return sorted(path for path in made if path.is_file())


def copy(folders: Sequence[Path], to: Path) -> list[Path]:
    """Copy playlists into the folder ``to``, of a mounted phone or card; return where they are.

    Each is copied whole or not at all, and one that is there already is replaced. Raises
    ExportError where there is no room for them, or something that is not ours would be lost.
    """
    for folder in folders:
        there = to / folder.name
        if there.is_dir():
            ours = {path.name for path in files(there)}
            found = sorted(path.name for path in there.iterdir() if not path.name.startswith("."))
            if others := [name for name in found if name not in ours]:
                more = f" and {len(others) - 1} more" if others[1:] else ""
                raise ExportError(
                    f"{there}: holds {others[0]}{more}, which would be lost: take it away first"
                )
    return transfer.copy({folder.name: files(folder) for folder in folders}, to)


def marks(path: Path) -> list[Span]:
    """Return the holds, breaths and other marks of a track, as its tags have them."""
    try:
        frame = mp3.MP3(path).tags.get(f"TXXX:{export.MARKS}", "")
    except (OSError, MutagenError, AttributeError) as error:
        raise ExportError(f"{path}: cannot be read as a track: {error}") from error
    return export.marks_from_lines(str(frame))


def m3u8(tracks: Sequence[Track], url: str | None = None) -> bytes:
    """Return an extended M3U in UTF-8; it lies beside the tracks, as the cover does.

    With ``url``, the address of the folder in which they lie, it can be taken elsewhere.
    """
    album = _line(tracks[0].album)
    image = _location(COVER, url) if url else COVER
    lines = ["#EXTM3U", f"#PLAYLIST:{album}", f"#EXTALB:{album}", f"#EXTIMG:{image}"]
    for track in tracks:
        seconds = round(track.duration_ms / 1000)
        lines.append(f"#EXTINF:{seconds},{_line(track.artist)} - {_line(track.title)}")
        lines.append(_location(track.path.name, url) if url else track.path.name)
    return "".join(f"{line}\n" for line in lines).encode()


def xspf(tracks: Sequence[Track], url: str | None = None) -> bytes:
    """Return an XSPF playlist (https://xspf.org/spec).

    Its locations are relative, or with ``url`` below that address.
    """
    ET.register_namespace("", _XSPF)
    root = ET.Element(f"{{{_XSPF}}}playlist", version="1")

    def add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
        element = ET.SubElement(parent, f"{{{_XSPF}}}{name}")
        element.text = text
        return element

    add(root, "title", tracks[0].album)
    add(root, "creator", tracks[0].artist)
    add(root, "image", _location(COVER, url))
    parent = add(root, "trackList")
    for track in tracks:
        one = add(parent, "track")
        add(one, "location", _location(track.path.name, url))
        add(one, "title", track.title)
        add(one, "creator", track.artist)
        add(one, "image", _location(COVER, url))
        add(one, "album", track.album)
        add(one, "trackNum", str(track.number))
        add(one, "duration", str(track.duration_ms))
    return _document(root)


def feed(tracks: Sequence[Track], url: str, first_url: str | None = None) -> bytes:
    """Return a podcast feed: RSS 2.0 with the tags of iTunes and of Podcasting 2.0.

    ``url`` is the address of the folder in which the tracks lie. The podcast's id hangs on it, or
    on ``first_url``, where it was before, and those of the episodes on their names, so that they
    stay the same when a track is made anew.
    """
    for prefix, namespace in (("atom", _ATOM), ("itunes", _ITUNES), ("podcast", _PODCAST)):
        ET.register_namespace(prefix, namespace)
    base = url.rstrip("/")
    address = f"{base}/{FEED}"
    guid_address = f"{(first_url or base).rstrip('/')}/{FEED}"
    first = tracks[0]
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", first.album)
    _add(channel, "link", f"{base}/")
    _add(channel, "description", f"{first.album}. {first.comment}")
    if first.language != export.UNDETERMINED:
        _add(channel, "language", first.language)
    _add(channel, "generator", "voiceguide")
    _add(channel, f"{{{_ATOM}}}link", href=address, rel="self", type="application/rss+xml")
    image = _add(channel, "image")
    for name, text in (("url", f"{base}/{COVER}"), ("title", first.album), ("link", f"{base}/")):
        _add(image, name, text)
    _add(channel, f"{{{_ITUNES}}}image", href=f"{base}/{COVER}")
    _add(channel, f"{{{_ITUNES}}}author", first.artist)
    _add(channel, f"{{{_ITUNES}}}explicit", "false")
    _add(channel, f"{{{_ITUNES}}}type", "serial")
    _add(channel, f"{{{_ITUNES}}}category", text="Health & Fitness")
    _add(channel, f"{{{_PODCAST}}}guid", str(podcast_guid(guid_address)))
    _add(channel, f"{{{_PODCAST}}}medium", "podcast")
    _add(channel, f"{{{_PODCAST}}}locked", "no")
    for track in tracks:
        _add_episode(channel, track, base)
    return _document(root)


def podcast_guid(address: str) -> uuid.UUID:
    """Return the podcast:guid of a feed: a UUIDv5 of its address, as the specification makes it.

    The scheme and slashes at the end do not count.
    """
    return uuid.uuid5(_PODCAST_GUID, address.rpartition("://")[2].rstrip("/"))


def chapters(track: Track) -> bytes:
    """Return the chapters of a track in the JSON of Podcasting 2.0, version 1.2.0."""
    document = {
        "version": "1.2.0",
        "title": track.title,
        "podcastName": track.album,
        "fileName": track.path.name,
        "chapters": [
            {"startTime": one.begin_ms / 1000, "endTime": one.end_ms / 1000, "title": one.title}
            for one in track.chapters
        ],
    }
    return f"{json.dumps(document, ensure_ascii=False, indent=2)}\n".encode()


def _export_track(
    session: Session, path: Path, tags: Tags, progress: Callable[[float], None]
) -> None:
    """Make a track and its transcript, where they are not there."""
    transcript = _transcript_path(path)
    shown = {one.name: getattr(tags, one.name) for one in fields(tags)}
    del shown["date"], shown["cover"], shown["source_digest"]
    mark = key(session.fingerprint, shown, (tags.cover or b"").hex())
    if export.read_source_digest(path) != mark:
        transcript.unlink(missing_ok=True)  # it must not outlive what it is the transcript of
        session.export(path, progress, tags=replace(tags, source_digest=mark))
    if not transcript.exists():
        text = export.captions(
            session.timeline, "vtt", title=session.title, language=session.language
        )
        export.write_bytes(transcript, text.encode())


def _share(
    progress: Callable[[float], None] | None, number: int, count: int
) -> Callable[[float], None]:
    """Return what tells of a part of the work as one of ``count`` parts."""
    return lambda done: progress((number + done) / count) if progress else None


def _add_episode(channel: ET.Element, track: Track, base: str) -> None:
    link = f"{base}/{quote(track.path.name)}"
    item = _add(channel, "item")
    _add(item, "title", track.title)
    _add(item, "description", "\n".join(one.title for one in track.chapters) or track.title)
    name = f"{track.path.parent.resolve().name}/{track.language}/{track.path.stem}"
    _add(item, "guid", str(uuid.uuid5(_PODCAST_GUID, name)), isPermaLink="false")
    # Readers sort by time: one second for each track before.
    time = dt.datetime.combine(track.date, dt.time(second=track.number), dt.UTC)
    _add(item, "pubDate", email.utils.format_datetime(time, usegmt=True))
    _add(item, "enclosure", url=link, length=str(track.size_bytes), type="audio/mpeg")
    _add(item, f"{{{_ITUNES}}}duration", str(round(track.duration_ms / 1000)))
    _add(item, f"{{{_ITUNES}}}episode", str(track.number))
    _add(item, f"{{{_ITUNES}}}episodeType", "full")
    _add(item, f"{{{_ITUNES}}}explicit", "false")
    _add(item, f"{{{_ITUNES}}}image", href=f"{base}/{COVER}")
    _add(
        item, f"{{{_PODCAST}}}chapters", url=f"{base}/{quote(_chapters_path(track.path).name)}",
        type="application/json+chapters",
    )  # fmt: skip
    language = {} if track.language == export.UNDETERMINED else {"language": track.language}
    _add(
        item, f"{{{_PODCAST}}}transcript", url=f"{base}/{quote(_transcript_path(track.path).name)}",
        type="text/vtt", **language,
    )  # fmt: skip


def _add(
    parent: ET.Element, name: str, content: str | None = None, **attributes: str
) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = content
    return element


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _location(name: str, url: str | None) -> str:
    return f"{url.rstrip('/')}/{quote(name)}" if url else quote(name)


def _line(text: str) -> str:
    return " ".join(text.split())


def _files(path: Path) -> Iterator[Path]:
    """Return a track's file, and those beside it."""
    yield from (path, _transcript_path(path), _chapters_path(path))


def _m3u8_path(folder: Path) -> Path:
    return folder / f"{folder.resolve().name}.m3u8"


def _xspf_path(folder: Path) -> Path:
    return folder / f"{folder.resolve().name}.xspf"


def _transcript_path(path: Path) -> Path:
    return path.with_suffix(".vtt")


def _chapters_path(path: Path) -> Path:
    return path.with_suffix(".chapters.json")
