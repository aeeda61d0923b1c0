"""The loudspeaker, through miniaudio: it asks for short pieces, from its own thread."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import miniaudio

from voiceguide.audio.grid import RATE_HZ
from voiceguide.player.device import not_opened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_PERIOD_MS = 300
"""PulseAudio holds one period (miniaudio makes it the target length); keys are heard so much later.
A busy machine stands still for long now and then: on two overloaded cores, 100 ms were not enough
in one of twenty short sessions, 200 ms once in ten minutes (measured)."""


class MiniaudioDevice:
    """The system's default output."""

    def __init__(self, read: Callable[[int], bytes], channels: int) -> None:
        """Open it; raises DeviceError if there is none."""
        self._read = read
        try:
            self._device = miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.SIGNED16,
                nchannels=channels,
                sample_rate=RATE_HZ,
                buffersize_msec=_PERIOD_MS,
                backends=backends(),
                app_name="voiceguide",
            )
        except miniaudio.MiniaudioError as error:
            raise not_opened(error.args[0]) from error

    def start(self) -> None:
        """Begin to play; raises DeviceError if that cannot be."""
        try:
            self._device.start(_asked(self._read))
        except miniaudio.MiniaudioError as error:
            raise not_opened(error.args[0]) from error

    def close(self) -> None:
        """Fall silent."""
        self._device.close()


def _asked(read: Callable[[int], bytes]) -> Generator[bytes, int, None]:
    """Make of ``read`` what miniaudio wants: a generator that is sent numbers of frames."""

    def pieces() -> Generator[bytes, int, None]:
        frames = yield b""
        while True:
            frames = yield read(frames)

    generator = pieces()
    next(generator)
    return generator


def backends() -> list[miniaudio.Backend]:
    """Return all but the null device, which would play to nobody, and hear nothing."""
    known = miniaudio.Backend
    if sys.platform != "linux":
        return [backend for backend in known if backend.name not in ("NULL", "CUSTOM")]
    cards = [known.ALSA] if Path("/dev/snd").exists() else []
    return [known.PULSEAUDIO, *cards]
