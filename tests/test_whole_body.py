"""Every region, method, language, level, guidance and side: what the domain page says they carry.

Each region is treated, in every language, area by area and with each method that suits, in one
session, in CI in three. Between them three have every level, every guidance and every side once,
with and without ``explain`` and, where a roller suits, ``prepare``; which of these meet changes
from area to area and from method to method. One session more treats all areas of the region on
both sides. With ``VOICEGUIDE_EVERY_COMBINATION=1`` each area and method meets all 27 combinations.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator

import pytest
from sessions import (
    HOLD_S,
    MINUTE_MS,
    OPEN_EYES,
    ROLLER,
    UPRIGHT,
    Made,
    Part,
    Turn,
    for_side,
    has_run,
    holds,
    made,
    paragraphs,
    request,
    sounds,
    spoken,
    texts_of,
    worded,
)

from voiceguide import Session, library
from voiceguide.script import Request

pytestmark = pytest.mark.slow
EVERY = os.environ.get("VOICEGUIDE_EVERY_COMBINATION")
LANGUAGES = library.languages()
PLACES = [(language, region) for language in LANGUAGES for region in texts_of(language).regions]
LEVELS = tuple(HOLD_S)
GUIDANCE = ("full", "brief", "tones")
SIDES = ("left", "right", "both")
MOST_WORDS = 25
SAFETY_WORDS = {
    "en": (
        "sharp", "electric", "numb", "press (very lightly|lightly|firmly|deeply)", "stop",
        "bruises", "wounds", "inflamed",
        "swollen", "doctor", "pregnancy", "blood thinners", "thrombosis", "osteoporosis",
        "cancer", "injury", "surgery", "fever", "numbness or weakness", "bleeding",
        "cortisone", "implant",
        "faint", "dizzy",
    ),
    "de": (
        "sticht", "elektri", "taub", "drück (ganz leicht|leicht|fest|tief)",
        "hör.* auf|stopp",
        "bluterg|blaue", "wunde", "entzünd", "geschwoll", "ärzt|arzt", "schwanger", "blutverdünn",
        "thrombose", "osteoporose|brüchig", "krebs", "verletz", "operation|operiert", "fieber",
        "taubheit", "schwäche", "blutungs", "kortison", "implantat", "schwindlig",
    ),
}  # fmt: skip


def requests(language: str, region: str) -> Iterator[Request]:
    """Return the sessions that are made of a region."""
    texts = texts_of(language)
    areas = texts.regions[region]["areas"]
    turn = list(texts.regions).index(region)
    number = itertools.count()
    for at, area in enumerate(areas):
        for method in area["place"]:
            shift = turn + at + list(texts.methods).index(method)
            for level, guidance, side in combinations(shift):
                count = next(number)
                rolled = method != ROLLER and ROLLER in area["place"]
                yield request(
                    target=region, area=area["id"], method=method, language=language,
                    level=level, guidance=guidance, side=side, seed=count,
                    explain=count % 2 == 0, prepare=rolled and count % 4 < 2,
                )  # fmt: skip
    method = next(name for name in texts.methods if name in areas[0]["place"])
    rolled = any(ROLLER in area["place"] for area in areas)
    yield request(target=region, area="all", method=method, language=language, prepare=rolled)


def combinations(shift: int) -> list[tuple[str, str, str]]:
    """Return each level, guidance and side once; another ``shift`` pairs them in other ways."""
    if EVERY:
        return list(itertools.product(LEVELS, GUIDANCE, SIDES))
    three = [
        (level, GUIDANCE[(at + shift) % 3], SIDES[(at + 2 * shift) % 3])
        for at, level in enumerate(LEVELS)
    ]
    return three if os.environ.get("CI") else [three[shift // 3 % 3]]


@pytest.fixture(scope="module", params=PLACES, ids="-".join)
def sessions(request) -> list[Made]:
    """All sessions of one region, made once for all claims about them."""
    return [made(asked) for asked in requests(*request.param)]


def everywhere(claim: Callable[[Made], None]) -> Callable[[list[Made]], None]:
    """Make a claim about a session one about all sessions of a region."""

    def test(sessions):
        for session in sessions:
            try:
                claim(session)
            except AssertionError as error:
                error.add_note(f"in the session of {session.asked!r}")
                raise

    test.__name__ = test.__qualname__ = claim.__name__
    return test


# What is held, moved and stretched, and for how long


@everywhere
def test_a_session_can_be_read_and_all_its_speech_fits(session):
    assert not session.parsed.warnings
    assert session.parsed.language == session.asked.options.language
    assert session.parsed.title == session.region["name"]


@everywhere
def test_a_session_has_a_chapter_for_each_step_on_each_side_that_is_asked_for(session):
    names, asked = session.texts.wording["chapters"], session.asked
    expected = [names["settle"]]
    expected += [names["explain"]] * (asked.options.explain and not session.silent)
    expected += [names["safety"]] * (not session.silent)
    for turn in session.turns:
        steps = ["prepare"] * (turn in session.rolled) + ["find", "press", "stretch"]
        before = f"{session.texts.wording['sides'][turn.side]}: " if turn.side else ""
        expected += [before + names[step] for step in steps]
    assert [part.title for part in session.chapters] == [*expected, names["close"]]
    assert session.chapters[0].begin_ms == 0
    two_sided = any(turn.area["two_sided"] for turn in session.turns)
    wanted = {"left", "right"} if asked.options.side == "both" else {asked.options.side}
    assert {turn.side for turn in session.turns if turn.side} == (wanted if two_sided else set())


@everywhere
def test_holds_last_exactly_as_long_as_the_level_says(session):
    parts = session.parts("press")
    assert len(parts) == len(session.turns)
    for part in parts:
        held = presses(session, part)
        assert len(held) >= 2
        lasting = {end - begin for begin, end in held}
        assert lasting == {HOLD_S[session.asked.options.level] * 1000}


@everywhere
def test_a_hold_is_paced_halved_and_ticked_out(session):
    events = session.timeline.events
    for begin, end in holds(events):
        held = [event for event in events if begin <= event.begin_ms < end]
        half = (begin + end) // 2
        assert sounds(held, "half.wav") == [half]
        words = [event.begin_ms - half for event in held if event.kind == "speech"]
        assert session.silent or any(0 <= late_ms <= 1000 for late_ms in words)
        assert sounds(held, "tick.wav") == [end - before for before in (3000, 2000, 1000)]
        breaths = sorted(sounds(held, "inhale.wav") + sounds(held, "exhale.wav"))
        assert len(breaths) >= 4
        gaps = [later - earlier for earlier, later in itertools.pairwise(breaths)]
        assert gaps == ([4000, 6000] * len(breaths))[: len(gaps)]


@everywhere
def test_marks_tell_what_tones_and_voice_do(session):
    """Players count down and pace by marks alone, so these must lie where the tones do."""
    events, marks = session.timeline.events, session.timeline.marks

    def marked(*kinds: str) -> list[tuple[int, int]]:
        return [(mark.begin_ms, mark.end_ms) for mark in marks if mark.kind in kinds]

    assert marked("hold", "stretch") == holds(events)
    stretched = [holds(part.events)[0] for part in session.parts("stretch")]
    assert marked("stretch") == stretched
    for kind in ("inhale", "exhale"):
        tones = [(e.begin_ms, e.end_ms) for e in events if e.source == f"{kind}.wav"]
        assert marked(kind) == tones
    moves = [
        (begin, end)
        for part, turn in zip(session.parts("press"), session.turns, strict=True)
        for begin, end, _ in movements(session, part, turn)
    ]
    assert [begin for begin, _ in marked("move")] == [begin for begin, _ in moves]
    assert {end - begin for begin, end in marked("move")} == {10_000}
    sides = [mark for mark in marks if mark.kind == "side"]
    assert [mark.label for mark in sides] == [turn.side for turn in session.turns if turn.side]
    for step in ("press", "stretch"):
        for part, turn in zip(session.parts(step), session.turns, strict=True):
            within = [m for m in sides if m.begin_ms <= part.begin_ms < m.end_ms]
            assert [mark.label for mark in within] == [turn.side] * bool(turn.side)
    assert {mark.label for mark in marks if mark.kind != "side"} == {None}


@everywhere
def test_every_hold_is_followed_by_eight_to_twelve_seconds_of_movement(session):
    for part, turn in zip(session.parts("press"), session.turns, strict=True):
        lasting = [end - begin for begin, end, _ in movements(session, part, turn)]
        assert len(lasting) == len(presses(session, part))
        assert all(8000 <= ms <= 12_000 for ms in lasting), lasting


@everywhere
def test_holding_and_moving_alternate_for_five_minutes_or_half_of_that_for_each_side(session):
    both = session.asked.options.side == "both"
    for part, turn in zip(session.parts("press"), session.turns, strict=True):
        first, _ = presses(session, part)[0]
        *_, (_, end, _) = movements(session, part, turn)
        assert (1.5 if both else 4) <= (end - first) / MINUTE_MS <= (3 if both else 6)


@everywhere
def test_the_same_place_is_stretched_for_a_minute(session):
    parts = session.parts("stretch")
    assert len(parts) == len(session.turns)
    for part in parts:
        ((begin, end),) = holds(part.events)
        assert 55_000 <= end - begin <= 65_000


@everywhere
def test_rolling_out_takes_a_minute_before_the_spot_is_looked_for(session):
    for part, turn in zip(session.parts("prepare"), session.rolled, strict=True):
        ((begin, end),) = holds(part.events)
        assert 55_000 <= end - begin <= 65_000
        if session.asked.options.guidance == "full" and turn in session.firsts:
            how = worded(turn.area["place"][ROLLER], turn.side)
            assert has_run(spoken(part.events), how)


@everywhere
def test_the_background_takes_about_a_minute(session):
    for part in session.parts("explain"):
        assert 40_000 <= part.end_ms - part.begin_ms <= 80_000


def presses(session: Made, part: Part) -> list[tuple[int, int]]:
    """Return when a spot is pressed; the foam roller rolls for a minute before."""
    held = holds(part.events)
    return held[1:] if session.asked.options.method == ROLLER else held


def movements(session: Made, part: Part, turn: Turn) -> Iterator[tuple[int, int, str]]:
    """Return when each movement of a side begins and ends, and its first words."""
    events, held = session.timeline.events, presses(session, part)
    reminders = [worded([text], turn.side) for text in session.reminders(turn)]
    length = {sentences[0]: len(sentences) for sentences in reminders}
    nexts = [begin for begin, _ in held[1:]] + [part.end_ms]
    for (_, released), before in zip(held, nexts, strict=True):
        (at,) = (
            at
            for at, event in enumerate(events)
            if released < event.begin_ms < before
            and (event.text in length if event.kind == "speech" else session.silent)
        )
        words = events[at].text if events[at].kind == "speech" else ""
        yield events[at].begin_ms, events[at + length.get(words, 1)].begin_ms, words


# What is said


@everywhere
def test_the_listener_hears_all_that_is_needed_for_the_place(session):
    if session.silent:
        return
    full = session.asked.options.guidance == "full"
    phrases = session.texts.wording["phrases"]
    for number, turn in enumerate(session.turns):
        area, side, first = turn.area, turn.side, turn in session.firsts
        find, press, stretch = (
            [
                text
                for text in spoken(session.parts(key)[number].events)
                if text not in (*phrases["eyes_open"], *phrases["eyes_open_first"])
            ]
            for key in ("find", "press", "stretch")
        )
        assert has_run(find, worded(area["find"][:1], side))
        assert has_run(stretch, worded(area["stretch"][:1], side))
        if first:
            assert has_run(stretch, worded(area["stretch"], side))
        if first:  # how hard, and where not, is said before fingers stay on the spot
            begin, way, spot = (
                worded(texts, side)
                for texts in (area["find"][:1], area["find"][1:-1], area["find"][-1:])
            )
            feels = full and session.asked.options.method != ROLLER  # which meets all of a muscle
            told = [*begin, *worded(session.limit(turn), side), *(way if feels else [])]
            assert has_run(find, told)
            assert has_run(find, [*worded(area["cautions"], side), *(spot if feels else [])])
            assert find.index(told[-1]) < find.index(worded(area["cautions"], side)[0])
        if full and first:
            assert has_run(find, worded(area["place"][session.asked.options.method], side))
            assert has_run(press, worded(session.mobilize(turn), side))


@everywhere
def test_eyes_stay_open_wherever_one_stands_or_leans(session):
    language = session.asked.options.language
    for part in [*session.parts("find"), *session.parts("stretch")]:
        said = " ".join(spoken(part.events)).lower()
        if re.search(UPRIGHT[language], said):
            assert re.search(OPEN_EYES[language], said), said


@everywhere
def test_each_movement_into_place_and_into_a_stretch_has_its_time(session):
    if session.silent:
        return
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    nexts = {one.begin_ms: later.begin_ms for one, later in itertools.pairwise(speech)}
    for number, turn in enumerate(session.turns):
        find, stretch = session.parts("find")[number], session.parts("stretch")[number]
        place = turn.area["place"][session.asked.options.method]
        steps = worded([turn.area["find"][0], *place], turn.side)
        for event in find.events:
            if event.text in steps:
                assert nexts[event.begin_ms] - event.end_ms >= 3000, event.text
        ((begin, _),) = holds(stretch.events)
        told = [e for e in stretch.events if e.kind == "speech" and e.begin_ms < begin]
        silent_ms = begin - stretch.begin_ms - sum(e.end_ms - e.begin_ms for e in told)
        assert silent_ms >= 3000 * len(turn.area["stretch"])


@everywhere
def test_with_tones_nothing_is_spoken_but_the_names_of_chapters(session):
    said = spoken(session.timeline.events)
    titles = [part.title for part in session.chapters]
    assert (said == titles) == session.silent


@everywhere
def test_nothing_is_said_in_words_for_the_other_side(session):
    turns = session.turns
    places = [("prepare", session.rolled), ("find", turns), ("press", turns), ("stretch", turns)]
    for key, treated in places:
        for part, turn in zip(session.parts(key), treated, strict=True):
            area, phrases = turn.area, session.phrases(turn.side)
            texts = [
                *area["find"],
                *session.limit(turn),
                *turn.area["cautions"],
                *area["stretch"],
                *session.mobilize(turn),
            ]
            texts += itertools.chain(session.reminders(turn), *area["place"].values())
            texts += [*session.warnings, *(session.pressure or [])]
            texts += [text for variants in phrases.values() for forms in variants for text in forms]
            known = set(worded(texts, turn.side))
            if key == "stretch" and turn.side == "left":  # on the way to the other one
                known |= set(worded(session.texts.wording["phrases"]["change_sides"], "right"))
            if session.silent:
                known = {part.title}
            assert set(spoken(part.events)) <= known


@everywhere
def test_the_listener_is_warned_before_the_first_pressure(session):
    if session.silent:
        return
    (safety,) = session.parts("safety")
    (close,) = session.parts("close")
    assert safety.end_ms < holds(session.timeline.events)[0][0]
    first_hold = holds(session.timeline.events)[0][0]
    warned = spoken(event for event in session.timeline.events if event.begin_ms < first_hold)
    farewell = spoken(close.events)
    phrases = session.texts.wording["phrases"]
    usual = phrases[f"pressure_{session.asked.options.level}"]
    varied = session.limit(session.turns[0])
    pressure = session.pressure or (phrases["pressure_each"] if varied else usual)
    if session.rolled:  # the roller comes before the place is found
        warned = spoken(session.timeline.events)
    for texts in (pressure, phrases["stop"], phrases["doctor"], phrases["never"]):
        assert has_run(warned, worded(texts, None))
    assert has_run(warned, worded(varied, session.turns[0].side))
    assert set(worded(session.warnings, None)) <= set(warned)
    for words in SAFETY_WORDS[session.asked.options.language]:
        assert re.search(words, " ".join(warned).lower()), words
    assert has_run(farewell, worded(phrases["seek_help"], None))
    if session.asked.options.guidance == "full":
        assert any(has_run(farewell, worded([text], None)) for text in phrases["causes"])


@everywhere
def test_no_two_phrases_are_said_at_once(session):
    events = [event for event in session.timeline.events if event.kind == "speech"]
    for earlier, later in itertools.pairwise(events):
        assert earlier.end_ms <= later.begin_ms, (earlier.text, later.text)


@everywhere
def test_nothing_is_left_to_fill_in_and_no_sentence_is_long(session):
    for sentence in spoken(session.timeline.events):
        assert not re.search(r"[<>{}|]|\bNone\b|Undefined", sentence)
        assert len(sentence.split()) <= MOST_WORDS


@everywhere
def test_nothing_is_said_in_the_same_words_twice_in_a_row(session):
    reminders = [
        words
        for part, turn in zip(session.parts("press"), session.turns, strict=True)
        for _, _, words in movements(session, part, turn)
    ]
    assert session.silent or all(one != other for one, other in itertools.pairwise(reminders))
    known: dict[str, set[tuple[str, int]]] = {}
    for side in ("left", "right"):
        for key, variants in session.phrases(side).items():
            for number, forms in enumerate(variants):
                for said in forms if len(variants) > 1 else ():
                    known.setdefault(said, set()).add((key, number))
    for turn in session.turns:  # a reminder may have the words of a phrase
        for text in session.reminders(turn):
            known.pop(for_side(text, turn.side), None)
    last: dict[str, int] = {}
    for said in paragraphs(session.text):
        for key, number in known.get(said, ()):
            assert last.get(key) != number, said
            last[key] = number


# With a real voice


@pytest.mark.parametrize(
    ("language", "method"),
    [(language, method) for language in LANGUAGES for method in texts_of(language).methods],
)
def test_real_speech_fits_where_holds_are_shortest(language, method):
    prepare = method != ROLLER
    session = Session(
        "calf", method=method, side="left", level="gentle", language=language, prepare=prepare
    )
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    assert len(speech) > 80
    for earlier, later in itertools.pairwise(speech):
        assert earlier.end_ms <= later.begin_ms, (earlier.text, later.text)
    held = {end - begin for begin, end in holds(session.timeline.events)}
    assert held == {30_000, 60_000}
