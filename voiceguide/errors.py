"""What can go wrong, by where it is mended. Each message says what, where and how to mend it."""

from __future__ import annotations

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


class Findings:
    """What is wrong or odd in a file, and where."""

    def __init__(self) -> None:
        self._places: dict[str, dict[Place, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, what: str, at: Place) -> None:
        """Note something; the same at the same place counts once."""
        self._places.setdefault(what, {})[at] = None

    def include(self, others: Findings) -> None:
        """Note all that is in ``others``."""
        for what, places in others._places.items():
            for at in places:
                self.add(what, at)

    def report(self, name: str) -> Iterator[str]:
        """Return a line for each kind: where it is met first, and how often, in document order."""
        found = sorted((min(places), what) for what, places in self._places.items())
        for at, what in found[:_MOST_SHOWN]:
            more = len(self._places[what]) - 1
            yield f"{name}:{at}: {what}" + (f" (and {more} more like it)" if more else "")
        if len(found) > _MOST_SHOWN:
            yield f"{name}: and {len(found) - _MOST_SHOWN} more"


def shortened(text: str, most: int = 60) -> str:
    """Return the beginning of a long text, for a message."""
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


class VoiceguideError(Exception):
    """Anything a user can mend; the command line prints it without a traceback."""


class RequestError(VoiceguideError):
    """A session was asked for that the library cannot give."""


class LengthRequestError(RequestError):
    """A length was asked for that the session cannot have."""

    def __init__(self, message: str, nearest_ms: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.nearest_ms = nearest_ms
        """The nearest lengths that it can have, below and above, as far as there are any."""


class LibraryError(VoiceguideError):
    """A file of the library (regions, methods, phrases) is missing or wrong."""


class ScriptError(VoiceguideError):
    """A script, or the template that writes it, is wrong."""


class VoiceError(VoiceguideError):
    """An engine or a voice is missing, or cannot speak a phrase."""


class MissingVoiceError(VoiceError):
    """There is no such voice, or none for the language."""


class SilentError(VoiceError):
    """An engine works, but has no sound for a phrase."""


class SoundError(VoiceguideError):
    """An audio file cannot be read."""


class ExportError(VoiceguideError):
    """The result cannot be written."""


class DeviceError(VoiceguideError):
    """There is no loudspeaker, or it went away."""
