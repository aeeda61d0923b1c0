"""Runs a session from beginning to end: player, loudspeaker, and everything that controls them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from voiceguide import clock
from voiceguide.errors import DeviceError
from voiceguide.player.awake import kept_awake
from voiceguide.player.loudspeaker import Loudspeaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import FrameType

    from voiceguide.player.device import Opener
    from voiceguide.player.keys import Keys
    from voiceguide.player.player import Player
    from voiceguide.player.screen import Screen
    from voiceguide.timeline import Answer

    Beside = Callable[[Player, Screen], AbstractContextManager[object]]
    """Something else that controls a player, and says so on the screen."""

_TICK_S = 0.05
_ASLEEP_S = 3.0
"""If this much time passes unnoticed, the machine was asleep, or this process was stopped."""
_SUSPEND = getattr(signal, "SIGTSTP", 0)
"""Ctrl-Z; it does not exist on Windows."""
_FADE_S = 0.2
_STOP_S = 1.5
_SKIP_MS = 10_000


def run(
    player: Player,
    open_device: Opener,
    keys: Keys,
    screen: Screen,
    beside: Beside,
) -> None:
    """Play to the end, or until stopped; return when everything is closed.

    ``beside`` may control the player too, while it plays.

    Raises DeviceError if the loudspeaker is lost and does not come back, KeyboardInterrupt for
    SIGINT and SystemExit for SIGTERM and SIGHUP (after a fade), and errors of the player.
    """
    speaker = Loudspeaker(player, open_device)
    with _signals(player) as caught, contextlib.closing(speaker), contextlib.closing(player):
        try:
            speaker.open()
            with (
                kept_awake(),
                _on_the_bus(player),
                contextlib.closing(keys),
                contextlib.closing(screen),
                beside(player, screen),
            ):
                keys.open()
                _steer(player, speaker, keys, screen, caught)
        except DeviceError:
            if not player.stopping:  # otherwise nobody waits for it any more
                raise
    if player.error is not None:
        raise player.error
    if signal.SIGINT in caught:
        raise KeyboardInterrupt
    for number in caught:
        sys.exit(128 + number)


def _steer(
    player: Player, speaker: Loudspeaker, keys: Keys, screen: Screen, caught: list[int]
) -> None:
    noticed_s = _clock_s()
    stopping_s: float | None = None
    while not player.ended.wait(_TICK_S):
        for key in keys.pressed():
            _press(player, key, screen)
        if _SUSPEND in caught:
            caught[:] = [number for number in caught if number != _SUSPEND]
            _suspend(player, speaker, keys, screen)
            noticed_s = _clock_s()
        screen.show(player)
        if caught or player.stopping:
            stopping_s = stopping_s or time.monotonic()
            if time.monotonic() - stopping_s > _STOP_S:
                return  # no device takes the fade any more
            continue
        asleep_s, noticed_s = _clock_s() - noticed_s, _clock_s()
        if asleep_s > _ASLEEP_S or speaker.lost:
            _wait_for_it(player, speaker, keys, screen)
            noticed_s = _clock_s()


def _wait_for_it(player: Player, speaker: Loudspeaker, keys: Keys, screen: Screen) -> None:
    """Look for the loudspeaker; if it is gone, say so once, and wait until it is back."""
    said = False

    def waiting() -> None:
        nonlocal said
        if "q" in keys.pressed():
            player.stop()
        if not said:
            at = clock.text(max(0, player.position_ms))
            screen.say(f"The loudspeaker is gone. Paused at {at} until it is back; q ends.")
            said = True
        screen.show(player)

    speaker.reopen(waiting)
    screen.say("")


@contextlib.contextmanager
def _on_the_bus(player: Player) -> Iterator[None]:
    """Let others control the player over D-Bus, if it exists and dbus-fast is installed."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        yield
        return
    try:
        from voiceguide.player.mpris import Mpris
    except ImportError:
        yield
        return
    mpris = Mpris(player)
    try:
        yield
    finally:
        mpris.close()


def _press(player: Player, key: str, screen: Screen) -> None:
    screen.say("")
    plain = {
        " ": player.toggle,
        "left": lambda: player.skip(-_SKIP_MS),
        "right": lambda: player.skip(_SKIP_MS),
        "n": player.go_on,
        "p": player.previous_chapter,
        "r": player.repeat,
        "q": player.stop,
    }
    answers: dict[str, Answer] = {"1": "better", "2": "same", "3": "worse"}
    if key in plain:
        plain[key]()
    elif key in answers:
        said = f"Noted: {answers[key]}."
        screen.say(said if player.answer(answers[key]) else "Nothing is asked here.")
    elif key == "+":
        screen.say("15 s more" if player.extend() else "There is no hold to extend here.")
    elif key == "m" and player.source.can_mute:
        player.mute()
    elif key == "m":
        screen.say("The tones of a finished file cannot be muted.")


def _suspend(player: Player, speaker: Loudspeaker, keys: Keys, screen: Screen) -> None:
    """Fall silent and return to the shell; when resumed, repeat the last sentence."""
    was_paused = player.paused
    player.pause()
    time.sleep(_FADE_S)
    speaker.close()
    screen.close()
    keys.close()
    os.kill(os.getpid(), signal.SIGSTOP)
    keys.open()
    if not was_paused:
        player.play()
    _wait_for_it(player, speaker, keys, screen)


@contextlib.contextmanager
def _signals(player: Player) -> Iterator[list[int]]:
    """Collect signals, and end with a fade; a second SIGINT or SIGTERM ends at once."""
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if number == _SUSPEND:
            caught.append(number)
            return
        if number in caught:
            signal.signal(number, signal.SIG_IGN)  # a third would interrupt the cleanup
            raise KeyboardInterrupt
        caught.append(number)
        threading.Thread(target=player.stop, daemon=True).start()  # it may hold the lock now

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP"):
            if hasattr(signal, name):
                number = getattr(signal, name)
                before[number] = signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _clock_s() -> float:
    """Return the time of a clock that keeps running while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # time.monotonic() stands still there
    return time.monotonic()
