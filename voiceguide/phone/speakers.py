"""The voices that the page offers, and how each one sounds."""

from __future__ import annotations

from voiceguide import files, session
from voiceguide.errors import UsageError
from voiceguide.voices import PLAIN, best


def offered(language: str) -> list[dict[str, object]]:
    """Return the voices on this machine that speak a language, as the page shows them."""
    spoken = best.voices().get(language)
    return [
        {
            "id": voice.id,
            "name": voice.id if voice.name.casefold() == voice.engine else voice.name,
            "engine": voice.engine,
            "gender": voice.gender,
            "megabytes": voice.size_bytes and round(voice.size_bytes / 1e6),
            "licence": voice.licence,
            "speaks": spoken is not None and voice.id == spoken.id,
        }
        for voice in session.voices(language)
    ]


def check(voice: str) -> None:
    """Raise UsageError for what is no installed voice: a path could be that of any file here."""
    if voice != PLAIN and voice not in {one.id for one in session.voices()}:
        raise UsageError("voice: must be one of those that are installed here")


def sample(voice: str | None, language: str) -> bytes:
    """Return an MP3 in which a voice says a sentence; raises VoiceguideError."""
    if voice:
        check(voice)
    with (
        files.scratch_folder() as folder,
        session.sample(voice or None, language) as saying,
    ):
        return saying.export(folder / "sample.mp3").read_bytes()
