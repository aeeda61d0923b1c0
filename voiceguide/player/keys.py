"""The keys of a terminal, one by one. The terminal is always put back as it was."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 64
_ARROWS = {"[C": "right", "[D": "left", "OC": "right", "OD": "left"}


class Keys:
    """Reads keys while it is open; where standard input is no terminal there are none."""

    def __init__(self) -> None:
        self._terminal: int | None = None
        self._before: list[Any] | None = None
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if sys.stdin.isatty():
                self._terminal = sys.stdin.fileno()

    def open(self) -> None:
        """Let single keys through, without showing them; signals stay what they are."""
        if self._terminal is None:
            return
        try:
            import termios
            import tty
        except ImportError:  # not a POSIX system: no keys
            self._terminal = None
            return
        try:
            self._before = termios.tcgetattr(self._terminal)
            with _in_background():
                tty.setcbreak(self._terminal)
        except termios.error:
            self._terminal = self._before = None

    def close(self) -> None:
        """Put the terminal back."""
        if self._terminal is None or self._before is None:
            return
        import termios

        with contextlib.suppress(termios.error), _in_background():
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)
        self._before = None

    def pressed(self) -> Iterator[str]:
        """Give the keys pressed since: a character, "left" or "right"."""
        if self._terminal is None or not select.select([self._terminal], [], [], 0)[0]:
            return
        try:
            text = os.read(self._terminal, _MOST_BYTES).decode("utf-8", "ignore")
        except OSError:  # the terminal is gone
            text = ""
        if not text:
            self._terminal = None
        while text:
            if text[0] == "\x1b":
                if text[1:3] in _ARROWS:
                    yield _ARROWS[text[1:3]]
                text = text[3:]
            else:
                yield text[0]
                text = text[1:]


@contextlib.contextmanager
def _in_background() -> Iterator[None]:
    """Set a terminal's modes without being stopped for it, as a job in the background would be."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, before)
