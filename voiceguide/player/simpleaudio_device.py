"""The loudspeaker through simpleaudio: only below Python 3.12, which it crashes.

simpleaudio plays a buffer from beginning to end, and reads it as it plays. So it gets a buffer of
an hour, which is filled while it plays, a little ahead of the clock; the memory of what was played
is returned to the system.
"""

from __future__ import annotations

import mmap
import sys
import threading
import time
from typing import TYPE_CHECKING

from voiceguide.audio.grid import FRAMES_PER_MS, RATE_HZ
from voiceguide.errors import DeviceError
from voiceguide.player.device import not_opened

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.version_info >= (3, 12):
    raise DeviceError(
        "simpleaudio crashes Python 3.12 and later (its issue 72): use miniaudio, or Python 3.11"
    )
try:
    import simpleaudio
    from simpleaudio._simpleaudio import SimpleaudioError
except ImportError as missing:
    raise DeviceError(
        "simpleaudio is not installed: pip install 'voiceguide[simpleaudio]' (it needs a compiler "
        "and, on Linux, ALSA's headers)"
    ) from missing

_HOUR_MS = 3_600_000
_MARGIN_MS = 400
"""How far ahead the buffer is filled: ALSA takes 100 ms at once, and the two clocks may drift apart
by 100 ppm, which is 360 ms in an hour."""
_STEP_S = 0.04
_BYTES = 2
_NO_RESERVE = 0x4000  # MAP_NORESERVE of Linux: only written pages take memory


class SimpleaudioDevice:
    """The system's default output."""

    def __init__(self, read: Callable[[int], bytes], channels: int) -> None:
        self._read = read
        self._channels = channels
        self._frame = channels * _BYTES
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="simpleaudio", daemon=True)

    def start(self) -> None:
        """Start to play; raises DeviceError if it cannot."""
        try:
            self._begin()
        except SimpleaudioError as error:
            raise not_opened(error) from error
        self._thread.start()

    def close(self) -> None:
        """Play what is left, and fall silent."""
        self._closed.set()
        if not self._thread.is_alive():
            return
        self._thread.join(1)
        if self._playing.is_playing():
            time.sleep(_MARGIN_MS / 1000)
            self._playing.stop()

    def _begin(self) -> None:
        size = _HOUR_MS * FRAMES_PER_MS * self._frame
        if sys.platform == "linux":
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
            self._buffer = mmap.mmap(-1, size, flags=flags)
        else:
            self._buffer = mmap.mmap(-1, size)
        self._filled = 0  # frames
        self._fill(_MARGIN_MS * FRAMES_PER_MS)
        self._began_s = time.monotonic()
        self._playing = simpleaudio.play_buffer(self._buffer, self._channels, _BYTES, RATE_HZ)

    def _feed(self) -> None:
        while not self._closed.wait(_STEP_S) and self._playing.is_playing():
            heard_ms = round((time.monotonic() - self._began_s) * 1000)
            wanted_ms = min(heard_ms + _MARGIN_MS, _HOUR_MS)
            self._fill(wanted_ms * FRAMES_PER_MS)
            self._forget((heard_ms - 2 * _MARGIN_MS) * FRAMES_PER_MS * self._frame)
            if wanted_ms == _HOUR_MS:
                self._playing.wait_done()
                self._begin()

    def _fill(self, until: int) -> None:
        """Fill the buffer up to the frame ``until``."""
        begin, count = self._filled, until - self._filled
        if count > 0:
            self._buffer[begin * self._frame : until * self._frame] = self._read(count)
            self._filled = until

    def _forget(self, until: int) -> None:
        """Return memory before the byte ``until`` to the system."""
        pages = until // mmap.PAGESIZE * mmap.PAGESIZE
        if pages > 0 and sys.platform == "linux":
            self._buffer.madvise(mmap.MADV_DONTNEED, 0, pages)
