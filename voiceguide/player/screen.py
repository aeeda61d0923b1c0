"""What is shown while a session plays: a calm display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Protocol

from voiceguide import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from voiceguide.player.player import Player

_WIDTH = 76
_BAR = 40
_EVERY_S = 0.25
_MARGIN = 4
_HELP = "space pause   ←→ 10 s   n p chapter   r repeat   + 15 s   m tones   q end"
_SHORT_HELP = "space ←→ n p r + m q: “play -h” has them"
_MINUTE_S = 60
_ROWS = 5
_DIGITS = {
    "0": ("███", "█ █", "█ █", "█ █", "███"),
    "1": ("  █", "  █", "  █", "  █", "  █"),
    "2": ("███", "  █", "███", "█  ", "███"),
    "3": ("███", "  █", "███", "  █", "███"),
    "4": ("█ █", "█ █", "███", "  █", "  █"),
    "5": ("███", "█  ", "███", "  █", "███"),
    "6": ("███", "█  ", "███", "█ █", "███"),
    "7": ("███", "  █", "  █", "  █", "  █"),
    "8": ("███", "█ █", "███", "█ █", "███"),
    "9": ("███", "█ █", "███", "  █", "███"),
    ":": (" ", "█", " ", "█", " "),
}
"""Digits of five rows."""


class Screen(Protocol):
    """Shows what a player does; ``show`` is called often."""

    def show(self, player: Player) -> None:
        """Show the current state."""

    def say(self, message: str) -> None:
        """Show a message."""

    def close(self) -> None:
        """Restore the terminal; ``show`` takes it again."""


def screen(stream: TextIO) -> Screen:
    """Return the screen for ``stream``."""
    can_be_painted = stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    return _Terminal(stream) if can_be_painted else _Lines(stream)


class Nothing:
    """Shows nothing."""

    def show(self, player: Player) -> None:
        """Show nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Do nothing."""


class _Lines:
    """A line for each chapter, and each sentence as it is spoken."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._seen: tuple[int, str] = (-2, "")

    def show(self, player: Player) -> None:
        if player.seeking:
            return
        at_ms = player.position_ms
        chapter, sentence = _chapter(player, at_ms), _sentence(player, at_ms)
        number = player.source.live.chapter_at(at_ms)
        if chapter and number != self._seen[0]:
            self.say(f"{clock.text(at_ms)}  {chapter}")
        if sentence and sentence != self._seen[1]:
            self.say(f"{clock.text(at_ms)}    {sentence}")
        self._seen = (number, sentence or self._seen[1])

    def say(self, message: str) -> None:
        if message:
            with contextlib.suppress(OSError):  # the reader has gone; keep playing
                print(message, file=self._stream, flush=True)

    def close(self) -> None:
        """Do nothing: the lines stay."""


class _Terminal:
    """Session and chapter, the time left in large digits, sentence, breath, and progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: Live | None = None
        self._painted: tuple[object, ...] = ()
        self._shown_s: float = 0
        self._message = ""

    def show(self, player: Player) -> None:
        if time.monotonic() - self._shown_s < _EVERY_S:
            return
        self._shown_s = time.monotonic()
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, highlight=False)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        width = self._live.console.width
        shown = page(player, width, self._message)
        if (painted := (width, *map(str, shown.renderables))) != self._painted:
            self._painted = painted  # a slow terminal is not sent what it shows already
            self._live.update(shown, refresh=True)

    def say(self, message: str) -> None:
        self._message = message
        self._shown_s = 0

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live, self._painted = None, ()


def page(player: Player, width: int, message: str = "") -> Group:
    """Return what is shown on a terminal that is ``width`` columns wide, from 40 on."""
    from rich.console import Group
    from rich.text import Text

    at_ms = player.position_ms
    shown_ms, label = _counted(player, at_ms)
    following = player.source.live.next_exercise(at_ms)
    return Group(
        _line(player.source.title, "bold"),
        _line(_place(player, at_ms), "cyan"),
        Text(),
        *(_line(row, "bold green") for row in _large(shown_ms, width)),
        _line(label, ""),
        Text(),
        Text(_sentence(player, at_ms), overflow="fold"),
        Text(),
        _line(_breath(player, at_ms, width), "green"),
        _line(_progress(player, at_ms, width), ""),
        _line(f"next: {following[0]} at {clock.text(following[1])}" if following else "", "dim"),
        Text("   ".join(filter(None, [*_states(player), message])), "yellow"),
        Text(_HELP if width > _WIDTH else _SHORT_HELP, "dim"),
    )


def _counted(player: Player, at_ms: int) -> tuple[int, str]:
    """Return the time that matters now, and what it is: of the hold, or else of the session."""
    live = player.source.live
    hold = live.hold_at(at_ms)
    if at_ms < 0:
        return -at_ms, "until the session begins"
    if hold and hold.kind == "hold":
        return hold.end_ms - at_ms, f"left of the hold, round {live.round_at(at_ms)}"
    if hold:
        return hold.end_ms - at_ms, f"left of the {hold.kind}"
    if live.end_ms is None:  # it is still being spoken
        return at_ms, "played so far"
    return max(0, live.end_ms - at_ms), "left of the session"


def _states(player: Player) -> Iterator[str]:
    if player.paused:
        yield "paused"
    elif player.waiting:
        yield "preparing"
    if player.source.live.question_at(player.position_ms):
        yield "1 better   2 the same   3 worse"
    if not player.tones:
        yield "tones off"


def _place(player: Player, at_ms: int) -> str:
    """Return the chapter, with its number."""
    number = player.source.live.chapter_at(at_ms)
    title = _chapter(player, at_ms)
    if number < 0 or not title:
        return title
    return f"{number + 1}/{player.source.chapters}  {title}"


def _large(ms: int, width: int) -> list[str]:
    """Return the rows of a time in large digits, to be read from the floor."""
    seconds = -(-ms // 1000)
    shown = str(seconds) if seconds < _MINUTE_S else clock.text(seconds * 1000)
    rows = [" ".join(_DIGITS[char][row] for char in shown) for row in range(_ROWS)]
    wide = ["".join(char * 2 for char in row) for row in rows]
    return wide if len(wide[0]) <= width else rows


def _breath(player: Player, at_ms: int, width: int) -> str:
    breath = player.source.live.breath_at(at_ms)
    if breath is None:
        return ""
    cells = min(_BAR, width - _MARGIN)
    full = round(cells * (breath.done if breath.way == "in" else 1 - breath.done))
    return f"{breath.way:<4}{'█' * full}{'·' * (cells - full)}"


def _progress(player: Player, at_ms: int, width: int) -> str:
    """Return how much of the session is over, as a bar once its length is known."""
    at, end_ms = clock.text(max(0, at_ms)), player.source.live.end_ms
    if not end_ms:
        return at
    end = clock.text(end_ms)
    cells = min(_BAR, width - _MARGIN - len(at) - len(end))
    full = round(cells * min(1.0, max(0, at_ms) / end_ms))
    return f"{at} {'━' * full}{'─' * (cells - full)} {end}"


def _line(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _chapter(player: Player, at_ms: int) -> str:
    if player.seeking:
        return ""
    if at_ms < 0:
        return f"Begins in {clock.text(999 - at_ms)}"
    number = player.source.live.chapter_at(at_ms)
    return player.source.live.chapters[number].title if number >= 0 else ""


def _sentence(player: Player, at_ms: int) -> str:
    if player.seeking:
        return ""
    event = player.source.live.sentence_at(at_ms)
    return (event and event.text) or ""
