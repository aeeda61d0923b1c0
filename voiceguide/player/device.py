"""What a device is, and the table of devices; each device is a file in this folder."""

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
    """Plays what ``read(frames)`` returns, from ``start`` until it is closed.

    Any call may hang if the sound server does not answer.
    """

    def start(self) -> None:
        """Start to play; raises DeviceError if it cannot."""

    def close(self) -> None:
        """Fall silent."""


class Opener(Protocol):
    """Opens a device: 48,000 Hz, 16 bit, the system's default output. An entry of ``DEVICES``."""

    def __call__(self, read: Callable[[int], bytes], channels: int) -> Device:
        """Open it; ``read`` returns that many frames, interleaved, little endian, without delay.

        Raises DeviceError if there is none.
        """


DEVICES: Table[Opener] = Table(
    "voiceguide.devices",
    {
        "miniaudio": "voiceguide.player.miniaudio_device:MiniaudioDevice",
        "miniaudio-prompt": "voiceguide.player.miniaudio_device:PromptDevice",
        "simpleaudio": "voiceguide.player.simpleaudio_device:SimpleaudioDevice",
    },
    "device",
)
"""The ways to a loudspeaker; the first is the default."""


def opener(device: str) -> Opener:
    """Return the opener of a device, by its name in ``DEVICES``, with its library loaded.

    Raises RequestError for an unknown device, VoiceguideError for one that cannot be used.
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
    """Keep ALSA's own messages off the screen; ours say what is wrong."""
    global _handler  # noqa: PLW0603 (ALSA keeps the pointer for good)
    if sys.platform == "linux" and _handler is None:
        with contextlib.suppress(OSError, AttributeError):
            alsa = ctypes.CDLL("libasound.so.2")
            _handler = ctypes.CFUNCTYPE(None)(lambda: None)
            alsa.snd_lib_error_set_handler(_handler)


_handler: object = None
