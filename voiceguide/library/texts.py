"""The texts of one language, from the user's folders and the package's, read when needed."""

from __future__ import annotations

import contextlib
import itertools
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from voiceguide import files
from voiceguide.errors import (
    LibraryError,
    RequestError,
    UnknownTargetError,
    match_name,
    near,
    shortened,
)
from voiceguide.languages import primary
from voiceguide.library import nowhere
from voiceguide.library.lexicon import NAME as LEXICON
from voiceguide.library.lexicon import Lexicon, LexiconFile
from voiceguide.library.models import Area, Method, Methods, Muscles, Names, Region
from voiceguide.library.toml import validated
from voiceguide.library.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

REFERENCE = "en"
"""The language in which all texts exist."""

_Value = TypeVar("_Value")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")  # BCP 47, as far as folders are named


class Target(NamedTuple):
    """What a listener means by a name."""

    region: Region
    """For several places, one that is made of their regions."""
    areas: list[Area]
    """The areas to treat, the most useful first."""
    least: int = 1
    """How many of them a session treats at least."""


def listed(things: Sequence[str], conjunction: str, *, serial_comma: bool = False) -> str:
    """Return things as a sentence has them: "a table, a chair, and a cushion"; "" for none."""
    *before, last = things or [""]
    comma = "," if serial_comma and len(before) > 1 else ""
    return f"{', '.join(before)}{comma} {conjunction} {last}" if before else last


def joined(targets: Sequence[Target], conjunction: str) -> Target:
    """Return several targets as one: first the first area of each, then the others."""
    regions = list({one.region.id: one.region for one in targets}.values())
    bearing = [
        [area.model_copy(update={"pressure": area.pressure or one.region.pressure,
                                 "part_of": area.part_of or one.region.spoken})
         for area in one.areas]
        for one in targets
    ]  # fmt: skip
    turns = itertools.zip_longest(*bearing)
    areas = {area.id: area for turn in turns for area in turn if area is not None}
    region = regions[0].model_copy(
        update={
            "name": listed([one.name for one in regions], conjunction),
            "spoken": listed([one.spoken for one in regions], conjunction),
            "complaints": {},
            "cautions": list(dict.fromkeys(text for one in regions for text in one.cautions)),
            "pressure": None,
            "areas": list(areas.values()),
        }
    )
    least = len({one[0].id for one in bearing})
    return Target(region, region.areas, least)


