"""What a loudspeaker is to the player; each way to one is a file beside this."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import TYPE_CHECKING, Protocol

from voiceguide.errors import DeviceError
from voiceguide.tables import Table

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
    """Opens a device: 48,000 Hz, 16 bit, the system's default output. An entry of ``DEVICES``."""

    def __call__(self, read: Callable[[int], bytes], channels: int) -> Device:
        """Open it; ``read`` gives so many frames, interleaved, little endian; it never waits long.

        Raises DeviceError if there is none.
        """


DEVICES: Table[Opener] = Table(
    "voiceguide.devices",
    {
        "miniaudio": "voiceguide.player.miniaudio_device:MiniaudioDevice",
        "simpleaudio": "voiceguide.player.simpleaudio_device:SimpleaudioDevice",
    },
    "device",
)
"""The ways to a loudspeaker; the first is the default."""


def opener(device: str) -> Opener:
    """Return what opens a device, by its name in ``DEVICES``, with its library loaded.

    Raises RequestError for a device that is not known, VoiceguideError for one that cannot be used.
    """
    _quieten_alsa()
    return DEVICES.load(device)


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
