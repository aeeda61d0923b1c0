"""Files in a listener's own folders that nothing reads: most often, a name is misspelled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import near

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS = (".toml", ".jinja")
_OF_LANGUAGE = ("phrases.toml", "methods.toml", "muscles.toml", "names.toml", "lexicon.toml",
                "commands.toml")  # fmt: skip
_OF_KIND = ("kind.toml", "session.ssml.jinja")
_NEAR = "; did you mean"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")


def unread(own: Path | None = None) -> Iterator[str]:
    """Return each text or template in ``own``, and in the configuration, that nothing reads.

    What is not in a folder of ours, or nearly, is somebody else's: it is left out.
    """
    for root in files.script_folders(own)[:-1]:
        for name, _, _ in files.states(root):
            path = Path(name)
            if path.name.removesuffix(".txt").endswith(_ENDINGS):
                why = _why(root, path.relative_to(root).parts)
                if why is not None:
                    yield f"{path} is not read{why}"


def _why(root: Path, parts: tuple[str, ...]) -> str | None:
    """Return why a file is not read, as the end of a message; None for one that is, or may be."""
    *folders, name = parts
    if not folders:
        of_language = "; it belongs in the folder of its language, such as en/"
        return of_language if name in _OF_LANGUAGE else None
    if folders[0] != "kinds" and (name in _OF_KIND or not _LANGUAGE.fullmatch(folders[0])):
        return _elsewhere(folders[0], name)
    if name.endswith(".txt"):
        return f"; its name must be {name.removesuffix('.txt')}"
    if name.endswith(".jinja"):
        return None
    if folders[0] == "kinds":
        return _of_kind(folders, name)
    there = {
        path.name
        for one in (root, *files.folders("scripts"))
        for path in one.glob(f"{folders[0]}/*")
    }
    is_ours = not there.isdisjoint({*_OF_LANGUAGE, "regions"})
    return _of_language(folders, name) if is_ours else None


def _elsewhere(folder: str, name: str) -> str | None:
    if name in _OF_KIND:
        return "; the folder of a kind belongs in kinds/"
    if _LANGUAGE.fullmatch(folder.lower()):
        return f"; the folder of a language is written {folder.lower()}/"
    is_near = near(folder, ["kinds", "regions"]).startswith(_NEAR)
    return "; only kinds/ and the folders of languages, such as en/, are" if is_near else None


def _of_kind(folders: list[str], name: str) -> str | None:
    if len(folders) == 1:
        return "; a kind has a folder of its own in kinds/"
    stem = name.removesuffix(".toml")
    is_read = stem == "kind" or _LANGUAGE.fullmatch(stem)
    if len(folders) == 2 and is_read:  # noqa: PLR2004 (kinds/NAME)
        return None
    return near(stem, ["kind", "en", "de"], shown="{}.toml")


def _of_language(folders: list[str], name: str) -> str | None:
    language, *inner = folders
    if inner:
        return None if inner == ["regions"] else f"; regions are in {language}/regions/"
    if name in _OF_LANGUAGE:
        return None
    stems = [one.removesuffix(".toml") for one in _OF_LANGUAGE]
    meant = near(name.removesuffix(".toml"), stems, shown="{}.toml")
    return meant if meant.startswith(_NEAR) else f"; a region belongs in {language}/regions/"
