"""Attribute values -> numbers; each function raises ValueError that says what is valid."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from decimal import Decimal
from typing import Literal, NamedTuple, cast

from voiceguide.clock import UNIT_MS, rounded
from voiceguide.ssml.cues import Style, SyncBase

STRENGTH_MS = {
    "none": 0, "x-weak": 200, "weak": 400, "medium": 800, "strong": 1500, "x-strong": 3000,
}  # fmt: skip
"""How long an elastic break of each strength lasts before fitting."""


class Manner(NamedTuple):
    """What emphasis does to speech."""

    rate: float
    """A factor."""
    gain_db: float

    def of(self, style: Style) -> Style:
        """Return a style in this manner."""
        return replace(style, rate=style.rate * self.rate, gain_db=style.gain_db + self.gain_db)


RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
VOLUMES = {
    "silent": -120.0, "x-soft": -12.0, "soft": -6.0,
    "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 6.0,
}  # fmt: skip
EMPHASES = {
    "strong": Manner(0.85, 3.0), "moderate": Manner(0.9, 1.5),
    "none": Manner(1.0, 0.0), "reduced": Manner(1.1, -3.0),
}  # fmt: skip
"""SSML leaves the meaning of these words to us: factors of the default rate, semitones, dB."""

_OFFSET = re.compile(r"(?P<sign>[+-]?)\s*(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>h|min|s|ms)")
_SYNC_BASE = re.compile(r"(?P<id>[^\s+]+)\.(?P<edge>begin|end)\s*(?P<offset>[+-].+)?")

_QUIETEST_DB, _LOUDEST_DB = -120.0, 40.0
_LARGEST = 1e12
_LONGEST_TIME = 30  # characters
FOR_EVER_MS = 7 * 24 * 3_600_000
"""As long as the longest session."""


def duration(value: str) -> int:
    """Return a time in milliseconds, not negative; s and ms are from SSML, h and min from SMIL."""
    ms = _time(value)
    if value.startswith("-"):
        raise ValueError("must be a time such as 1.5s or 250ms, without a sign")
    return ms


def is_bare(value: str) -> bool:
    """Whether a time is a decimal fraction without a unit; a whole number may mean milliseconds."""
    return re.fullmatch(r"\d*\.\d+", value) is not None


def clock_value(value: str) -> int:
    """Return a time without a sign in milliseconds; seconds need no unit (SMIL 3.0, 5.4.1)."""
    return duration(_in_seconds(value))


def point(value: str) -> int | SyncBase:
    """Return a begin or end: an offset in milliseconds or a sync-base value (SMIL 3.0, 5.4.4)."""
    match = _SYNC_BASE.fullmatch(value)
    try:
        if match:
            edge = cast("Literal['begin', 'end']", match["edge"])
            offset = _time(_in_seconds(match["offset"])) if match["offset"] else 0
            return SyncBase(match["id"], edge, offset)
        return _time(_in_seconds(value))
    except ValueError:
        raise ValueError("must be a time (1.5s), or another element's (intro.end+1.5s)") from None


def decibels(value: str) -> float:
    """Return a level in decibels."""
    gain_db = _number(re.sub("db$", "dB", value, flags=re.IGNORECASE), "dB")
    if not _QUIETEST_DB <= gain_db <= _LOUDEST_DB:
        raise ValueError(f"must be between {_QUIETEST_DB:g}dB and +{_LOUDEST_DB:g}dB")
    return gain_db


def count(value: str) -> float:
    """Return a number of repetitions, which may have a fraction."""
    number = _number(value)
    if number <= 0:
        raise ValueError("must be more than 0")
    return number


def whole(value: str) -> int:
    """Return a whole number of at least 1."""
    if not re.fullmatch(r"0*[1-9]\d{0,3}", value):
        raise ValueError("must be a whole number such as 1 or 2")
    return int(value)


def truth(value: str) -> bool:
    """Return whether a value is true."""
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


def pan(value: str) -> float:
    """Return a position from -1 (left) to 1 (right)."""
    number = _number(value)
    if abs(number) > 1:
        raise ValueError("must be between -1 (left) and 1 (right)")
    return number


def speed(value: str) -> float:
    """Return the speed of a sound, as a factor."""
    factor = _number(value, "%") / 100
    if not 0.1 <= factor <= 10:  # noqa: PLR2004 (beyond it nothing is recognized)
        raise ValueError("must be between 10% and 1000%")
    return factor


def rate(value: str) -> float:
    """Return the rate of speech, as a factor: 150%, +50% and, in SSML 1.0, 1.5 are the same."""
    if value in RATES:
        return RATES[value]
    if is_older_rate(value):
        value = f"{value[:1] if value[0] in '+-' else ''}{abs(_number(value)) * 100:g}%"
    try:
        factor = _number(value, "%") / 100
    except ValueError:
        raise ValueError(f"must be 80%, +10%, or one of {', '.join(RATES)}") from None
    if value[0] in "+-":
        factor += 1
    if not factor > 0:
        raise ValueError("must be more than 0%")
    return factor


def pitch(value: str) -> float | None:
    """Return a pitch in semitones; None for one in Hertz, which no engine here supports."""
    if value in PITCHES:
        return PITCHES[value]
    if value.endswith("st"):
        return _number(value, "st")
    if value.endswith("Hz"):
        _number(value, "Hz")
        return None
    if value.endswith("%"):
        factor = 1 + _number(value, "%") / 100
        if factor > 0:
            return 12 * math.log2(factor)
    raise ValueError(f"must be +2st, -10%, or one of {', '.join(PITCHES)}")


def volume(value: str) -> float:
    """Return the volume of speech, in decibels; in SSML 1.0, 100 or less, or a change of it."""
    if value in VOLUMES:
        return VOLUMES[value]
    if is_older_volume(value):
        number = _number(value.removesuffix("%"))
        factor = (100 + number if value[0] in "+-" else number) / 100
        if factor < 0 or (value[0] not in "+-" and factor > 1):
            raise ValueError("must be from 0 to 100, or better, in decibels: -6dB")
        return max(VOLUMES["silent"], 20 * math.log10(factor)) if factor else VOLUMES["silent"]
    try:
        return decibels(value)
    except ValueError:
        raise ValueError(f"must be +6dB, or one of {', '.join(VOLUMES)}") from None


def is_older_rate(value: str) -> bool:
    """Whether a rate is a plain number, as in SSML 1.0."""
    return re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", value) is not None


def is_older_volume(value: str) -> bool:
    """Whether a volume is a number from 0 to 100 or a percentage, as in SSML 1.0 and Azure's."""
    return is_older_rate(value.removesuffix("%"))


def _time(value: str) -> int:
    match = _OFFSET.fullmatch(value)
    if not match or len(value) > _LONGEST_TIME:
        raise ValueError("must be a time such as 1.5s, 250ms, 2min or 1h")
    ms = rounded(Decimal(match["number"]) * UNIT_MS[match["unit"]])
    return -ms if match["sign"] == "-" else ms


def _in_seconds(value: str) -> str:
    return f"{value}s" if value[-1:].isdigit() else value


def _number(value: str, suffix: str = "") -> float:
    if not re.fullmatch(rf"[+-]?(\d+(\.\d*)?|\.\d+){suffix}", value):
        raise ValueError(f"must be a number{' followed by ' + suffix if suffix else ''}")
    number = float(value.removesuffix(suffix))
    if abs(number) > _LARGEST:
        raise ValueError("is too large")
    return number
