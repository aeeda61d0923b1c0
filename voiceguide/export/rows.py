"""A timeline's rows, drawn: a minute each, with a lane for each sort of thing; to scale."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol, TypeVar
from xml.etree import ElementTree as ET

from voiceguide import clock
from voiceguide.export.lettering import WORD_PX, columns, cut, width
from voiceguide.timeline import Chapter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voiceguide.timeline import Event, Span, Timeline

MS_PER_PX = 50
ROW_MS = 60_000
GUTTER_PX = 80
"""Left of the rows, where the names of their lanes stand."""
WIDTH_PX = GUTTER_PX + ROW_MS // MS_PER_PX + 20

_TICK_MS = 10_000
_LANE_PX = 17
_BREATH_PX, _STEP_PX = 26, 4
_LABEL_PX, _LINE_PX = 10, 13
_BAR_PX = 5
_PAD_PX = 4
_LONGEST_REST_MS = 20_000  # between two breaths that belong together

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold; the name of a file may."""


class _Timed(Protocol):
    @property
    def begin_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...


TimedT = TypeVar("TimedT", bound=_Timed)


@dataclass(frozen=True, slots=True)
class _Breath:
    """A part of the curve of breath; levels are from 0 (out) to 1 (in)."""

    begin_ms: int
    end_ms: int
    first: int
    last: int

    @property
    def kind(self) -> str:
        """Of a mark, or "rest" between two."""
        return {1: "inhale", 0: "rest", -1: "exhale"}[self.last - self.first]

    def level(self, ms: float) -> float:
        """Return how full the lungs are."""
        done = (ms - self.begin_ms) / (self.end_ms - self.begin_ms)
        return self.first + (self.last - self.first) * (1 - math.cos(math.pi * done)) / 2


def rows(
    timeline: Timeline, language: str, words: Mapping[str, str]
) -> Iterator[tuple[ET.Element, float]]:
    """Return each row as a group that begins at 0, and how high it is.

    ``words`` are the names of lanes, kinds and sides in the reader's language; ``language`` is that
    of the session.
    """
    sides = _by_row(mark for mark in timeline.marks if mark.kind == "side")
    exercises = _by_row(mark for mark in timeline.marks if mark.kind in ("hold", "move", "stretch"))
    breaths = _by_row(_curve(timeline.marks))
    chapters = _by_row(timeline.chapters)
    speech = _by_row(event for event in timeline.events if event.kind == "speech")
    sounds = _by_row(event for event in timeline.events if event.kind == "sound")
    for number in range(max(1, math.ceil(timeline.duration_ms / ROW_MS))):
        begin_ms = number * ROW_MS
        row = _Row(begin_ms, min(begin_ms + ROW_MS, timeline.duration_ms), language, words)
        row.chapters(chapters[number])
        row.marks("side", sides[number])
        row.marks("exercise", exercises[number])
        row.breaths(breaths[number])
        row.speech(speech[number])
        row.sounds(sounds[number])
        row.bed(timeline)
        yield row.finished()


def _by_row(items: Iterable[TimedT]) -> dict[int, list[TimedT]]:
    """Return what lies in each row, in the order of time."""
    found: dict[int, list[TimedT]] = defaultdict(list)
    for item in sorted(items, key=lambda one: one.begin_ms):
        for number in range(
            item.begin_ms // ROW_MS, -(-max(item.end_ms, item.begin_ms + 1) // ROW_MS)
        ):
            found[number].append(item)
    return found


def _curve(marks: Iterable[Span]) -> Iterator[_Breath]:
    """Return breaths, and the rests between them: full after breathing in, empty after out."""
    breaths = [
        _Breath(mark.begin_ms, mark.end_ms, *((0, 1) if mark.kind == "inhale" else (1, 0)))
        for mark in marks
        if mark.kind in ("inhale", "exhale")
    ]
    yield from breaths
    for one, following in itertools.pairwise(breaths):
        rest_ms = following.begin_ms - one.end_ms
        if one.last == following.first and 0 < rest_ms <= _LONGEST_REST_MS:
            yield _Breath(one.end_ms, following.begin_ms, one.last, one.last)


