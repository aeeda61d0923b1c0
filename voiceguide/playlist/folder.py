"""The files in the folder of a playlist, and which of them a mounted phone or card needs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from voiceguide import export
from voiceguide.errors import ExportError
from voiceguide.playlist import transfer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COVER = "cover.png"
FEED = "feed.xml"
WHOLE = "whole-session"
"""The name of the file that has all of it, without suffix."""


def files(folder: Path) -> list[Path]:
    """Return the files of the playlist in ``folder``, ignoring others."""
    made = [folder / COVER, folder / FEED, m3u8_path(folder), xspf_path(folder)]
    ours = track_paths(folder)
    if export.written_by_voiceguide(whole_path(folder)):
        ours.append(whole_path(folder))
    made += itertools.chain.from_iterable(map(files_of, ours))
    return sorted(path for path in made if path.is_file())


def copy(folders: Sequence[Path], to: Path) -> list[Path]:
    """Copy playlists into the folder ``to`` of a mounted phone or card; return their new paths.

    Each is copied completely or not at all, and replaces an older copy. Raises ExportError, before
    anything is changed, if a folder has no tracks, if two are called the same but for
    capitals, if there is not enough room, or if files that are not ours would be lost.
    """
    named: dict[str, Path] = {}
    for folder in folders:
        if not track_paths(folder):
            raise ExportError(f"{folder}: has no tracks of a playlist, so it cannot be copied")
        other = named.setdefault(_name(folder).casefold(), folder)  # as cards compare names
        if other.resolve() != folder.resolve():
            raise ExportError(f"{folder} and {other} are called the same: rename one of them")
        _refuse_to_lose(to / _name(folder), folder)
    return transfer.copy({_name(one): _files_for_card(one) for one in named.values()}, to)


def _name(folder: Path) -> str:
    """Return what a folder is called; that of a link is its own."""
    return folder.resolve().name if folder.name in ("", "..") else folder.name


def _refuse_to_lose(there: Path, folder: Path) -> None:
    """Raise ExportError if ``folder`` would replace one that has files that are not ours."""
    if not there.is_dir():
        return
    lists = {m3u8_path(folder).name, xspf_path(folder).name}  # a link's are not called as it is
    ours = {path.name for path in files(there)} | lists
    names = sorted(path.name for path in there.iterdir() if not path.name.startswith("."))
    if others := [name for name in names if name not in ours]:
        more = f" and {len(others) - 1} more" if others[1:] else ""
        raise ExportError(
            f"{there}: contains {others[0]}{more}, which would be lost: move it away first"
        )


def _files_for_card(folder: Path) -> list[Path]:
    """Return what a player needs: all but what only the feed names."""
    whole = set(files_of(whole_path(folder)))
    return [path for path in files(folder) if path not in whole]


def track_paths(folder: Path) -> list[Path]:
    """Return the files of the tracks in ``folder``, in order, ignoring other programs' files."""
    paths = (path for path in sorted(folder.glob("*.mp3")) if path.stem != WHOLE)
    return [path for path in paths if export.written_by_voiceguide(path)]


def whole_path(folder: Path) -> Path:
    """Return the path of the file that has all of it."""
    return folder / f"{WHOLE}.mp3"


def files_of(path: Path) -> tuple[Path, ...]:
    """Return a track's file and those that belong to it."""
    return path, transcript_path(path), chapters_path(path)


def m3u8_path(folder: Path) -> Path:
    """Return the path of a folder's M3U8."""
    return folder / f"{folder.resolve().name}.m3u8"


def xspf_path(folder: Path) -> Path:
    """Return the path of a folder's XSPF."""
    return folder / f"{folder.resolve().name}.xspf"


def transcript_path(path: Path) -> Path:
    """Return the path of a track's transcript."""
    return path.with_suffix(".vtt")


def chapters_path(path: Path) -> Path:
    """Return the path of a track's chapters."""
    return path.with_suffix(".chapters.json")
