"""What a loudspeaker is to the player; each way to one is a file beside this."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import TYPE_CHECKING, Protocol

from voiceguide.errors import DeviceError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable


class Device(Protocol):
    """Plays what ``read(frames)`` gives, from ``start`` on until it is closed.

    All that is asked of it hangs where the sound server does not answer.
    """

    def start(self) -> None:
        """Begin to play; raises DeviceError if that cannot be."""

    def close(self) -> None:
        """Fall silent."""


class Opener(Protocol):
    """Opens a device: 48,000 Hz, 16 bit, the system's default output."""

    def __call__(self, read: Callable[[int], bytes], channels: int) -> Device:
        """Open it; ``read`` gives so many frames. Raises DeviceError if there is none."""


def opener(player: str) -> Opener:
    """Return what opens a device, by the name of a player, with its library loaded.

    Raises RequestError for a player that is not known, DeviceError for one that is not there.
    """
    _quieten_alsa()
    if player == "miniaudio":
        try:
            from voiceguide.player.miniaudio_device import MiniaudioDevice
        except ImportError as error:
            raise DeviceError(f"miniaudio cannot be loaded ({error}); install it again") from error
        return MiniaudioDevice
    if player == "simpleaudio":
        if sys.version_info >= (3, 12):
            raise DeviceError(
                "simpleaudio crashes Python 3.12 and later (its issue 72): use miniaudio, or "
                "Python 3.11"
            )
        try:
            from voiceguide.player.simpleaudio_device import SimpleaudioDevice
        except ImportError as error:
            raise DeviceError(
                "simpleaudio is not installed: pip install 'voiceguide[simpleaudio]' (it needs a "
                "compiler and, on Linux, ALSA's headers)"
            ) from error
        return SimpleaudioDevice
    raise RequestError(f"there is no player “{player}”; there are: miniaudio, simpleaudio")


def not_opened(reason: object) -> DeviceError:
    """Return the error for a loudspeaker that cannot be opened."""
    return DeviceError(
        f"no loudspeaker can be opened ({reason}): connect one, or start the sound server; "
        "“voiceguide render” makes a file instead"
    )


def _quieten_alsa() -> None:
    """Keep ALSA's own messages off the screen: what is wrong is told in ours."""
    global _handler  # noqa: PLW0603 (ALSA keeps the pointer for good)
    if sys.platform == "linux" and _handler is None:
        with contextlib.suppress(OSError, AttributeError):
            alsa = ctypes.CDLL("libasound.so.2")
            _handler = ctypes.CFUNCTYPE(None)(lambda: None)
            alsa.snd_lib_error_set_handler(_handler)


_handler: object = None
