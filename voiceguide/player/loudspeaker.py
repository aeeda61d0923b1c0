"""The loudspeaker that a player plays to, found again where it is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from voiceguide.errors import DeviceError
from voiceguide.voices.clip import FRAMES_PER_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.player.device import Device, Opener
    from voiceguide.player.player import Player

_FIRST_BLOCK_S = 1.0
"""So long it is waited for something to play, as a device takes the first piece at once."""
_HUSH_MS = 40
"""PulseAudio lost up to 11 ms at the begin of a stream (measured with a null sink)."""
_LOST_S = 1.0
"""A device that asks for nothing for so long is lost."""
_BEGIN_S = 3.0
"""It may take so long to begin: a null sink of PulseAudio finishes a block of 2 s first."""
_RETURN_S = 3.0
"""So long a lost device is looked for; with _LOST_S that is less than 5 s."""
_RETRY_S = 0.25
_BYTES = 2


class Loudspeaker:
    """A device that plays what a player gives."""

    def __init__(self, player: Player, open_device: Opener) -> None:
        self._player = player
        self._open_device = open_device
        self._device: Device | None = None
        self._hush = 0
        self._patience_s = _BEGIN_S
        self._asked_s = 0.0

    @property
    def lost(self) -> bool:
        """Whether it has asked for no audio for too long."""
        return time.monotonic() - self._asked_s > self._patience_s

    def open(self) -> None:
        """Open it, and play as soon as there is something; raises DeviceError if there is none."""
        self._device = self._open_device(self._read, self._player.source.channels)
        self._player.wait(_FIRST_BLOCK_S)
        self._hush = _HUSH_MS * FRAMES_PER_MS
        self._patience_s = _BEGIN_S
        self._asked_s = time.monotonic()
        self._device.start()

    def reopen(self, given_up: Callable[[], object]) -> None:
        """Look for it again and again, until that is ``given_up``.

        Raises DeviceError if it does not come back in time.
        """
        self.close()
        until_s = time.monotonic() + _RETURN_S
        while True:
            try:
                self.open()
            except DeviceError as error:
                if time.monotonic() > until_s or given_up():
                    raise DeviceError(f"the loudspeaker is gone: {error}") from error
                time.sleep(_RETRY_S)
            else:
                return

    def close(self) -> None:
        """Fall silent."""
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _read(self, frames: int) -> bytes:
        self._asked_s, self._patience_s = time.monotonic(), _LOST_S
        hush = min(frames, self._hush)
        self._hush -= hush
        silence = bytes(hush * self._player.source.channels * _BYTES)
        return silence + self._player.read(frames - hush)
