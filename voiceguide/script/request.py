"""What the script stage takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from voiceguide.options import Options

WHOLE = "whole"

Side = Literal["left", "right"]

Choice: TypeAlias = dict[str, Any]
"""What was chosen to fit a length: variables of a kind's template."""


@dataclass(frozen=True, slots=True)
class Request:
    """A session, or a track of a playlist."""

    target: str
    """A region, a complaint, a kind, a script's file, or "-" for standard input."""
    options: Options
    part: str = WHOLE
    """The whole session, or the part of it in a track of a playlist."""
    title: str | None = None
    """A Jinja template for its title; None for the title of its kind."""


class KindScript(NamedTuple):
    """A script of a kind, with its titles."""

    text: str
    title: str
    album: str
    note: str


@dataclass(frozen=True, slots=True)
class Written:
    """A script and its details."""

    text: str | bytes
    """SSML."""
    name: str
    """Its name in messages."""
    folders: tuple[Path, ...]
    """The folders that may hold its sounds."""
    title: str | None
    """None for the title in the script, or else the album."""
    album: str
    stem: str
    """The name of a file made from it, without suffix."""
    note: str = ""
    """A sentence for the tags of its file."""
    warnings: tuple[str, ...] = ()
    """What is not known in a plain text."""
    plain: bool = False
    """Whether it was made from a plain text, with the same lines but other columns."""
