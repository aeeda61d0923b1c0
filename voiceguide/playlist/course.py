"""A region over weeks -> a playlist a week, a calendar (iCalendar) and a page to print.

A region gets two or three sessions a week with a day between them, first gently, so that a spot is
never treated while it is still sore. Hold and pressure grow from week to week, and the length of
the sessions with them. After two to four weeks without change, somebody should look at it: the
page and the last entry of the calendar say so.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from babel.dates import format_date

from voiceguide import clock, script
from voiceguide.errors import RequestError
from voiceguide.export import cover
from voiceguide.files import alone, write_bytes
from voiceguide.languages import primary
from voiceguide.options import chosen
from voiceguide.playlist.lists import add
from voiceguide.playlist.writing import WantedTrack, now, numbered, share, write
from voiceguide.script import Request
from voiceguide.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voiceguide.options import Options

CALENDAR = "plan.ics"
PAGE = "plan.html"

_LEVELS = (
    ("gentle", "gentle"),
    ("gentle", "standard"),
    ("standard", "standard", "standard"),
    ("standard", "deep", "standard"),
)
"""The levels of the sessions of each week; later weeks are as the last."""
_DAYS = {2: (0, 3), 3: (0, 2, 4)}
"""The days of a week's sessions, counted from its first."""
_MOST_WEEKS = 12
_TIME = dt.time(19)
_IDS = uuid.UUID("5d1c1f0e-5f0f-5c5a-9b52-0c1a6f4f6f0e")
"""The namespace of the ids of appointments: the same plan made again moves them, and adds none."""

