"""The texts of one language, from the user's folders and the package's, read when needed."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from voiceguide import files
from voiceguide.errors import LibraryError, RequestError, meant, near, shortened
from voiceguide.library.lexicon import NAME as LEXICON
from voiceguide.library.lexicon import Lexicon, LexiconFile
from voiceguide.library.models import Method, Methods, Region, Wording
from voiceguide.library.toml import validated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REFERENCE = "en"
"""The language in which all texts exist."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")  # BCP 47, as far as folders are named


@dataclass(frozen=True)
class Library:
    """The texts of one language, in the user's folders first, then in the package's."""

    language: str
    folders: tuple[Path, ...]

    @cached_property
    def region_files(self) -> dict[str, Path]:
        """Each region's id and file, in alphabetical order."""
        paths = {
            path.stem: path
            for folder in reversed(self.folders)
            for path in folder.glob("regions/*.toml")
        }
        return dict(sorted(paths.items()))

    def region(self, target: str, others: Sequence[str] = ()) -> Region:
        """Return the region that ``target`` means: by its id, a complaint or its title.

        Exact ids and complaints come first, then other spellings: “Tennis Elbow”. Raises
        RequestError for a name that is unknown, with near ones, also of ``others``; LibraryError
        for a file that is wrong.
        """
        region_id = meant(target, self.region_files)
        if region_id is not None:
            return self._read_region(region_id)
        problems: list[LibraryError] = []
        regions = self.regions(problems)
        complaints = {name: region for region in regions for name in region.complaints}
        titles = {region.name: region for region in regions}
        for called in (complaints, titles):
            name = meant(target, called)
            if name is not None:
                return called[name]
        names = [*self.region_files, *complaints, *others]
        names += [title for title in titles if meant(title, names) is None]
        hint = near(target, names) or "; “voiceguide regions” lists them"
        if problems:
            hint += f" (and shows why {len(problems)} of their files cannot be used)"
        raise RequestError(f"no region or complaint “{shortened(target)}”{hint}")

    def regions(self, problems: list[LibraryError] | None = None) -> list[Region]:
        """Return every region whose file is valid; add the errors of the others to ``problems``."""
        regions = []
        for region_id in self.region_files:
            try:
                regions.append(self._read_region(region_id))
            except LibraryError as error:
                if problems is not None:
                    problems.append(error)
        return regions

    @cached_property
    def methods(self) -> dict[str, Method]:
        """The methods by id, in the order of their file."""
        read = validated(Methods, self._file("methods.toml"))
        return {method.id: method for method in read.methods}

    def method(self, name: str) -> Method:
        """Return the method with this id or title; raises RequestError with similar names."""
        titles = {method.name: method for method in self.methods.values()}
        for called in (self.methods, titles):
            key = meant(name, called)
            if key is not None:
                return called[key]
        raise RequestError(f"no method “{shortened(name)}”{near(name, self.methods)}")

    @cached_property
    def wording(self) -> Wording:
        """What is said in every session."""
        return validated(Wording, self._file("phrases.toml"))

    @cached_property
    def lexicon(self) -> Lexicon:
        """How words sound; what is in the user's folders wins."""
        files_ = [folder / LEXICON for folder in self.folders if (folder / LEXICON).is_file()]
        return Lexicon(entry for path in files_ for entry in validated(LexiconFile, path).entries)

    def problems(self) -> list[LibraryError]:
        """Return an error for each file of this language that is wrong."""
        problems: list[LibraryError] = []
        self.regions(problems)
        for name in ("methods", "wording", "lexicon"):
            try:
                getattr(self, name)
            except LibraryError as error:
                problems.append(error)
        return problems

    def _read_region(self, region_id: str) -> Region:
        return validated(Region, self.region_files[region_id], id=region_id)

    def _file(self, name: str) -> Path:
        path = files.find(name, list(self.folders))
        if path is None:
            where = " or ".join(str(folder) for folder in self.folders)
            raise LibraryError(f"{name} is missing in {where}")
        return path


def load(language: str, own: Path | None = None) -> Library:
    """Return the library of ``language`` ("en"); texts in the folder ``own`` override all others.

    Raises RequestError if there is none.
    """
    roots = files.script_folders(own) if _LANGUAGE.fullmatch(language) else []
    folders = tuple(root / language for root in roots if (root / language).is_dir())
    if not folders:
        there_are = languages(own)
        raise RequestError(
            f"no texts in language “{shortened(language)}”{near(language, there_are)}"
        )
    return Library(language, folders)


def lexicon(language: str, own: Path | None = None) -> Lexicon:
    """Return the lexicon for a BCP 47 tag: of "de-AT", or else of "de"; empty if there is none.

    Raises LibraryError for a file that is wrong.
    """
    for name in dict.fromkeys((language, language.partition("-")[0].lower())):
        with contextlib.suppress(RequestError):
            return load(name, own).lexicon
    return Lexicon()


def languages(own: Path | None = None) -> list[str]:
    """Return the languages that have texts."""
    roots = files.script_folders(own)
    return sorted({path.parent.name for root in roots for path in root.glob("*/phrases.toml")})
