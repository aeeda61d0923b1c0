"""What can go wrong, by where it is mended. Each message says what, where and how to mend it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_SHOWN = 20


class Place(NamedTuple):
    """Where something is written; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Findings(defaultdict[str, list[Place]]):
    """What is wrong or odd in a file, and where."""

    def __init__(self) -> None:
        super().__init__(list)

    def report(self, name: str) -> Iterator[str]:
        """Give a line for each kind: where it is met first, and how often, in document order."""
        for what, places in sorted(self.items(), key=lambda finding: min(finding[1]))[:_MOST_SHOWN]:
            again = f" (and {len(places) - 1} more like it)" if len(places) > 1 else ""
            yield f"{name}:{min(places)}: {what}{again}"
        if len(self) > _MOST_SHOWN:
            yield f"{name}: and {len(self) - _MOST_SHOWN} more"


def shortened(text: str, most: int = 60) -> str:
    """Give the beginning of a long text, for a message."""
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


class VoiceguideError(Exception):
    """Anything a user can mend; the command line prints it without a traceback."""


class RequestError(VoiceguideError):
    """A session was asked for that the library cannot give."""


class LibraryError(VoiceguideError):
    """A file of the library (regions, methods, phrases) is missing or wrong."""


class ScriptError(VoiceguideError):
    """A script, or the template that writes it, is wrong."""


class VoiceError(VoiceguideError):
    """An engine or a voice is missing, or cannot speak a phrase."""


class MissingVoiceError(VoiceError):
    """There is no such voice, or none for the language."""


class SoundError(VoiceguideError):
    """An audio file cannot be read."""


class ExportError(VoiceguideError):
    """The result cannot be written."""
