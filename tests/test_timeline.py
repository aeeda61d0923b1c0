"""When each cue is heard. Clip lengths are given here, so that nothing need be spoken."""

from __future__ import annotations

import functools
import itertools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from voiceguide import ssml, timeline
from voiceguide.errors import Position, ScriptError
from voiceguide.ssml import Cue, Group, Pause, Sound, Speech, Style, SyncBase, Timing
from voiceguide.timeline import (
    Began,
    Chapter,
    End,
    Ended,
    Event,
    Item,
    Opening,
    Ramp,
    Span,
    Timeline,
)

SOUNDS = Path(__file__).parents[1] / "sounds"
NAMESPACES = 'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:vg="urn:voiceguide"'
LENGTHS_MS = {
    "tick.wav": 100, "bell.wav": 1000, "start.wav": 2000, "chime.wav": 10_000,
    "One.": 1000, "Two.": 2000, "Three.": 3000,
}  # fmt: skip
TICK, BELL, START, CHIME = (
    f'<audio src="{name}.wav"/>' for name in ("tick", "bell", "start", "chime")
)
AT = Position(1, 1)
"""Where cues stand that were never written."""


def length_ms(cue: Speech | Sound) -> int:
    return LENGTHS_MS[cue.text if isinstance(cue, Speech) else cue.source]


def parsed(body: str) -> Group:
    text = f'<speak xml:lang="en" {NAMESPACES}>{body}</speak>'
    return ssml.parse(text, name="my.ssml", folders=[SOUNDS]).root


def items(body: str, **options: object) -> list[Item]:
    return list(timeline.resolve(parsed(body), length_ms, name="my.ssml", **options))


def whole(body: str) -> Timeline:
    return timeline.collect(items(body))


def heard(body: str) -> list[tuple[str, float, float]]:
    """Return what is heard, and from when to when, in seconds."""
    return [
        (
            event.text.strip(".") if event.kind == "speech" else event.source[:-4],
            event.begin_ms / 1000,
            event.end_ms / 1000,
        )
        for event in whole(body).events
    ]


def marks(body: str) -> list[tuple[str, str | None, float, float]]:
    """Return kind and label of each mark, and from when to when it lasts, in seconds."""
    return [
        (mark.kind, mark.label, mark.begin_ms / 1000, mark.end_ms / 1000)
        for mark in whole(body).marks
    ]


def mark(name: str) -> str:
    return f'<mark name="{name}"/>'


def lasts_s(body: str) -> float:
    return whole(body).duration_ms / 1000


def only(body: str) -> Event:
    (event,) = whole(body).events
    return event


def refused(body: str, **options: object) -> str:
    root = parsed(body)  # what is refused here can be read
    with pytest.raises(ScriptError) as raised:
        list(timeline.resolve(root, length_ms, name="my.ssml", **options))
    return str(raised.value)


# One after the other, all at once


def test_what_is_written_one_after_the_other_is_heard_so():
    body = f'One.<break time="5s"/>{BELL}<p>Two.</p><p>Three.</p>'
    assert heard(body) == [("One", 0, 1), ("bell", 6, 7), ("Two", 7, 9), ("Three", 10.5, 13.5)]
    assert lasts_s(body) == 13.5


def test_an_empty_script_lasts_no_time():
    assert items("") == [End(0)]


def test_a_pause_at_the_end_belongs_to_the_session():
    assert lasts_s('One.<break time="90s"/>') == 91


def test_a_seq_plays_one_after_the_other_and_a_par_all_at_once():
    media = f"<media>{BELL}</media><media>Two.</media><media>{TICK}</media>"
    assert heard(f"<seq>{media}</seq>") == [("bell", 0, 1), ("Two", 1, 3), ("tick", 3, 3.1)]
    assert heard(f"<par>{media}</par>") == [("bell", 0, 1), ("Two", 0, 2), ("tick", 0, 0.1)]


def test_what_follows_waits_for_the_longest_of_a_par():
    body = f"<par><media>Three.</media><media>{BELL}</media></par>One."
    assert heard(body)[-1] == ("One", 3, 4)


def test_a_begin_counts_from_the_par_and_in_a_seq_from_the_one_before():
    media = f'<media>{BELL}</media><media begin="3s">One.</media><media begin="2s">{TICK}</media>'
    assert heard(f"Two.<par>{media}</par>") == [
        ("Two", 0, 2), ("bell", 2, 3), ("tick", 4, 4.1), ("One", 5, 6),
    ]  # fmt: skip
    assert heard(f"Two.<seq>{media}</seq>") == [
        ("Two", 0, 2), ("bell", 2, 3), ("One", 6, 7), ("tick", 9, 9.1),
    ]  # fmt: skip


def test_a_negative_begin_overlaps_with_what_comes_before():
    assert heard(f'Three.<media begin="-1s">{BELL}</media>') == [("Three", 0, 3), ("bell", 2, 3)]
    body = f'One.<par><media begin="-500ms">{BELL}</media><media>Two.</media></par>'
    assert heard(body) == [("One", 0, 1), ("bell", 0.5, 1.5), ("Two", 1, 3)]


def test_nothing_begins_before_the_session():
    assert refused(f'\nOne.\n<media begin="-2s">{BELL}</media>') == (
        "my.ssml:3:1: begins 1000 ms before the session does: let it begin later"
    )


# References


def test_a_begin_may_hang_on_what_was_written_before():
    body = f"""<par>
      <media xml:id="a" begin="1s">Two.</media>
      <media begin="a.begin+500ms">{TICK}</media>
      <media begin="a.end-1s">{BELL}</media>
    </par>"""
    assert heard(body) == [("Two", 1, 3), ("tick", 1.5, 1.6), ("bell", 2, 3)]


def test_a_begin_may_hang_on_what_is_written_later():
    body = f"""<par>
      <media begin="b.end+1s">{BELL}</media>
      <media xml:id="b" begin="c.end">One.</media>
      <media xml:id="c">Three.</media>
    </par>"""
    assert heard(body) == [("Three", 0, 3), ("One", 3, 4), ("bell", 5, 6)]


