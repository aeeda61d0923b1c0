"""Times as people and programs write them -> milliseconds, and back."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

UNIT_MS = {"h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_BARE = re.compile(_NUMBER)
_CLOCK = re.compile(r"(?:(?P<h>\d+):(?=[0-5]?\d:))?(?P<min>\d+):(?P<s>[0-5]\d(?:\.\d+)?)")
_UNITS = re.compile(r"\s*".join(rf"(?:(?P<{unit}>{_NUMBER})\s*{unit})?" for unit in UNIT_MS))
_LONGEST = 30  # characters

_EXAMPLES = {
    None: "a time such as 12:30, 1:02:03, 90s, 1h30min or 250ms",
    "min": "minutes such as 12 or 7.5, or a time such as 12:30, 1:02:03, 90s or 1h30min",
    "s": "seconds such as 12 or 7.5, or a time such as 12:30, 1:02:03, 250ms or 1h30min",
}


def milliseconds(written: str | float | Decimal, bare: Literal["min", "s"] | None = None) -> int:
    """Return the milliseconds of a time, rounded half up.

    ``bare`` is the unit of a number without one; None refuses those. Raises ValueError, which says
    what would be right: “must be …”.
    """
    text = f"{written:f}" if isinstance(written, Decimal) else str(written).strip()
    if len(text) <= _LONGEST and text.isascii():
        if bare and _BARE.fullmatch(text):
            return rounded(Decimal(text) * UNIT_MS[bare])
        found = _CLOCK.fullmatch(text) or _UNITS.fullmatch(text)
        if text and found:
            parts = {unit: Decimal(part) for unit, part in found.groupdict().items() if part}
            return rounded(sum(part * UNIT_MS[unit] for unit, part in parts.items()))
    raise ValueError(f"must be {_EXAMPLES[bare]}")


def rounded(exact: Decimal | int) -> int:
    """Return the nearest whole number; a half is rounded away from 0."""
    return int(Decimal(exact).to_integral_value(ROUND_HALF_UP))


def text(ms: int) -> str:
    """Return a time for people, to the second that has begun: 12:30; from an hour on 1:02:03."""
    minutes, seconds = divmod(ms // 1000, 60)
    if minutes < 60:  # noqa: PLR2004 (an hour)
        return f"{minutes}:{seconds:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def exact(ms: int) -> str:
    """Return a time for people to the millisecond: 12:30.000; from an hour on 1:02:03.000."""
    return f"{text(ms)}.{ms % 1000:03}"


def stamp(ms: int) -> str:
    """Return a time for programs, as WebVTT and Vorbis chapters have them: 00:12:34.567."""
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
