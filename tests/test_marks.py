"""Holds and breaths by their marks: an author's own tones are counted down and made longer too."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import mutagen
import pytest
from conftest import voiceguide
from mutagen.id3 import TXXX

from voiceguide import Session
from voiceguide.player.file import Rendered
from voiceguide.player.live import LiveTimeline
from voiceguide.timeline import Span

SOUNDS = Path(__file__).parents[1] / "sounds"
OWN = {
    "gong": "start", "cup": "end", "drop": "tick",
    "wood": "half", "rise": "inhale", "fall": "exhale",
}  # fmt: skip
"""Names of an author's tones, and which of ours they sound like."""

BREATH = """<par dur="4s"><media><mark name="inhale:"/><audio src="rise.wav"/></media>
<media begin="4s"><mark name="end:inhale"/></media></par>
<par dur="6s"><media><mark name="exhale:"/><audio src="fall.wav"/></media>
<media begin="6s"><mark name="end:exhale"/></media></par>"""
HOLD = f"""<mark name="chapter:Press"/><break time="2s"/>
<par dur="30s">
<media><mark name="hold:upper calf"/><audio src="gong.wav"/></media>
<seq begin="5s">{BREATH}{BREATH}</seq>
<media begin="15s"><audio src="wood.wav"/></media>
<media begin="27s" dur="1s" repeatCount="3"><audio src="drop.wav"/></media>
</par><mark name="end:hold"/><audio src="cup.wav"/><break time="5s"/>
<mark name="chapter:Stretch"/>
<mark name="stretch:"/><break time="8s"/><mark name="end:stretch"/><break time="2s"/>"""
MARKS = [
    {"kind": "hold", "begin_ms": 2000, "end_ms": 32_000, "label": "upper calf"},
    *(
        {"kind": kind, "begin_ms": 1000 * begin, "end_ms": 1000 * end, "label": None}
        for kind, begin, end in [
            ("inhale", 7, 11), ("exhale", 11, 17), ("inhale", 17, 21), ("exhale", 21, 27),
        ]
    ),
]  # fmt: skip


@pytest.fixture
def script(ssml):
    """A script with a hold and a stretch, none of whose tones has the name of one of ours."""
    path = ssml(HOLD)
    for own, ours in OWN.items():
        shutil.copy(SOUNDS / f"{ours}.wav", path.with_name(f"{own}.wav"))
    return path


def live(script: Path) -> LiveTimeline:
    known = LiveTimeline()
    for item in Session(script).timeline:
        known.add(item)
    return known


def heard(known: LiveTimeline, begin_s: float, end_s: float) -> list[tuple[str, float]]:
    """Return what begins between two times, and when."""
    events = known.between(int(begin_s * 1000), int(end_s * 1000))
    return [
        (event.source, event.begin_ms / 1000)
        for event in events
        if event.begin_ms >= begin_s * 1000
    ]


def times(span: Span | None) -> tuple[str, float, float] | None:
    return span and (span.kind, span.begin_ms / 1000, span.end_ms / 1000)


def test_the_json_has_the_marks(script):
    shown = json.loads(voiceguide("script", script, "--format", "json").stdout)
    stretch = next(mark for mark in shown["marks"] if mark["kind"] == "stretch")
    assert [mark for mark in shown["marks"] if mark != stretch] == MARKS
    assert stretch["end_ms"] - stretch["begin_ms"] == 8000
    assert shown["marks"][-1] == stretch
    assert {event["words"] for event in shown["events"]} == {None}


def test_a_hold_with_tones_of_its_own_is_counted_down_and_its_breath_is_shown(script):
    known = live(script)
    assert known.hold_at(1999) is known.hold_at(32_000) is None
    for ms in (2000, 31_999):
        assert times(known.hold_at(ms)) == ("hold", 2, 32)
    breaths = [known.breath_at(1000 * second) for second in (6, 8, 14, 20, 24, 28)]
    assert breaths == [None, ("in", 0.25), ("out", 0.5), ("in", 0.75), ("out", 0.5), None]
    assert [known.exercise_at(ms) for ms in (1000, 9000, 33_000)] == [0, 2000, 2000]
    begin_ms, end_ms = (known.end_ms - before for before in (10_000, 2000))
    assert known.hold_at(end_ms - 1) == Span("stretch", begin_ms, end_ms, None)
    assert known.exercise_at(end_ms) == begin_ms


def test_a_hold_can_be_made_longer_twice_and_its_last_breath_comes_again(script):
    known = live(script)
    before = heard(known, 0, 29)
    end_ms = known.end_ms
    assert known.lengthen(known.hold_at(20_000), 15_000) == 29_000
    assert times(known.hold_at(20_000)) == ("hold", 2, 47)
    assert heard(known, 0, 29) == before
    rest = [("rise.wav", 29), ("fall.wav", 33), ("drop.wav", 44), ("drop.wav", 45)]
    assert heard(known, 29, 45.5) == rest
    assert known.breath_at(30_000) == ("in", 0.25)
    assert known.breath_at(36_000) == ("out", 0.5)
    assert known.lengthen(known.hold_at(40_000), 15_000) == 44_000
    assert times(known.hold_at(61_999)) == ("hold", 2, 62)
    assert heard(known, 29, 63) == [
        *rest[:2], ("rise.wav", 44), ("fall.wav", 48), ("drop.wav", 59), ("drop.wav", 60),
        ("drop.wav", 61), ("cup.wav", 62),
    ]  # fmt: skip
    assert known.breath_at(51_000) == ("out", 0.5)
    assert known.end_ms == end_ms + 30_000
    assert known.chapters[1].at_ms == end_ms - 10_000 + 30_000
    assert times(known.hold_at(known.end_ms - 3000)) == (
        "stretch", (known.end_ms - 10_000) / 1000, (known.end_ms - 2000) / 1000,
    )  # fmt: skip