def test_a_reference_reaches_into_and_out_of_groups():
    body = f"""<seq><media>One.</media><media xml:id="two">Two.</media></seq>
      <par><media begin="two.begin">{TICK}</media><media begin="late.end">{BELL}</media></par>
      <par><seq><media xml:id="late" begin="two.end+4s">Three.</media></seq></par>"""
    assert heard(body) == [
        ("One", 0, 1), ("Two", 1, 3), ("tick", 1, 1.1), ("Three", 7, 10), ("bell", 10, 11),
    ]  # fmt: skip


def test_an_end_may_hang_on_another_element():
    body = f"""<par>
      <media repeatCount="100" end="words.end+1s">{BELL}</media>
      <media xml:id="words" begin="500ms">Two.</media>
    </par>"""
    assert heard(body)[-1] == ("bell", 3, 3.5)
    assert lasts_s(body) == 3.5


def test_a_child_may_count_from_the_end_of_a_par_of_fixed_length():
    body = f'<par xml:id="all" dur="20s"><media begin="all.end-2s">{BELL}</media></par>'
    assert heard(body) == [("bell", 18, 19)]


@pytest.mark.parametrize(
    ("circle", "place"),
    [
        ('<par><media begin="b.end" xml:id="a"/>\n<media begin="a.end" xml:id="b"/></par>', "2:6"),
        ('<par><media>One.</media><media xml:id="a" begin="a.end">Two.</media></par>', "2:25"),
        ('<par xml:id="p">\n<media begin="p.end">One.</media></par>', "2:1"),
        ('<seq><media begin="b.begin">One.</media>\n<media xml:id="b">Two.</media></seq>', "2:6"),
        ('<par><media end="b.end" xml:id="a"/>\n<media end="a.end" xml:id="b"/></par>', "2:6"),
        ('One.\n  <media xml:id="a" begin="a.begin+1s">Two.</media>', "3:3"),
        ('One.\n<par begin="a.end"><media xml:id="a">Two.</media></par>', "3:1"),
    ],
)
def test_a_circle_is_an_error_with_its_line_and_column(circle, place):
    says = "circular reference: its time depends on itself"
    assert refused(f"\n{circle}") == f"my.ssml:{place}: {says}"


def test_a_long_chain_of_references_is_followed():
    chain = "".join(
        f'<media xml:id="m{n}" begin="m{n - 1}.end">{TICK}</media>' for n in range(1, 3000)
    )
    assert lasts_s(f'<par><media xml:id="m0">{TICK}</media>{chain}</par>') == 300


def test_a_chain_of_references_too_long_to_be_followed_is_an_error_with_its_line():
    chain = "".join(f'<media xml:id="m{n}" begin="m{n + 1}.end"/>' for n in range(3000))
    said = refused(f'\n<par>{chain}<media xml:id="m3000"/></par>')
    assert re.match(r"my\.ssml:2:\d+: depends on too long a chain of references", said)
    assert len(said.splitlines()) == 1


def test_the_end_of_a_long_seq_may_be_referred_to_before_it():
    media = f"<media>{TICK}</media>" * 3000
    seq = f'<seq>{media}<media xml:id="last">{TICK}</media></seq>'
    body = f'<par><media begin="last.end">One.</media>{seq}</par>'
    assert heard(body)[-1] == ("One", 300.1, 301.1)


def test_a_reference_into_what_is_never_heard_is_followed():
    unheard = f'<seq repeatDur="0s"><media>{BELL}</media><media xml:id="x">{BELL}</media></seq>'
    assert heard(f'{unheard}<media begin="x.end">One.</media>') == [("One", 2, 3)]


def test_a_reference_into_what_is_never_heard_is_followed_in_a_fixed_length_too():
    media = f'<media>{BELL}</media><media xml:id="x">{BELL}</media>'
    unheard = f'<seq dur="5s" repeatDur="0s">{media}</seq>'
    assert heard(f'{unheard}<media begin="x.end">One.</media>') == [("One", 2, 3)]


# Fixed lengths


def test_a_dur_is_exact_whether_its_content_is_shorter_or_longer():
    body = f'<par dur="5s"><media>{BELL}</media></par>One.'
    assert heard(body) == [("bell", 0, 1), ("One", 5, 6)]
    body = f'<par dur="5s"><media>{CHIME}</media></par>One.'
    assert heard(body) == [("chime", 0, 5), ("One", 5, 6)]


def test_an_end_cuts_or_extends_alike():
    assert heard(f'<media end="500ms">{BELL}</media>One.') == [("bell", 0, 0.5), ("One", 0.5, 1.5)]
    assert heard(f'<media end="4s">{BELL}</media>One.') == [("bell", 0, 1), ("One", 4, 5)]
    body = f'Two.<seq><media begin="1s" end="3s">{CHIME}</media></seq>'
    assert heard(body) == [("Two", 0, 2), ("chime", 3, 5)]
    assert lasts_s('<par end="2s" dur="9s"/>') == 2
    assert lasts_s('<par end="9s" dur="2s"/>') == 2


def test_an_end_before_the_begin_leaves_nothing():
    assert heard(f'<par><media begin="3s" end="1s">{BELL}</media></par>') == []


def test_a_sound_that_is_cut_is_faded_so_that_it_does_not_click():
    event = only(f'<par dur="5s"><media begin="1s">{CHIME}</media></par>')
    assert (event.begin_ms, event.end_ms) == (1000, 5000)
    (ramp,) = event.ramps
    assert ramp.end_ms == 5000
    assert ramp.end_ms - ramp.begin_ms == 10
    assert not ramp.rising
    assert not only(f'<par dur="5s"><media begin="4s">{BELL}</media></par>').ramps


def test_a_sound_that_begins_after_the_end_is_not_heard():
    media = f'<media begin="5s">{BELL}</media><media begin="6s">{BELL}</media>'
    assert heard(f'<par dur="5s">{media}</par>') == []


