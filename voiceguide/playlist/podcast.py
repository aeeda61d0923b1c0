"""Tracks -> a podcast feed, and their chapters in JSON."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import re
import uuid
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from voiceguide import export
from voiceguide.errors import UsageError, option
from voiceguide.playlist.folder import COVER, FEED, chapters_path, transcript_path
from voiceguide.playlist.lists import add, document, first_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voiceguide.playlist.track import Track

_ATOM = "http://www.w3.org/2005/Atom"
_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_PODCAST = "https://podcastindex.org/namespace/1.0"
_PODCAST_GUID = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")
"""The namespace of podcast:guid, from its specification."""


def check_address(url: str) -> None:
    """Raise UsageError for what cannot be the address of a folder on the web."""
    if not re.fullmatch(r"https?://[^\s?#]+", url):
        what = "must be an address such as https://example.org/massage"
        raise UsageError(f"{option('url')} {url}: {what}")


def feed(  # noqa: PLR0913 (each by its name)
    tracks: Sequence[Track],
    url: str,
    first_url: str | None = None,
    whole: Track | None = None,
    email: str | None = None,
    name: str = FEED,
) -> bytes:
    """Return a podcast feed: RSS 2.0 with the tags of iTunes and of Podcasting 2.0.

    A feed has one language, that of the first track. ``url`` is the address of the folder with the
    tracks, and ``name`` that of the feed in it. The podcast's id depends on these (or on
    ``first_url``, an earlier address). The id of an episode depends on its name and its sound: it
    stays when the same is made again, and an episode that sounds different is a new one. ``whole``
    has all that is treated, as one more episode; it is dated before the tracks. ``email`` is the
    owner's, to whom directories of podcasts write. Raises ExportError if there are no tracks.
    """
    for prefix, namespace in (("atom", _ATOM), ("itunes", _ITUNES), ("podcast", _PODCAST)):
        ET.register_namespace(prefix, namespace)
    base = url.rstrip("/")
    address = f"{base}/{name}"
    guid_address = f"{(first_url or base).rstrip('/')}/{name}"
    first = first_of(tracks)
    root = ET.Element("rss", version="2.0")
    channel = add(root, "channel")
    add(channel, "title", first.album)
    add(channel, "link", f"{base}/")
    add(channel, "description", f"{first.album}. {first.comment}")
    if first.language != export.UNDETERMINED:
        add(channel, "language", first.language)
    add(channel, "generator", "voiceguide")
    add(channel, f"{{{_ATOM}}}link", href=address, rel="self", type="application/rss+xml")
    image = add(channel, "image")
    for tag, text in (("url", f"{base}/{COVER}"), ("title", first.album), ("link", f"{base}/")):
        add(image, tag, text)
    add(channel, f"{{{_ITUNES}}}image", href=f"{base}/{COVER}")
    add(channel, f"{{{_ITUNES}}}author", first.artist)
    if email:
        owner = add(channel, f"{{{_ITUNES}}}owner")
        add(owner, f"{{{_ITUNES}}}name", first.artist)
        add(owner, f"{{{_ITUNES}}}email", email)
    add(channel, f"{{{_ITUNES}}}explicit", "false")
    add(channel, f"{{{_ITUNES}}}type", "serial")
    add(channel, f"{{{_ITUNES}}}category", text="Health & Fitness")
    add(channel, f"{{{_PODCAST}}}guid", str(podcast_guid(guid_address)))
    add(channel, f"{{{_PODCAST}}}medium", "podcast")
    add(channel, f"{{{_PODCAST}}}locked", "no")
    latest = max(track.date for track in (*tracks, *([whole] if whole else [])))
    if whole:
        _add_episode(channel, whole, base, whole.title, latest)
    for number, track in enumerate(tracks, 1):
        # Apps sort by date, and some show nothing else: the order of the tracks is that of their
        # dates, and a change moves all of them, so that what is new is never sorted below.
        date = latest + dt.timedelta(seconds=number)
        title = f"{track.album} {number}/{len(tracks)}: {track.title}"
        _add_episode(channel, track, base, title, date, number)
    return document(root)


def podcast_guid(address: str) -> uuid.UUID:
    """Return the podcast:guid of a feed: a UUIDv5 of its address, as the specification says.

    The scheme and trailing slashes do not count.
    """
    return uuid.uuid5(_PODCAST_GUID, address.rpartition("://")[2].rstrip("/"))


def chapters(track: Track) -> bytes:
    """Return the chapters of a track in the JSON of Podcasting 2.0, version 1.2.0."""
    listing = {
        "version": "1.2.0",
        "title": track.title,
        "podcastName": track.album,
        "fileName": track.path.name,
        "chapters": [
            {"startTime": one.begin_ms / 1000, "endTime": one.end_ms / 1000, "title": one.title}
            for one in track.chapters
        ],
    }
    return f"{json.dumps(listing, ensure_ascii=False, indent=2)}\n".encode()


def _add_episode(  # noqa: PLR0913 (each by its name)
    channel: ET.Element,
    track: Track,
    base: str,
    title: str,
    date: dt.datetime,
    number: int | None = None,
) -> None:
    link = f"{base}/{quote(track.path.name)}"
    item = add(channel, "item")
    add(item, "title", title)
    add(item, f"{{{_ITUNES}}}title", track.title)
    add(item, "description", "\n".join(one.title for one in track.chapters) or track.title)
    name = f"{track.path.parent.resolve().name}/{track.language}/{track.path.stem}/{track.sound}"
    add(item, "guid", str(uuid.uuid5(_PODCAST_GUID, name)), isPermaLink="false")
    add(item, "pubDate", email.utils.format_datetime(date, usegmt=True))
    add(item, "enclosure", url=link, length=str(track.size_bytes), type="audio/mpeg")
    add(item, f"{{{_ITUNES}}}duration", str(round(track.duration_ms / 1000)))
    if number:
        add(item, f"{{{_ITUNES}}}episode", str(number))
    add(item, f"{{{_ITUNES}}}episodeType", "full" if number else "bonus")
    add(item, f"{{{_ITUNES}}}explicit", "false")
    add(item, f"{{{_ITUNES}}}image", href=f"{base}/{COVER}")
    add(
        item, f"{{{_PODCAST}}}chapters", url=f"{base}/{quote(chapters_path(track.path).name)}",
        type="application/json+chapters",
    )  # fmt: skip
    language = {} if track.language == export.UNDETERMINED else {"language": track.language}
    add(
        item, f"{{{_PODCAST}}}transcript", url=f"{base}/{quote(transcript_path(track.path).name)}",
        type="text/vtt", **language,
    )  # fmt: skip
