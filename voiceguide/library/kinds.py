"""Kinds of session: scripts/kinds/<kind>/ -> its options, its tracks, and how it fits a length.

A kind is a folder, built in or in a listener's own library:

    kind.toml             its subject, options and tracks, and what may vary to fit a length
    en.toml, de.toml …    its name, and its phrases besides those of the language
    session.ssml.jinja    its template; for a method, METHOD.ssml.jinja is used if it exists
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from voiceguide import files
from voiceguide.errors import LibraryError, near, spellings
from voiceguide.library.models import Mistake, Model, Slug, Texts
from voiceguide.library.texts import REFERENCE
from voiceguide.library.texts import listed as in_words
from voiceguide.library.toml import validated
from voiceguide.options import OPTIONS, Value

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "kinds"
TEMPLATE = "session.ssml.jinja"

_KNOWN = {"kind", "wording", "pick", "part", "length_s", "breath_s"}
_KNOWN_OF_REGIONS = {
    "region", "treatments", "track", "needed", "props", "warnings", "never", "alike", "prepared",
    "preparing", "most_areas", "least_areas", "sides",
}  # fmt: skip
"""What templates are given besides options: see ``script.kind`` and ``script.treatment``."""
_FLAGS = ("format", "help", "set")
"""What commands have as --format, --help and --set."""
_YES_AND_NO = {"true": True, "false": False, "yes": True, "no": False}


def _variable_name(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        better = re.sub(r"[^a-z0-9_]+", "_", min(spellings(name), default=""))
        example = f", such as {better}" if _VARIABLE.fullmatch(better) else ""
        raise ValueError(f"must be lower-case letters, digits and _{example}")
    if keyword.iskeyword(name) or name in _FLAGS:
        raise ValueError("means something else on the command line; choose another name")
    return name


_VARIABLE = re.compile(r"[a-z][a-z0-9_]*")
VariableName = Annotated[str, AfterValidator(_variable_name)]


class Variable(Model):
    """An option that only this kind has: a flag on the command line, a variable in its template."""

    help: str
    default: Value
    choices: list[Value] | None = None
    """The allowed values; None for any."""
    least: float | None = None
    most: float | None = None
    """The limits of a number."""

    @model_validator(mode="after")
    def _has_a_valid_default(self) -> Variable:
        try:
            self.read(self.default)
        except ValueError as error:
            raise ValueError(f"default {self.default}: {error}") from error
        return self

    def read(self, value: Value) -> Value:
        """Return a checked value; raises ValueError that says what is valid."""
        if isinstance(self.default, bool):
            value = _YES_AND_NO.get(str(value).lower(), value)
            if not isinstance(value, bool):
                raise ValueError("must be true or false")  # noqa: TRY004 (like all its mistakes)
            return value
        if isinstance(self.default, str):
            value = str(value)  # what looks like a number was read as one
        elif isinstance(value, str | bool):
            raise ValueError("must be a number")  # noqa: TRY004
        elif self.least is not None and value < self.least:
            raise ValueError(f"must be at least {self.least:g}")
        elif self.most is not None and value > self.most:
            raise ValueError(f"must be at most {self.most:g}")
        if self.choices is not None and value not in self.choices:
            raise ValueError(f"must be {in_words([str(one) for one in self.choices], 'or')}")
        return value


class Choice(Model):
    """A variable of the template that is chosen so that a session fits a length."""

    values: str
    """A Jinja expression: the values, in the order in which they are tried."""
    default: str
    """A Jinja expression: the value if no length is requested."""
    grows: bool = False
    """Whether sessions last longer with each value; the last one always does."""


class PlaylistTrack(Model):
    """A track of a playlist, or one for each area."""

    part: Slug = "whole"
    """The part of the session that its template writes."""
    each: Literal["area"] | None = None
    name: Slug | None = None
    """The name of its file, after the number; None for the name of the area."""
    title: str
    """A Jinja template with the same variables as the session's."""
    options: dict[str, Value] = Field(default_factory=dict)
    """Options that override those of the request; the kind's own too."""


class Kind(Model):
    """A kind of session."""

    id: Slug
    """The name of its folder."""
    about: Literal["region", "itself"]
    """What a target names: a region, area or complaint, or the kind itself."""
    options: list[str] = Field(default_factory=list)
    """The options that apply to it, of those that only apply to certain kinds."""
    variables: dict[VariableName, Variable] = Field(default_factory=dict)
    """Its own options."""
    title: str
    album: str
    """Jinja templates, for what players show."""
    choices: dict[VariableName, Choice] = Field(default_factory=dict)
    tracks: Annotated[list[PlaylistTrack], Field(min_length=1)]

    @classmethod
    def mistakes(cls, data: Mapping[str, Any]) -> Iterator[Mistake]:
        """Return options that do not suit, and tracks without a name or with unknown options."""
        options, variables, tracks = (data.get(key) for key in ("options", "variables", "tracks"))
        for at, name in enumerate(options if isinstance(options, list) else ()):
            if isinstance(name, str) and name not in OPTIONS:
                yield ("options", at), f"unknown option “{name}”{near(name, OPTIONS)}"
            elif isinstance(name, str) and not OPTIONS[name].of_kinds:
                yield ("options", at), f"“{name}” applies to every kind; leave it out"
        own = set(variables) if isinstance(variables, Mapping) else set()
        yield from _taken(data, own)
        known = [*OPTIONS, *own]
        for at, track in enumerate(tracks if isinstance(tracks, list) else ()):
            if isinstance(track, Mapping) and not track.keys() & {"name", "each"}:
                yield ("tracks", at), 'a track without each = "area" needs a name'
            given = track.get("options") if isinstance(track, Mapping) else None
            for name in given if isinstance(given, Mapping) else ():
                if name not in known:
                    what = f"unknown option “{name}”{near(name, known)}"
                    yield ("tracks", at, "options", name), what