@dataclass(frozen=True)
class Library:
    """The texts of one language, in the user's folders first, then in the package's."""

    language: str
    folders: tuple[Path, ...]
    own: Path | None = None
    """A folder of texts that override all others."""

    @cached_property
    def region_files(self) -> dict[str, Path]:
        """Each region's id and file, in alphabetical order."""
        paths = {
            path.stem: path
            for folder in reversed(self.folders)
            for path in folder.glob("regions/[!.]*.toml")
        }
        return dict(sorted(paths.items()))

    def region(self, target: str, others: Sequence[str] = ()) -> Region:
        """Return the region that ``target`` means; raises as ``find`` does."""
        return self.find(target, others).region

    def find(self, target: str, others: Sequence[str] = ()) -> Target:
        """Return what a listener means by ``target``, in any language.

        It is a region, an area, a complaint, or several of them: "neck+jaw". Ids come first, then
        everyday words, complaints, titles and areas. Raises RequestError for what belongs to a
        doctor, and for an unknown name, with near ones, also of ``others``; LibraryError for a file
        that is wrong.
        """
        if "+" not in target:
            return self._find_one(target, others)
        parts = target.split("+")
        if a_kind := next((part for part in parts if match_name(part, others)), None):
            what = "only regions, areas and complaints can be joined"
            raise RequestError(f"“{a_kind}” is a kind of session; {what}")
        found = [self._find_one(part, ()) for part in parts]
        return joined(found, self.names.conjunction)

    def _find_one(self, target: str, others: Sequence[str]) -> Target:
        region_id = match_name(target, self.region_files)
        if region_id is not None:  # most often; no other file needs to be read
            region = self._read_region(region_id)
            return Target(region, region.areas)
        languages_ = [self, *self.others]
        if any(match_name(target, texts.names.doctor) for texts in languages_):
            what = f"“{shortened(target)}” belongs to a doctor, not to a session"
            raise RequestError(f"{what}: it can have causes that massage does not reach")
        for texts in languages_:
            place = texts.meaning(target)
            found = place and self._place(place)
            if found:
                return found
            if place and (error := nowhere.reason(self, target, place)):
                raise error
        hint = ""
        for texts in languages_:
            places = _first_of(list(texts.called()))
            known = [name for name in [*places, *others] if not match_name(target, [name])]
            hint = hint or near(target, known, places)
        problems: list[LibraryError] = []
        self.regions(problems)
        if problems and hint:
            files_ = "1 file" if len(problems) == 1 else f"{len(problems)} files"
            hint += f" “voiceguide regions” shows why {files_} cannot be used"
        elif problems:
            hint = "; “voiceguide regions” lists them "
            hint += f"(and shows why {len(problems)} of their files cannot be used)"
        hint = hint or "; “voiceguide regions” lists them"
        raise UnknownTargetError(f"no region or complaint “{shortened(target)}”{hint}")

    def meaning(self, name: str) -> str | None:
        """Return the id of the region, area or complaint with a name in this language, if any."""
        for called in self.called():
            key = match_name(name, called)
            if key is not None:
                return called[key]
        return None

    def called(self) -> Iterator[dict[str, str]]:
        """Return the names of places with their ids, those that win first; read files as needed."""
        yield {region_id: region_id for region_id in self.region_files}
        yield {name: place for place, names in self.names.places.items() for name in names}
        regions = self.regions()
        yield {name: name for region in regions for name in region.complaints}
        yield {region.name: region.id for region in regions}
        areas = [area for region in regions for area in region.areas]
        yield {area.id: area.id for area in areas}
        yield {self._without_article(area.name): area.id for area in areas}
        yield {area.name: area.id for area in areas}

    def _without_article(self, name: str) -> str:
        first, _, rest = name.partition(" ")
        return rest if first in self.names.articles else name

    def _place(self, place: str) -> Target | None:
        """Return the region, complaint or area with an id, if this language has it."""
        if place in self.region_files:
            region = self._read_region(place)
            return Target(region, region.areas)
        for region in self.regions():
            if place in region.complaints:
                return self.complaint(region, place)
        for region in self.regions():
            areas = [area for area in region.areas if area.id == place]
            if areas:
                return Target(region, areas)
        return None

    def complaint(self, region: Region, complaint: str) -> Target:
        """Return the areas of a complaint; those of several regions make one of their own.

        Raises LibraryError if a region or an area does not exist.
        """
        found = []
        for place in region.complaints[complaint]:
            other, _, area_id = place.rpartition("/")
            where = f"{self.region_files[region.id]}: complaints.{complaint}: {place}"
            if other and other not in self.region_files:
                raise LibraryError(f"{where}: no region “{other}”{near(other, self.region_files)}")
            home = self._read_region(other) if other else region
            try:
                found.append(Target(home, [home.area(area_id)]))
            except RequestError as error:
                raise LibraryError(f"{where}: {error}") from error
        if all(one.region == region for one in found):
            return Target(region, [one.areas[0] for one in found] or region.areas)
        title = (self.names.places.get(complaint) or [complaint.replace("-", " ")])[0]
        through = joined(found, self.names.conjunction)
        own = {"id": region.id, "name": title[0].upper() + title[1:]}
        named = through.region.model_copy(update=own)
        return through._replace(region=named, least=1)

    def regions(self, problems: list[LibraryError] | None = None) -> list[Region]:
        """Return every region whose file is valid; add the errors of the others to ``problems``."""
        if problems is not None:
            problems += self._valid_and_wrong[1]
        return self._valid_and_wrong[0]

    @cached_property
    def _valid_and_wrong(self) -> tuple[list[Region], list[LibraryError]]:
        regions, problems = [], []
        try:
            _ = self.muscles
        except LibraryError as error:  # all regions need them
            return [], [error]
        for region_id in self.region_files:
            try:
                regions.append(self._read_region(region_id))
            except LibraryError as error:
                problems.append(error)
        return regions, problems

    @cached_property
    def methods(self) -> dict[str, Method]:
        """The methods by id, in the order of their file."""
        read = validated(Methods, self.file("methods.toml"))
        return {method.id: method for method in read.methods}

    def method(self, name: str) -> Method:
        """Return the method with this name in any language.

        Raises RequestError with similar names for an unknown one.
        """
        for texts in (self, *self.others):
            called = texts.called_methods
            key = match_name(name, called)
            if key is not None and called[key] in self.methods:
                return self.methods[called[key]]
        hint = (
            near(name, self.called_methods, self.called_methods)
            or "; “voiceguide methods” lists them"
        )
        raise RequestError(f"no method “{shortened(name)}”{hint}")

    @cached_property
    def called_methods(self) -> dict[str, str]:
        """The ids of the methods by any of their names."""
        called = {method_id: method_id for method_id in self.methods}
        called |= {method.name: method.id for method in self.methods.values()}
        words = self.names.methods.items()
        return called | {name: method_id for method_id, names in words for name in names}

    @cached_property
    def names(self) -> Names:
        """The everyday words; those in the user's folders are added to ours, and win."""
        read = [validated(Names, path) for path in self.all_files(nowhere.FILE)]
        return Names.model_validate(
            {
                "and": next((one.conjunction for one in read), "and"),
                "articles": [article for one in read for article in one.articles],
                "doctor": [name for one in read for name in one.doctor],
                "places": _first_of([one.places for one in read]),
                "methods": _first_of([one.methods for one in read]),
            }
        )

    @cached_property
    def muscles(self) -> Muscles:
        """The muscles and their warnings; those in the user's folders win.

        Raises LibraryError for a muscle whose warnings or pressure do not exist.
        """
        read = [validated(Muscles, path) for path in self.all_files("muscles.toml")]
        doctor = _first_of([one.doctor for one in read])
        pressure = _first_of([one.pressure for one in read])
        muscles = _first_of([{muscle.id: muscle for muscle in one.muscles} for one in read])
        wrong = [
            f"muscles.toml: {muscle.id}: "
            f"no warnings or pressure “{shortened(key)}”{near(key, known)}"
            for muscle in muscles.values()
            for key, known in [
                (muscle.pressure, pressure),
                *((part, doctor) for part in muscle.doctor),
            ]
            if key is not None and key not in known
        ]
        if wrong:
            raise LibraryError("\n".join(wrong))
        return Muscles(doctor=doctor, pressure=pressure, muscles=list(muscles.values()))

    @cached_property
    def others(self) -> list[Library]:
        """The libraries of all other languages."""
        return [load(one, self.own) for one in languages(self.own) if one != self.language]

    @cached_property
    def wording(self) -> Wording:
        """What is said in every session."""
        return validated(Wording, self.file("phrases.toml"))

    @cached_property
    def lexicon(self) -> Lexicon:
        """How words sound; what is in the user's folders wins."""
        paths = self.all_files(LEXICON)
        return Lexicon(entry for path in paths for entry in validated(LexiconFile, path).entries)

    def _read_region(self, region_id: str) -> Region:
        if region_id not in self._regions_read:
            path = self.region_files[region_id]
            read = validated(Region, path, context=self.muscles, id=region_id)
            self._regions_read[region_id] = read
        return self._regions_read[region_id]

    @cached_property
    def _regions_read(self) -> dict[str, Region]:
        """The regions that were needed already."""
        return {}

    def all_files(self, name: str) -> list[Path]:
        """Return all files of a name, the user's first."""
        return [folder / name for folder in self.folders if (folder / name).is_file()]

    def file(self, name: str) -> Path:
        """Return the user's file of a name, or else the package's; raises LibraryError."""
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
    return Library(language, folders, own)


def lexicon(language: str, own: Path | None = None) -> Lexicon:
    """Return the lexicon for a BCP 47 tag: of "de-AT", or else of "de"; empty if there is none.

    Raises LibraryError for a file that is wrong.
    """
    for name in dict.fromkeys((language, primary(language))):
        with contextlib.suppress(RequestError):
            return load(name, own).lexicon
    return Lexicon()


def languages(own: Path | None = None) -> list[str]:
    """Return the languages that have texts."""
    roots = files.script_folders(own)
    return sorted({path.parent.name for root in roots for path in root.glob("[!.]*/phrases.toml")})


def _first_of(tables: Sequence[Mapping[str, _Value]]) -> dict[str, _Value]:
    """Return tables as one; a key has its first value."""
    merged: dict[str, _Value] = {}
    for table in tables:
        merged |= {key: value for key, value in table.items() if key not in merged}
    return merged
