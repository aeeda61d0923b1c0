"""How spots felt after they were pressed: a file on this machine, which nothing else reads.

A line of JSON for each answer: when it was given, in local time, the session, the spot, and
“better”, “same” or “worse”.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import TYPE_CHECKING, NamedTuple

from voiceguide import files
from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FILE = "diary.jsonl"
_OURS_ALONE = 0o600


class Answer(NamedTuple):
    """An answer."""

    at: str
    """ISO 8601, to the second, with the offset from UTC."""
    session: str
    """What the session is called."""
    spot: str
    """The area, and the side if it has two."""
    answer: str
    """“better”, “same” or “worse”."""


def path() -> Path:
    """Return the file of the diary; it exists from the first answer on."""
    return files.data_folder() / _FILE


def note(session: str, spot: str, answer: str) -> None:
    """Add an answer; raises VoiceguideError if the diary cannot be written."""
    at = dt.datetime.now().astimezone().isoformat(timespec="seconds")
    line = json.dumps(Answer(at, session, spot, answer)._asdict(), ensure_ascii=False)
    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(_OURS_ALONE)
        torn = file.read_bytes()[-1:] not in (b"", b"\n")  # the computer was switched off, say
        with file.open("a", encoding="utf-8") as diary:
            diary.write(f"\n{line}\n" if torn else f"{line}\n")
    except OSError as error:
        raise VoiceguideError(f"{file}: cannot be written: {error.strerror}") from error


def entries() -> list[Answer]:
    """Return all answers, the oldest first; lines that are none are left out.

    Raises VoiceguideError if the diary cannot be read.
    """
    try:
        lines = path().read_text("utf-8", errors="replace").split("\n")  # no other ends lines
    except FileNotFoundError:
        return []
    except OSError as error:
        raise VoiceguideError(f"{path()}: cannot be read: {error.strerror}") from error
    return [entry for entry in map(_entry, lines) if entry is not None]


def clear() -> None:
    """Delete the diary; raises VoiceguideError if that fails."""
    try:
        path().unlink(missing_ok=True)
    except OSError as error:
        raise VoiceguideError(f"{path()}: cannot be deleted: {error.strerror}") from error


def as_csv(kept: Iterable[Answer]) -> str:
    """Return answers as CSV, with a row of names (RFC 4180)."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(Answer._fields)
    rows.writerows(kept)
    return text.getvalue()


def as_json(kept: Iterable[Answer]) -> str:
    """Return answers as a list in JSON."""
    return json.dumps([entry._asdict() for entry in kept], ensure_ascii=False, indent=2) + "\n"


def _entry(line: str) -> Answer | None:
    try:
        kept = json.loads(line)
        return Answer(*(str(kept[name]) for name in Answer._fields))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
