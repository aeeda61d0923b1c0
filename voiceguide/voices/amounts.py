"""Numbers, ranges and units in a text -> words; what is the same in every language.

Each rule is a pattern and what is said for its matches. A pattern matches whole words only, and
digits possessively, so that no text takes more time than its length asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SPACE = "[ \u00a0\u202f]"
DASH = "[-–—‑−]"
TO = f"(?:{SPACE}{DASH}{SPACE}|{DASH})"
START = r"""(?<![^\s(\[{"'“„‚‘«»])"""
END = r"""(?=[\s.,;:!?…)\]}"'”’“‘»«]|[–—](?![0-9])|$)(?!\.\w|[,:][0-9])"""
NUMBER = f"(?:[0-9]++(?:[.,][0-9]++)*+(?:{SPACE}?[½¼¾⅓⅔])?+|[½¼¾⅓⅔])"
_ROMANS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_ROMAN = "[IVX]{1,4}+"

_SPINE = "CTLS"
_FRACTIONS = "½¼¾⅓⅔"
_SLASHED = {"1/2": "½", "1/4": "¼", "3/4": "¾", "1/3": "⅓", "2/3": "⅔"}
_LONGEST = 9  # digits; longer ones are no amounts
_LONGEST_RANGE = 3  # digits of a range that has no unit: “555-1234” is a telephone number
_YEARS = range(1000, 2101)
_AROUND = 40  # characters: how far to look for the words next to an amount


class Rule(NamedTuple):
    """A written form, and what is said for it."""

    pattern: re.Pattern[str]
    said: str | Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    whole: str
    """Digits, maybe in groups; empty where there is only a fraction."""
    decimals: str = ""
    fraction: str = ""
    """One of ½¼¾⅓⅔, or empty."""

    @property
    def value(self) -> int:
        """The whole part."""
        return int(re.sub(r"\D", "", self.whole) or 0)

    @property
    def is_one(self) -> bool:
        """Whether it is 1."""
        return self.value == 1 and not self.decimals and not self.fraction


class Amount(NamedTuple):
    """A number of units, and where it is written."""

    number: Number
    """The last one, where there is a range."""
    said: str
    """The number or the range, in words."""
    match: re.Match[str]
    """Its groups are least, most, gap, unit and dot."""

    @property
    def is_one(self) -> bool:
        """Whether it is 1, and no range."""
        return self.number.is_one and not self.match["least"]

    @property
    def hyphenated(self) -> bool:
        """Whether number and unit are one word, as in “5-min walk”."""
        return self.match["gap"] == "-"


@dataclass(frozen=True, slots=True)
class Wording:
    """How a language says amounts."""

    mark: str
    """What is written before decimals."""
    point: str
    """What is said for it."""
    numerals: tuple[str, ...]
    """The words for 0 to 12."""
    mixed: Callable[[str, str], str]
    """Returns what is said for a whole number, in words or none, and a fraction."""
    units: Iterable[str]
    """Units as they are written, without a period."""
    amount: Callable[[Amount], str]
    """Returns what is said for an amount."""
    parted: Iterable[str]
    """Words after 1/2 that show that it is a half, and no date."""
    lengths: Iterable[str]
    """The units of sides: 10 × 15 cm."""
    to: str
    out_of: str
    times: str
    """What is said for × between numbers."""
    by: str
    """And between the sides of an area."""
    often: Callable[[str], str]
    """Returns what is said for 2×, by the number in words."""
    labels: Iterable[str]
    """Words before a number that is a name: “Round 1 – 30 s” is no range."""


def read(written: str, mark: str) -> Number | None:
    """Return a number; None if it is not one, such as the version 3.11.2."""
    fraction = written[-1] if written[-1] in _FRACTIONS else ""
    digits = written.rstrip(_FRACTIONS).strip()
    if not digits:
        return Number("", "", fraction)
    group = "," if mark == "." else "."
    number = rf"([0-9]{{1,3}}(?:\{group}[0-9]{{3}})+|[0-9]+)(?:\{mark}([0-9]+)|[.,]([0-9]{{1,2}}))?"
    parts = re.fullmatch(number, digits) if len(digits) <= 2 * _LONGEST else None
    if not parts or len(re.sub(r"\D", "", parts[1])) > _LONGEST:
        return None
    decimals = parts[2] or parts[3] or ""
    return None if decimals and fraction else Number(parts[1], decimals, fraction)


def numeral(number: Number, wording: Wording) -> str:
    """Return a number as it is said: up to twelve in words, larger ones in digits."""
    if not number.whole:
        return wording.mixed("", number.fraction)
    small = number.value < len(wording.numerals)
    whole = wording.numerals[number.value] if small else number.whole.lstrip("0")
    if number.fraction:
        return wording.mixed(whole, number.fraction)
    if not number.decimals:
        return whole
    return " ".join([whole, wording.point, *(wording.numerals[int(d)] for d in number.decimals)])


def ends(match: re.Match[str]) -> list[str]:
    """Return the ends of a range as they are written; one, where it is no range."""
    groups = match.groupdict()
    return [groups[name] for name in ("least", "most") if groups.get(name)]


def word_before(text: str, begin: int) -> str:
    """Return the word before a place in a text; empty if there is none in the sentence."""
    word = re.search(r"(\w{1,30})\s{1,3}$", text[max(0, begin - _AROUND) : begin])
    return word[1] if word else ""


def word_after(text: str, end: int) -> str:
    """Return the word after a place in a text and a space; empty if there is none."""
    word = re.match(r"\s(\w{1,30})", text[end : end + _AROUND])
    return word[1] if word else ""


def closes(text: str, end: int) -> bool:
    """Whether nothing but closing quotation marks follows a place in a text."""
    return not text[end : end + _AROUND].strip("\"'”’“‘»« ")


def full_stop(text: str, end: int, *, may_end: bool) -> str:
    """Return "." if the period before ``end`` is not only the abbreviation's but the sentence's."""
    ends = closes(text, end) or (may_end and word_after(text, end)[:1].isupper())
    return "." if ends and text[end - 1] == "." else ""


def abbreviations(words: Mapping[str, str], may_end: Iterable[str], then: str = "") -> list[Rule]:
    """Return a rule for abbreviations in front of ``then``, a pattern.

    They are given without spaces; those in lower case may begin a sentence. A period after one of
    ``may_end`` is also the sentence's if a capital follows.
    """
    forms = []
    for written in sorted(words, key=len, reverse=True):
        spaced = re.sub(r"\\\.(?=\w)", rf"\\.{SPACE}?", re.escape(written[1:]))
        first = written[0]
        forms.append((f"[{first}{first.upper()}]" if first.islower() else first) + spaced)

    def said(match: re.Match[str]) -> str:
        written = re.sub(r"\s", "", match[0])
        key = written if written in words else written[0].lower() + written[1:]
        word = words[key] if key == written else words[key][0].upper() + words[key][1:]
        space = " " if match.string[match.end() : match.end() + 1].isdigit() else ""
        return word + full_stop(match.string, match.end(), may_end=key in may_end) + space

    return [rule(rf"(?:{'|'.join(forms)})(?:(?<=\.)(?![^\W\d])|(?=\s|$)){then}", said)]


def rules(wording: Wording) -> list[Rule]:
    """Return the rules for amounts in a language, in the order in which they are applied."""
    said = _Said(wording)
    unit = "|".join(re.escape(one) for one in sorted(wording.units, key=len, reverse=True))
    label = f"(?i:{'|'.join(wording.labels)})"
    group = "," if wording.mark == "." else "."
    numbers = rf"(?:(?P<least>{NUMBER}){TO})?(?P<most>{NUMBER})"
    return [
        rule(
            rf"(?P<name>{label}{SPACE}[0-9]{{1,3}}+){SPACE}[-–—]{SPACE}(?=[0-9]++{SPACE}?[A-Za-z])",
            r"\g<name>, ",
        ),
        rule(
            rf"(?:(?P<whole>[0-9]{{1,3}}+){SPACE})?(?P<part>{'|'.join(_SLASHED)})"
            rf"(?={SPACE}?(?:{unit}|{'|'.join(wording.parted)})(?:{END}|\.))",
            lambda match: (match["whole"] or "") + _SLASHED[match["part"]],
        ),
        rule(
            rf"{numbers}{SPACE}?[x×]{SPACE}?(?P<other>{NUMBER})"
            rf"(?={SPACE}?(?:{'|'.join(wording.lengths)}){END})",
            said.sides,
        ),
        rule(rf"{numbers}{SPACE}?[x×]{SPACE}?(?=[0-9])", said.multiplied),
        rule(rf"{numbers}{SPACE}?[x×](?:{END}|(?=/[A-Za-z]))", said.often),
        rule(r"[x×](?P<most>[0-9]{1,3}+)(?=[.,;:!?)]|$)(?![.,][0-9])", said.often),
        rule(rf"{numbers}/10{END}", said.of_ten),
        rule(
            rf"(?P<first>{NUMBER}{SPACE}?(?:{unit}))\.?{TO}(?={NUMBER}{SPACE}?(?:{unit}){END})",
            rf"\g<first> {wording.to} ",
        ),
        rule(
            rf"{numbers}(?P<gap>{SPACE}|-|)(?P<unit>{unit})(?P<dot>\.(?![.\w]))?"
            rf"(?:{END}|(?=[/-][A-Za-zÄÖÜ]))",
            said.amount,
        ),
        rule(rf"(?P<least>{NUMBER}){TO}(?P<most>{NUMBER}){END}", said.bare_range),
        rule(
            rf"(?P<most>[1-9][0-9]{{0,2}}(?:\{group}[0-9]{{3}})++\{wording.mark}[0-9]++|"
            rf"[0-9]++{SPACE}?[½¼¾⅓⅔]){END}",
            said.number,
        ),
        rule(
            rf"(?P<letter>[A-Z])h?(?P<least>[0-9]{{1,2}}+){DASH}"
            rf"(?P<other>[A-Z]?)h?(?P<most>[0-9]{{1,2}}+){END}",
            said.levels,
        ),
        rule(
            rf"(?P<label>{label}{SPACE})?(?:(?P<least>{_ROMAN}){DASH})?(?P<most>{_ROMAN}){END}",
            said.roman,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said for the matches of the patterns: what is no amount stays as it is."""

    wording: Wording

    def number(self, match: re.Match[str]) -> str:
        """Return the number or the range of a match in words."""
        return self._spread(match) or match[0]

    def sides(self, match: re.Match[str]) -> str:
        """Return “ten by 15” of “10×15 cm”; the unit's own rule takes up the second number."""
        said = self._spread(match)
        if not said or not read(match["other"], self.wording.mark):
            return match[0]
        return f"{said} {self.wording.by} {match['other']}"

    def multiplied(self, match: re.Match[str]) -> str:
        """Return “three times ” of “3x10”."""
        said = self._spread(match)
        return f"{said} {self.wording.times} " if said else match[0]

    def often(self, match: re.Match[str]) -> str:
        """Return “two times” of “2x”."""
        said = self._spread(match)
        return self.wording.often(said) if said else match[0]

    def of_ten(self, match: re.Match[str]) -> str:
        """Return “six out of ten” of “6/10”."""
        said, most = self._spread(match), read(match["most"], self.wording.mark)
        ten = self.wording.numerals[10]
        known = said and most and most.value <= 10  # noqa: PLR2004 (as it says)
        return f"{said} {self.wording.out_of} {ten}" if known else match[0]

    def amount(self, match: re.Match[str]) -> str:
        """Return “five minutes” of “5 min”."""
        said, most = self._spread(match), read(match["most"], self.wording.mark)
        return self.wording.amount(Amount(most, said, match)) if said and most else match[0]

    def bare_range(self, match: re.Match[str]) -> str:
        """Return “three to five” of “3–5”."""
        text, begin, end = match.string, match.start(), match.end()
        beside = text[max(0, begin - 2) : begin].strip() + text[end : end + 2].strip()
        least, most = (read(match[name], self.wording.mark) for name in ("least", "most"))
        is_range = not any(map(str.isdigit, beside)) and _is_range(least, most)
        return self.number(match) if is_range else match[0]

    def levels(self, match: re.Match[str]) -> str:
        """Return “T four to T six” of “T4–T6”, “L five to S one” of “L5–S1”."""
        one, other = match["letter"], match["other"]
        spine = {one, other or one} <= set(_SPINE)
        rises = int(match["least"]) < int(match["most"])
        if one == (other or one):
            known = rises and bool(other or spine)
        else:
            known = spine and _SPINE.index(one) < _SPINE.index(other)
        if not known:
            return match[0]
        least, most = (numeral(Number(match[name]), self.wording) for name in ("least", "most"))
        return " ".join(filter(None, [one, least, self.wording.to, other, most]))

    def roman(self, match: re.Match[str]) -> str:
        """Return “one to three” of “I–III”; a letter alone is one."""
        written = ends(match)
        values = [_ROMANS.index(one) for one in written if one in _ROMANS]
        letters = all(len(one) == 1 for one in written)
        if letters or len(values) < len(written) or values != sorted(set(values)):
            return match[0]
        said = f" {self.wording.to} ".join(self.wording.numerals[value] for value in values)
        return (match["label"] or "") + said

    def _spread(self, match: re.Match[str]) -> str | None:
        numbers = [read(one, self.wording.mark) for one in ends(match)]
        said = [numeral(one, self.wording) for one in numbers if one]
        return f" {self.wording.to} ".join(said) if all(numbers) else None


def about(word: str) -> Rule:
    """Return the rule for ~30; it comes before all others that take up the number."""
    return rule(rf"[~≈∼]{SPACE}?(?=[0-9½¼¾⅓⅔])", f"{word} ")


def heads(*tables: Iterable[str]) -> frozenset[str]:
    """Return abbreviations up to their first period, in lower case."""
    return frozenset(one.partition(".")[0].lower() for table in tables for one in table)


def rule(pattern: str, said: str | Callable[[re.Match[str]], str]) -> Rule:
    """Return a rule for what begins a word."""
    return Rule(re.compile(START + pattern), said)


def _is_range(least: Number | None, most: Number | None) -> bool:
    """Whether two numbers without a unit are a range, and no score or telephone number."""
    if not least or not most or least.decimals or most.decimals:
        return False
    if any(one.whole.startswith("0") and one.whole != "0" for one in (least, most)):
        return False
    short = max(len(least.whole), len(most.whole)) <= _LONGEST_RANGE
    years = least.value in _YEARS and most.value in _YEARS
    return least.value < most.value and (short or years)
