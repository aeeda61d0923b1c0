"""A session from its beginning to its end: player, loudspeaker, and all that steers them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from voiceguide.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from voiceguide.player.device import Device, Opener
    from voiceguide.player.keys import Keys
    from voiceguide.player.player import Player
    from voiceguide.player.screen import Screen

_TICK_S = 0.05
_LOST_S = 1.0
"""A device that asks for nothing for so long is lost."""
_FIRST_S = 3.0
"""It may take so long to begin: a null sink of PulseAudio finishes a block of 2 s first."""
_FIRST_BLOCK_S = 1.0
_REOPEN_S = 3.5
"""So long a lost device is looked for; with _LOST_S that is less than 5 s."""
_RETRY_S = 0.25
_ASLEEP_S = 5.0
_STOP_S = 1.5
_SKIP_MS = 10_000


def run(player: Player, open_device: Opener, keys: Keys, screen: Screen) -> None:
    """Play until the end, or until it is ended; return when all is closed.

    Raises DeviceError where the loudspeaker is lost and none comes back, KeyboardInterrupt for
    SIGINT and SystemExit for SIGTERM and SIGHUP (after a fade), and what the player met with.
    """
    speaker = _Loudspeaker(player, open_device)
    try:
        speaker.open()
        with _signals(player) as caught, _on_the_bus(player):
            keys.open()
            try:
                _steer(player, speaker, keys, screen, caught)
            finally:
                screen.close()
                keys.close()
    finally:
        player.close()
        speaker.close()
    if player.error is not None:
        raise player.error
    if signal.SIGINT in caught:
        raise KeyboardInterrupt
    for number in caught:
        sys.exit(128 + number)


def _steer(
    player: Player, speaker: _Loudspeaker, keys: Keys, screen: Screen, caught: list[int]
) -> None:
    slept_s = _slept_s()
    stopping_s: float | None = None
    while not player.ended.wait(_TICK_S):
        for key in keys.pressed():
            _press(player, key, screen)
        if signal.SIGTSTP in caught:
            caught[:] = [number for number in caught if number != signal.SIGTSTP]
            _suspend(player, keys, screen)
            player.last_read_s = time.monotonic()
        screen.show(player)
        if caught or player.stopping:
            stopping_s = stopping_s or time.monotonic()
            if time.monotonic() - stopping_s > _STOP_S:
                return  # no device takes the fade any more
            continue
        if _slept_s() - slept_s > _ASLEEP_S:
            slept_s = _slept_s()
            player.back_to_sentence()
        if speaker.lost:
            screen.say("The loudspeaker is gone; waiting for it.")
            speaker.reopen(caught)
            screen.say("")
            player.back_to_sentence()


class _Loudspeaker:
    """The device, opened anew where it is lost."""

    def __init__(self, player: Player, open_device: Opener) -> None:
        self._player = player
        self._open_device = open_device
        self._device: Device | None = None
        self._opened_s = 0.0

    @property
    def lost(self) -> bool:
        """Whether it has asked for no audio for too long."""
        asked_s = self._player.last_read_s
        patience_s = _LOST_S if asked_s > self._opened_s else _FIRST_S
        return time.monotonic() - asked_s > patience_s

    def open(self) -> None:
        """Open it, and play as soon as there is something; raises DeviceError if there is none."""
        self._device = self._open_device(self._player.read, self._player.source.channels)
        self._player.wait(_FIRST_BLOCK_S)  # what the device takes at once is not to be silence
        self._player.opened()
        self._opened_s = self._player.last_read_s
        self._device.start()

    def reopen(self, caught: list[int]) -> None:
        """Look for it again and again; raises DeviceError if it does not come back in time."""
        self.close()
        until_s = time.monotonic() + _REOPEN_S
        while True:
            try:
                self.open()
            except DeviceError as error:
                if time.monotonic() > until_s or caught:
                    raise DeviceError(f"the loudspeaker is gone: {error}") from error
                time.sleep(_RETRY_S)
            else:
                return

    def close(self) -> None:
        """Fall silent."""
        device, self._device = self._device, None
        if device is not None:
            device.close()


@contextlib.contextmanager
def _on_the_bus(player: Player) -> Iterator[None]:
    """Let others steer the player over D-Bus, where there is one and dbus-fast is installed."""
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
        "n": player.next_chapter,
        "p": player.previous_chapter,
        "r": player.repeat,
        "q": player.stop,
    }
    if key in plain:
        plain[key]()
    elif key == "+":
        screen.say("15 s more" if player.extend() else "No hold to make longer here.")
    elif key == "m" and player.source.can_mute:
        player.mute()
    elif key == "m":
        screen.say("The tones of a file cannot be left out.")


def _suspend(player: Player, keys: Keys, screen: Screen) -> None:
    """Fall silent and let the shell go on; come back to the last sentence."""
    was_paused = player.paused
    player.pause()
    time.sleep(2 * _TICK_S)  # the fade
    screen.close()
    keys.close()
    os.kill(os.getpid(), signal.SIGSTOP)
    keys.open()
    if not was_paused:
        player.back_to_sentence()
        player.play()


@contextlib.contextmanager
def _signals(player: Player) -> Iterator[list[int]]:
    """Note signals, and end with a fade; the second SIGINT or SIGTERM ends at once."""
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGTSTP", None):
            caught.append(number)
            return
        if number in caught:
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


def _slept_s() -> float:
    """Tell for how long this machine has slept so far, where the system tells."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