class _Row:
    """A row that grows downward, lane by lane."""

    def __init__(self, begin_ms: int, end_ms: int, language: str, words: Mapping[str, str]) -> None:
        """Begin with the axis of time."""
        self._begin_ms, self._end_ms = begin_ms, end_ms
        self._language, self._words = language, words
        self._group = ET.Element("g", {"class": "row"})
        self._grid = add(self._group, "g", {"class": "grid"})
        axis = add(self._group, "g", {"class": "muted axis"})
        for ms in range(begin_ms, end_ms + 1, _TICK_MS):
            anchor = "end" if ms == begin_ms + ROW_MS else "start"
            shift = -3 if anchor == "end" else 3
            at = {"class": "label", "text-anchor": anchor}
            self._text(axis, clock.text(ms), self._x(ms) + shift, 10, at)
        self._y = 14.0

    def finished(self) -> tuple[ET.Element, float]:
        """Return the row with its grid, and its height."""
        for ms in range(self._begin_ms, self._end_ms + 1, _TICK_MS):
            add(self._grid, "path", d=f"M{number(self._x(ms))} 0V{number(self._y)}")
        return self._group, self._y

    def chapters(self, chapters: Sequence[Chapter]) -> None:
        """Draw chapters as bands with titles."""
        self._name("chapter", chapters)
        for chapter in chapters:
            self._band("chapter", chapter, chapter.title, self._language)
        if chapters:
            self._y += _LANE_PX + 2

    def marks(self, name: str, marks: Sequence[Span]) -> None:
        """Draw sides or exercises as bands, those at the same time under one another."""
        self._name(name, marks)
        for lane in _lanes(marks):
            for mark in lane:
                kind = self._words[mark.kind]
                label = mark.label
                if mark.kind == "side" and label in ("left", "right"):  # as our templates name them
                    label = self._words[label]
                full = kind if label is None else f"{kind}: {label}"
                self._band(mark.kind, mark, full)
            self._y += _LANE_PX + 2

    def breaths(self, breaths: Sequence[_Breath]) -> None:
        """Draw breath as a curve that rises while it is breathed in."""
        self._name("breath", breaths)
        for breath in breaths:
            group = self._group_of("breath " + breath.kind, breath)
            from_ms, to_ms = self._inside(breath)
            steps = max(1, math.ceil((to_ms - from_ms) / MS_PER_PX / _STEP_PX))
            points = []
            for step in range(steps + 1):
                ms = from_ms + (to_ms - from_ms) * step / steps
                y = self._y + 2 + (_BREATH_PX - 4) * (1 - breath.level(ms))
                points.append(f"{number(self._x(ms))} {number(y)}")
            line = "M" + "L".join(points)
            bottom = number(self._y + _BREATH_PX - 2)
            area = f"{line}V{bottom}H{number(self._x(from_ms))}Z"
            if breath.kind != "rest":
                self._tooltip(group, breath, self._words[breath.kind])
            add(group, "path", {"class": "curve"}, d=area)
            add(group, "path", {"class": "line"}, d=line)
        if breaths:
            self._y += _BREATH_PX + 2

    def speech(self, speech: Sequence[Event]) -> None:
        """Draw sentences as bars with their words below, as near as there is room."""
        self._name("speech", speech)
        for lane in _lanes(speech):
            bars = []
            for event in lane:
                group = self._group_of("speech", event)
                self._tooltip(group, event, event.text or "", event.gain_db)
                self._rect(group, event, "bar", _BAR_PX)
                from_ms, _ = self._inside(event)
                middle_ms = (event.begin_ms + event.end_ms) // 2
                here = self._begin_ms <= middle_ms < self._begin_ms + ROW_MS
                bars.append((self._x(from_ms), (event.text or "") if here else None))
            top = self._y + _BAR_PX
            said = columns(bars, GUTTER_PX, self._x(self._begin_ms + ROW_MS))
            for column in said:
                group = add(self._group, "g", {"class": "ink said", "lang": self._language})
                for place, line in enumerate(column.lines, start=1):
                    self._text(group, line, column.x, top + place * _LINE_PX - 2, {})
            most = max((len(column.lines) for column in said), default=0)
            self._y = max(top + most * _LINE_PX, self._y + _LANE_PX) + 3

    def sounds(self, sounds: Sequence[Event]) -> None:
        """Draw tones from their begin to their end, with their names where there is room."""
        self._name("sound", sounds)
        for lane in _lanes(sounds):
            rights = [self._x(self._inside(event)[0]) for event in lane[1:]]
            rights.append(self._x(self._begin_ms + ROW_MS))
            for event, right in zip(lane, rights, strict=True):
                group = self._group_of("sound", event)
                self._tooltip(group, event, event.source or "", event.gain_db)
                x, wide = self._rect(group, event, "band", _LANE_PX - 5)
                name = PurePath(event.source or "").stem
                needed = width(name, _LABEL_PX)
                x += 3 if needed + 4 <= wide else wide + 3
                if event.begin_ms >= self._begin_ms and x + needed <= right:
                    self._text(group, name, x, self._y + 9.5, {"class": "ink label"})
            self._y += _LANE_PX - 2

    def bed(self, timeline: Timeline) -> None:
        """Draw the bed as a band with its name."""
        if timeline.bed and timeline.bed.at_ms < self._end_ms:
            self._name("bed", [timeline.bed])
            source, gain_db = timeline.bed.source, timeline.bed.gain_db
            whole = Chapter(source, timeline.bed.at_ms, timeline.duration_ms)
            self._band("bed", whole, source, gain_db=gain_db)
            self._y += _LANE_PX + 2

    def _x(self, ms: float) -> float:
        return GUTTER_PX + (ms - self._begin_ms) / MS_PER_PX

    def _inside(self, timed: _Timed) -> tuple[int, int]:
        """Return what of a time lies in this row."""
        return max(timed.begin_ms, self._begin_ms), min(timed.end_ms, self._begin_ms + ROW_MS)

    def _name(self, lane: str, items: Sequence[object]) -> None:
        if items:
            at = {"class": "muted label", "text-anchor": "end"}
            self._text(self._group, self._words[lane], GUTTER_PX - 8, self._y + 11, at)

    def _group_of(self, kinds: str, timed: _Timed) -> ET.Element:
        times = {"data-begin-ms": f"{timed.begin_ms}", "data-end-ms": f"{timed.end_ms}"}
        return add(self._group, "g", {"class": kinds, **times})

    def _tooltip(self, group: ET.Element, timed: _Timed, text: str, gain_db: float = 0.0) -> None:
        times = f"{clock.exact(timed.begin_ms)} – {clock.exact(timed.end_ms)}"
        gain = f"\n{gain_db:+.1f} dB".replace("-", "−") if gain_db else ""
        add(group, "title", text=f"{times}\n{text}{gain}")

    def _rect(
        self, group: ET.Element, timed: _Timed, kind: str, high: float
    ) -> tuple[float, float]:
        """Draw a time as a rectangle; return where it begins, and how wide it is."""
        from_ms, to_ms = self._inside(timed)
        x, wide = self._x(from_ms), max(1.0, (to_ms - from_ms) / MS_PER_PX)
        place = {"x": number(x), "y": number(self._y), "width": number(wide)}
        add(group, "rect", {"class": kind, **place, "height": number(high)})
        return x, wide

    def _band(
        self,
        kind: str,
        timed: _Timed,
        label: str,
        language: str | None = None,
        gain_db: float = 0.0,
    ) -> None:
        group = self._group_of(kind, timed)
        self._tooltip(group, timed, label, gain_db)
        x, wide = self._rect(group, timed, "band", _LANE_PX)
        shown = cut(label, wide - 2 * _PAD_PX, WORD_PX)
        if shown:
            about = {"class": "ink", **({"lang": language} if language else {})}
            self._text(group, shown, x + _PAD_PX, self._y + 12, about)

    def _text(
        self, parent: ET.Element, text: str, x: float, y: float, about: Mapping[str, str]
    ) -> None:
        add(parent, "text", {**about, "x": number(x), "y": number(y)}, text=text)


def _lanes(items: Sequence[TimedT]) -> list[list[TimedT]]:
    """Return them in as few lanes as there are at the same time; they come in order of time."""
    lanes: list[list[TimedT]] = []
    for item in items:
        free = (lane for lane in lanes if lane[-1].end_ms <= item.begin_ms)
        lane = next(free, None)
        if lane is None:
            lanes.append([item])
        else:
            lane.append(item)
    return lanes


def add(
    parent: ET.Element, tag: str, about: Mapping[str, str] | None = None,
    text: str | None = None, **more: str,
) -> ET.Element:  # fmt: skip
    """Add an element; what XML cannot hold is replaced."""
    attributes = {name: legal(value) for name, value in {**(about or {}), **more}.items()}
    element = ET.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = legal(text)
    return element


def legal(text: str) -> str:
    """Return text with what XML cannot hold replaced."""
    return _ILLEGAL.sub("\ufffd", text)


def number(value: float) -> str:
    """Return a number as SVG has it, to a hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
