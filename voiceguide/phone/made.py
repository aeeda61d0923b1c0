"""The sessions and playlists that exist already, made here or by the command line."""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from voiceguide import export, files, playlist
from voiceguide.errors import VoiceguideError
from voiceguide.phone.render_child import ABOUT
from voiceguide.phone.renders import SESSIONS, touch
from voiceguide.phone.wanted import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from voiceguide.playlist import Track

_MOST_CHARACTERS = 150  # of a name
_MOST_LISTED = 50
_VERSION = 12  # characters of a digest, by which a phone knows that a track has changed


def is_name(name: str) -> bool:
    """Whether a session or playlist may have this name."""
    return len(name) <= _MOST_CHARACTERS and NAME.fullmatch(name) is not None


def session(folder: Path, name: str) -> dict[str, object] | None:
    """Return what is known about a session; None if it does not exist."""
    path = files.find(f"{name}/{ABOUT}", [folder / SESSIONS])
    if path is None:
        return None
    with contextlib.suppress(OSError, ValueError, RecursionError):
        about = json.loads(path.read_bytes())
        touch(path.parent)
        return {"id": name, "state": "ready", **about}
    return None


def sessions(folder: Path) -> list[dict[str, object]]:
    """Return what is known about the sessions, the latest first."""
    found = []
    for path in (folder / SESSIONS).glob(f"*/{ABOUT}"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            made = (path.stat().st_mtime, path.parent.name, json.loads(path.read_bytes()))
            found.append(made)
    found.sort(key=lambda made: made[:2], reverse=True)
    return [{"id": name, "state": "ready", **about} for _, name, about in found[:_MOST_LISTED]]


def playlist_of(base: Path, name: str, address: str) -> dict[str, object] | None:
    """Return what is known about a playlist; None if it does not exist.

    ``address`` is where its files can be had.
    """
    folder = base / name
    found = playlist_files(folder)
    listed = files.find(f"{name}/{name}.m3u8", [base])
    if listed is None or not found:
        return None
    tracks = playlist.tracks(folder)
    return {
        "id": name,
        "state": "ready",
        "title": tracks[0].album,
        "language": tracks[0].language,
        "duration_ms": sum(track.duration_ms for track in tracks),
        "size_bytes": sum(track.size_bytes for track in tracks),
        "feed": f"{address}/{playlist.FEED}",
        "list": f"{address}/{name}.m3u8",
        "tracks": [track(one, address) for one in tracks],
    }


def track(one: Track, address: str) -> dict[str, object]:
    """Return what the page needs to know of a track, whose folder can be had at ``address``."""
    return {
        "title": one.title,
        "file": one.path.name,
        "duration_ms": one.duration_ms,
        "base": f"{address}/{one.path.stem}",
        "version": (export.read_source_digest(one.path) or "")[:_VERSION],
        "cover": f"{address}/{playlist.COVER}",
    }


def marks(path: Path) -> bytes:
    """Return the marks of a track as the page reads them: JSON."""
    return json.dumps([asdict(mark) for mark in playlist.marks(path)]).encode()


def playlists(base: Path, address: str) -> list[dict[str, object]]:
    """Return what is known about the playlists, in the order of their names.

    ``address`` is where their folders can be had.
    """
    found = []
    for path in sorted(base.glob("*/*.m3u8")):
        name = path.parent.name
        if path.stem == name and is_name(name):
            with contextlib.suppress(VoiceguideError):
                found.append(playlist_of(base, name, f"{address}/{name}"))
    return [one for one in found[:_MOST_LISTED] if one is not None]


def playlist_files(folder: Path) -> frozenset[str]:
    """Return the names of the files of the playlist in ``folder``; none if there is no playlist."""
    try:
        return _files(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return frozenset()


@functools.lru_cache(maxsize=64)
def _files(folder: Path, _modified_ns: int) -> frozenset[str]:
    if not any(export.written_by_voiceguide(path) for path in folder.glob("*.mp3")):
        return frozenset()
    return frozenset(path.name for path in playlist.files(folder))