_WORDS: dict[str, dict[str, str | tuple[str, ...]]] = {
    "en": {
        "plan": "Plan: {title}", "week": "Week {week}", "session": "Week {week}, session {number}",
        "gentle": "gentle", "standard": "standard", "deep": "deep",
        "head": ("Done", "Day", "Session", "Level", "Length", "Pain before", "after"),
        "scale": "Pain is a number from 0, none, to 10, the worst.",
        "notes": (
            "Ask a doctor first if you have an illness that the session names.",
            "Never on a spot that is still sore: wait until it is not, or skip a session.",
            "Press only as strongly as each session says, never more than 6 of 10.",
            "Stop if pain is sharp or electric, or if you feel numb, faint or dizzy.",
            "Go on to the next level only if the last session left you no worse.",
            "New numbness, weakness, fever or chest pain: no session, but a doctor.",
        ),
        "doctor": "No change after two to four weeks: see a physiotherapist or a doctor.",
    },
    "de": {
        "plan": "Plan: {title}", "week": "Woche {week}",
        "session": "Woche {week}, Sitzung {number}",
        "gentle": "sanft", "standard": "mittel", "deep": "tief",
        "head": ("Erledigt", "Tag", "Sitzung", "Stufe", "Länge", "Schmerz vorher", "nachher"),
        "scale": "Der Schmerz ist eine Zahl von 0 (keiner) bis 10 (der stärkste).",
        "notes": (
            "Mit einer Krankheit, die die Sitzung nennt, zuerst in die Arztpraxis.",
            "Nie auf einer Stelle, die noch wund ist: warten oder eine Sitzung auslassen.",
            "Nur so fest drücken, wie die Sitzung sagt, nie mehr als 6 von 10.",
            "Aufhören, wenn es sticht, elektrisch oder taub wird, oder bei Schwindel.",
            "Zur nächsten Stufe nur, wenn es nach der letzten Sitzung nicht schlechter war.",
            "Neue Taubheit, Schwäche, Fieber, Brustschmerz: keine Sitzung, zum Arzt.",
        ),
        "doctor": "Keine Änderung nach zwei bis vier Wochen: zur Physiotherapie oder zum Arzt.",
    },
}  # fmt: skip
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 1rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5rem; break-inside: avoid }
th, td { border: 1px solid #888; padding: .4rem .6rem; text-align: left }
.box { min-width: 3rem } @page { margin: 15mm }
"""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A session on a day."""

    week: int
    number: int
    """Which one of its week, from 1."""
    day: dt.date
    level: str | None
    """None for a kind of session that has no levels."""
    session: Session


class Course:
    """The sessions of a region or kind over some weeks."""

    def __init__(self, target: str, options: Options, weeks: int, start: dt.date) -> None:
        """Plan it; nothing is made until it is needed.

        The options are those of the sessions; a level that is chosen is kept. ``start`` is the day
        of the first session. Raises RequestError for an unknown target or number of weeks.
        """
        if not 1 <= weeks <= _MOST_WEEKS:
            raise RequestError(f"--weeks {weeks}: must be from 1 to {_MOST_WEEKS}")
        request = Request(target, options)
        self.target = target
        self.title = script.about(request).title
        self.weeks = weeks
        self._start = start
        self._options = options
        known = script.options_of(request)
        self._has_levels, self._has_methods = "level" in known, "method" in known
        self._pictured = script.pictured(request) or target

    @property
    def name(self) -> str:
        """The name for its folder: the target, and the options that differ from the defaults."""
        return "-".join([self.target, *self._options.names(), "plan"])

    @cached_property
    def appointments(self) -> list[Appointment]:
        """All sessions, in order; each has a choice of words of its own."""
        found: list[Appointment] = []
        given = self._options.chosen()
        if self._has_levels and self._has_methods:  # the tool stays the one of the first week
            first = {**given, "level": given.get("level", _LEVELS[0][0])}
            given["method"] = script.method_of(Request(self.target, chosen(first)))
        for week in range(1, self.weeks + 1):
            levels = _LEVELS[min(week, len(_LEVELS)) - 1]
            for number, day in enumerate(_DAYS[len(levels)]):
                level = str(given.get("level", levels[number])) if self._has_levels else None
                options = {**given, "seed": self._options.seed + len(found)}
                if level is not None:
                    options["level"] = level
                session = Session(self.target, **options)
                date = self._start + dt.timedelta(weeks=week - 1, days=day)
                found.append(Appointment(week, number + 1, date, level, session))
        return found

    def export(
        self,
        folder: Path,
        progress: Callable[[float], None] | None = None,
        waiting: Callable[[], object] = lambda: None,
    ) -> list[Path]:
        """Write the plan into ``folder``; return the paths of its lists, calendar and page.

        Each week is a playlist in a folder of its own. What is there and still right is not made
        again. ``progress`` is called now and then with the fraction that is done, from 0 to 1;
        ``waiting`` if another program writes into the folder. Raises a VoiceguideError.
        """
        with alone(folder, waiting):
            lists = [
                self._export_week(folder / f"week-{week:02}", week, progress)
                for week in range(1, self.weeks + 1)
            ]
            write_bytes(folder / CALENDAR, self.calendar())
            write_bytes(folder / PAGE, self.page().encode())
        return [*lists, folder / CALENDAR, folder / PAGE]

    def calendar(self) -> bytes:
        """Return the appointments as iCalendar (RFC 5545), at 19:00 wherever they are read."""
        import icalendar

        calendar = icalendar.Calendar()
        calendar.add("prodid", "-//voiceguide//plan//EN")
        calendar.add("version", "2.0")
        for one in self.appointments:
            event = icalendar.Event()
            name = f"{self.name}/{one.week}/{one.number}"
            event.add("uid", str(uuid.uuid5(_IDS, name)))
            event.add("dtstamp", dt.datetime.combine(self._start, dt.time(), dt.UTC))
            event.add("dtstart", dt.datetime.combine(one.day, _TIME))
            minutes = -(-one.session.timeline.duration_ms // 60_000)
            event.add("duration", dt.timedelta(minutes=minutes))
            event.add("summary", f"{self.title}: {self._called(one)}")
            said = [self._word(one.level)] if one.level else []
            if one is self.appointments[-1]:
                said.append(self._word("doctor"))
            event.add("description", "\n".join([f"week-{one.week:02}/{_stem(one)}.mp3", *said]))
            calendar.add_component(event)
        return bytes(calendar.to_ical())

    def page(self) -> str:
        """Return the plan as a page to print: a table a week, with places for the pain."""
        language = self.appointments[0].session.language
        page = ET.Element("html", lang=language)
        head = add(page, "head")
        add(head, "meta", charset="utf-8")
        add(head, "title", self._word("plan").format(title=self.title))
        add(head, "style", _STYLE)
        body = add(page, "body")
        add(body, "h1", self._word("plan").format(title=self.title))
        for week in range(1, self.weeks + 1):
            add(body, "h2", self._word("week").format(week=week))
            table = add(body, "table")
            row = add(add(table, "thead"), "tr")
            for text in self._words["head"]:
                add(row, "th", text)
            rows = add(table, "tbody")
            for one in self.appointments:
                if one.week == week:
                    self._add_row(rows, one, language)
        add(body, "p", self._word("scale"))
        notes = add(body, "ul")
        for text in (*self._words["notes"], self._word("doctor")):
            add(notes, "li", text)
        return f"<!doctype html>\n{ET.tostring(page, encoding='unicode', method='html')}\n"

    def _add_row(self, rows: ET.Element, one: Appointment, language: str) -> None:
        day = format_date(one.day, "full", locale=language.replace("-", "_"))
        length = clock.text(one.session.timeline.duration_ms)
        level = self._word(one.level) if one.level else ""
        row = add(rows, "tr")
        for text in ("☐", day, self._called(one), level, length):
            add(row, "td", text)
        for _ in range(2):
            add(row, "td", **{"class": "box"})

    def _export_week(
        self, folder: Path, week: int, progress: Callable[[float], None] | None
    ) -> Path:
        entries = []
        for one in self.appointments:
            if one.week == week:
                album = f"{self.title}: {self._word('week').format(week=week)}"
                tags = replace(one.session.tags, title=self._called(one), album=album, date=now())
                entries.append(WantedTrack(_stem(one), one.session, tags))
        part = share(progress, week - 1, self.weeks)
        title = f"{self.title} · {self._word('week').format(week=week)}"
        return write(folder, numbered(entries), cover.titled(self._pictured, title), None, part)

    def _called(self, one: Appointment) -> str:
        return self._word("session").format(week=one.week, number=one.number)

    def _word(self, name: str) -> str:
        return str(self._words[name])

    @property
    def _words(self) -> dict[str, str | tuple[str, ...]]:
        return _WORDS.get(primary(self._options.language), _WORDS["en"])


def _stem(one: Appointment) -> str:
    return f"{one.number:02}-session"
