"""What lies in the folder of a playlist, and how it is copied to a phone or card."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from voiceguide import export
from voiceguide.errors import ExportError
from voiceguide.playlist import transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COVER = "cover.png"
FEED = "feed.xml"


def files(folder: Path) -> list[Path]:
    """Return the files of the playlist in ``folder``; what else lies there is passed over."""
    made = [folder / COVER, folder / FEED, m3u8_path(folder), xspf_path(folder)]
    made += itertools.chain.from_iterable(map(files_of, track_paths(folder)))
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
            names = sorted(path.name for path in there.iterdir() if not path.name.startswith("."))
            if others := [name for name in names if name not in ours]:
                more = f" and {len(others) - 1} more" if others[1:] else ""
                raise ExportError(
                    f"{there}: contains {others[0]}{more}, which would be lost: move it away first"
                )
    return transfer.copy({folder.name: files(folder) for folder in folders}, to)


def track_paths(folder: Path) -> list[Path]:
    """Return the files of the tracks in ``folder``, in order; other programs' are passed over."""
    return [path for path in sorted(folder.glob("*.mp3")) if export.written_by_voiceguide(path)]


def files_of(path: Path) -> Iterator[Path]:
    """Return a track's file, and those beside it."""
    yield from (path, transcript_path(path), chapters_path(path))


def m3u8_path(folder: Path) -> Path:
    """Return where the M3U8 of a folder lies."""
    return folder / f"{folder.resolve().name}.m3u8"


def xspf_path(folder: Path) -> Path:
    """Return where the XSPF of a folder lies."""
    return folder / f"{folder.resolve().name}.xspf"


def transcript_path(path: Path) -> Path:
    """Return where the transcript of a track lies."""
    return path.with_suffix(".vtt")


def chapters_path(path: Path) -> Path:
    """Return where the chapters of a track lie."""
    return path.with_suffix(".chapters.json")
