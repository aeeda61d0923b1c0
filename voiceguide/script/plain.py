"""Plain writing -> SSML: text, Markdown, and captions (SRT, WebVTT), for whom XML is too much.

docs/plain-text.md lists what can be written. Every line of a text becomes one line of SSML, so that
messages about the script name the line that the author knows.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from voiceguide.clock import milliseconds
from voiceguide.errors import Findings, Place, ScriptError, near

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN = '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis">'
_END = "</speak>"
_TONES = ("bell", "chime", "start", "end", "half", "tick")
_WORDS = ("pause", "break", "breathe", "hold", "chapter", "sound", *_TONES)

_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.+?)\s*#*\s*")
_RULE = re.compile(r"\s{0,3}([-*_])(\s*\1){2,}\s*")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+(?=\S)")
_QUOTE = re.compile(r"\s*(?:>\s?)+")
_TIMED = re.compile(r"(.*\S)\s*;\s*(\d+(?:[.,]\d+)?)\s*s?\s*")
"""“Breathe in.;5”: a phrase, then seconds of silence."""
_BREATHS = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)(?:\s*[x×]\s*(\d{1,4}))?")
_PART = re.compile(
    r"""
      \\(?P<escaped>[\\\[\]*_`;#])
    | \[(?P<link>[^\[\]]+)\]\([^()\s]*\)
    | \[(?P<command>[^\[\]]*)\]
    | (?P<strong>\*\*|__)(?=\S)(?P<stressed>.+?)(?<=\S)(?P=strong)
    | (?<!\w)(?P<weak>[*_])(?=\S)(?P<leaned>.+?)(?<=\S)(?P=weak)(?!\w)
    | `(?P<code>[^`]+)`
    """,
    re.VERBOSE,
)
_STAMPS = re.compile(
    r"((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3})\s*-->\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3}).*"
)
_TAG = re.compile(r"<[^<>]*>")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_SHORTEST_HALVED_S, _COUNTED_S = 20, 3
"""Holds from this length on have a tone at half time; the last seconds are counted."""


def is_captions(text: str) -> bool:
    """Whether a text is in SRT or WebVTT."""
    first = [line for line in text.splitlines()[:10] if line.strip()]
    return bool(first) and (
        first[0].startswith("WEBVTT") or any(_STAMPS.fullmatch(line.strip()) for line in first[:2])
    )


def to_ssml(text: str, name: str) -> str:
    """Return plain writing as SSML; raises ScriptError that names each mistake with its line.

    ``name`` is used in messages.
    """
    text = _NO_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if is_captions(text):
        return _captions(text)
    problems = Findings()
    comments = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    lines = list(_lines(comments.split("\n"), problems))
    if problems:
        raise ScriptError("\n".join(problems.report(name)))
    return "\n".join([f"{_BEGIN}{lines[0]}", *lines[1:]]) + _END


def _lines(lines: list[str], problems: Findings) -> Iterator[str]:
    """Return the SSML of each line."""
    in_paragraph = False
    for number, line in enumerate(lines, 1):
        heading, timed = _HEADING.fullmatch(line), _TIMED.fullmatch(line)
        item, alone = _ITEM.match(line), line.strip()
        is_apart = not alone or heading or timed or item or _RULE.fullmatch(line)
        before = "</p>" if in_paragraph and is_apart else ""
        in_paragraph = in_paragraph and not is_apart
        if heading:
            yield f"{before}{_chapter(heading[1])}"
        elif not alone:
            yield before
        elif _RULE.fullmatch(line):
            yield f'{before}<break strength="strong"/>'
        elif timed:
            said = _spoken(timed[1], number, 0, problems)
            yield f'{before}<p>{said}</p><break time="{timed[2].replace(",", ".")}s"/>'
        elif item:
            said = _spoken(line[item.end() :], number, item.end(), problems)
            yield f"{before}<p>{said}</p>"
        else:
            quote = _QUOTE.match(line)
            begin = quote.end() if quote else 0
            opened = "" if in_paragraph else "<p>"
            in_paragraph = True
            closed = "</p>" if number == len(lines) else ""
            yield f"{opened}{_spoken(line[begin:], number, begin, problems)}{closed}"


def _spoken(text: str, line: int, before: int, problems: Findings) -> str:
    """Return the SSML of a text; ``before`` is how many characters come before it in its line."""
    pieces = []
    at = 0
    for part in _PART.finditer(text):
        pieces.append(escape(text[at : part.start()]))
        at = part.end()
        if part["command"] is not None:
            try:
                pieces.append(_command(part["command"]))
            except ValueError as error:
                place = Place(line, before + part.start() + 1)
                problems.add(f"{part[0]} {error}", place)
        elif part["stressed"]:
            inner = _spoken(part["stressed"], line, before + part.start() + 2, problems)
            pieces.append(f'<emphasis level="strong">{inner}</emphasis>')
        elif part["leaned"]:
            inner = _spoken(part["leaned"], line, before + part.start() + 1, problems)
            pieces.append(f"<emphasis>{inner}</emphasis>")
        else:
            pieces.append(escape(part["escaped"] or part["link"] or part["code"]))
    return "".join([*pieces, escape(text[at:])])


def _command(written: str) -> str:  # noqa: PLR0911 (one for each)
    """Return the SSML for what is in brackets; raises ValueError that says what is wrong."""
    word, _, rest = re.sub(r"^\s*(\w+)\s*:?\s*", r"\1 ", written).partition(" ")
    rest = rest.strip().strip("\"'")
    match word.lower():
        case "pause" | "break" if not rest:
            return '<break strength="strong"/>'
        case "pause" | "break":
            return f'<break time="{_seconds(rest):f}s"/>'
        case "chapter" if rest:
            return _chapter(rest)
        case "sound" if rest:
            return f"<audio src={quoteattr(rest)}/>"
        case "breathe":
            return _breaths(rest)
        case "hold":
            time, _, label = rest.partition(":")
            return _hold(_seconds(time.strip()), label.strip())
        case tone if tone in _TONES and not rest:
            return f'<audio src="{tone}.wav"/>'
    if re.fullmatch(r"\d+(\.\d+)?\s*(ms|s)", written.strip()):  # as in Speech Markdown
        return f'<break time="{_seconds(written.strip()):f}s"/>'
    if word.lower() in _WORDS:
        raise ValueError("does not say what it needs, as in [chapter: Rest] or [sound: my.wav]")
    known = near(word, _WORDS)
    raise ValueError(f"is unknown{known}; to have it spoken, write \\[ for [")


def _seconds(written: str) -> Decimal:
    try:
        return Decimal(milliseconds(written, bare="s")) / 1000
    except ValueError as error:
        raise ValueError(f"needs a time, such as 5s: {error}") from error


def _chapter(title: str) -> str:
    return f"<mark name={quoteattr(f'chapter:{title}')}/>"


def _breaths(written: str) -> str:
    match = _BREATHS.fullmatch(written)
    if match is None or not (Decimal(match[1]) and Decimal(match[2])):
        raise ValueError("needs seconds in and out, and how often: [breathe 4-6 x5]")
    breath = "".join(
        f'<par dur="{seconds}s"><media><mark name="{kind}:"/>'
        f'<audio src="{kind}.wav" speed="{length * 100 / Decimal(seconds):.4f}%"/></media>'
        f'<media begin="{seconds}s"><mark name="end:{kind}"/></media></par>'
        for kind, length, seconds in (("inhale", 4, match[1]), ("exhale", 6, match[2]))
    )
    return breath * int(match[3] or 1)


def _hold(seconds: Decimal, label: str) -> str:
    mark = f"<mark name={quoteattr(f'hold:{label}')}/>"
    inside = f'<media>{mark}<audio src="start.wav"/></media>'
    if seconds >= _SHORTEST_HALVED_S:
        inside += f'<media begin="{seconds / 2:f}s"><audio src="half.wav"/></media>'
    if seconds > _COUNTED_S:
        ticks = f'begin="{seconds - _COUNTED_S:f}s" dur="1s" repeatCount="{_COUNTED_S}"'
        inside += f'<media {ticks}><audio src="tick.wav"/></media>'
    return f'<par dur="{seconds:f}s">{inside}</par><mark name="end:hold"/><audio src="end.wav"/>'


def _captions(text: str) -> str:
    """Return captions as SSML: each is said when it is shown."""
    said: list[str] = []
    begin = None
    words: list[str] = []
    for line in [*text.splitlines(), ""]:
        stamps = _STAMPS.fullmatch(line.strip())
        if stamps:
            begin = stamps[1].replace(",", ".")
        elif begin is not None and line.strip():
            words.append(_TAG.sub("", line.strip()))
        elif begin is not None:
            if words:
                at = f"{Decimal(milliseconds(begin)) / 1000:f}s"
                said.append(f'<media begin="{at}"><speak>{escape(" ".join(words))}</speak></media>')
            begin, words = None, []
    return "\n".join([f"{_BEGIN}<par>", *said, f"</par>{_END}"])
