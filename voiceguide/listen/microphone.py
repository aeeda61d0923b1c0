"""The system's default microphone, in blocks, with what was played when each was heard."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import soxr

from voiceguide.audio.grid import RATE_HZ as PLAYED_HZ
from voiceguide.listen.spotter import RATE_HZ
from voiceguide.player.miniaudio_device import microphone

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_MS = 20
_FRAMES_PER_MS = RATE_HZ // 1000
_STEP_MS = 2000
"""How often what has waited too long is dropped."""
_MOST_MS = 1000
"""What is not fetched for so long is dropped."""


class Microphone:
    """Hears until it is closed: mono, at the spotter's rate."""

    def __init__(self) -> None:
        """Open it; raises VoiceguideError if there is none, or it is refused."""
        self._heard: deque[bytes] = deque(maxlen=_MOST_MS // BLOCK_MS)
        self._arrived = threading.Event()
        self._device = microphone(self._hear, RATE_HZ, BLOCK_MS)

    def read(self, seconds: float) -> NDArray[np.float32]:
        """Return what was heard since the last call, within ±1; wait for it at most ``seconds``.

        It is empty if nothing came, as when the microphone has gone away.
        """
        self._arrived.wait(seconds)
        self._arrived.clear()
        blocks = [self._heard.popleft() for _ in range(len(self._heard))]
        return np.frombuffer(b"".join(blocks), "<i2").astype(np.float32) / np.float32(32768)

    def close(self) -> None:
        """Let go of the microphone."""
        self._device.close()

    def _hear(self, block: bytes) -> None:
        self._heard.append(block)
        self._arrived.set()


class Played:
    """What was given to the loudspeaker: mono, at the spotter's rate, in step with what is heard.

    A loudspeaker takes long pieces and the clocks of two devices differ, so what has waited all the
    time of late is dropped: what is taken is then never later than its echo.
    """

    def __init__(self) -> None:
        self._resampler = soxr.ResampleStream(PLAYED_HZ, RATE_HZ, 1, dtype="float32")
        self._waiting = np.zeros(0, np.float32)
        self._least = 0
        self._taken = 0
        self._lock = threading.Lock()

    def add(self, samples: NDArray[np.int32]) -> None:
        """Note what is given to the loudspeaker: (frames, channels), 16 bit."""
        mono = samples.mean(axis=1, dtype=np.float32) / np.float32(32768)
        with self._lock:
            more = self._resampler.resample_chunk(mono)
            self._waiting = np.concatenate([self._waiting, more])[-_MOST_MS * _FRAMES_PER_MS :]

    def take(self, frames: int) -> NDArray[np.float32]:
        """Return the next frames, filled up with silence if there are too few."""
        with self._lock:
            taken, self._waiting = self._waiting[:frames], self._waiting[frames:]
            self._least = min(self._least, len(self._waiting))
            self._taken += frames
            if self._taken >= _STEP_MS * _FRAMES_PER_MS:
                self._waiting = self._waiting[self._least :]
                self._least, self._taken = len(self._waiting), 0
        return np.concatenate([taken, np.zeros(frames - len(taken), np.float32)])
