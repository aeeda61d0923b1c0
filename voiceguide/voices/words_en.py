"""English: what is said for written numbers, units and abbreviations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voiceguide.voices import amounts
from voiceguide.voices.amounts import DASH, END, SPACE, TO, Amount, Rule, Wording, rule

if TYPE_CHECKING:
    import re

_UNITS = {
    "s": ("second", "seconds"), "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
    "Min": ("minute", "minutes"), "Sec": ("second", "seconds"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "wk": ("week", "weeks"), "wks": ("week", "weeks"), "yr": ("year", "years"),
    "yrs": ("year", "years"), "ms": ("millisecond", "milliseconds"),
    "mm": ("millimeter", "millimeters"), "cm": ("centimeter", "centimeters"),
    "m": ("meter", "meters"), "km": ("kilometer", "kilometers"), "ft": ("foot", "feet"),
    "yd": ("yard", "yards"), "yds": ("yard", "yards"), "mi": ("mile", "miles"),
    "mg": ("milligram", "milligrams"), "g": ("gram", "grams"), "kg": ("kilo", "kilos"),
    "kgs": ("kilo", "kilos"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"),
    "l": ("liter", "liters"), "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"), "kcal": ("calorie", "calories"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"), "m/s": ("meter per second", "meters per second"),
    "bpm": ("beat per minute", "beats per minute"), "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"), "dB": ("decibel", "decibels"),
    "%": ("percent", "percent"), "°": ("degree", "degrees"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
}  # fmt: skip
"""Singular and plural. "in" is left out: it is a word."""
_PER = {
    "s": "second", "sec": "second", "second": "second", "min": "minute", "minute": "minute",
    "h": "hour", "hr": "hour", "hour": "hour", "day": "day", "wk": "week", "week": "week",
    "month": "month", "yr": "year", "year": "year", "side": "side", "leg": "leg", "arm": "arm",
    "hand": "hand", "foot": "foot", "set": "set", "round": "round", "session": "session",
}  # fmt: skip
"""What may stand after a slash: 10 reps/side."""
_ALONE = {
    "secs": "seconds", "mins": "minutes", "hrs": "hours", "lbs": "pounds", "wks": "weeks",
    "yrs": "years", "sec": "second", "min": "minute", "hr": "hour", "wk": "week", "yr": "year",
}  # fmt: skip
"""Units without digits; those in the singular after ``_ONE``."""
_ONE = ("a", "an", "another", "each", "every", "half", "last", "next", "one", "per", "this")
_ABBREVIATIONS = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
    "vs": "versus", "approx.": "approximately", "ca.": "about", "incl.": "including",
    "excl.": "excluding", "esp.": "especially", "cf.": "compare", "w/": "with", "w/o": "without",
    "b/c": "because", "dept.": "department", "est.": "estimated", "reps.": "reps",
}  # fmt: skip
_TITLES = {
    "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miz", "Prof.": "Professor",
    "St.": "Saint", "Mt.": "Mount",
}  # fmt: skip
"""Before a name; “Mulholland Dr.” stays."""
_BEFORE_DIGITS = {
    "No.": "number", "Nos.": "numbers", "no.": "number", "fig.": "figure", "p.": "page",
    "pp.": "pages", "vol.": "volume", "ch.": "chapter", "max.": "at most", "max": "at most",
    "min.": "at least",
}  # fmt: skip
_NUMERALS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
_FRACTIONS = {
    "½": "a half", "¼": "a quarter", "¾": "three quarters", "⅓": "a third", "⅔": "two thirds",
}  # fmt: skip
_DETERMINERS = (
    "a", "an", "the", "this", "that", "your", "my", "his", "her", "its", "our", "their",
)  # fmt: skip
_LABELS = (
    "step", "round", "set", "day", "week", "month", "exercise", "part", "level", "stage", "phase",
    "grade", "type", "number", "track", "chapter", "session", "block", "point", "unit",
)  # fmt: skip
_OF_VEINS = (
    "access", "antibiotics?", "bags?", "bolus", "cannulas?", "catheters?", "drips?", "fluids?",
    "infusions?", "injections?", "lines?", "medications?", "needles?", "poles?", "sites?",
    "therapy", "tubes?", "tubing",
)  # fmt: skip
"""What follows “IV” where it is short for intravenous, and not four."""
_MEASURES = {word for unit, names in _UNITS.items() for word in (unit, *names)}
"""What follows a length such as “8:00 minutes”, which is no time of day."""
_NTH = r"[1-9][0-9]{0,3}(?:st|nd|rd|th)"
_NOON, _EVENING, _NIGHT = 12, 18, 22

SHORTENED = amounts.heads(_ABBREVIATIONS, _TITLES, _ALONE)
"""What a text without digits has, if any rule can change it."""


def rules() -> list[Rule]:
    """Return the rules, in the order in which they are applied."""
    wording = Wording(
        mark=".", point="point", numerals=_NUMERALS, mixed=_mixed, units=_UNITS, amount=_amount,
        parted=("hours?", "minutes?", "seconds?", "cups?", "inch(?:es)?", "miles?", "feet"),
        lengths=("mm", "cm", "m", "km", "ft", "yd"), to="to", out_of="out of",
        times="times", by="by", often=lambda said: "once" if said == "one" else f"{said} times",
        labels=_LABELS,
    )  # fmt: skip
    clock = r"(?:[01]?[0-9]|2[0-4]):[0-5][0-9]"
    hour = r"(?P<hour>1[0-2]|[1-9])(?P<minute>:[0-5][0-9])?"
    half = rf"{SPACE}?(?P<half>[ap])(?:m\b|\.{SPACE}?m\b\.?)"
    return [
        amounts.about("about"),
        *amounts.abbreviations(_ABBREVIATIONS, ("etc.",)),
        *amounts.abbreviations(_TITLES, (), rf"(?={SPACE}[A-Z])"),
        *amounts.abbreviations(_BEFORE_DIGITS, (), rf"(?={SPACE}?[0-9])"),
        rule(rf"{hour}{TO}(?=(?:1[0-2]|[1-9])(?::[0-5][0-9])?(?i:{half}))", _until),
        rule(rf"{hour}(?i:{half}){END}", _half_of_day),
        rule(rf"(?P<least>{clock}){TO}(?P<most>{clock}){END}", _clocks),
        rule(rf"(?P<most>{clock}){END}", _clocks),
        rule(rf"(?P<least>{_NTH})(?:{DASH}(?P<most>{_NTH}))?{END}", _ordinals),
        rule(rf"IV(?=(?:{SPACE}|-)(?:{'|'.join(_OF_VEINS)})\b)", _intravenous),
        rule(rf"(?<=\b[Aa]n{SPACE})IV{END}", "I V"),
        *amounts.rules(wording),
        rule(r"(?P<fraction>[½¼¾⅓⅔])(?: (?P<noun>[a-z]{1,30}+))?" + END, _fraction),
        rule(rf"(?P<unit>{'|'.join(_ALONE)})(?P<dot>\.(?![.\w]))?{END}", _alone),
        rule(rf"(?P<what>[A-Za-z][a-z]{{1,29}}+)/(?P<per>{'|'.join(_PER)})\b(?![/\w])", _per),
    ]


def _mixed(whole: str, fraction: str) -> str:
    return f"{whole} and {_FRACTIONS[fraction]}" if whole else _FRACTIONS[fraction]


def _amount(amount: Amount) -> str:
    """Return “five minutes”, but “a five minute walk” and “half a minute”."""
    match, number = amount.match, amount.number
    text, end, unit = match.string, match.end(), match["unit"]
    if unit == "s" and not match["gap"] and _is_decade(match):
        return match[0]
    dot = amounts.full_stop(text, end, may_end=True) if match["dot"] else ""
    one, several = _UNITS[unit]
    if not number.whole and not match["least"]:
        return _part(number.fraction, one) + dot
    if amount.hyphenated:
        return f"{amount.said}-{one}{dot}"
    before = amounts.word_before(text, match.start()).lower()
    single = amount.is_one or (before in ("a", "an") and amounts.word_after(text, end).islower())
    return f"{amount.said} {one if single else several}{dot}"


def _is_decade(match: re.Match[str]) -> bool:
    """Whether a number with "s" is one, as in “the 1990s” and “in your 40s”."""
    whole = match["most"]
    before = amounts.word_before(match.string, match.start()).lower()
    people = before in ("the", "your", "my", "his", "her", "our", "their", "early", "mid", "late")
    people = people or match.string[max(0, match.start() - 1) : match.start()] in ("'", "’", "‘")
    return whole.isdigit() and int(whole) % 10 == 0 and (people or int(whole) >= 1000)  # noqa: PLR2004


def _part(fraction: str, noun: str) -> str:
    """Return “half an hour” and the like."""
    article = "an" if noun[0] in "aeiou" or noun == "hour" else "a"
    return (
        f"half {article} {noun}"
        if fraction == "½"
        else f"{_FRACTIONS[fraction]} of {article} {noun}"
    )


def _fraction(match: re.Match[str]) -> str:
    fraction, noun = match["fraction"], match["noun"]
    if not noun:
        return _FRACTIONS[fraction]
    if noun in SHORTENED or f"{noun}." in _BEFORE_DIGITS:
        return match[0]
    said = "half" if fraction == "½" else _FRACTIONS[fraction]
    if noun in _DETERMINERS:
        return f"{said} {noun}" if fraction == "½" else f"{said} of {noun}"
    if noun in ("of", "way", "as") or (noun.endswith("s") and not noun.endswith("ss")):
        return f"{said} {noun}"
    return _part(fraction, noun)


def _intravenous(match: re.Match[str]) -> str:
    """Return the letters of “IV drip”; in “Phase IV therapy” it is a number."""
    before = amounts.word_before(match.string, match.start()).lower()
    return match[0] if before.removesuffix("s") in _LABELS else "I V"


def _alone(match: re.Match[str]) -> str:
    unit, text = match["unit"], match.string
    one = amounts.word_before(text, match.start()).lower() in _ONE
    if not unit.endswith("s") and not one:
        return match[0]
    dot = amounts.full_stop(text, match.end(), may_end=True) if match["dot"] else ""
    return _ALONE[unit] + dot


def _per(match: re.Match[str]) -> str:
    what = match["what"]
    return f"{_UNITS.get(what, (what, what))[1]} per {_PER[match['per']]}"


def _clocks(match: re.Match[str]) -> str:
    """Return full hours as people say them; other times are read right."""
    text, end = match.string, match.end()
    lasts = amounts.word_before(text, match.start()).lower() == "for"
    if lasts or amounts.word_after(text, end) in _MEASURES:
        return match[0]  # a length, as in “Hold for 2:00”
    return " to ".join(map(_clock, amounts.ends(match)))


def _clock(written: str) -> str:
    hour, minute = map(int, written.split(":"))
    if minute:
        return written
    if hour in (0, 24):
        return "midnight"
    if hour <= _NOON:
        return f"{_NUMERALS[hour]} o'clock"
    part = (
        "in the afternoon" if hour < _EVENING else "in the evening" if hour < _NIGHT else "at night"
    )
    return f"{_NUMERALS[hour - _NOON]} o'clock {part}"


def _until(match: re.Match[str]) -> str:
    """Return “eight to ” of “8–9 am”."""
    return f"{_hour(match)} to "


def _half_of_day(match: re.Match[str]) -> str:
    dot = amounts.full_stop(match.string, match.end(), may_end=True)
    return f"{_hour(match)} {match['half'].upper()}M{dot}"


def _hour(match: re.Match[str]) -> str:
    is_full = match["minute"] in (None, ":00")
    return _NUMERALS[int(match["hour"])] if is_full else f"{match['hour']}{match['minute']}"


def _ordinals(match: re.Match[str]) -> str:
    words = list(map(_ordinal, amounts.ends(match)))
    return " to ".join(word for word in words if word) if all(words) else match[0]


def _ordinal(written: str) -> str | None:
    """Return 21st in words; None for 21th."""
    from num2words import num2words

    number = int(written[:-2])
    teen = number // 10 % 10 == 1
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    said = str(num2words(number, to="ordinal", lang="en")).replace(",", "")
    return said if written.endswith(ending) else None
