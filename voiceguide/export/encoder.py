"""PCM -> an audio file: what an encoder is, and the one of pedalboard."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from pedalboard.io import AudioFile

from voiceguide.audio.grid import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.mixer.passages import Passage
    from voiceguide.timeline import End

KBIT_PER_S = {1: 96, 2: 112}
"""By channels, for MP3 and Vorbis. An MP3's bit rate is constant, so that players find chapters to
the millisecond; with a variable one, they guess."""


class Encoder(Protocol):
    """Writes 48,000 Hz, 16 bit to a file."""

    def write(self, block: bytes) -> None:
        """Encode a block (interleaved, little endian); raises OSError."""

    def close(self) -> None:
        """Complete the file, without closing it, even after ``write`` failed; raises OSError."""


@runtime_checkable
class PassageEncoder(Encoder, Protocol):
    """An encoder that knows what it has encoded before it is mixed."""

    apart_ms: int
    """How much silence it needs between passages."""

    def lay(self, passage: Passage | End, progress: Callable[[int], object]) -> None:
        """Encode the next passage, or note where the session ends, before the last passage comes.

        ``progress`` is called with the time in ms up to which it is encoded. Raises OSError and
        what mixing raises.
        """

    def abandon(self) -> None:
        """Note that the file is not wanted any more: ``close`` then writes nothing."""


class PedalboardEncoder:
    """Writes WAV, FLAC or OGG."""

    def __init__(
        self,
        file: IO[bytes],
        channels: int,
        form: str,
        quality: int | None = None,
        level: float = 1.0,
    ) -> None:
        """Start at the beginning of a seekable file.

        ``quality`` is in kbit/s for lossy formats, ``level`` a factor for all samples, 1 or less.
        """
        self._channels = channels
        self._level = level
        self._file = AudioFile(
            file, "w", samplerate=RATE_HZ, num_channels=channels, format=form, bit_depth=16,
            quality=quality,
        )  # fmt: skip

    def write(self, block: bytes) -> None:
        """Encode a block (interleaved); raises OSError."""
        samples = np.frombuffer(block, dtype="<i2").reshape(-1, self._channels).T
        if self._level < 1:
            samples = np.rint(samples * self._level).astype("<i2")
        self._file.write(samples)

    def close(self) -> None:
        """Complete the file; raises OSError."""
        try:
            self._file.close()
        except SystemError as error:  # it wraps an error of the disk
            cause = error.__cause__
            raise (cause if isinstance(cause, OSError) else OSError(str(error))) from error
