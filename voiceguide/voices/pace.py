"""How fast a neural voice speaks, so that a rate means the same for every voice.

A voice says a text at its natural length, and at twice that. How long speech lasts is linear in the
length that a model is asked for (measured with Piper and Kokoro), so this tells what to ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from voiceguide.languages import primary

if TYPE_CHECKING:
    from collections.abc import Callable

_NORMS = {
    "en": "Sit on the floor, lean back on your hands, and let your leg rest on the ball. "
    "Breathe in through the nose, and out slowly through the mouth. "
    "Step back with the treated leg into a wide lunge, and push the hips forward.",
    "de": "Setz dich hin, stütz dich auf die Hände, und lass das Bein auf dem Ball ruhen. "
    "Atme durch die Nase ein, und langsam durch den Mund wieder aus. "
    "Such mit den Fingern die empfindliche Stelle, und leg den Ball darunter.",
}
_WORTH = 0.89
"""Of a word in these texts: those of sessions are longer, and in shorter sentences (measured with
espeak-ng and Piper: 0.88 to 0.90)."""
_COUNTING = "1 2 3 4 5 6 7 8 9 10", 10.9
"""The same for all other languages, and for how many words it counts: at what is 150 words a minute
elsewhere, it lasts 4.4 s (the median of twenty languages, spoken by espeak-ng; measured)."""
_UNKNOWN_WPM = 160
"""The pace of a voice that says nothing when it is measured."""
_LEAST_SCALE = 0.2
"""Faster, a model drops sounds."""
_AUDIBLE = 0.01  # of the peak


def measured(language: str, lasts_s: Callable[[str, float], float]) -> list[float]:
    """Return how long the text lasts at length scales of 1 and 2, in seconds.

    ``lasts_s`` returns it for a text and a scale.
    """
    text, words = norm(language)
    found = [lasts_s(text, scale) for scale in (1.0, 2.0)]
    if not 0 < found[0] < found[1]:
        found = [60 * words / _UNKNOWN_WPM, 120 * words / _UNKNOWN_WPM]
    return found


def scale(rate_wpm: float, language: str, lasts_s: list[float]) -> float:
    """Return the length scale for a rate; ``lasts_s`` is what ``measured`` returned."""
    once_s, twice_s = lasts_s
    wanted_s = 60 * norm(language)[1] / rate_wpm
    return max(_LEAST_SCALE, 1 + (wanted_s - once_s) / (twice_s - once_s))


def norm(language: str) -> tuple[str, float]:
    """Return the text for measuring in a language, and for how many words it counts."""
    text = _NORMS.get(primary(language))
    return _COUNTING if text is None else (text, _WORTH * len(text.split()))


def heard_s(samples: np.ndarray[Any, np.dtype[np.float32]], rate_hz: int) -> float:
    """Return how long mono speech lasts from the first sound to the last, in seconds."""
    levels = np.abs(samples)
    loud = np.flatnonzero(levels > _AUDIBLE * levels.max(initial=0.0))
    return float(loud[-1] - loud[0] + 1) / rate_hz if loud.size else 0.0
