"""scripts/<language>/*.toml -> regions, areas, methods and phrases, validated.

A text may hold an alternation ``{left|right}``: the words for the left side, then for the right.
"""

from __future__ import annotations

import contextlib
import difflib
import itertools
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from voiceguide import files
from voiceguide.errors import LibraryError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_SIDES = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")
_BRACES = re.compile(r"[{}]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")  # BCP 47, as far as folders are named


def for_side(text: str, side: str | None) -> str:
    """Keep of every ``{left|right}`` in ``text`` the words for ``side`` ("left" or "right").

    Raises ValueError where an alternation is met without a side.
    """
    if side is None and _SIDES.search(text):
        raise ValueError(f"“{text}” needs a side")
    return _SIDES.sub(lambda match: match[1] if side == "left" else match[2], text)


def _spoken(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    if _BRACES.search(_SIDES.sub("", text)):
        raise ValueError("has a brace outside an alternation {left|right}")
    return text


def _no_sides(text: str) -> str:
    if _BRACES.search(text):
        raise ValueError("cannot have {left|right}: it is spoken for no side in particular")
    return _spoken(text)


Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, AfterValidator(_spoken)]
Texts = Annotated[list[Text], Field(min_length=1)]
SidelessText = Annotated[str, AfterValidator(_no_sides)]
SidelessTexts = Annotated[list[SidelessText], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_ModelT = TypeVar("_ModelT", bound=_Model)


class Area(_Model):
    """A muscle or a part of one that is treated as a whole."""

    id: Slug
    name: SidelessText
    """In the listener's words: "the upper calf"."""
    anatomy: str
    """The anatomical name."""
    two_sided: bool
    """Whether there is one on the left and one on the right."""
    cautions: Texts
    """What to avoid right here; spoken while the spot is looked for."""
    find: Texts
    """The position first, which is said for each side; then how the fingers find the spot."""
    place: dict[Slug, Texts]
    """By method: how the tool comes to the spot. Its keys are the methods that suit the area."""
    mobilize: Texts
    """The movement explained, before it is made for the first time."""
    mobilize_again: Annotated[list[Text], Field(min_length=3)]
    """Variants of a short reminder, said as the movement begins."""
    stretch: Texts
    """The way into the stretch: first where to go, for which there is time, then the rest."""
    stretch_alone: Text | None = None
    """Where to go instead, if the stretch is not made right after the treatment."""

    @model_validator(mode="after")
    def _sides_only_where_there_are_two(self) -> Area:
        if self.two_sided:
            return self
        spoken = (self.cautions, self.find, *self.place.values(), self.mobilize)
        alone = [self.stretch_alone or ""]
        for text in itertools.chain(*spoken, self.mobilize_again, self.stretch, alone):
            if _SIDES.search(text):
                raise ValueError(f"has no two sides, but says “{text}”")
        return self


class Region(_Model):
    """A part of the body, with one to four areas, the most useful first."""

    id: Slug
    """The name of its file."""
    name: SidelessText
    """The title: "Calf"."""
    spoken: SidelessText
    """Within a sentence: "your calf"."""
    summary: Annotated[str, Field(max_length=60)]
    complaints: dict[Slug, list[Slug]] = {}
    """Other names under which it is found, each with the areas that are treated; none for all."""
    cautions: SidelessTexts
    """What not to press, and when to see a doctor first; spoken in every session."""
    pressure: SidelessTexts | None = None
    """How hard to press, where it must be less than the level asks for."""
    areas: Annotated[list[Area], Field(min_length=1, max_length=4)]

    @model_validator(mode="after")
    def _each_area_has_its_own_id(self) -> Region:
        ids = [area.id for area in self.areas]
        for area_id in ids:
            if ids.count(area_id) > 1:
                raise ValueError(f"has two areas called “{area_id}”")
        for complaint, treated in self.complaints.items():
            for area_id in treated:
                if area_id not in ids:
                    raise ValueError(f"complaints.{complaint}: there is no area “{area_id}”")
        return self

    def areas_for(self, target: str) -> list[Area]:
        """Return the areas to treat for this region's id or one of its complaints."""
        ids = self.complaints.get(target, [])
        return [self.area(area_id) for area_id in ids] if ids else self.areas

    def area(self, area_id: str) -> Area:
        """Return the area called ``area_id``; raises RequestError with the names there are."""
        by_id = {area.id: area for area in self.areas}
        if area_id not in by_id:
            raise RequestError(f"no area “{area_id}” in {self.id}{_instead(area_id, by_id)}")
        return by_id[area_id]


class Method(_Model):
    """A way of treating a spot."""

    id: Slug
    """The name of its template, and its key in methods.toml."""
    name: SidelessText
    summary: str
    for_whom: str
    spoken: SidelessText
    """Within a sentence: "your trigger tool"."""
    prepares: bool = False
    """Whether it prepares for another method."""
    tool: bool = True
    """Whether it needs a tool."""
    mobilize: Texts | None = None
    """The movement explained, where it is the same for all areas: kneading, rolling."""
    mobilize_again: Annotated[list[Text], Field(min_length=3)] | None = None
    """Variants of a short reminder of it."""


class _Methods(_Model):
    methods: Annotated[list[Method], Field(min_length=1)]


class Wording(_Model):
    """What is said in every session: phrases with variants, side names and chapter titles."""

    language_name: str
    sides: dict[str, str]
    chapters: dict[str, str]
    phrases: dict[str, Texts]


@dataclass(frozen=True)
class Library:
    """The texts of one language, in the user's folders first, then in the package's."""

    language: str
    folders: tuple[Path, ...]

    @cached_property
    def region_files(self) -> dict[str, Path]:
        """Each region's id and file, in alphabetical order."""
        found = {
            path.stem: path
            for folder in reversed(self.folders)
            for path in folder.glob("regions/*.toml")
        }
        return dict(sorted(found.items()))

    def region(self, target: str) -> Region:
        """Return the region with this id or complaint.

        Raises RequestError for a name that is unknown, LibraryError for a file that is wrong.
        """
        if target in self.region_files:
            return self._read_region(target)
        known = dict.fromkeys(self.region_files)
        for region in self.regions():
            if target in region.complaints:
                return region
            known.update(dict.fromkeys(region.complaints))
        raise RequestError(f"no region or complaint “{target}”{_instead(target, known)}")

    def regions(self, problems: list[LibraryError] | None = None) -> list[Region]:
        """Return every region whose file is valid; add the errors of the others to ``problems``."""
        found = []
        for region_id in self.region_files:
            try:
                found.append(self._read_region(region_id))
            except LibraryError as error:
                if problems is not None:
                    problems.append(error)
        return found

    @cached_property
    def methods(self) -> dict[str, Method]:
        """The methods by id, in the order of their file."""
        path = self._file("methods.toml")
        return {method.id: method for method in _validated(_Methods, _read(path), path).methods}

    def method(self, method_id: str) -> Method:
        """Return the method called ``method_id``; raises RequestError with the names there are."""
        if method_id not in self.methods:
            raise RequestError(f"no method “{method_id}”{_instead(method_id, self.methods)}")
        return self.methods[method_id]

    @cached_property
    def wording(self) -> Wording:
        """What is said in every session."""
        path = self._file("phrases.toml")
        return _validated(Wording, _read(path), path)

    def _read_region(self, region_id: str) -> Region:
        path = self.region_files[region_id]
        data = _read(path)
        if "id" in data:
            raise LibraryError(f"{path}: id: a region is called as its file: leave it out")
        return _validated(Region, {"id": region_id, **data}, path)

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
        raise RequestError(f"no texts in language “{language}”{_instead(language, there_are)}")
    return Library(language, folders)


def languages(own: Path | None = None) -> list[str]:
    """Return the languages for which there are texts."""
    roots = files.script_folders(own)
    return sorted({path.parent.name for root in roots for path in root.glob("*/phrases.toml")})


REFERENCE = "en"
"""The language that has all texts."""


def missing(language: str, own: Path | None = None) -> Iterator[str]:
    """Return what ``language`` lacks of what the reference language has; raises RequestError."""
    texts, reference = load(language, own), load(REFERENCE, own)
    here = f"scripts/{language}"
    with contextlib.suppress(LibraryError):  # a file that is wrong is told elsewhere
        for name in ("sides", "chapters", "phrases"):
            keys = getattr(reference.wording, name).keys() - getattr(texts.wording, name).keys()
            yield from (f"{here}/phrases.toml: {name}.{key} is missing" for key in sorted(keys))
    with contextlib.suppress(LibraryError):
        for method in reference.methods.keys() - texts.methods.keys():
            yield f"{here}/methods.toml: the method {method} is missing"
    translated = {region.id: region for region in texts.regions()}
    for region in reference.regions():
        if region.id not in texts.region_files:
            yield f"{here}/regions/{region.id}.toml is missing"
        elif region.id in translated:
            yield from _missing(region, translated[region.id], f"{here}/regions/{region.id}.toml")


def _missing(region: Region, translated: Region, file: str) -> Iterator[str]:
    for complaint in region.complaints.keys() - translated.complaints.keys():
        yield f"{file}: complaints.{complaint} is missing"
    areas = {area.id: area for area in translated.areas}
    for area in region.areas:
        if area.id not in areas:
            yield f"{file}: the area {area.id} is missing"
            continue
        for method in area.place.keys() - areas[area.id].place.keys():
            yield f"{file}: areas.{area.id}.place.{method} is missing"


def _instead(wrong: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(wrong, names, n=3)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; there are: {', '.join(names)}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LibraryError(f"{path}: is not valid TOML in UTF-8: {error}") from error


def _validated(model: type[_ModelT], data: Mapping[str, Any], path: Path) -> _ModelT:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first, *rest = error.errors()
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        more = f" (and {len(rest)} more)" if rest else ""
        raise LibraryError(f"{path}: {key or 'the file'}: {reason}{more}") from error