def test_the_innermost_and_the_outermost_length_both_hold():
    inner = f'<media dur="3s">{CHIME}</media>'
    assert heard(f'<par dur="5s">{inner}</par>') == [("chime", 0, 3)]
    assert heard(f'<par dur="2s">{inner}</par>') == [("chime", 0, 2)]


def test_speech_that_just_fits_is_whole():
    assert heard('<par dur="5s"><media begin="3s">Two.</media></par>') == [("Two", 3, 5)]


@pytest.mark.parametrize(
    ("body", "column", "begins", "length", "room"),
    [
        ('<par dur="5s">\n<media begin="4s">Two.</media></par>', 19, 4, 2, 1),
        ('\n<media end="4s" repeatDur="2500ms">One.</media>', 36, 2, 1, 0.5),
        ('<media end="4s">\n<media dur="1s">Two.</media></media>', 17, 0, 2, 1),
        ('<par dur="1s">\n<media end="3s">Two.</media></par>', 17, 0, 2, 1),
        ('\n<media repeatCount="1.5">Three.</media>', 26, 3, 3, 1.5),
        ('\n<media repeatDur="2500ms">One.</media>', 27, 2, 1, 0.5),
        ('<par dur="2s">\n<media begin="3s">One.</media></par>', 19, 3, 1, 0),
        ('<par dur="1s"><par dur="3s">\n<media>Two.</media></par></par>', 8, 0, 2, 1),
    ],
)
def test_speech_that_does_not_fit_is_an_error_and_not_cut(body, column, begins, length, room):
    assert re.fullmatch(
        rf"my\.ssml:2:{column}: “(One|Two|Three)\.” begins at {begins}\.000 s and lasts "
        rf"{length}\.000 s, but there is room for {room:.3f} s: .*",
        refused(body),
    )


def test_an_end_cuts_speech_with_a_fade_and_a_warning():
    inner = "<seq><media>Two.</media><media>Three.</media></seq>"
    session = whole(f'<media begin="1s" end="2500ms">\n{inner}</media>One.')
    two, one = session.events
    assert (two.text, two.begin_ms, two.end_ms) == ("Two.", 1000, 2500)
    assert two.ramps == (Ramp(2400, 2500, rising=False),)
    assert (one.text, one.begin_ms) == ("One.", 2500)
    cut, unheard = session.warnings
    assert cut == (
        "my.ssml:2:13: “Two.” lasts 2.000 s, but the “end” around it cuts it off after 1.500 s: "
        "it is faded"
    )
    assert unheard == "my.ssml:2:32: “Three.” is not heard: the “end” around it comes before it"
    assert list(session)[-1] == End(3500, session.warnings)


def test_speech_that_ends_with_the_end_or_before_it_is_whole_without_a_warning():
    for body in (
        '<media end="2s">Two.</media>',
        '<media end="9s"><media end="3s">Two.</media></media>',
    ):
        session = whole(body)
        (event,) = session.events
        assert (event.end_ms, event.ramps, session.warnings) == (2000, (), ())


def test_each_round_that_an_end_cuts_alike_is_told_once():
    body = '<seq repeatCount="3"><media end="1s">Two.</media></seq>'
    assert heard(body) == [("Two", 0, 1), ("Two", 1, 2), ("Two", 2, 3)]
    assert len(whole(body).warnings) == 1


def test_a_long_speech_is_named_by_its_first_words(monkeypatch):
    text = "Sit on the floor with your left knee a little bent and the heel resting on the floor."
    monkeypatch.setitem(LENGTHS_MS, text, 5000)
    said = refused(f'<par dur="1s"><media>{text}</media></par>')
    assert "“Sit on the floor with your left knee a little bent and the…”" in said


# All that is wrong, at once

TOO_LONG = '<par dur="1s"><media>Two.</media></par>'
CIRCLE = '<media xml:id="a" begin="a.end">One.</media>'


def test_all_that_has_no_place_in_time_is_reported_at_once_in_the_order_of_the_script():
    body = f"""
{TOO_LONG}
One.
  {CIRCLE}
<par dur="2s"><media begin="500ms">Three.</media></par>
"""
    too_long, circle, longer = refused(body).splitlines()
    says = "“Two.” begins at 0.000 s and lasts 2.000 s, but there is room for 1.000 s: "
    assert too_long.startswith(f"my.ssml:2:22: {says}")
    assert circle == "my.ssml:4:3: circular reference: its time depends on itself"
    says = "“Three.” begins at 3.500 s and lasts 3.000 s, but there is room for 1.500 s: "
    assert longer.startswith(f"my.ssml:5:36: {says}")


def test_problems_are_in_the_order_of_the_script_even_where_time_runs_otherwise():
    late = '<media begin="5s" dur="1s">Two.</media>'
    body = f'\n<par>{late}\n<media dur="1s">Three.</media></par>\n<media begin="-1min"/>'
    places = [line.split(": ")[0] for line in refused(body).splitlines()]
    assert places == ["my.ssml:2:33", "my.ssml:3:17", "my.ssml:4:1"]


def test_what_is_wrong_in_the_same_way_is_told_once_with_its_number():
    early = '<media begin="-1s">One.</media>'
    assert refused(f"\n<par>{early}{early}\n{early}</par>") == (
        "my.ssml:2:6: begins 1000 ms before the session does: let it begin later "
        "(and 2 more like it)"
    )


@pytest.mark.parametrize("wrong", [TOO_LONG, CIRCLE])
def test_what_comes_before_a_problem_is_given_and_nothing_after_it(wrong):
    asked: list[str] = []

    def noted_ms(cue: Speech | Sound) -> int:
        asked.append(cue.text if isinstance(cue, Speech) else cue.source)
        return length_ms(cue)

    body = f'{TICK}{BELL}{wrong}<mark name="chapter:Late"/>Three.{CHIME}'
    stream = timeline.resolve(parsed(body), noted_ms)
    assert [next(stream).source for _ in range(2)] == ["tick.wav", "bell.wav"]
    with pytest.raises(ScriptError):
        next(stream)
    assert asked[-2:] == ["Three.", "chime.wav"]  # all that follows was looked at
    assert list(stream) == []


