"""Files -> folders on a mounted phone or card, each complete or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

from voiceguide.errors import ExportError
from voiceguide.files import part_folder, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_CLUSTER_BYTES = 32_768
"""The cluster size of a large FAT32 card, for systems that do not report it."""


def copy(folders: Mapping[str, Sequence[Path]], to: Path) -> list[Path]:
    """Copy files into folders in ``to``, given by their names; return the paths of the folders.

    An existing folder is replaced: the new one is written beside it, flushed to disk, and renamed
    when it is complete. First, it is checked that there is room for both. Another copy to the same
    place waits. Raises ExportError; then the old folder is unchanged, and nothing of ours is left
    beside it.
    """
    if not to.is_dir():
        raise ExportError(f"{to}: no such folder: is the phone or card connected?")
    for name, files in folders.items():
        if any(file.resolve().parent == (to / name).resolve() for file in files):
            raise ExportError(f"{to / name}: cannot be copied to itself; choose another place")
        if (to / name).is_symlink() or ((to / name).exists() and not (to / name).is_dir()):
            raise ExportError(f"{to / name}: is not a folder: move it away first")
    with _alone(to):
        try:
            sweep(to)
            for name in folders:
                _restore(to, name)
            _make_sure_of_room(folders, to)
        except OSError as error:
            raise ExportError(f"{to}: cannot be used: {error.strerror}") from error
        return [_replace(to, name, files) for name, files in folders.items()]


@contextlib.contextmanager
def _alone(to: Path) -> Iterator[None]:
    """Keep other processes from copying to the same place; the system ends this with ours."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(to, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not every file system can
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make_sure_of_room(folders: Mapping[str, Sequence[Path]], to: Path) -> None:
    """Raise ExportError if ``to`` lacks room for each folder beside the one that it replaces."""
    free = shutil.disk_usage(to).free
    cluster = os.statvfs(to).f_frsize if sys.platform != "win32" else _CLUSTER_BYTES
    needed = taken = 0
    for name, files in folders.items():
        size = _size(files, cluster) + cluster  # and the folder's own
        needed = max(needed, taken + size)
        taken += size - _size((to / name).glob("*"), cluster)
    if needed > free:
        raise ExportError(
            f"{to}: has {_megabytes(free)} free, but {_megabytes(needed)} are needed (the old "
            "copy is only removed when the new one is complete): make room"
        )


def _replace(to: Path, name: str, files: Sequence[Path]) -> Path:
    """Copy ``files`` into a new folder, and replace the old one with it."""
    place, old = to / name, _old(to, name)
    try:
        with part_folder(place) as new:
            for file in files:
                with file.open("rb") as source, (new / file.name).open("xb") as copied:
                    shutil.copyfileobj(source, copied)
                    copied.flush()
                    os.fsync(copied.fileno())
            _sync(new)
            if place.exists():
                place.rename(old)
            new.rename(place)
        _sync(to)
    except OSError as error:
        what = f"{place}: cannot be copied: {error.strerror}"
        raise ExportError(f"{what}; the old copy is untouched") from error
    finally:
        with contextlib.suppress(OSError):
            _restore(to, name)
    return place


def _restore(to: Path, name: str) -> None:
    """Put an old copy back whose place is empty, even if we were killed; remove it otherwise."""
    place, old = to / name, _old(to, name)
    if old.exists() and not place.exists():
        old.rename(place)
    elif old.exists():
        shutil.rmtree(old)


def _old(to: Path, name: str) -> Path:
    return to / f".voiceguide-old-{name}"


def _sync(folder: Path) -> None:
    """Flush the names in a folder to disk, if the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not every file system can
            os.fsync(handle)
    finally:
        os.close(handle)


def _size(files: Iterable[Path], cluster: int) -> int:
    return sum(-(-file.stat().st_size // cluster) for file in files) * cluster


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
