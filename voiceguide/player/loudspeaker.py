"""The loudspeaker that a player plays to; it is reopened if it is lost."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from voiceguide.audio.grid import FRAMES_PER_MS
from voiceguide.errors import DeviceError
from voiceguide.player.device import not_opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.player.device import Device, Opener
    from voiceguide.player.player import Player

_FIRST_BLOCK_S = 1.0
"""How long to wait for something to play, since a device takes the first piece at once."""
_HUSH_MS = 40
"""Silence at the start: PulseAudio lost up to 11 ms of a stream (measured with a null sink)."""
_LOST_S = 1.0
"""A device that requests nothing for this long is lost."""
_BEGIN_S = 3.0
"""How long it may take to begin: a null sink of PulseAudio finishes a block of 2 s first."""
_ANSWER_S = 4.0
"""A sound server that has not answered by then hangs; up to _FIRST_BLOCK_S of this is ours."""
_CLOSE_S = 0.8
_RETURN_S = 600.0
"""How long to wait for a lost device: time to plug it in, or to restart a sound server."""
_RETRY_S = 0.25
_SLICE_S = 0.05
_BYTES = 2

_Result = TypeVar("_Result")

_stuck: list[object] = []
"""Calls that did not return: collecting them would close a device, and hang too."""


class Loudspeaker:
    """A device that plays the blocks of a player."""

    def __init__(self, player: Player, open_device: Opener) -> None:
        self._player = player
        self._open_device = open_device
        self._device: Device | None = None
        self._hush = 0
        self._begun = False
        self._patience_s = _BEGIN_S
        self._asked_s = 0.0
        self._number = 0

    @property
    def lost(self) -> bool:
        """Whether it has not requested audio for too long."""
        return time.monotonic() - self._asked_s > self._patience_s

    def open(self, seconds: float = _ANSWER_S) -> None:
        """Open it, and play as soon as there is something to play.

        Raises DeviceError if there is none, or it does not answer within ``seconds``, or the player
        is stopped first.
        """
        until_s = time.monotonic() + seconds
        channels = self._player.source.channels
        number = self._number

        def given_up() -> bool:
            return time.monotonic() > until_s or self._player.stopping

        def read(frames: int) -> bytes:
            if number != self._number:  # it hung, was given up, and woke up late
                return bytes(frames * channels * _BYTES)
            return self._read(frames)

        try:
            device = _call(lambda: self._open_device(read, channels), given_up)
            self._device = device
            self._player.wait(_FIRST_BLOCK_S)
            self._hush = _HUSH_MS * FRAMES_PER_MS
            self._begun, self._patience_s = False, _BEGIN_S
            self._asked_s = time.monotonic()
            _call(device.start, given_up)
        except TimeoutError as error:
            raise not_opened("the sound server does not answer") from error

    def reopen(self, meanwhile: Callable[[], object]) -> None:
        """Try to open it again and again, and repeat the last sentence.

        ``meanwhile`` is called between tries. Raises DeviceError if it does not come back within
        ten minutes, or the player is stopped first.
        """
        self.close()
        self._player.back_to_sentence()  # now, since it read on while it was closed
        until_s = time.monotonic() + _RETURN_S
        while True:
            try:
                self.open()
            except DeviceError as error:
                self.close()  # it may be open, though it did not start
                if time.monotonic() + _RETRY_S > until_s or self._player.stopping:
                    raise DeviceError(f"the loudspeaker is gone: {error}") from error
                meanwhile()
                time.sleep(_RETRY_S)
            else:
                return

    def close(self) -> None:
        """Fall silent; a device that hangs is abandoned."""
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(TimeoutError):
                until_s = time.monotonic() + _CLOSE_S
                _call(device.close, lambda: time.monotonic() > until_s)
        self._number += 1

    def _read(self, frames: int) -> bytes:
        self._asked_s = time.monotonic()
        if self._begun:
            self._patience_s = _LOST_S
        self._begun = True  # a device takes the first piece while it starts
        hush = min(frames, self._hush)
        self._hush -= hush
        silence = bytes(hush * self._player.source.channels * _BYTES)
        return silence + self._player.read(frames - hush)


def _call(function: Callable[[], _Result], given_up: Callable[[], bool]) -> _Result:
    """Call a function that may hang in C; raises TimeoutError if it is ``given_up`` first."""
    outcome: list[_Result | Exception] = []

    def call() -> None:
        try:
            outcome.append(function())
        except Exception as error:  # noqa: BLE001 (raised below)
            outcome.append(error)

    thread = threading.Thread(target=call, name="loudspeaker", daemon=True)
    thread.start()
    while not outcome and not given_up():
        thread.join(_SLICE_S)  # signals are noted in between
    if not outcome:
        _stuck.append((function, outcome))
        raise TimeoutError
    result = outcome[0]
    if isinstance(result, Exception):
        raise result
    return result