# Repetitions


def test_each_repetition_is_an_event_of_its_own():
    body = f'<media repeatCount="3">{BELL}</media>One.'
    assert heard(body) == [("bell", 0, 1), ("bell", 1, 2), ("bell", 2, 3), ("One", 3, 4)]
    body = '<seq repeatCount="2"><media>One.</media><media begin="1s">Two.</media></seq>'
    assert heard(body) == [("One", 0, 1), ("Two", 2, 4), ("One", 4, 5), ("Two", 6, 8)]


def test_the_last_repetition_is_cut_where_the_count_or_the_time_is_up():
    assert heard(f'<media repeatCount="1.5">{BELL}</media>') == [("bell", 0, 1), ("bell", 1, 1.5)]
    body = f'<media repeatDur="2200ms">{BELL}</media>'
    assert heard(body) == [("bell", 0, 1), ("bell", 1, 2), ("bell", 2, 2.2)]
    assert heard(body.replace(">", ' repeatCount="2">', 1)) == [("bell", 0, 1), ("bell", 1, 2)]
    assert heard(body.replace(">", ' end="500ms">', 1)) == [("bell", 0, 0.5)]


def test_a_dur_sets_the_beat_of_the_repetitions():
    body = f'<media dur="4s" repeatCount="2">{BELL}</media>'
    assert heard(body) == [("bell", 0, 1), ("bell", 4, 5)]
    assert lasts_s(body) == 8
    body = f'<media dur="4s" repeatCount="2">{CHIME}</media>'
    assert heard(body) == [("chime", 0, 4), ("chime", 4, 8)]


def test_repetitions_in_repetitions_multiply():
    body = f'<par dur="1s" repeatCount="2"><media dur="300ms" repeatCount="3">{TICK}</media></par>'
    begins = [begin for _, begin, _ in heard(body)]
    assert begins == [0, 0.3, 0.6, 1, 1.3, 1.6]


def test_nothing_repeated_is_nothing():
    assert lasts_s('<media repeatCount="1000000000"/>') == 0
    assert lasts_s('<media repeatDur="5s"/>One.') == 6


# Level, fades, pan


def test_levels_add_up_from_the_outermost_to_the_sound():
    sound = '<audio src="bell.wav" soundLevel="+1dB"/>'
    body = f'<par soundLevel="-3dB"><media soundLevel="-2.5dB">{sound}</media></par>'
    assert only(body).gain_db == -4.5
    speech = '<prosody volume="-2dB"><prosody volume="-1dB">One.</prosody></prosody>'
    assert only(f'<media soundLevel="-6dB">{speech}</media>').gain_db == -9
    assert only(BELL).gain_db == 0


def test_fades_are_ramps_over_the_whole_of_an_element():
    body = f'<media fadeInDur="1s" fadeOutDur="2s" repeatCount="5">{START}</media>'
    first, *between, last = whole(f"One.{body}").events[1:]
    assert first.ramps == (Ramp(1000, 2000, rising=True),)
    assert all(not event.ramps for event in between)
    assert last.ramps == (Ramp(9000, 11_000, rising=False),)


def test_fades_of_groups_add_to_those_of_what_they_hold():
    media = f'<media fadeOutDur="500ms">{CHIME}</media>'
    event = only(f'<par fadeInDur="3s" fadeOutDur="1s">{media}</par>')
    assert set(event.ramps) == {
        Ramp(0, 3000, rising=True),
        Ramp(9000, 10_000, rising=False),
        Ramp(9500, 10_000, rising=False),
    }


def test_a_fade_out_longer_than_its_element_begins_with_it():
    body = f'<break time="1s"/><media fadeOutDur="1min">{BELL}</media>'
    assert only(body).ramps == (Ramp(1000, 2000, rising=False),)


def test_pans_add_up_to_one_side_at_most():
    body = f'<par vg:pan="-0.25"><media vg:pan="0.5">{BELL}</media></par>'
    assert only(body).pan == 0.25
    assert only(body.replace("-0.25", "0.75")).pan == 1
    assert only(BELL).pan == 0


# Chapters


def test_a_chapter_lasts_until_the_next_or_the_end():
    body = (
        'One.<mark name="chapter:Press"/>Two.<mark name="elsewhere"/>'
        '<par dur="9s"><media begin="1s"><mark name="chapter:Stretch"/>Three.</media></par>'
    )
    assert whole(body).chapters == (Chapter("Press", 1000, 4000), Chapter("Stretch", 4000, 12_000))
    assert [type(item) for item in items(body)] == [Event, Opening, Event, Opening, Event, End]


def test_chapters_are_given_in_the_order_of_time():
    late = '<media begin="5s"><mark name="chapter:Late"/>One.</media>'
    early = '<media><mark name="chapter:Early"/>One.</media>'
    chapters = whole(f"<par>{late}{early}</par>").chapters
    assert chapters == (Chapter("Early", 0, 5000), Chapter("Late", 5000, 6000))


def test_a_chapter_beyond_the_end_of_its_group_is_none():
    body = '<par dur="1s"><media begin="2s"><mark name="chapter:Never"/></media></par>'
    assert whole(body).chapters == ()


# Holds, breaths, sides


def test_a_hold_lasts_from_its_mark_to_the_mark_that_ends_it():
    body = f"One.{mark('hold:')}Two.{mark('end:hold')}Three."
    assert marks(body) == [("hold", None, 1, 3)]
    assert [type(item) for item in items(body)] == [Event, Began, Event, Ended, Event, End]


