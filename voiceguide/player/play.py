"""A source or a file -> the loudspeaker, with everything that controls it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide import mixer
from voiceguide.errors import RequestError, UsageError, option
from voiceguide.player import device as devices
from voiceguide.player import loop
from voiceguide.player.file import Rendered
from voiceguide.player.keys import keys
from voiceguide.player.player import Player
from voiceguide.player.screen import Nothing, screen

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from voiceguide.player.device import Opener
    from voiceguide.player.loop import Beside
    from voiceguide.player.source import Source
    from voiceguide.timeline import Answer


def play(  # noqa: PLR0913 (each by its name)
    open_source: Callable[[], Source],
    *,
    begin: str | int,
    start_delay_ms: int,
    open_device: Opener,
    quiet: bool,
    stopped: Callable[[int], object] = lambda _: None,
    answered: Callable[[str, Answer], object] = lambda *_: None,
    beside: Beside = lambda *_: contextlib.nullcontext(),
) -> None:
    """Play a source from ``begin`` on, the title of a chapter or a time in ms, after a delay.

    Returns at the end; ``stopped`` is called with the position in ms if playback is stopped early,
    ``answered`` with what a question was about and its answer. ``beside`` may control the player
    too (see ``loop.run``). Raises DeviceError, errors of the source, and KeyboardInterrupt or
    SystemExit for signals, after a fade.
    """
    with contextlib.closing(open_source()) as source:
        player = Player(source, delay_ms=start_delay_ms, begin=begin)
        player.answered = answered
        shown = Nothing() if quiet or sys.stderr is None else screen(sys.stderr)
        try:
            loop.run(player, open_device, keys(), shown, beside)
        finally:
            if player.stopped_ms is not None:
                stopped(player.stopped_ms)


def play_file(  # noqa: PLR0913 (as ``Session.play``)
    path: str | os.PathLike[str],
    *,
    begin: str | int = 0,
    start_delay_ms: int = 0,
    device: str = "miniaudio",
    quiet: bool = True,
    stopped: Callable[[int], object] = lambda _: None,
) -> None:
    """Play a rendered file, with its chapters; otherwise like ``Session.play``."""
    open_device = devices.opener(device)

    def open_source() -> Rendered:
        source = Rendered(Path(path), mixer.chime_before(start_delay_ms))
        check_chapter(begin, [chapter.title for chapter in source.live.chapters])
        return source

    play(
        open_source,
        begin=begin,
        start_delay_ms=start_delay_ms,
        open_device=open_device,
        quiet=quiet,
        stopped=stopped,
    )


def check_breath(breath: str, *, listen: bool) -> None:
    """Raise UsageError for a way to breathe that there is not, or that needs ``listen``."""
    if breath not in ("paced", "follow"):
        raise UsageError(f"{option('breath')} {breath}: must be paced or follow")
    if breath == "follow" and not listen:
        needs = f"{option('breath')} follow needs {option('listen')}"
        raise UsageError(f"{needs}: it hears how you breathe")


def check_chapter(begin: str | int, titles: Sequence[str]) -> None:
    """Raise RequestError if ``begin`` is not the title of a chapter."""
    if isinstance(begin, str) and begin.casefold() not in map(str.casefold, titles):
        chapters = "; ".join(dict.fromkeys(titles)) or "none"
        hint = " (a time is written 4:30 or 90s)" if begin.lstrip("-+")[:1].isdigit() else ""
        raise RequestError(f"no chapter “{begin}”{hint}; the chapters are: {chapters}")
