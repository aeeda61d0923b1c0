"""Times as people write them. (provisional: replaced at merge)."""

from __future__ import annotations

import re
from decimal import Decimal

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]\d(?:\.\d{1,3})?)")
_UNITS = {"h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}
_UNIT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(h|min|s|ms)")


def milliseconds(written: str, bare: str | None = None) -> int:
    """Return a time in milliseconds."""
    text = written.strip()
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = match.groups()
        return int((int(hours or 0) * 3600 + int(minutes) * 60 + Decimal(seconds)) * 1000)
    if bare and re.fullmatch(r"\d+(\.\d*)?|\.\d+", text):
        text += bare
    if match := _UNIT.fullmatch(text):
        return round(Decimal(match[1]) * _UNITS[match[2]])
    raise ValueError("must be a time such as 90s, 12:30 or 1h")


def clock(ms: int) -> str:
    """Write a time as 12:30."""
    seconds = ms // 1000
    return f"{seconds // 60}:{seconds % 60:02}"
