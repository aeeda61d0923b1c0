"""say-as: written forms -> words that any engine reads correctly.

The kinds are those of the W3C's note on say-as (https://www.w3.org/TR/ssml-sayas/) and of Google's
SSML; SSML 1.1 leaves them open. Numbers come from num2words, names of months from Babel.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re

from voiceguide.languages import primary

KINDS = (
    "characters", "spell-out", "verbatim", "digits", "telephone",
    "cardinal", "number", "ordinal", "date", "time",
)  # fmt: skip
"""What ``interpret-as`` may be."""

DATE_FORMATS = ("mdy", "dmy", "ymd", "ym", "my", "md", "dm", "y", "m", "d")

_NUMBER = re.compile(r"[+−-]?\d+(?:[.,]\d+)?")
_CLOCK = re.compile(r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s*([ap])?\.?(?:m\.?)?", re.IGNORECASE)
_LONGEST_ORDINAL = 4  # digits; with more, num2words hangs in some languages
_YEAR_DIGITS = 4
_DAY_MINUTES = 24 * 60
_PIVOT_YEAR = 69  # two digits: from here on the twentieth century, as POSIX reads %y


def words(text: str, kind: str, form: str | None, language: str) -> str | None:
    """Return what is spoken for ``text``; None if it is not of this ``kind``.

    ``form`` is the format attribute: of a date, "mdy" and the like; of a time, "hms12" or "hms24".
    """
    text = " ".join(text.split())
    match kind:
        case "digits" | "telephone":
            return _dictated(text)
        case "cardinal" | "number":
            return _cardinal(text, language)
        case "ordinal":
            return _ordinal(text, language)
        case "date":
            return _date(text, form, language)
        case "time":
            return _time(text, form)
        case _:  # characters, spell-out, verbatim
            return _spelled(text)


def _spelled(text: str) -> str:
    """Return the characters one by one; commas keep espeak-ng from reading "a" as the article."""
    return ", ".join(char for char in text if not char.isspace())


def _dictated(text: str) -> str | None:
    """Return the characters one by one, with a pause at each space or punctuation mark."""
    groups = re.findall(r"\+|\*|#|[^\W_]+", text)
    if not any(char.isdigit() for char in text):
        return None
    return ", ".join(" ".join(group) for group in groups).replace("+, ", "+ ")


def _cardinal(text: str, language: str) -> str | None:
    """Return a number without its group separators, which depend on the language."""
    from babel import Locale, UnknownLocaleError

    try:
        symbols = Locale.parse(language, sep="-").number_symbols["latn"]
    except (ValueError, KeyError, UnknownLocaleError):
        symbols = {}
    group = re.escape(symbols.get("group", ",")) + r"'’\s"
    if re.fullmatch(rf"[+−-]?\d{{1,3}}([{group}]\d{{3}})+(\D\d+)?", text):
        text = re.sub(rf"[{group}]", "", text)
    return text if _NUMBER.fullmatch(text) else None


def _ordinal(text: str, language: str) -> str | None:
    from num2words import num2words

    digits = re.fullmatch(r"(\d+)\D{0,3}", text)
    if not digits or len(digits[1]) > _LONGEST_ORDINAL:
        return None
    try:
        return str(num2words(int(digits[1]), to="ordinal", lang=_num2words_language(language)))
    except Exception:  # noqa: BLE001 (num2words may raise anything; the reader warns)
        return None


def _date(text: str, form: str | None, language: str) -> str | None:
    form = re.sub(r"(.)\1+", r"\1", form or "")  # Google's yyyymmdd
    numbers = re.findall(r"\d+", text)
    if re.fullmatch(r"\d{8}", text) and form in ("ymd", "mdy", "dmy"):
        lengths = [_YEAR_DIGITS if part == "y" else 2 for part in form]
        cuts = [sum(lengths[:index]) for index in range(4)]
        numbers = [text[begin:end] for begin, end in itertools.pairwise(cuts)]
    if re.search(r"[^\W\d_]", text):  # a month in letters is for the engine
        return None
    if not form:
        american = language.lower() in ("en", "en-us") and "." not in text
        in_order = "mdy" if american else "dmy"
        form = "ymd" if numbers and len(numbers[0]) == _YEAR_DIGITS else in_order
    if form not in DATE_FORMATS or len(form) != len(numbers):
        return None
    if max(map(len, numbers)) > _YEAR_DIGITS:
        return None
    parts = {part: int(number) for part, number in zip(form, numbers, strict=True)}
    if "y" in form and len(numbers[form.index("y")]) <= 2:  # noqa: PLR2004 (digits)
        parts["y"] += 1900 if parts["y"] >= _PIVOT_YEAR else 2000
    try:
        day = dt.date(parts.get("y", 2000), parts.get("m", 1), parts.get("d", 1))
    except (ValueError, OverflowError):
        return None
    return _spoken_date(day, set(parts), language)


def _spoken_date(day: dt.date, said: set[str], language: str) -> str:
    """Return the parts of a date that are ``said`` in words, in the order of the language."""
    from babel import Locale, UnknownLocaleError
    from num2words import num2words

    tongue = _num2words_language(language)
    try:
        locale = Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    try:
        year = str(num2words(day.year, to="year", lang=tongue))
        ordinal = str(num2words(day.day, to="ordinal", lang=tongue))
    except Exception:  # noqa: BLE001 (as above; the engine reads the digits)
        year, ordinal = str(day.year), str(day.day)
    month = locale.months["format"]["wide"][day.month]
    words = {"d": ordinal, "m": month, "y": year}
    if locale.language == "de" and "d" in said:
        words["d"] += "r"  # der erste, but: erster Mai
    order = "mdy" if locale.language == "en" else "dmy"
    return " ".join(words[part] for part in order if part in said)


def _time(text: str, form: str | None) -> str | None:
    match = _CLOCK.fullmatch(text)
    if not match:
        return None
    hours, minutes, seconds = (int(match[group] or 0) for group in (1, 2, 3))
    if max(minutes, seconds) > 59 or hours * 60 + minutes > _DAY_MINUTES:  # noqa: PLR2004
        return None
    half = f" {match[4]}m".upper() if match[4] and form != "hms24" else ""
    said_seconds = f":{match[3]}" if seconds else ""  # 8:00:00 is eight o'clock
    return f"{hours}:{match[2]}{said_seconds}{half}"


def _num2words_language(language: str) -> str:
    from num2words import CONVERTER_CLASSES

    full = language.replace("-", "_")
    return full if full in CONVERTER_CLASSES else primary(language)
