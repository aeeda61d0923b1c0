"""Where sessions were stopped, for resuming them there."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from voiceguide import clock, files
from voiceguide.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FILE = "stopped.json"
_MOST = 200
"""How many are remembered, the latest ones."""


class Stopped(NamedTuple):
    """Where a session was stopped."""

    ms: int
    seed: int
    """The choice of words that was heard."""


class Places:
    """The sessions that were stopped on this machine, and where."""

    def __init__(self) -> None:
        """Read them; an unreadable file counts as empty."""
        self._path = files.data_folder() / _FILE
        self._stopped = _read(self._path)

    def of(self, name: str) -> int:
        """Return where a session was stopped, in ms; 0 where it was not, or played to its end."""
        place = self._stopped.get(name)
        return place.ms if place else 0

    def seed(self, name: str) -> int | None:
        """Return the seed of a session that was stopped; None where it was not."""
        place = self._stopped.get(name)
        return place.seed if place else None

    def note(self, name: str, stopped_ms: int | None, seed: int = 0) -> None:
        """Remember where a session was stopped, and its seed; None for one that has ended."""
        self._stopped = _read(self._path)  # another terminal may have noted something meanwhile
        self._stopped.pop(name, None)
        if stopped_ms is not None:
            self._stopped[name] = Stopped(max(0, stopped_ms), seed)
        latest = {name: place._asdict() for name, place in [*self._stopped.items()][-_MOST:]}
        with contextlib.suppress(ExportError):  # then it starts from the beginning next time
            files.write_bytes(self._path, json.dumps(latest).encode())

    def latest(self, names: Sequence[str]) -> int:
        """Return which of several sessions was stopped last, from 0; 0 if none was."""
        stopped = [name for name in self._stopped if name in names]
        return names.index(stopped[-1]) if stopped else 0

    @staticmethod
    def said(stopped_ms: int, arguments: Sequence[str]) -> str:
        """Return a message that says where it was stopped, and the command that continues there.

        ``arguments`` are those of the command that was stopped.
        """
        again: list[str] = []
        values = iter(arguments)
        for one in values:
            if one == "--from":
                next(values, None)  # its value
            elif one != "--resume" and not one.startswith("--from="):
                again.append(one)
        command = shlex.join(["voiceguide", *again, "--resume"])
        return f"Stopped at {clock.text(max(0, stopped_ms))}. To continue there: {command}"


def _read(path: Path) -> dict[str, Stopped]:
    """Return the places in a file; none if it cannot be read."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        kept: Any = json.loads(path.read_text("utf-8"))
        if isinstance(kept, dict):
            read = {str(name): _stopped(place) for name, place in kept.items()}
            return {name: place for name, place in read.items() if place}
    return {}


def _stopped(kept: object) -> Stopped | None:
    """Return a place as it is kept; versions before 0.2 kept the milliseconds alone."""
    found = kept if isinstance(kept, dict) else {"ms": kept, "seed": 0}
    ms, seed = found.get("ms"), found.get("seed")
    if isinstance(ms, int) and isinstance(seed, int) and ms >= 0 and seed >= 0:
        return Stopped(ms, seed)
    return None
