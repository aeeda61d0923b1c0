"""Kinds of session: scripts/kinds/<kind>/ -> what may be chosen, and what gives way.

A kind is a folder, shipped or in a listener's own library:

    kind.toml             what it is about, its options, its tracks, what gives way for a length
    en.toml, de.toml …    its name, and what is said in it besides a language's phrases
    session.ssml.jinja    its template; METHOD.ssml.jinja goes before it for a method
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from voiceguide import files
from voiceguide.library.models import Model, Slug, Texts
from voiceguide.library.toml import validated
from voiceguide.options import OPTIONS, Value

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "kinds"
TEMPLATE = "session.ssml.jinja"

VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Variable(Model):
    """An option of a kind's own: an option of the command line, a variable of its template."""

    help: str
    default: Value
    choices: list[Value] | None = None
    """The values that it may have; None for any."""
    least: float | None = None
    most: float | None = None
    """Of a number."""

    def read(self, value: Value) -> Value:
        """Return a value as it is used; raises ValueError that says what would be right."""
        if self.choices is not None and value not in self.choices:
            raise ValueError(f"must be {', '.join(map(str, self.choices))}")
        numeric = isinstance(self.default, int | float) and not isinstance(self.default, bool)
        if not numeric:
            return value if isinstance(self.default, bool) else str(value)
        if isinstance(value, str | bool):
            raise ValueError("must be a number")  # noqa: TRY004 (as all that is wrong with it)
        if (self.least is not None and value < self.least) or (
            self.most is not None and value > self.most
        ):
            raise ValueError(f"must lie between {self.least:g} and {self.most:g}")
        return value


class Choice(Model):
    """A variable of the template, chosen so that a session lasts as long as it is to."""

    values: str
    """A Jinja expression: the values in the order in which they are tried."""
    default: str
    """A Jinja expression: the value where no length is asked for."""


class PlaylistTrack(Model):
    """A track of a playlist, or one for each area."""

    part: Slug = "whole"
    """What its template is told to write."""
    each: Literal["area"] | None = None
    name: Slug | None = None
    """Of its file, after its number; None for that of the area."""
    title: str
    """A Jinja template, which knows what the session's own knows."""
    options: dict[str, Value] = Field(default_factory=dict)
    """Options that it is made with."""


class Kind(Model):
    """A kind of session."""

    id: Slug
    """The name of its folder."""
    about: Literal["region", "itself"]
    """What the target names: a region, area or complaint, or the kind itself."""
    options: list[str] = Field(default_factory=list)
    """The options that suit it, of those that suit certain kinds only."""
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
            if name not in OPTIONS or not OPTIONS[name].of_kinds:
                raise ValueError(f"options: there is no option “{name}” that suits certain kinds")
        for name in self.variables:
            if name in OPTIONS:
                raise ValueError(f"variables.{name}: is an option of every session already")
        for track in self.tracks:
            if track.name is None and track.each is None:
                raise ValueError("tracks: a track that is not one for each area needs a name")
        return self


class KindTexts(Model):
    """What a kind is called, and what is said in it."""

    name: str
    summary: str
    note: str = ""
    """A sentence for the tags of its files."""
    chapters: dict[str, str] = Field(default_factory=dict)
    phrases: dict[str, Texts] = Field(default_factory=dict)
    """Beside those of the language, and before them."""


def kinds(own: Path | None = None) -> dict[str, Kind]:
    """Return the kinds by name, those of the folder ``own`` before all others.

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
    """Return what a kind is called in a language; in English where it has no texts in that.

    Raises LibraryError where it has neither, or a file is wrong.
    """
    roots = files.script_folders(own)
    for tag in (language, "en"):
        path = files.find(f"{FOLDER}/{kind.id}/{tag}.toml", roots)
        if path is not None:
            return validated(KindTexts, path)
    return KindTexts(name=kind.id.replace("-", " ").capitalize(), summary="")
