"""Kinds of session: scripts/kinds/<kind>/ -> its options, its tracks, and how it fits a length.

A kind is a folder, built in or in a listener's own library:

    kind.toml             its subject, options and tracks, and what may vary to fit a length
    en.toml, de.toml …    its name, and its phrases besides those of the language
    session.ssml.jinja    its template; for a method, METHOD.ssml.jinja is used if it exists
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from voiceguide import files
from voiceguide.errors import near
from voiceguide.library.models import Model, Slug, Texts
from voiceguide.library.toml import validated
from voiceguide.options import OPTIONS, Value

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "kinds"
TEMPLATE = "session.ssml.jinja"

VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Variable(Model):
    """An option that only this kind has: a flag on the command line, a variable in its template."""

    help: str
    default: Value
    choices: list[Value] | None = None
    """The allowed values; None for any."""
    least: float | None = None
    most: float | None = None
    """The limits of a number."""

    def read(self, value: Value) -> Value:
        """Return a checked value; raises ValueError that says what is valid."""
        if isinstance(self.default, bool):
            value = {"true": True, "false": False}.get(str(value).lower(), value)
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
            raise ValueError(f"must be {', '.join(map(str, self.choices))}")
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
    """Options that override those of the request."""


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

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Kind:
        for name in self.options:
            if name not in OPTIONS:
                raise ValueError(f"options: unknown option “{name}”{near(name, OPTIONS)}")
            if not OPTIONS[name].of_kinds:
                raise ValueError(f"options: “{name}” applies to every kind; leave it out")
        for name in self.variables:
            if name in OPTIONS:
                raise ValueError(f"variables.{name}: is already an option; choose another name")
        for track in self.tracks:
            if track.name is None and track.each is None:
                raise ValueError('tracks: a track without each = "area" needs a name')
        return self


class KindTexts(Model):
    """The name and the phrases of a kind in one language."""

    name: str
    summary: str
    note: str = ""
    """A sentence for the tags of its files."""
    chapters: dict[str, str] = Field(default_factory=dict)
    phrases: dict[str, Texts] = Field(default_factory=dict)
    """Added to those of the language, which they override."""


def kinds(own: Path | None = None) -> dict[str, Kind]:
    """Return the kinds by name; those in the folder ``own`` override all others.

    Raises LibraryError for a file that is wrong.
    """
    by_name: dict[str, Kind] = {}
    for root in files.script_folders(own):
        for path in sorted(root.glob(f"{FOLDER}/*/kind.toml")):
            name = path.parent.name
            if name not in by_name:
                by_name[name] = validated(Kind, path, id=name)
    return by_name


def kind_texts(kind: Kind, language: str, own: Path | None = None) -> KindTexts:
    """Return the texts of a kind in a language, or in English if it has none in that language.

    Raises LibraryError for a file that is wrong.
    """
    roots = files.script_folders(own)
    for tag in (language, "en"):
        path = files.find(f"{FOLDER}/{kind.id}/{tag}.toml", roots)
        if path is not None:
            return validated(KindTexts, path)
    return KindTexts(name=kind.id.replace("-", " ").capitalize(), summary="")
