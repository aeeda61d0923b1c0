"""Times as people and programs write them -> milliseconds, and back."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT_MS = {"h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_BARE = re.compile(_NUMBER)
_CLOCK = re.compile(r"(?:(?P<h>\d+):(?=[0-5]?\d:))?(?P<min>\d+):(?P<s>[0-5]\d(?:\.\d+)?)")
_UNITS = re.compile(r"\s*+".join(rf"(?:(?P<{unit}>{_NUMBER})\s*{unit})?+" for unit in UNIT_MS))
_LONGEST = 30  # characters
_PACE = re.compile(r"\d{1,2}(\.\d)?(-\d{1,2}(\.\d)?){1,3}")
_PACE_S = (1, 20)
"""The shortest and the longest time to breathe in or out."""

PACES = {"box": "4-4-4-4", "coherent": "5-5", "calm": "4-6", "4-7-8": "4-7-8-0"}
"""Named ways to breathe: seconds in, held, out, held; with two numbers, the breath is not held."""

_EXAMPLES = {
    None: "a time such as 12:30, 1:02:03, 90s, 1h30min or 250ms",
    "min": "minutes such as 12 or 7.5, or a time such as 12:30, 1:02:03, 90s or 1h30min",
    "s": "seconds such as 12 or 7.5, or a time such as 12:30, 1:02:03, 250ms or 1h30min",
}


def date_number() -> int:
    """Return today's date, where this machine is, as a number: 20261129.

    It is the seed of what is said where nobody asks for one.
    """
    return int(time.strftime("%Y%m%d"))


def milliseconds(written: str | float | Decimal, bare: Literal["min", "s"] | None = None) -> int:
    """Return the milliseconds of a time, rounded half up.

    ``bare`` is the unit of a number without one; None refuses such numbers. Raises ValueError that
    says what is valid: “must be …”.
    """
    text = f"{written:f}" if isinstance(written, Decimal) else str(written).strip()
    if len(text) <= _LONGEST and text.isascii():
        if bare and _BARE.fullmatch(text):
            return rounded(Decimal(text) * UNIT_MS[bare])
        match = _CLOCK.fullmatch(text) or _UNITS.fullmatch(text)
        if text and match:
            parts = {unit: Decimal(part) for unit, part in match.groupdict().items() if part}
            return rounded(sum(part * UNIT_MS[unit] for unit, part in parts.items()))
    raise ValueError(f"must be {_EXAMPLES[bare]}")


def rounded(exact: Decimal | int) -> int:
    """Return the nearest integer; halves are rounded away from 0."""
    return int(Decimal(exact).to_integral_value(ROUND_HALF_UP))


def text(ms: int) -> str:
    """Return a time for people, rounded down to seconds: 12:30, or 1:02:03 from an hour on."""
    minutes, seconds = divmod(ms // 1000, 60)
    if minutes < 60:  # noqa: PLR2004 (an hour)
        return f"{minutes}:{seconds:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def exact(ms: int) -> str:
    """Return a time for people, in milliseconds: 12:30.000, or 1:02:03.000 from an hour on."""
    return f"{text(ms)}.{ms % 1000:03}"


def stamp(ms: int) -> str:
    """Return a time for programs, as in WebVTT and Vorbis chapters: 00:12:34.567."""
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


def breath_s(pace: str) -> tuple[float, float, float, float]:
    """Return the seconds to breathe in, hold, breathe out and hold for a pace (“4-6”, “box”)."""
    parts = [float(part) for part in PACES.get(pace, pace).split("-")]
    if len(parts) == 2:  # noqa: PLR2004 (in and out)
        return parts[0], 0.0, parts[1], 0.0
    first, held, out, *after = parts
    return first, held, out, after[0] if after else 0.0


def checked_pace(written: str) -> str:
    """Return a pace as ``breath_s`` takes it; raises ValueError that says what is valid."""
    pace = written.strip().lower()
    least, most = _PACE_S
    right = f"must be {', '.join(PACES)}, or seconds such as 4-6, 4-4-6 or 4-4-4-4"
    if pace not in PACES and not _PACE.fullmatch(pace):
        raise ValueError(right)
    inhale, *held, exhale, last = breath_s(pace)
    if not all(least <= part <= most for part in (inhale, exhale)) or max(*held, last) > most:
        raise ValueError(f"{right}; in and out take from {least} to {most} s")
    return pace


def in_words(ms: int) -> str:
    """Return a length in the largest unit that it fills: "1.5 hours", "1 minute"."""
    units = (("hour", 3_600_000), ("minute", 60_000), ("second", 1000))
    unit, unit_ms = next((one for one in units if ms >= one[1]), units[-1])
    count = f"{ms / unit_ms:.3g}"
    return f"{count} {unit}{'' if count == '1' else 's'}"


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Log how long something takes; “--verbose” shows it."""
    begun_s = time.perf_counter()
    try:
        yield
    finally:
        _LOG.info("%s: %.2f s", what, time.perf_counter() - begun_s)


_LOG = logging.getLogger("voiceguide")
