"""What can go wrong, by where it is mended. Each message says what, where and how to mend it."""

from __future__ import annotations


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
