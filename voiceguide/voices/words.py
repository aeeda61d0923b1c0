"""Written text -> what people say for it, before any engine: numbers, units, abbreviations."""

from __future__ import annotations

import re

_UNITS = {
    "en": {
        "s": ("second", "seconds"), "sec": ("second", "seconds"), "min": ("minute", "minutes"),
        "h": ("hour", "hours"), "mm": ("millimeter", "millimeters"),
        "cm": ("centimeter", "centimeters"), "m": ("meter", "meters"), "kg": ("kilo", "kilos"),
    },
    "de": {
        "s": ("eine Sekunde", "Sekunden"), "min": ("eine Minute", "Minuten"),
        "h": ("eine Stunde", "Stunden"), "mm": ("ein Millimeter", "Millimeter"),
        "cm": ("ein Zentimeter", "Zentimeter"), "m": ("ein Meter", "Meter"),
        "kg": ("ein Kilo", "Kilo"),
    },
}  # fmt: skip
"""Singular and plural. An engine reads "45 s" as a number and a letter."""
_BETWEEN = {"en": ("to", "out of"), "de": ("bis", "von")}
_AMOUNT = re.compile(
    r"(?<![^\s(])(?:(\d+(?:[.,]\d+)?) ?[–-] ?)?(\d+(?:[.,]\d+)?)[ \u00a0\u202f]?"
    r"(s|sec|min|h|mm|cm|m|kg)(?=[\s.,;:!?…)]|$)"
)
_OF_TEN = re.compile(r"(?<![^\s(])(10|\d)/10(?=[\s.,;:!?…)]|$)(?![.,]\d)")


def spoken(text: str, language: str) -> str:
    """Return what is said for a text: numbers, units and abbreviations as words."""
    language = language.partition("-")[0].lower()
    units = _UNITS.get(language)
    if units is None or not any(char.isdigit() for char in text):
        return text
    to, out_of = _BETWEEN[language]

    def amount(match: re.Match[str]) -> str:
        least, most, unit = match.groups()
        if unit not in units:
            return match[0]
        one, several = units[unit]
        if least is None and most == "1":
            return one if " " in one else f"1 {one}"
        return f"{least} {to} {most} {several}" if least else f"{most} {several}"

    return _OF_TEN.sub(rf"\1 {out_of} 10", _AMOUNT.sub(amount, text))
