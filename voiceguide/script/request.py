"""What is asked of the script stage, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from voiceguide.options import Options

WHOLE = "whole"

Side = Literal["left", "right"]

Choice: TypeAlias = dict[str, Any]
"""What was chosen for a given length: variables of a kind's template."""


@dataclass(frozen=True, slots=True)
class Request:
    """A session, or a track of a playlist."""

    target: str
    """A region, a complaint, a kind, a script's file, or "-" for standard input."""
    options: Options
    part: str = WHOLE
    """The whole session, or what a track of a playlist holds of it."""
    title: str | None = None
    """A Jinja template for its title; None for that of its kind."""


@dataclass(frozen=True, slots=True)
class Written:
    """A script, and what is known about it besides."""

    text: str | bytes
    """SSML."""
    name: str
    """What messages call it."""
    folders: tuple[Path, ...]
    """Where its sounds may lie."""
    title: str | None
    """None for the one that the script says."""
    album: str
    stem: str
    """The name of a file made of it, without suffix."""
    note: str = ""
    """A sentence for the tags of its file."""