def test_what_becomes_known_after_a_hold_was_made_longer_comes_later(script):
    *items, end = Session(script).timeline
    stretch = Session(script).timeline.marks[-1]
    known = LiveTimeline()
    for item in items:
        if item.at_ms <= 32_000:
            known.add(item)
    known.lengthen(known.hold_at(20_000), 15_000)
    for item in [*(item for item in items if item.at_ms > 32_000), end]:
        known.add(item)
    assert times(known.hold_at(46_999)) == ("hold", 2, 47)
    later = Span("stretch", stretch.begin_ms + 15_000, stretch.end_ms + 15_000)
    assert known.hold_at(later.begin_ms) == later
    assert known.end_ms == end.at_ms + 15_000


def test_a_hold_no_longer_than_the_countdown_begins_where_it_began(ssml):
    body = '<mark name="hold:"/><audio src="tick.wav"/><break time="2s"/><mark name="end:hold"/>'
    known = live(ssml(f'<break time="5s"/>{body}'))
    hold = known.hold_at(5500)
    known.lengthen(hold, 15_000)
    assert known.hold_at(5500) == Span("hold", 5000, hold.end_ms + 15_000)
    assert heard(known, 0, 30) == [("tick.wav", 5)]


def test_a_breath_without_room_for_another_is_not_paced_again(script):
    known = live(script)
    known.lengthen(known.hold_at(20_000), 9000)
    assert heard(known, 29, 40) == [("drop.wav", 38), ("drop.wav", 39)]
    assert known.breath_at(30_000) is None


@pytest.mark.parametrize("form", ["mp3", "wav", "flac", "ogg"])
def test_a_file_has_the_marks_of_its_session(script, form):
    session = Session(script)
    path = session.export(script.with_suffix(f".{form}"))
    with closing(Rendered(path)) as played:
        known = played.live
        assert known.hold_at(20_000) == Span("hold", 2000, 32_000, "upper calf")
        assert known.breath_at(14_000) == ("out", 0.5)
        stretch = session.timeline.marks[-1]
        assert known.hold_at(stretch.end_ms - 1) == stretch
        assert known.lengthen(known.hold_at(20_000), 15_000) == 29_000
        assert times(known.hold_at(46_999)) == ("hold", 2, 47)
        assert known.breath_at(30_000) == ("in", 0.25)
        assert played.block(30_000, 30_100, tones=True) == bytes(9600)


def test_a_mark_that_is_nearly_one_of_ours_or_ends_nothing_is_told(ssml):
    names = (
        "hodl:calf",
        "chaptr:One",
        "end:hold",
        "move:",
        "end:mvoe",
        "here",
        "time:1",
        "end:move",
    )
    path = ssml("One." + "".join(f'\n<mark name="{name}"/>' for name in names))
    told = [warning.partition(f"{path.name}:")[2] for warning in Session(path).warnings]
    assert [one.partition(" ")[2] for one in told] == [
        "<mark name='hodl:calf'> does nothing; did you mean hold?",
        "<mark name='chaptr:One'> does nothing; did you mean chapter?",
        "<mark name='end:hold'> ends nothing: no hold begins",
        "<mark name='end:mvoe'> does nothing; did you mean end:move?",
    ]


def test_our_own_sessions_end_only_what_has_begun():
    for options in ({"holds": "open"}, {"ask": True}, {"side": "left"}):
        assert Session("calf", **options).plan.script.warnings == ()


@pytest.mark.parametrize("form", ["mp3", "flac"])
def test_a_file_of_an_older_version_plays_without_a_countdown(script, form):
    path = Session(script).export(script.with_suffix(f".{form}"))
    file = mutagen.File(path)
    old = "2000 2700 start.wav\n29000 29100 tick.wav\n32000 33000 end.wav"
    if form == "mp3":
        del file.tags["TXXX:voiceguide marks"]
        file.tags.add(TXXX(3, "voiceguide sounds", old))
    else:
        del file["voiceguide marks"]
        file["voiceguide sounds"] = old
    file.save()
    with closing(Rendered(path)) as played:
        assert played.live.hold_at(20_000) is None
        assert [one.title for one in played.live.chapters] == ["Press", "Stretch"]
        assert any(played.block(2000, 2100, tones=True))


@pytest.mark.parametrize(
    "lines",
    ["nonsense", "1 2 dance", "5000 5000 hold", "9000 1000 hold", f"1 {'9' * 400} hold", "\0 hold"],
)
def test_what_a_strangers_file_claims_is_no_mark_unless_it_can_be(script, lines):
    path = Session(script).export(script.with_suffix(".mp3"))
    file = mutagen.File(path)
    file.tags.delall("TXXX:voiceguide marks")
    file.tags.add(TXXX(3, "voiceguide marks", f"{lines}\n1000 2000 hold it still"))
    file.save()
    with closing(Rendered(path)) as played:
        assert played.live.hold_at(1500) == Span("hold", 1000, 2000, "it still")
        assert played.live.hold_at(2500) is None
