"""Where scripts/ and sounds/ are found: the user's folders first, then the package's."""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from platformdirs import user_cache_path, user_config_path, user_data_path

from voiceguide.errors import RequestError

_LONGEST_NAME = 1000  # characters: looking for one of 80,000 takes seconds
_PACKAGE = Path(__file__).resolve().parent


def config_folder() -> Path:
    """Return the user's own folder; its scripts/ and sounds/ override the package's.

    ``VOICEGUIDE_CONFIG_DIR`` moves it.
    """
    moved = os.environ.get("VOICEGUIDE_CONFIG_DIR")
    return Path(moved) if moved else user_config_path("voiceguide", appauthor=False)


def cache_folder() -> Path:
    """Return the folder of spoken clips; it may be deleted at any time.

    ``VOICEGUIDE_CACHE_DIR`` moves it.
    """
    moved = os.environ.get("VOICEGUIDE_CACHE_DIR")
    return Path(moved) if moved else user_cache_path("voiceguide", appauthor=False)


def data_folder() -> Path:
    """Return the folder of what was downloaded: voices.

    ``VOICEGUIDE_DATA_DIR`` moves it.
    """
    moved = os.environ.get("VOICEGUIDE_DATA_DIR")
    return Path(moved) if moved else user_data_path("voiceguide", appauthor=False)


def folders(name: str) -> list[Path]:
    """Return the existing folders called ``name`` ("scripts", "sounds"), in the order of search.

    In a wheel they lie inside the package, in a checkout beside it.
    """
    shipped = _PACKAGE / name
    if not shipped.is_dir():
        shipped = _PACKAGE.parent / name
    return [folder for folder in (config_folder() / name, shipped) if folder.is_dir()]


def script_folders(own: Path | None) -> list[Path]:
    """Return the folders of scripts, ``own`` first; raises RequestError if that is no folder."""
    if own is None:
        return folders("scripts")
    if not own.is_dir():
        raise RequestError(f"library = {own}: is no folder")
    return [own, *folders("scripts")]


def find(name: str, roots: list[Path]) -> Path | None:
    """Return the first file called ``name`` (a relative path) in ``roots``.

    A name that leads out of a root, by ``..`` or by a link, is not found there; one that is no
    relative path is not even looked for, since on Windows it may name another machine.
    """
    pure = PureWindowsPath(name)
    if pure.drive or pure.root or ".." in pure.parts or len(name) > _LONGEST_NAME:
        return None
    for root in roots:
        try:
            path = (root / name).resolve()
            if path.is_relative_to(root.resolve()) and path.is_file():
                return path
        except (OSError, ValueError):  # no name that a file could have
            continue
    return None