def test_a_mark_has_a_label_and_each_kind_is_open_once_at_a_time():
    body = (
        f"{mark('side:left')}One.{mark('hold:upper  calf: outside')}Two.{mark('side: right ')}"
        f"Three.{mark('end:hold')}{mark('hold:')}One."
    )
    assert marks(body) == [
        ("side", "left", 0, 3), ("hold", "upper calf: outside", 1, 6), ("side", "right", 3, 7),
        ("hold", None, 6, 7),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["hold", "holds:", "Hold:", "end:hold:", "end:", "end:chapter", ":", "hold upper:"]
)
def test_another_name_marks_nothing(name):
    assert marks(f"One.{mark('hold:')}One.{mark(name)}One.") == [("hold", None, 1, 3)]
    assert items(f"One.{mark(name)}") == [*items("One.")]


def test_what_is_not_open_does_not_end_and_what_takes_no_time_is_left_out():
    body = f"{mark('end:hold')}One.{mark('hold:')}{mark('end:hold')}{mark('move:')}{mark('move:b')}"
    assert marks(f"{body}Two.{mark('side:left')}") == [("move", "b", 1, 3)]


def test_each_repetition_has_its_marks():
    tone = f"<media>{mark('inhale:')}{TICK}</media>"
    held = f'<media begin="2s">{mark("end:inhale")}</media>'
    body = f'<seq><media><par dur="3s" repeatCount="3">{tone}{held}</par></media></seq>'
    assert marks(body) == [("inhale", None, begin, begin + 2) for begin in (0, 3, 6)]
    body = f'<media repeatCount="3">{mark("exhale:out")}{BELL}</media>'
    assert marks(body) == [("exhale", "out", begin, begin + 1) for begin in (0, 1, 2)]


def test_a_mark_that_is_cut_off_ends_there():
    held = f"{mark('hold:')}{CHIME}{mark('end:hold')}"
    assert marks(f'<media repeatCount="1.5">{held}</media>{CHIME}') == [
        ("hold", None, 0, 10), ("hold", None, 10, 15),
    ]  # fmt: skip
    assert marks(f'<media dur="4s">{held}</media>{CHIME}') == [("hold", None, 0, 4)]
    late = f'<media begin="5s">{held}</media>'
    assert marks(f'<par dur="4s">{late}</par>{CHIME}') == []


def test_marks_are_in_the_order_of_time_and_of_the_script_within_a_millisecond():
    late = f'<media begin="5s">{mark("hold:")}One.</media>'
    early = f"<media>{mark('side:left')}One.</media>"
    assert marks(f"<par>{late}{early}</par>") == [("side", "left", 0, 6), ("hold", None, 5, 6)]
    body = f"{mark('end:side')}{mark('side:left')}{TICK}{mark('move:')}{mark('inhale:')}"
    assert [getattr(item, "kind", None) for item in items(body)] == [
        "side", "side", "sound", "move", "inhale", None,
    ]  # fmt: skip


def test_a_hold_is_known_before_what_comes_after_it_is_made():
    stream = timeline.resolve(parsed(f"{mark('hold:')}{BELL}{mark('end:hold')}Unheard."), length_ms)
    first = list(itertools.islice(stream, 3))
    assert [type(item) for item in first] == [Began, Event, Ended]
    with pytest.raises(KeyError):
        next(stream)


def test_marks_are_given_again_with_all_else():
    body = (
        f"One.{mark('hold:')}{mark('chapter:A')}Two.{mark('hold:b')}{mark('side:left')}Three."
        f"{mark('end:hold')}One."
    )
    made = whole(body)
    assert made.marks == (
        Span("hold", 1000, 3000), Span("hold", 3000, 6000, "b"), Span("side", 3000, 7000, "left"),
    )  # fmt: skip
    assert timeline.collect(made) == made
    begins = [item.at_ms for item in list(made)[:-1]]
    assert begins == sorted(begins)


# Order and streaming


# Fitting


def fitted(body: str, target_ms: int) -> Timeline:
    scripts = [timeline.Measured(parsed(body), length_ms)]
    fit = timeline.fit(scripts, target_ms)
    again = timeline.fit(scripts, target_ms, fit.stretch)
    assert (again.timelines, again.in_step()) == (fit.timelines, fit.in_step())
    return fit.timelines[0]


def gaps_ms(fitted: Timeline) -> list[int]:
    return [after.begin_ms - one.end_ms for one, after in itertools.pairwise(fitted.events)]


def test_elastic_pauses_are_scaled_from_half_to_twice_their_length_and_fixed_ones_never():
    body = 'One.<break strength="strong"/>Two.<break time="700ms"/>One.'
    assert gaps_ms(fitted(body, 5450)) == [750, 700]
    assert gaps_ms(fitted(body, 6200)) == [1500, 700]
    assert gaps_ms(fitted(body, 7700)) == [3000, 700]
    for target_ms in (5449, 7701):
        with pytest.raises(timeline.LengthError) as raised:
            fitted(body, target_ms)
        assert raised.value.nearest_ms == (5450, 7700)


def test_every_length_is_met_to_the_millisecond_by_all_pauses_alike():
    pauses = [200, 400, 800]
    strengths = ("x-weak", "weak", "medium")
    body = "".join(f'One.<break strength="{strength}"/>' for strength in strengths) + "Two."
    for target_ms in range(5700, 7801, 7):
        got = fitted(body, target_ms)
        assert got.duration_ms == target_ms
        exact = [pause * (target_ms - 5000) / 1400 for pause in pauses]
        assert all(abs(a - b) <= 3 for a, b in zip(gaps_ms(got), exact, strict=True))


def test_elastic_pauses_can_end_where_a_frame_of_an_mp3_begins():
    elastic, fixed = '<break strength="medium"/>', '<break time="701ms"/>'
    body = f"One.{elastic}Two.{fixed}One.{elastic}Two.{elastic}One."
    for target_ms in range(9000, 12_500, 37):
        fit = timeline.fit([timeline.Measured(parsed(body), length_ms)], target_ms)
        (exact,), (stepped,) = fit.timelines, fit.in_step()
        assert stepped.duration_ms == exact.duration_ms == target_ms
        assert [event.begin_ms % 24 for event in (stepped.events[1], stepped.events[3])] == [0, 0]
        assert stepped.events[4] == exact.events[4]
        assert stepped.events[2].begin_ms - stepped.events[1].end_ms == 701
        pairs = zip(exact.events, stepped.events, strict=True)
        assert all(abs(one.begin_ms - other.begin_ms) <= 12 for one, other in pairs)