def _taken(data: Mapping[str, Any], own: set[str]) -> Iterator[Mistake]:
    """Return the names of options and choices that mean something else to a template."""
    known = _KNOWN | (_KNOWN_OF_REGIONS if data.get("about") == "region" else set())
    for table, others in (("variables", set[str]()), ("choices", own)):
        names = data.get(table)
        for name in names if isinstance(names, Mapping) else ():
            if name in OPTIONS or name in others:
                yield (table, name), "is already an option; choose another name"
            elif name in known:
                yield (table, name), "is known to every template; choose another name"


class KindTexts(Model):
    """The name and the phrases of a kind in one language."""

    name: Annotated[str, Field(min_length=1)]
    summary: Annotated[str, Field(min_length=1)]
    note: str = ""
    """A sentence for the tags of its files."""
    chapters: dict[str, str] = Field(default_factory=dict)
    phrases: dict[str, Texts] = Field(default_factory=dict)
    """Added to those of the language, which they override."""


def kinds(
    own: Path | None = None, problems: dict[str, LibraryError] | None = None
) -> dict[str, Kind]:
    """Return the kinds by name whose file is valid; those in ``own`` override all others.

    Adds the errors of the others to ``problems``, by name.
    """
    by_name: dict[str, Kind] = {}
    wrong: dict[str, LibraryError] = {} if problems is None else problems
    for root in files.script_folders(own):
        for path in sorted(root.glob(f"{FOLDER}/[!.]*/kind.toml")):
            name = path.parent.name
            if name not in by_name and name not in wrong:
                try:
                    by_name[name] = validated(Kind, path, id=name)
                except LibraryError as error:
                    wrong[name] = error
    return by_name


def listed(
    language: str, own: Path | None = None, problems: dict[str, LibraryError] | None = None
) -> list[tuple[Kind, KindTexts]]:
    """Return the kinds whose files are valid, with their texts for lists.

    Adds the errors of the others to ``problems``, by name.
    """
    wrong: dict[str, LibraryError] = {} if problems is None else problems
    found = []
    for name, kind in kinds(own, wrong).items():
        try:
            found.append((kind, kind_texts(kind, language, own)))
        except LibraryError as error:
            wrong[name] = error
    return found


def problems(language: str, own: Path | None = None) -> list[LibraryError]:
    """Return an error for each file of a kind that is wrong, or that every language needs."""
    wrong: dict[str, LibraryError] = {}
    valid = kinds(own, wrong)
    found = list(wrong.values())
    roots = files.script_folders(own)
    homes = {path.name: path for root in reversed(roots) for path in root.glob(f"{FOLDER}/[!.]*/")}
    for name, home in sorted(homes.items()):
        if name not in valid and name not in wrong:
            found.append(LibraryError(f"{home / 'kind.toml'} is missing"))
        if files.find(f"{FOLDER}/{name}/{TEMPLATE}", roots) is None:
            found.append(LibraryError(f"{home / TEMPLATE} is missing"))
        texts = files.find(f"{FOLDER}/{name}/{language}.toml", roots)
        try:
            if texts is not None:
                validated(KindTexts, texts)
        except LibraryError as error:
            found.append(error)
    return found


def kind_texts(kind: Kind, language: str, own: Path | None = None) -> KindTexts:
    """Return the texts of a kind in a language, or in English if it has none in that language.

    They are for lists; what a session says comes from ``said``. Raises LibraryError for a file that
    is wrong.
    """
    for tag in (language, REFERENCE):
        path = texts_file(kind, tag, own)
        if path is not None:
            return validated(KindTexts, path)
    name = kind.id.replace("-", " ").capitalize()
    return KindTexts(name=name, summary=name)


def said(kind: Kind, language: str, own: Path | None = None) -> KindTexts:
    """Return the texts of a kind for a session in a language.

    Raises LibraryError if they are missing, unless nothing in them is spoken, or wrong.
    """
    texts = kind_texts(kind, language, own)
    is_spoken = texts.chapters or texts.phrases or texts_file(kind, REFERENCE, own) is None
    if is_spoken and (what := lacking(kind, language, own)):
        raise LibraryError(what)
    return texts


def lacking(kind: Kind, language: str, own: Path | None = None) -> str | None:
    """Return that a kind has no file for a language, with its path; None if it has one."""
    if texts_file(kind, language, own):
        return None
    roots = files.script_folders(own)
    shipped, name = roots[-1], f"{FOLDER}/{kind.id}"
    home = next((root for root in roots if (root / name / "kind.toml").is_file()), shipped)
    if home == shipped and not (shipped / language).is_dir():  # the language is another's
        home = next((root for root in roots if (root / language).is_dir()), own or shipped)
    return f"{home / name / language}.toml is missing"


def texts_file(kind: Kind, language: str, own: Path | None) -> Path | None:
    """Return the file with the texts of a kind in a language; None if it has none."""
    return files.find(f"{FOLDER}/{kind.id}/{language}.toml", files.script_folders(own))
