"""What is shown while a session plays: a calm display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Protocol

from voiceguide import clock

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from voiceguide.player.player import Player

_WIDTH = 76
_BAR = 40
_EVERY_S = 0.25
_HELP = "space pause   ←→ 10 s   n p chapter   r repeat   + 15 s   m tones   q end"


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
    """Session and chapter, sentence, breath, and the time remaining."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: Live | None = None
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
        self._live.update(self._page(player), refresh=True)

    def say(self, message: str) -> None:
        self._message = message
        self._shown_s = 0

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _page(self, player: Player) -> Group:
        from rich.console import Group
        from rich.text import Text

        at_ms = player.position_ms
        live = player.source.live
        breath, hold = live.breath_at(at_ms), live.hold_at(at_ms)
        bar = ""
        if breath:
            full = round(_BAR * (breath.done if breath.way == "in" else 1 - breath.done))
            bar = f"{'in' if breath.way == 'in' else 'out':<4}{'█' * full}{'·' * (_BAR - full)}"
        remains = []
        if hold:
            remains.append(f"{hold.kind} {clock.text(max(0, hold.end_ms - at_ms))}")
        if live.end_ms is not None:
            remains.append(f"session {clock.text(max(0, live.end_ms - at_ms))}")
        state = [
            "paused" if player.paused else "preparing" if player.waiting else "",
            "" if player.tones else "tones off",
            self._message,
        ]
        return Group(
            _line(player.source.title, "bold"),
            _line(_chapter(player, at_ms), "cyan"),
            Text(),
            Text(_sentence(player, at_ms), overflow="fold"),
            Text(),
            _line(bar, "green"),
            _line("remaining: " + ", ".join(remains) if remains else "", ""),
            _line("   ".join(filter(None, state)), "yellow"),
            _line(_HELP, "dim"),
        )


def _line(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text[:_WIDTH], style, no_wrap=True, overflow="ellipsis")


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
