"""Captions (SRT, WebVTT) -> SSML: each is said at its time, or as soon as the one before it is.

As in a plain text, every line becomes one line of SSML, so that messages name the author's lines.
"""

from __future__ import annotations

import html
import re
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from voiceguide.clock import milliseconds
from voiceguide.errors import Findings, Position, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUFFIXES = (".srt", ".vtt")
_BEGIN = (
    '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xmlns:vg="urn:voiceguide">'
    "<par>"
)
_END = "</par></speak>"

_TIME = r"((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3})"
_STAMPS = re.compile(rf"{_TIME}\s*-->\s*{_TIME}.*")
_ARROW = "-->"
_LIKE_STAMPS = re.compile(r"\d{1,9}:[\w:.,]{1,20}\s{0,9}[-–—=]{1,3}>")
"""A line of times, even one that is mistyped."""
_TAG = re.compile(r"<[^<>]*>")
_REFERENCE = re.compile(r"&amp;(#?\w{1,10});")
"""A character reference of WebVTT, of which SSML has the & as a reference."""
_VTT = "WEBVTT"
_NOT_SAID = re.compile(r"(NOTE|STYLE|REGION)(\s.*)?")
"""How blocks of WebVTT begin that are no captions."""


def is_captions(text: str, name: str = "") -> bool:
    """Whether a text is in SRT or WebVTT, by its name or its first lines."""
    first = [line for line in text.splitlines()[:10] if line.strip()]
    return name.lower().endswith(_SUFFIXES) or (
        bool(first)
        and (
            first[0].startswith(_VTT) or any(_STAMPS.fullmatch(line.strip()) for line in first[:2])
        )
    )


def to_ssml(text: str, problems: Findings) -> str:
    """Return captions as SSML; adds what is wrong to ``problems``."""
    lines = [line.strip() for line in text.split("\n")]
    said = ["" for _ in lines]
    latest_ms = 0
    at = header = _header(lines)
    while at < len(lines):
        end = next((place for place in range(at, len(lines)) if not lines[place]), len(lines))
        if end > at and not (header and _NOT_SAID.fullmatch(lines[at])):
            latest_ms = _caption(lines[at:end], at, said, latest_ms, problems)
        at = end + 1
    if header:  # WebVTT writes & as &amp;
        said = [_REFERENCE.sub(_sign, line) for line in said]
    return "\n".join([f"{_BEGIN}{said[0]}", *said[1:]]) + _END


def _sign(reference: re.Match[str]) -> str:
    """Return the sign of a character reference as SSML has it; a space for any space."""
    sign = html.unescape(f"&{reference[1]};")
    return escape(sign) if sign.isprintable() else " " * sign.isspace()


def _header(lines: Sequence[str]) -> int:
    """Return how many lines are the beginning of a WebVTT file; none of another file.

    It ends at an empty line, or where the first caption's times are.
    """
    first = next((at for at, line in enumerate(lines) if line), 0)
    if not lines[first].startswith(_VTT):
        return 0
    after = range(first + 1, len(lines))
    ends = (at for at in after if not lines[at] or _ARROW in lines[at])
    return next(ends, len(lines))


def _caption(
    block: Sequence[str], before: int, said: list[str], latest_ms: int, problems: Findings
) -> int:
    """Put the SSML of a caption into ``said``; return when the latest caption so far begins.

    Its times are in the first line or, after its number or name, in the second. ``before`` is how
    many lines precede it.
    """
    like = (at for at, line in enumerate(block[:2]) if _ARROW in line or _LIKE_STAMPS.match(line))
    stamped = next(like, None)
    if stamped is None:
        what = "is in no caption: a line with its times must come before it"
        problems.add(f"“{shortened(block[0])}” {what}", Position(before + 1, 1))
        return latest_ms
    begin_ms = _begin_ms(block[stamped], Position(before + stamped + 1, 1), problems)
    words = block[stamped + 1 :]
    for number, line in enumerate(words, before + stamped + 2):
        if _LIKE_STAMPS.match(line):
            what = "there must be an empty line before the next caption"
            problems.add(f"“{shortened(line)}”: {what}", Position(number, 1))
    if begin_ms is None or not words:
        return latest_ms
    waits = ' vg:waits="true"' if begin_ms >= latest_ms else ""
    at = f"{Decimal(begin_ms) / 1000:f}s"
    said[before + stamped] = f'<media begin="{at}"{waits}><speak>'
    for number, line in enumerate(words, before + stamped + 1):
        said[number] = escape(_TAG.sub("", line))
    said[before + len(block) - 1] += "</speak></media>"
    return max(latest_ms, begin_ms)


def _begin_ms(line: str, at: Position, problems: Findings) -> int | None:
    """Return when a caption begins; None for a line of times that is wrong."""
    stamps = _STAMPS.fullmatch(line)
    try:
        if stamps is None:
            raise ValueError  # noqa: TRY301 (as for times that there are not)
        begin_ms, end_ms = (milliseconds(time.replace(",", ".")) for time in stamps.groups())
    except ValueError:
        what = "must be two times, such as 00:00:01,000 --> 00:00:03,000"
        problems.add(f"“{shortened(line)}” {what}", at)
        return None
    if end_ms < begin_ms:
        problems.add(f"“{shortened(line)}”: the caption ends before it begins", at)
    return begin_ms
