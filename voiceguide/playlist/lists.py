"""Tracks -> M3U8 and XSPF."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from voiceguide.errors import ExportError
from voiceguide.playlist.folder import COVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voiceguide.playlist.track import Track

_XSPF = "http://xspf.org/ns/0/"


def m3u8(tracks: Sequence[Track], url: str | None = None) -> bytes:
    """Return an extended M3U in UTF-8 with paths relative to the folder of the tracks.

    With ``url``, the address of that folder, it has full addresses and works elsewhere too. Raises
    ExportError if there are no tracks.
    """
    album = _line(first_of(tracks).album)
    image = _location(COVER, url) if url else COVER
    lines = ["#EXTM3U", f"#PLAYLIST:{album}", f"#EXTALB:{album}", f"#EXTIMG:{image}"]
    for track in tracks:
        seconds = round(track.duration_ms / 1000)
        lines.append(f"#EXTINF:{seconds},{_line(track.artist)} - {_line(track.title)}")
        lines.append(_location(track.path.name, url) if url else track.path.name)
    return "".join(f"{line}\n" for line in lines).encode()


def xspf(tracks: Sequence[Track], url: str | None = None) -> bytes:
    """Return an XSPF playlist (https://xspf.org/spec).

    Its locations are relative, or full addresses with ``url``. Raises ExportError if there are no
    tracks.
    """
    first = first_of(tracks)
    ET.register_namespace("", _XSPF)
    root = ET.Element(f"{{{_XSPF}}}playlist", version="1")
    _add(root, "title", first.album)
    _add(root, "creator", first.artist)
    _add(root, "image", _location(COVER, url))
    parent = _add(root, "trackList")
    for track in tracks:
        one = _add(parent, "track")
        _add(one, "location", _location(track.path.name, url))
        _add(one, "title", track.title)
        _add(one, "creator", track.artist)
        _add(one, "image", _location(COVER, url))
        _add(one, "album", track.album)
        _add(one, "trackNum", str(track.number))
        _add(one, "duration", str(track.duration_ms))
    return document(root)


def first_of(tracks: Sequence[Track]) -> Track:
    """Return the first track; raises ExportError if there is none."""
    if not tracks:
        raise ExportError("there are no tracks to list: give those of the folder of a playlist")
    return tracks[0]


def add(parent: ET.Element, name: str, content: str | None = None, **attributes: str) -> ET.Element:
    """Add an element, and return it."""
    element = ET.SubElement(parent, name, attributes)
    element.text = content
    return element


def document(root: ET.Element) -> bytes:
    """Return an XML document, indented."""
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    return add(parent, f"{{{_XSPF}}}{name}", text)


def _location(name: str, url: str | None) -> str:
    return f"{url.rstrip('/')}/{quote(name)}" if url else quote(name)


def _line(text: str) -> str:
    return " ".join(text.split())