def test_pauses_stay_as_they_are_where_repetitions_would_move_by_more():
    again = '<speak>One.<break strength="weak"/></speak>'
    body = f'<par><media repeatCount="9">{again}</media></par>Two.<break strength="weak"/>One.'
    fit = timeline.fit([timeline.Measured(parsed(body), length_ms)], 15_700)
    assert fit.in_step() == fit.timelines


def test_pauses_stay_as_they_are_where_speech_would_lose_its_end():
    pause = '<media xml:id="pause"><speak><break strength="x-strong"/></speak></media>'
    said = '<media end="pause.end">Two.</media>'
    body = f'<par>{pause}{said}</par>One.<break strength="strong"/>One.'
    for target_ms in range(5000, 5012):  # of which the first pause has 2000 and a little more
        fit = timeline.fit([timeline.Measured(parsed(body), length_ms)], target_ms)
        (stepped,) = fit.in_step()
        assert stepped.warnings == ()
        assert stepped.events[0].end_ms == 2000


def test_a_pause_that_is_repeated_counts_as_often_as_it_is_heard():
    again = '<speak>One.<break strength="weak"/></speak>'
    body = f'<par><media repeatCount="3">{again}</media></par>Two.<break strength="weak"/>One.'
    for target_ms in range(7600, 7630):
        got = fitted(body, target_ms)
        assert got.duration_ms == target_ms
        first, second, _, last = gaps_ms(got)
        assert first == second
        assert abs(first - last) <= 5


def test_events_are_given_in_the_order_of_their_begin():
    body = f"""<par><media begin="3s">One.</media><media>{BELL}</media></par>
      <media begin="-2s">{TICK}</media><media begin="-100ms">Two.</media>
      <par><media begin="2s">{BELL}</media><media begin="-1s">{TICK}</media></par>"""
    begins = [begin for _, begin, _ in heard(body)]
    assert begins == sorted(begins)
    assert len(begins) == 6


def test_events_are_in_order_where_several_in_a_row_begin_earlier():
    early = f'<media begin="-10s">{BELL}</media>'
    body = f'<par><media>{CHIME}</media><media begin="5s" dur="15s">{BELL}</media></par>'
    begins = [begin for _, begin, _ in heard(body + early + early)]
    assert begins == sorted(begins)


def test_the_first_events_are_given_before_a_later_speech_is_made():
    asked: list[str] = []

    def noted_ms(cue: Speech | Sound) -> int:
        asked.append(cue.text if isinstance(cue, Speech) else cue.source)
        return length_ms(cue)

    body = f'One.{BELL}<par><media>Two.</media></par><media begin="-500ms">Three.</media>'
    stream = timeline.resolve(parsed(body), noted_ms)
    assert asked == []
    assert next(stream).text == "One."
    assert {"Two.", "Three."}.isdisjoint(asked)
    assert next(stream).source == "bell.wav"
    assert next(stream).text == "Two."
    assert "Three." not in asked
    assert [type(item) for item in stream] == [Event, End]


def test_until_when_nothing_more_begins_is_said_before_a_speech_is_made():
    known_ms: list[int] = []
    known_when_asked: list[int] = []

    def noted_ms(cue: Speech | Sound) -> int:
        if isinstance(cue, Speech):
            known_when_asked.append(known_ms[-1])
        return length_ms(cue)

    early = f'<media begin="-500ms">{BELL}</media>'
    body = f'{BELL}<break time="2s"/>One.<break time="1s"/>{early}Two.'
    made = list(timeline.resolve(parsed(body), noted_ms, known=known_ms.append))
    one, two = (item for item in made if isinstance(item, Event) and item.kind == "speech")
    assert known_when_asked == [one.begin_ms - 500, two.begin_ms]


def test_a_long_session_is_streamed_from_its_first_second():
    asked = itertools.count()
    cues = (Speech("One.", Style("en"), AT), Pause(1000, elastic=False, at=AT))
    root = Group("seq", cues * 5000, AT)

    def noted_ms(cue: Speech | Sound) -> int:
        next(asked)
        return length_ms(cue)

    stream = timeline.resolve(root, noted_ms)
    for _ in range(10):
        next(stream)
    assert next(asked) <= 11


def test_a_timeline_gives_its_events_and_then_its_end():
    made = whole(f"One.{BELL}")
    assert list(made) == [*made.events, End(2000)]
    assert timeline.collect(made) == made


# Limits


def test_a_session_lasts_twelve_hours_at_most():
    assert lasts_s('<break time="12h"/>') == 12 * 3600
    says = "my.ssml:2:1: ends later than 12 hours; max_length allows more"
    assert refused('\n<break time="43200001ms"/>') == says
    assert refused('<break time="11h"/>One.<break time="30min"/>\n<par dur="1h"/>') == says


def test_a_session_lasts_as_long_as_is_allowed_and_no_longer():
    assert items('<break time="13h"/>', max_ms=13 * 3_600_000) == [End(13 * 3_600_000)]
    says = "my.ssml:2:1: ends later than 1.5 hours; max_length allows more"
    assert refused('\n<break time="5400001ms"/>', max_ms=90 * 60_000) == says
    for max_ms, longest in [(60_000, "1 minute"), (3_600_000, "1 hour"), (1500, "1.5 seconds")]:
        said = refused('<break time="2h"/>', max_ms=max_ms)
        assert said == f"my.ssml:1:92: ends later than {longest}; max_length allows more"


