"""A plan over weeks, as calendars, players and paper show it."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import icalendar
import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide
from mutagen.mp3 import MP3
from sessions import SCRIPTS

from voiceguide.errors import RequestError
from voiceguide.options import chosen
from voiceguide.playlist.course import Course

START = dt.date(2027, 3, 1)
TONES = {"guidance": "tones", "side": "left", "mono": True}


def plan(target: str, weeks: int, **options: object) -> Course:
    return Course(target, chosen({**TONES, **options}), weeks, START)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of two weeks."""
    folder = tmp_path_factory.mktemp("made") / "calf"
    done = voiceguide(
        "plan", "calf", "--weeks", 2, "--start", "2027-03-01", "--guidance", "tones", "--side",
        "left", "--mono", "-o", folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lists = [folder / f"week-{week}/week-{week}.m3u8" for week in ("01", "02")]
    made = [*lists, folder / "plan.ics", folder / "plan.html"]
    assert done.stdout.splitlines() == list(map(str, made))
    return folder


def test_there_are_two_to_three_sessions_a_week_never_on_two_days_in_a_row():
    days = [one.day for one in plan("neck", 5).appointments]
    assert [(day - START).days for day in days] == [
        0, 3, 7, 10, 14, 16, 18, 21, 23, 25, 28, 30, 32,
    ]  # fmt: skip


def test_the_tool_stays_the_one_of_the_first_week():
    methods = {one.session.title for one in plan("calf", 4).appointments}
    assert methods == {"Calf: Fascia ball"}
    chosen_one = {one.session.title for one in plan("calf", 2, method="thumb").appointments}
    assert chosen_one == {"Calf: Thumb"}


def test_a_kind_with_levels_but_no_choice_of_tools_is_planned_too(tmp_path):
    kind = shutil.copytree(SCRIPTS / "kinds/massage", tmp_path / "kinds/pressing") / "kind.toml"
    ours = 'options = ["level", "side", "guidance"]'
    kind.write_text(re.sub("^options = .*", ours, kind.read_text(), flags=re.MULTILINE))
    planned = plan("calf", 2, library=tmp_path).appointments
    assert [one.level for one in planned] == ["gentle", "gentle", "gentle", "standard"]
    assert {one.session.title for one in planned[:3]} == {"Calf: Fascia ball"}


def test_levels_rise_from_week_to_week_unless_one_is_chosen():
    levels = [(one.week, one.level) for one in plan("neck", 4).appointments]
    assert levels == [
        (1, "gentle"), (1, "gentle"), (2, "gentle"), (2, "standard"),
        (3, "standard"), (3, "standard"), (3, "standard"),
        (4, "standard"), (4, "deep"), (4, "standard"),
    ]  # fmt: skip
    assert {one.level for one in plan("neck", 4, level="gentle").appointments} == {"gentle"}
    assert {one.level for one in Course("breathing", chosen({}), 2, START).appointments} == {None}


@pytest.mark.parametrize("weeks", [0, 13])
def test_a_plan_is_from_1_to_12_weeks(weeks):
    with pytest.raises(RequestError, match="must be from 1 to 12"):
        plan("neck", weeks)


def test_what_cannot_be_planned_is_told_in_a_line(tmp_path):
    for arguments, status, says in [
        (("nack",), 1, "did you mean neck"),
        (("neck", "--start", "soon"), 2, "--start soon: must be a day, such as 2026-12-07"),
        (("neck", "--weeks", "99"), 1, "--weeks 99: must be from 1 to 12"),
    ]:
        done = voiceguide("plan", *arguments, "-o", tmp_path / "out")
        assert (done.returncode, says in done.stderr) == (status, True), done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_each_week_is_a_playlist_whose_sessions_get_longer(made):
    lengths = []
    for week in ("01", "02"):
        folder = made / f"week-{week}"
        lines = (folder / f"week-{week}.m3u8").read_text("utf-8").splitlines()
        names = [line for line in lines if not line.startswith("#")]
        assert names == ["01-session.mp3", "02-session.mp3"]
        for number, name in enumerate(names, 1):
            file = MP3(folder / name)
            assert str(file["TIT2"]) == f"Week {int(week)}, session {number}"
            assert str(file["TALB"]) == f"Calf: Week {int(week)}"
            lengths.append(len(decode(folder / name)) / FRAMES_PER_MS)
    assert lengths[0] == lengths[1] == lengths[2] < lengths[3]


@pytest.mark.slow
def test_a_calendar_shows_the_sessions_at_their_times(made):
    calendar = icalendar.Calendar.from_ical((made / "plan.ics").read_bytes())
    events = calendar.walk("VEVENT")
    begins = [event.decoded("dtstart") for event in events]
    assert begins == [dt.datetime(2027, 3, day, 19) for day in (1, 4, 8, 11)]  # noqa: DTZ001
    assert [str(event["summary"]) for event in events] == [
        f"Calf: Week {week}, session {number}" for week in (1, 2) for number in (1, 2)
    ]
    assert len({str(event["uid"]) for event in events}) == 4
    path = made / str(events[0]["description"]).splitlines()[0]
    length_s = MP3(path).info.length
    assert 0 <= events[0].decoded("duration").total_seconds() - length_s < 60
    assert ["physiotherapist" in str(event["description"]) for event in events] == [
        False, False, False, True,
    ]  # fmt: skip


@pytest.mark.slow
def test_the_page_has_a_row_for_each_session(made):
    page = (made / "plan.html").read_text("utf-8")
    assert "<h1>Plan: Calf</h1>" in page
    days = re.findall(r"<td>(\w+day, \w+ \d+, 2027)</td>", page)
    assert days == [
        "Monday, March 1, 2027", "Thursday, March 4, 2027",
        "Monday, March 8, 2027", "Thursday, March 11, 2027",
    ]  # fmt: skip
    assert page.count('<td class="box">') == 8
    assert "see a physiotherapist" in page
    assert "src=" not in page


def test_a_plan_is_in_the_language_of_its_sessions():
    german = plan("calf", 1, language="de")
    page = german.page()
    assert '<html lang="de">' in page
    assert "Montag, 1. März 2027" in page
    assert "sanft" in page
    events = icalendar.Calendar.from_ical(german.calendar()).walk("VEVENT")
    assert str(events[1]["summary"]) == "Wade: Woche 1, Sitzung 2"
