"""Text in a picture: how wide it is, and where its lines break."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD_PX = 11
"""The size of letters."""
_PAD_PX = 4  # between columns
_MOST_LINES = 7  # under one another, unless a row is too full for that

_EM = {0.3: "ijl'|", 0.42: " ,.:;!?()[]/-frtI", 0.84: "w@%&—…CDGHNOQU", 1.0: "mMW"}
_EMS = {char: em for em, chars in _EM.items() for char in chars}
"""How wide letters are in DejaVu Sans, one of the widest fonts that a browser may take."""


@dataclass(frozen=True, slots=True)
class Column:
    """Sentences under one another, from ``x`` on."""

    x: float
    lines: list[str]

    @property
    def right(self) -> float:
        """Where the longest line ends."""
        return self.x + max((width(line, WORD_PX) for line in self.lines), default=0)


def columns(bars: Sequence[tuple[float, str | None]], left: float, right: float) -> list[Column]:
    """Return columns of words; each begins under its first sentence and ends before the next.

    ``bars`` are where sentences begin, with what they say, or None where another row says it.
    Sentences that are too short for their words share a column with those that follow; at the
    row's end, with what is free before them.
    """
    found: list[Column] = []
    waiting: list[tuple[float, str]] = []
    ends = [*(x for x, _ in bars[1:]), right]
    for (x, text), end in zip(bars, ends, strict=True):
        if text is not None:
            waiting.append((x, text))
        if waiting:
            begin, said = waiting[0][0], " ".join(text for _, text in waiting)
            lines = _lines(said, end - begin - _PAD_PX)
            if lines is not None:
                found.append(Column(begin, lines))
                waiting = []
    if waiting:
        said = " ".join(text for _, text in waiting)
        found.append(_last(found, waiting[0][0], said, left, right))
    return found


def _last(found: list[Column], begin: float, said: str, left: float, right: float) -> Column:
    """Return a row's last column, for which there is too little room on the right.

    It may begin further left; columns that it needs the room of are taken out and go into it.
    """
    while True:
        free = min(begin, found[-1].right + 2 * _PAD_PX if found else left)
        at = begin
        while at >= free:
            lines = _lines(said, right - at, None if at == left else _MOST_LINES)
            if lines is not None:
                return Column(at, lines)
            at = at - 2 * _PAD_PX if at == free else max(free, at - 2 * _PAD_PX)
        if not found:
            return Column(left, _broken(said, right - left))
        before = found.pop()
        begin, said = before.x, " ".join([*before.lines, said])


def _lines(text: str, most: float, lines: int | None = _MOST_LINES) -> list[str] | None:
    """Return text in lines; None where a word is too long for one, or there are too many."""
    found: list[str] = []
    line, taken = "", 0.0
    for word in text.split():
        needed = width(word, WORD_PX)
        if needed > most:
            return None
        if line and taken + _SPACE_PX + needed <= most:
            line, taken = f"{line} {word}", taken + _SPACE_PX + needed
            continue
        if line:
            found.append(line)
        if lines is not None and len(found) == lines:
            return None
        line, taken = word, needed
    return [*found, line] if line else found


def _broken(text: str, most: float) -> list[str]:
    """Return text in lines, with words broken wherever a line is full."""
    found, taken = [""], 0.0
    for char in text:
        needed = width(char, WORD_PX)
        if taken + needed > most:
            found.append("")
            taken = 0.0
        found[-1] += char
        taken += needed
    return found


def cut(text: str, most: float, size: float) -> str:
    """Return text, or as much of its begin as fits, with an ellipsis; nothing if that is little."""
    if width(text, size) <= most:
        return text
    left = most - width("…", size)
    fitting = ""
    for char in text:
        left -= width(char, size)
        if left < 0:
            break
        fitting += char
    return f"{fitting.rstrip()}…" if len(fitting) > 3 else ""  # noqa: PLR2004 (letters)


def width(text: str, size: float) -> float:
    """Return how wide text is at most, in px."""
    return size * sum(map(_em, text))


@functools.lru_cache(4096)
def _em(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    return _EMS.get(char, 0.72 if char.isupper() else 0.65)


_SPACE_PX = width(" ", WORD_PX)
