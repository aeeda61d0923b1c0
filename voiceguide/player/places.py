"""Where sessions were stopped, for resuming them there."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import TYPE_CHECKING, Any

from voiceguide import clock, files
from voiceguide.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE = "stopped.json"
_MOST = 200
"""How many are remembered, the latest ones."""


class Places:
    """The sessions that were stopped on this machine, and where."""

    def __init__(self) -> None:
        """Read them; an unreadable file counts as empty."""
        self._path = files.data_folder() / _FILE
        self._stopped_ms: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            kept: Any = json.loads(self._path.read_text("utf-8"))
            if isinstance(kept, dict):
                self._stopped_ms = {
                    str(name): ms for name, ms in kept.items() if isinstance(ms, int) and ms >= 0
                }

    def of(self, name: str) -> int:
        """Return where a session was stopped, in ms; 0 where it was not, or played to its end."""
        return self._stopped_ms.get(name, 0)

    def note(self, name: str, stopped_ms: int | None) -> None:
        """Remember where a session was stopped; None for one that has ended."""
        self._stopped_ms.pop(name, None)
        if stopped_ms is not None:
            self._stopped_ms[name] = max(0, stopped_ms)
        latest = dict(list(self._stopped_ms.items())[-_MOST:])
        with contextlib.suppress(ExportError):  # then it starts from the beginning next time
            files.write_bytes(self._path, json.dumps(latest).encode())

    def latest(self, names: Sequence[str]) -> int:
        """Return which of several sessions was stopped last, from 0; 0 if none was."""
        stopped = [name for name in self._stopped_ms if name in names]
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
