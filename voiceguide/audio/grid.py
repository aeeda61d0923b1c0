"""The time grid of all audio, and its levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples: TypeAlias = NDArray[np.int16]
    """Mono, shape (frames,), 48,000 Hz, a whole number of milliseconds long."""
else:
    Samples = np.ndarray

RATE_HZ = 48_000
FRAMES_PER_MS = RATE_HZ // 1000
"""48 frames are exactly 1 ms: every event begins and ends on a whole millisecond."""

SPEECH_LUFS = -15.4
"""The level of a clip (EBU R128). Tones and the edges of speech lower the gated level of a session
by 0.4 to 1.1 LU (measured), so that it ends up within 1 LU of −16."""
CEILING_DBFS = -2.0
"""Sample peaks stay below this, which leaves 1 dB for what MP3 and the DAC add: −1 dBTP at most."""