def test_a_limit_is_an_error_at_once_with_the_problems_before_it():
    asked: list[str] = []

    def noted_ms(cue: Speech | Sound) -> int:
        asked.append(cue.text if isinstance(cue, Speech) else cue.source)
        return length_ms(cue)

    body = f'\n{TOO_LONG}\n <break time="12h"/>\n<par dur="1s"><media>Three.</media></par>'
    with pytest.raises(ScriptError) as raised:
        list(timeline.resolve(parsed(body), noted_ms, name="my.ssml"))
    too_long, limit = str(raised.value).splitlines()
    assert too_long.startswith("my.ssml:2:22: “Two.” begins at 0.000 s")
    assert limit == "my.ssml:3:2: ends later than 12 hours; max_length allows more"
    assert "Three." not in asked


@pytest.mark.parametrize("content", [TICK, f"One.{BELL}", '<break time="1ms"/>', CHIME])
def test_a_billion_repetitions_are_refused_at_once(content):
    said = refused(f'\n<media repeatCount="1000000000">{content}</media>')
    assert said == "my.ssml:2:1: ends later than 12 hours; max_length allows more"


def test_more_events_than_a_listener_could_tell_apart_are_refused():
    body = f'\n<media repeatDur="12h">{TICK}</media>'
    says = "is event number 200,001, more than a session may have"
    assert refused(body) == f"my.ssml:2:24: {says}"


# Any tree at all, against a second reading of the rules


@dataclass(frozen=True)
class Heard:
    """A clip within its group: when, with the levels and pans from the outermost to its own."""

    begin: int
    end: int
    text: str
    gains: tuple[float, ...] = ()
    pans: tuple[float, ...] = ()


def naive(cue: Cue) -> tuple[int, list[Heard]]:
    """Return the length of ``cue`` and what is heard in it, from its own begin: bottom up."""
    if isinstance(cue, Pause):
        return cue.ms, []
    if isinstance(cue, Speech | Sound):
        text = cue.text if isinstance(cue, Speech) else cue.source
        gains = (cue.style.gain_db,) if isinstance(cue, Speech) else ()
        return length_ms(cue), [Heard(0, length_ms(cue), text, gains)]
    if not isinstance(cue, Group):
        return 0, []
    once: list[Heard] = []
    content = before = 0
    for child in cue.children:
        length, inner = naive(child)
        begin = child.timing.begin if isinstance(child, Group) else 0
        begin += before if cue.kind == "seq" else 0
        once += shifted(inner, begin)
        before = begin + length
        content = max(content, before)
    timing = cue.timing
    simple = content if timing.dur_ms is None else timing.dur_ms
    active = active_ms(timing, simple)
    if timing.dur_ms is not None:
        once = cut(once, simple)
    repeats = timing.repeat_count is not None or timing.repeat_dur_ms is not None
    begins = range(0, active, simple) if repeats and simple else [0]
    every = cut([one for begin in begins for one in shifted(once, begin)], active)
    return active, [
        replace(one, gains=(timing.gain_db, *one.gains), pans=(timing.pan, *one.pans))
        for one in every
    ]


def active_ms(timing: Timing, simple: int) -> int:
    """Return the active duration, case by case as SMIL 3.0's table 5.4.5 has it."""
    repeated = [
        length
        for length in (
            None if timing.repeat_count is None else round(simple * timing.repeat_count),
            timing.repeat_dur_ms,
        )
        if length is not None
    ]
    if timing.end is None:
        return min(repeated, default=simple)
    until_end = max(0, timing.end - timing.begin)
    if not repeated and timing.dur_ms is None:
        return until_end
    return min([until_end, *(repeated or [simple])])


def shifted(some: list[Heard], by: int) -> list[Heard]:
    return [replace(one, begin=one.begin + by, end=one.end + by) for one in some]


def cut(some: list[Heard], at: int) -> list[Heard]:
    return [replace(one, end=min(one.end, at)) for one in some if one.begin < at]


def summed_pan(pans: tuple[float, ...]) -> float:
    total = 0.0
    for pan in pans:
        total = max(-1.0, min(1.0, total + pan))
    return total


