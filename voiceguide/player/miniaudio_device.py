"""Loudspeaker and microphone through miniaudio, which asks and tells from a thread of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import miniaudio

from voiceguide.audio.grid import RATE_HZ
from voiceguide.errors import VoiceguideError
from voiceguide.player.device import not_opened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_PERIOD_MS = 300
"""PulseAudio buffers one period (miniaudio's target length), which delays the response to keys. A
busy machine stalls now and then: on two overloaded cores, 100 ms were too short in one of twenty
short sessions, 200 ms once in ten minutes (measured)."""
_PROMPT_MS = 60
"""When somebody speaks to a session, it has 200 ms to become soft."""


class MiniaudioDevice:
    """The system's default output."""

    _period_ms = _PERIOD_MS

    def __init__(self, read: Callable[[int], bytes], channels: int) -> None:
        """Open it; raises DeviceError if there is none."""
        self._read = read
        try:
            self._device = miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.SIGNED16,
                nchannels=channels,
                sample_rate=RATE_HZ,
                buffersize_msec=self._period_ms,
                backends=backends(),
                app_name="voiceguide",
            )
        except miniaudio.MiniaudioError as error:
            raise not_opened(error.args[0]) from error

    def start(self) -> None:
        """Start to play; raises DeviceError if it cannot."""
        try:
            self._device.start(_asked(self._read))
        except miniaudio.MiniaudioError as error:
            raise not_opened(error.args[0]) from error

    def close(self) -> None:
        """Fall silent."""
        self._device.close()


class PromptDevice(MiniaudioDevice):
    """The same, in shorter pieces: it obeys sooner, and a busy machine may interrupt it."""

    _period_ms = _PROMPT_MS


def _asked(read: Callable[[int], bytes]) -> Generator[bytes, int, None]:
    """Return ``read`` as miniaudio needs it: a generator that is sent numbers of frames."""

    def pieces() -> Generator[bytes, int, None]:
        frames = yield b""
        while True:
            frames = yield read(frames)

    generator = pieces()
    next(generator)
    return generator


def microphone(
    hear: Callable[[bytes], object], rate_hz: int, block_ms: int
) -> miniaudio.CaptureDevice:
    """Return the system's default microphone, which listens until it is closed.

    ``hear`` gets blocks of about ``block_ms``, mono, 16 bit, in another thread. Raises
    VoiceguideError if there is none, or it is refused.
    """

    def blocks() -> Generator[None, bytes, None]:
        while True:
            hear(bytes((yield)))

    generator = blocks()
    next(generator)
    try:
        device = miniaudio.CaptureDevice(
            nchannels=1,
            sample_rate=rate_hz,
            buffersize_msec=block_ms,
            backends=backends(),
            app_name="voiceguide",
        )
        device.start(generator)
    except miniaudio.MiniaudioError as error:
        raise VoiceguideError(
            f"no microphone can be opened ({error.args[0]}): connect one, allow this terminal to "
            "use it, and choose it in the system's settings"
        ) from error
    return device


def backends() -> list[miniaudio.Backend]:
    """Return all backends but the null device, which neither plays nor records."""
    known = miniaudio.Backend
    if sys.platform != "linux":
        return [backend for backend in known if backend.name not in ("NULL", "CUSTOM")]
    cards = [known.ALSA] if Path("/dev/snd").exists() else []
    return [known.PULSEAUDIO, *cards]
