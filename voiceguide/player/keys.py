"""Single keys from a terminal. The terminal is always restored."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 64
_ARROWS = {"[C": "right", "[D": "left", "OC": "right", "OD": "left"}
_WINDOWS_ARROWS = {"M": "right", "K": "left"}


class Keys(Protocol):
    """The keys that are pressed while it is open."""

    def open(self) -> None:
        """Read single keys without echo; Ctrl-C and Ctrl-Z still work."""

    def close(self) -> None:
        """Restore the terminal."""

    def pressed(self) -> Iterator[str]:
        """Return the keys pressed since the last call: a character, "left" or "right"."""


def keys() -> Keys:
    """Return the keys of standard input, if that is a terminal."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be closed, or None
        if sys.stdin.isatty():
            if sys.platform == "win32":
                return _Console()
            else:  # noqa: RET505 (it tells mypy that the other class does not exist)
                return _Terminal(sys.stdin.fileno())
    return _NoKeys()


class _NoKeys:
    def open(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def pressed(self) -> Iterator[str]:
        """Return none."""
        return iter(())


if sys.platform == "win32":
    import msvcrt

    class _Console:
        """A console of Windows, which returns single keys anyway."""

        def open(self) -> None:
            """Do nothing."""

        def close(self) -> None:
            """Do nothing."""

        def pressed(self) -> Iterator[str]:
            while msvcrt.kbhit():
                key = msvcrt.getwch()
                if key in "\x00\xe0":  # the next one says which special key it is
                    key = _WINDOWS_ARROWS.get(msvcrt.getwch(), "")
                if key:
                    yield key

else:
    import termios
    import tty

    class _Terminal:
        """A terminal of POSIX."""

        def __init__(self, descriptor: int) -> None:
            self._descriptor = descriptor
            self._before: list[Any] | None = None
            self._gone = False

        def open(self) -> None:
            if not self._in_foreground():  # the system would stop us for it
                return
            with contextlib.suppress(termios.error):
                self._before = termios.tcgetattr(self._descriptor)
                tty.setcbreak(self._descriptor)

        def close(self) -> None:
            if self._before is not None and self._in_foreground():
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._before = None

        def pressed(self) -> Iterator[str]:
            text = self._read()
            while text:
                if text[0] == "\x1b":
                    if text[1:3] in _ARROWS:
                        yield _ARROWS[text[1:3]]
                    text = text[3:]
                else:
                    yield text[0]
                    text = text[1:]

        def _read(self) -> str:
            """Return what was typed; nothing once the terminal is gone."""
            if self._gone or not self._in_foreground():
                return ""
            if self._before is None:  # it was in the background
                self.open()
            if not select.select([self._descriptor], [], [], 0)[0]:
                return ""
            try:
                data = os.read(self._descriptor, _MOST_BYTES)
            except OSError:
                data = b""
            self._gone = not data
            return data.decode("utf-8", "ignore")

        def _in_foreground(self) -> bool:
            """Whether the terminal is ours now, not the shell's or another job's."""
            try:
                return os.tcgetpgrp(self._descriptor) == os.getpgrp()
            except OSError:  # not our controlling terminal: nothing stops us
                return True