def maybe(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


SPEECHES = [
    Speech(text, Style("en", gain_db=gain), AT) for text in ("One.", "Two.") for gain in (0, -3)
]
CLIPS = [Sound(SOUNDS / name, name, AT) for name in ("tick.wav", "bell.wav", "start.wav")]
PAUSES = [Pause(ms, elastic=False, at=AT) for ms in (0, 300, 1000)]
BEGINS_MS = st.sampled_from([0, 0, 300, 2000, -200, -500])
LONG_MS = maybe(st.sampled_from([0, 50, 700, 1000, 1500, 2500, 6000]))
COUNTS = maybe(st.sampled_from([0.5, 1, 1.5, 2, 3]))
GAINS_DB = st.integers(-20, 6)
PANS = st.sampled_from([-0.75, -0.25, 0, 0.5, 1])
KINDS = st.sampled_from(["par", "seq"])
EITHER = st.booleans()
# Strategies are built once, for that takes longer than to draw from them.


@functools.cache
def groups(depth: int = 3, *, cuttable: bool = False) -> st.SearchStrategy[Group]:
    """Return a strategy for a par, a seq or a media.

    Speech is only where nothing around it has an end of its own.
    """
    some = {cut_too: children(depth, cuttable=cut_too) for cut_too in {cuttable, True}}

    @st.composite
    def group(draw: st.DrawFn) -> Group:
        timing = Timing(begin=draw(BEGINS_MS), gain_db=draw(GAINS_DB), pan=draw(PANS))
        can_be_cut = cuttable
        if draw(EITHER):
            can_be_cut = True
            timing = replace(
                timing,
                end=draw(LONG_MS),
                dur_ms=draw(LONG_MS),
                repeat_count=draw(COUNTS),
                repeat_dur_ms=draw(LONG_MS),
            )
        return Group(draw(KINDS), tuple(draw(some[can_be_cut])), AT, timing)

    return group()


@functools.cache
def children(depth: int, *, cuttable: bool) -> st.SearchStrategy[list[Cue]]:
    """Return a strategy for what a group holds: leaves, and groups to so many levels."""
    leaves = st.sampled_from(CLIPS + PAUSES + ([] if cuttable else SPEECHES))
    inner = leaves if depth == 0 else groups(depth - 1, cuttable=cuttable) | leaves
    return st.lists(inner, min_size=1, max_size=3)


SESSIONS = st.lists(groups(), min_size=1, max_size=3).map(
    lambda some: Group("seq", (Pause(600_000, elastic=False, at=AT), *some), AT)
)
TREES, WEBS = (2000, 600) if os.environ.get("CI") else (400, 150)
THOROUGH = settings(
    max_examples=TREES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.slow
@given(SESSIONS)
@THOROUGH
def test_any_tree_is_heard_as_the_rules_say(root):
    length, expected = naive(root)
    *given_items, end = timeline.resolve(root, length_ms)
    assert end == End(length)
    actual = [
        (
            event.begin_ms,
            event.end_ms,
            event.text if event.kind == "speech" else event.source,
            event.gain_db,
            event.pan,
        )
        for event in given_items
    ]
    assert sorted(actual) == sorted(
        (one.begin, one.end, one.text, sum(one.gains), summed_pan(one.pans)) for one in expected
    )


TICKS = (CLIPS[0], Group("seq", (CLIPS[0],), AT, Timing(begin=500, dur_ms=1500)))
LONG = Group("par", TICKS, AT)
EARLY = Group("seq", (CLIPS[0],), AT, Timing(begin=-900))


@given(SESSIONS)
@example(Group("seq", (LONG, EARLY, EARLY), AT))
@settings(THOROUGH, max_examples=100)
def test_any_tree_is_given_in_the_order_of_time(root):
    known_ms = [0]
    begins = []
    for item in timeline.resolve(root, length_ms, known=known_ms.append):
        if not isinstance(item, End):
            assert item.at_ms >= known_ms[-1]
            begins.append(item.at_ms)
    assert begins == sorted(begins)
    assert known_ms[1:], "a pause comes first: its end is known"


# Any web of references, against a reading that guesses all times until no guess changes


def guessed(root: Group) -> dict[int, tuple[int, int]] | None:
    """Return begin and end of each clip by the id of its cue; None where guesses never settle."""
    edges: dict[str, tuple[int, int]] = {}
    for _ in range(100):
        before = dict(edges)
        clips: dict[int, tuple[int, int]] = {}
        laid_out(root, 0, edges, clips)
        if edges == before:
            return clips
    return None


def laid_out(
    cue: Cue, origin: int, edges: dict[str, tuple[int, int]], clips: dict[int, tuple[int, int]]
) -> int:
    """Lay ``cue`` out from ``origin`` on, with references as they were guessed; return its end."""

    def at(point: int | SyncBase, offset_from: int) -> int:
        if not isinstance(point, SyncBase):
            return offset_from + point
        return edges.get(point.id, (0, 0))[point.edge == "end"] + point.offset_ms

    if not isinstance(cue, Group):
        length = cue.ms if isinstance(cue, Pause) else length_ms(cue)
        if isinstance(cue, Sound):
            clips[id(cue)] = (origin, origin + length)
        return origin + length
    begin = at(cue.timing.begin, origin)
    latest = before = begin
    for child in cue.children:
        before = laid_out(child, before if cue.kind == "seq" else begin, edges, clips)
        latest = max(latest, before)
    end = latest if cue.timing.dur_ms is None else begin + cue.timing.dur_ms
    if cue.timing.end is not None:
        until = max(begin, at(cue.timing.end, origin))
        end = until if cue.timing.dur_ms is None else min(end, until)
    if cue.timing.id is not None:
        edges[cue.timing.id] = (begin, end)
    return end


NAMES = [f"g{number}" for number in range(8)]
COUNT_OF_NAMES = st.integers(2, 8)
EDGES = {
    count: st.builds(
        SyncBase,
        st.sampled_from(NAMES[:count]),
        st.sampled_from(["begin", "end"]),
        st.sampled_from([0, 0, 500, 1700, -300]),
    )
    for count in range(2, 9)
}
BEGINS = {count: BEGINS_MS | edges for count, edges in EDGES.items()}
ENDS = {count: st.none() | st.none() | edges for count, edges in EDGES.items()}
DURATIONS_MS = st.none() | st.none() | st.sampled_from([20_000, 60_000])
TAKEN = [st.integers(0, most) for most in range(4)]
A_CLIP = st.sampled_from(CLIPS)


@st.composite
def webs(draw: st.DrawFn) -> Group:
    """Make a session of named groups whose begins and ends hang on one another."""
    count = draw(COUNT_OF_NAMES)
    groups: list[Cue] = []
    for name in NAMES[:count]:
        taken = draw(TAKEN[min(3, len(groups))])
        inner = [*groups[len(groups) - taken :], replace(draw(A_CLIP), speed=1.0)]
        del groups[len(groups) - taken :]
        timing = Timing(
            id=name,
            begin=draw(BEGINS[count]),
            end=draw(ENDS[count]),
            dur_ms=draw(DURATIONS_MS),
        )
        order = draw(st.permutations(inner))
        groups.append(Group(draw(KINDS), tuple(order), AT, timing))
    return Group("seq", (Pause(600_000, elastic=False, at=AT), *draw(st.permutations(groups))), AT)


@pytest.mark.slow
@given(webs())
@settings(THOROUGH, max_examples=WEBS)
def test_any_web_of_references_is_timed_as_the_rules_say(root):
    try:
        *given_items, _ = timeline.resolve(root, length_ms, utterance=lambda cue: cue)
    except ScriptError as error:
        assume("circular" not in str(error) and "before the session" not in str(error))
        raise
    clips = guessed(root)
    assert clips is not None
    for event in given_items:  # what is cut off is heard to where it is cut
        begin, end = clips[id(event.plays)]
        assert event.begin_ms == begin
        assert event.end_ms <= end
    begins = [item.at_ms for item in given_items]
    assert begins == sorted(begins)
