"""SSML text -> cue tree.

SSML 1.1 (https://www.w3.org/TR/speech-synthesis11/) with par, seq and media as Google's SSML has
them from SMIL 3.0 (https://www.w3.org/TR/SMIL3/smil-timing.html). Nothing is fetched, no entity is
expanded, and audio comes only from the folders that are given.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, TypeVar

from lxml import etree

from voiceguide import resources
from voiceguide.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SSML = "http://www.w3.org/2001/10/synthesis"
XML = "http://www.w3.org/XML/1998/namespace"
VOICEGUIDE = "urn:voiceguide"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"

CHAPTER = "chapter:"
"""A mark whose name begins so begins a chapter, titled by the rest."""

STRENGTH_MS = {
    "none": 0, "x-weak": 200, "weak": 400, "medium": 800, "strong": 1500, "x-strong": 3000,
}  # fmt: skip
"""How long an elastic break of each strength lasts before fitting."""

RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
VOLUMES = {
    "silent": -120.0, "x-soft": -12.0, "soft": -6.0,
    "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 6.0,
}  # fmt: skip
"""What these words mean is left to the processor: factors of the default rate, semitones, dB."""

_UNIT_MS = {"h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1, "": 1000}
_OFFSET = re.compile(r"(?P<sign>[+-]?)\s*(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>h|min|s|ms)")
_SYNC_BASE = re.compile(r"(?P<id>[^\s+]+)\.(?P<edge>begin|end)\s*(?P<offset>[+-].+)?")


_QUIETEST_DB, _LOUDEST_DB = -120.0, 40.0
_LARGEST = 1e12
_LONGEST_TIME = 30  # characters
_LONGEST_SHOWN = 40

_ValueT = TypeVar("_ValueT")


# What flows on: the cue tree.


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of speech is spoken."""

    language: str
    """A BCP 47 tag: "en", "de-AT"."""
    voice: str | None = None
    """A voice's name, or None for the session's own."""
    rate: float = 1.0
    """A factor of the session's rate."""
    pitch_st: float = 0.0
    """Semitones above the voice's own pitch."""
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Speech:
    """An unbroken run of speech in one style."""

    text: str
    style: Style
    line: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence; what is elastic may be stretched when a session is fitted to a length."""

    ms: int
    elastic: bool
    line: int


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio file, played once."""

    path: Path
    source: str
    """Its name as the script has it."""
    line: int
    speed: float = 1.0
    """A factor; the pitch stays."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A named point in time."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class SyncBase:
    """A point in time that hangs on another element's begin or end."""

    id: str
    edge: Literal["begin", "end"]
    offset_ms: int


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing attributes of par, seq and media; what is None was not written."""

    id: str | None = None
    begin: int | SyncBase = 0
    """Milliseconds from the begin of the par, or from the end of the one before in a seq."""
    end: int | SyncBase | None = None
    dur_ms: int | None = None
    repeat_count: float | None = None
    repeat_dur_ms: int | None = None
    gain_db: float = 0.0
    fade_in_ms: int = 0
    fade_out_ms: int = 0
    pan: float = 0.0
    """From -1 (left) to 1 (right)."""


UNTIMED = Timing()


@dataclass(frozen=True, slots=True)
class Group:
    """Cues one after the other ("seq") or all at once ("par"); ``media`` is a seq with a timing."""

    kind: Literal["seq", "par"]
    children: tuple[Cue, ...]
    line: int
    timing: Timing = UNTIMED


Cue: TypeAlias = Speech | Pause | Sound | Mark | Group


@dataclass(frozen=True, slots=True)
class Script:
    """A script that was read."""

    root: Group
    language: str
    title: str | None
    warnings: tuple[str, ...]


def parse(text: str | bytes, *, name: str, folders: list[Path], language: str = "en") -> Script:
    """Read SSML ``text``.

    ``name`` stands in messages, ``folders`` are where ``audio src`` may lie, ``language`` holds
    where no xml:lang is written. Raises ScriptError with a line for each thing that is wrong.
    """
    data = text.encode() if isinstance(text, str) else text
    try:
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        where = f"{name}:{getattr(error, 'lineno', None) or 1}"
        raise ScriptError(f"{where}: not well-formed XML: {error}") from error
    reader = _Reader(name, folders)
    local = _local(root)
    if local != "speak":
        raise ScriptError(f"{name}:{root.sourceline}: the root is <{local}>, but must be <speak>")
    style = Style(root.get(f"{{{XML}}}lang", language))
    cue = reader.sequence(root, style)
    if reader.problems:
        raise ScriptError("\n".join(reader.report()))
    title = root.findtext(f".//{{{DUBLIN_CORE}}}title")
    return Script(cue, style.language, title, tuple(reader.warnings))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def as_text(script: str | bytes) -> str:
    """Give the text of a script, whatever encoding its file is in; it has been parsed before."""
    if isinstance(script, str):
        return script
    return str(etree.tostring(etree.fromstring(script, _parser()), encoding="unicode"))


def walk(cue: Cue) -> Iterator[Cue]:
    """Give ``cue`` and all that is in it, in document order."""
    stack = [cue]
    while stack:
        cue = stack.pop()
        yield cue
        if isinstance(cue, Group):
            stack.extend(reversed(cue.children))


class _Problem(NamedTuple):
    line: int
    what: str


@dataclass(slots=True)
class _Flow:
    """Cues in document order: joins the text of one style, and places the implied gaps."""

    cues: list[Cue] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _style: Style | None = None
    _line: int = 0
    _gap_ms: int = 0

    def text(self, text: str | None, style: Style, line: int) -> None:
        if not text:
            return
        if text.strip() and style != self._style:
            self.flush()
            self._style = style
        if text.strip() and not self._text:
            self._line = line + text[: len(text) - len(text.lstrip())].count("\n")
        if self._text or text.strip():
            self._text.append(text)

    def flush(self) -> None:
        words = " ".join("".join(self._text).split())
        self._text.clear()
        if not _speakable(words):
            return
        if self._gap_ms:
            self.cues.append(Pause(self._gap_ms, elastic=True, line=self._line))
            self._gap_ms = 0
        assert self._style is not None  # noqa: S101 (set with the text)
        self.cues.append(Speech(words, self._style, self._line))

    def gap(self, ms: int) -> None:
        """Leave a gap if more speech follows and no break is written there."""
        self.flush()
        if self.cues:
            self._gap_ms = max(ms, self._gap_ms)

    def add(self, cue: Cue) -> None:
        self.flush()
        if not isinstance(cue, Mark):
            self._gap_ms = 0
        self.cues.append(cue)


class _Reader:
    """Walks the elements; what is wrong is gathered, so that an author sees all of it at once."""

    def __init__(self, name: str, folders: list[Path]) -> None:
        self.problems: list[_Problem] = []
        self.warnings: list[str] = []
        self._name = name
        self._folders = folders

    def sequence(self, element: etree._Element, style: Style, timing: Timing = UNTIMED) -> Group:
        """Give the content of an element as a seq."""
        flow = _Flow()
        self._content(element, style, flow)
        flow.flush()
        return Group("seq", tuple(flow.cues), element.sourceline or 0, timing)

    def _content(self, element: etree._Element, style: Style, flow: _Flow) -> None:
        flow.text(element.text, style, element.sourceline or 0)
        for child in element:
            if child.tag is etree.Entity:
                self._problem(
                    child, f"entity {child.text} is not known; write the character itself"
                )
            elif isinstance(child.tag, str):
                self._element(child, style, flow)
            texts = child.itertext() if isinstance(child.tag, str) else [child.text or ""]
            end_line = (child.sourceline or 0) + sum(text.count("\n") for text in texts)
            flow.text(child.tail, style, end_line)

    def _element(  # noqa: C901, PLR0912 (one case an element)
        self, element: etree._Element, style: Style, flow: _Flow
    ) -> None:
        local = _local(element)
        language = element.get(f"{{{XML}}}lang")
        if language:
            style = replace(style, language=language)
        match local:
            case "speak":
                self._speak(element, style, flow)
            case "p" | "s":
                self._speak(element, style, flow)
                flow.gap(STRENGTH_MS["weak" if local == "s" else "strong"])
            case "break":
                self._break(element, flow)
            case "prosody":
                self._prosody(element, style, flow)
            case "mark":
                self._mark(element, flow)
            case "audio":
                self._audio(element, style, flow)
            case "par" | "seq":
                flow.add(self._group(local, element, style))
            case "media":
                flow.add(self.sequence(element, style, self._timing(element)))
            case "voice":
                name = element.get("name")
                style = replace(style, voice=name.split()[0] if name else style.voice)
                self._content(element, style, flow)
            case "sub":
                flow.text(element.get("alias"), style, element.sourceline or 0)
            case "emphasis" | "lang" | "lookup" | "phoneme" | "say-as" | "token" | "w":
                self._content(element, style, flow)  # as the engine itself reads it
            case "desc" | "lexicon" | "meta" | "metadata":
                pass  # not meant to be heard
            case None:  # of another namespace: what it contains is spoken
                self._content(element, style, flow)
            case _:
                what = f"<{local}> is not an element of SSML 1.1, nor par, seq or media"
                self._problem(element, what)

    def _speak(self, element: etree._Element, style: Style, flow: _Flow) -> None:
        flow.flush()
        self._content(element, style, flow)
        flow.flush()

    def _break(self, element: etree._Element, flow: _Flow) -> None:
        line = element.sourceline or 0
        time = self._read(element, "time", _duration)
        strength = element.get("strength", "medium")
        if strength not in STRENGTH_MS:
            self._problem(element, f"strength={strength!r} is none of {', '.join(STRENGTH_MS)}")
        elif time is None:
            flow.add(Pause(STRENGTH_MS[strength], elastic=True, line=line))
        else:
            flow.add(Pause(time, elastic=False, line=line))

    def _prosody(self, element: etree._Element, style: Style, flow: _Flow) -> None:
        rate = self._read(element, "rate", _rate)
        pitch = self._read(element, "pitch", _pitch)
        volume = self._read(element, "volume", _volume)
        style = replace(
            style,
            rate=style.rate if rate is None else style.rate * rate,
            pitch_st=style.pitch_st if pitch is None else style.pitch_st + pitch,
            gain_db=style.gain_db if volume is None else style.gain_db + volume,
        )
        self._content(element, style, flow)

    def _mark(self, element: etree._Element, flow: _Flow) -> None:
        name = " ".join(element.get("name", "").split())
        if not name.removeprefix(CHAPTER):
            self._problem(element, "<mark> needs a name, and a chapter a title")
        else:
            flow.add(Mark(name, element.sourceline or 0))

    def _audio(self, element: etree._Element, style: Style, flow: _Flow) -> None:
        source = element.get("src", "")
        line = element.sourceline or 0
        path = resources.find(source, self._folders) if source and ":" not in source else None
        speed = self._read(element, "speed", _speed)
        gain_db = self._read(element, "soundLevel", _decibels) or 0.0
        if path is not None:
            sound = Sound(path, source, line, 1.0 if speed is None else speed)
            flow.add(
                sound if not gain_db else Group("seq", (sound,), line, Timing(gain_db=gain_db))
            )
            return
        if not _has_words(element):
            where = " or ".join(str(folder) for folder in self._folders)
            self._problem(element, f"there is no sound {source!r} in {where}, and no text instead")
            return
        self.warnings.append(
            f"{self._name}:{line}: no sound {source!r}: its text is spoken instead"
        )
        self._content(element, style, flow)

    def _group(self, kind: Literal["seq", "par"], element: etree._Element, style: Style) -> Group:
        """``seq`` and ``par`` hold par, seq and media alone."""
        flow = _Flow()
        self._timed(element, kind, style, flow)
        line = element.sourceline or 0
        return Group(kind, tuple(flow.cues), line, self._timing(element))

    def _timed(self, element: etree._Element, kind: str, style: Style, flow: _Flow) -> None:
        for child in element:
            local = _local(child)
            if local in ("par", "seq", "media"):
                self._element(child, style, flow)
            elif local is None and isinstance(child.tag, str):
                self._timed(child, kind, style, flow)  # of another namespace: passed through
            elif child.tag is etree.Entity:
                self._problem(
                    child, f"entity {child.text} is not known; write the character itself"
                )
            elif local not in (None, "desc", "meta", "metadata"):
                self._problem(child, f"<{kind}> takes par, seq and media, not <{local}>")
        if _own_text(element).strip():
            self._problem(element, f"text in <{kind}> belongs in <media><speak>…</speak></media>")

    def _timing(self, element: etree._Element) -> Timing:
        return Timing(
            id=element.get(f"{{{XML}}}id"),
            begin=self._read(element, "begin", _point) or 0,
            end=self._read(element, "end", _point),
            dur_ms=self._read(element, "dur", _duration),
            repeat_count=self._read(element, "repeatCount", _count),
            repeat_dur_ms=self._read(element, "repeatDur", _duration),
            gain_db=self._read(element, "soundLevel", _decibels) or 0.0,
            fade_in_ms=self._read(element, "fadeInDur", _duration) or 0,
            fade_out_ms=self._read(element, "fadeOutDur", _duration) or 0,
            pan=self._read(element, f"{{{VOICEGUIDE}}}pan", _pan) or 0.0,
        )

    def _read(
        self, element: etree._Element, name: str, read: Callable[[str], _ValueT]
    ) -> _ValueT | None:
        """Read an attribute; what cannot be read is a problem, what is not there is None."""
        written = element.get(name)
        if written is None:
            return None
        try:
            return read(written.strip())
        except ValueError as error:
            name = name.rpartition("}")[2]
            if len(written) > _LONGEST_SHOWN:
                written = written[:_LONGEST_SHOWN] + "…"
            self._problem(element, f"<{_local(element)} {name}={written!r}>: {error}")
            return None

    def report(self) -> Iterator[str]:
        """Give a line for each kind of problem: where it is met first, and how often."""
        lines: dict[str, list[int]] = {}
        for line, what in self.problems:
            lines.setdefault(what, []).append(line)
        for what, (first, *more) in lines.items():
            again = f" (and {len(more)} more like it)" if more else ""
            yield f"{self._name}:{first}: {what}{again}"

    def _problem(self, element: etree._Element, what: str) -> None:
        self.problems.append(_Problem(element.sourceline or 0, what))


def _local(element: etree._Element) -> str | None:
    """Give the name of an element of SSML, None for one of another namespace or a comment."""
    if not isinstance(element.tag, str):
        return None
    name = etree.QName(element)
    return name.localname if name.namespace in (None, SSML) else None


def _own_text(element: etree._Element) -> str:
    return "".join([element.text or "", *(child.tail or "" for child in element)])


def _has_words(element: etree._Element) -> bool:
    """Tell whether anything in an element, or in what it holds, is to be spoken or played."""
    if _speakable(_own_text(element)):
        return True
    children = [child for child in element if isinstance(child.tag, str)]
    heard = [child for child in children if _local(child) not in ("desc", "meta", "metadata")]
    return any(_local(child) in ("audio", "break") or _has_words(child) for child in heard)


def _speakable(text: str) -> bool:
    """Tell whether there is more than punctuation and spaces."""
    return any(unicodedata.category(char)[0] not in "PZC" for char in text)


# Readers of attribute values: each raises ValueError that says what would be right.


def _milliseconds(match: re.Match[str]) -> int:
    exact = Decimal(match["number"]) * _UNIT_MS[match["unit"]]
    return int(exact.to_integral_value(ROUND_HALF_UP)) * (-1 if match["sign"] == "-" else 1)


def _offset(value: str) -> int:
    match = _OFFSET.fullmatch(value)
    if not match or len(value) > _LONGEST_TIME:
        raise ValueError("must be a time such as 1.5s, 250ms, 2min or 1h")
    return _milliseconds(match)


def _duration(value: str) -> int:
    ms = _offset(value)
    if ms < 0 or value.startswith("+"):
        raise ValueError("must be a time such as 1.5s or 250ms, without a sign")
    return ms


def _point(value: str) -> int | SyncBase:
    match = _SYNC_BASE.fullmatch(value)
    if match:
        edge: Literal["begin", "end"] = "begin" if match["edge"] == "begin" else "end"
        return SyncBase(match["id"], edge, _offset(match["offset"]) if match["offset"] else 0)
    try:
        return _offset(value)
    except ValueError:
        raise ValueError("must be a time (1.5s), or another element's (intro.end+1.5s)") from None


def _number(value: str, suffix: str = "") -> float:
    if not re.fullmatch(rf"[+-]?(\d+(\.\d*)?|\.\d+){suffix}", value):
        raise ValueError(f"must be a number{' followed by ' + suffix if suffix else ''}")
    number = float(value.removesuffix(suffix))
    if abs(number) > _LARGEST:
        raise ValueError("is larger than any number that makes sense here")
    return number


def _decibels(value: str) -> float:
    gain_db = _number(value, "dB")
    if not _QUIETEST_DB <= gain_db <= _LOUDEST_DB:
        raise ValueError(f"must lie between {_QUIETEST_DB:g}dB and +{_LOUDEST_DB:g}dB")
    return gain_db


def _count(value: str) -> float:
    count = _number(value)
    if count <= 0:
        raise ValueError("must be more than 0")
    return count


def _pan(value: str) -> float:
    pan = _number(value)
    if abs(pan) > 1:
        raise ValueError("must lie between -1 (left) and 1 (right)")
    return pan


def _speed(value: str) -> float:
    speed = _number(value, "%") / 100
    if not 0.1 <= speed <= 10:  # noqa: PLR2004 (beyond it nothing is recognized)
        raise ValueError("must lie between 10% and 1000%")
    return speed


def _rate(value: str) -> float:
    if value in RATES:
        return RATES[value]
    rate = _number(value, "%") / 100
    if value[0] in "+-":
        rate += 1  # a change, as SSML 1.0 had it
    if not rate > 0:
        raise ValueError("must be more than 0%")
    return rate


def _pitch(value: str) -> float:
    if value in PITCHES:
        return PITCHES[value]
    if value.endswith("st"):
        return _number(value, "st")
    if value.endswith("%"):
        factor = 1 + _number(value, "%") / 100
        if factor > 0:
            return 12 * math.log2(factor)
    raise ValueError(f"must be +2st, -10%, or one of {', '.join(PITCHES)}")


def _volume(value: str) -> float:
    if value in VOLUMES:
        return VOLUMES[value]
    return _decibels(value)
