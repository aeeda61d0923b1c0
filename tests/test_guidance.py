"""Sessions of the whole library as they are read: what a body needs that follows a voice."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
from sessions import Made, made, request, spoken, texts_of

from voiceguide.script.template import sentences

PLACES = [(language, region) for language in ("en", "de") for region in texts_of(language).regions]
UPRIGHT = {"en": r"\b(stand|lean)", "de": r"\b(steh|stell dich|stell oder|lehn)"}
OPEN_EYES = {"en": r"eyes.* open|open.* eyes", "de": r"augen.* offen|offen.* augen|öffne.* augen"}


@pytest.fixture(scope="module", params=PLACES, ids="-".join)
def session(request: pytest.FixtureRequest) -> Made:
    """The session of a region as it is without a wish for its length."""
    return default(*request.param)


def default(language: str, region: str) -> Made:
    area = texts_of(language).regions[region]["areas"][0]
    method = next(name for name in texts_of(language).methods if name in area["place"])
    return made(request(region, area=area["id"], method=method, language=language))


def test_eyes_are_open_wherever_one_stands_or_leans(session):
    language = session.asked.options.language
    for key in ("find", "stretch"):
        for part in session.parts(key):
            said = " ".join(spoken(part.events)).lower()
            if re.search(UPRIGHT[language], said):
                assert re.search(OPEN_EYES[language], said), said


def test_each_step_into_place_is_followed_by_time_for_it(session):
    for part, turn in zip(session.parts("find"), session.turns, strict=True):
        events = [event for event in part.events if event.kind == "speech"]
        gaps = {
            event.text: later.begin_ms - event.end_ms for event, later in itertools.pairwise(events)
        }
        assert gaps[events[0].text] >= 3000
        if turn in session.firsts:
            place = turn.area["place"][session.asked.options.method]
            steps = [text for text in sentences(place, turn.side) if text in gaps]
            assert len(steps) >= 4
            assert all(gaps[step] >= 3000 for step in steps)


def test_the_fingers_have_25_seconds_to_find_the_spot_on_each_side(session):
    searches = re.findall(r"<par>\s*<media begin=\"25s\"><mark name=\"found\"/>", session.text)
    assert len(searches) == len(session.turns)


def test_a_stretch_at_the_wall_leaves_time_to_get_there(session):
    for part, turn in zip(session.parts("stretch"), session.turns, strict=True):
        begin_ms = next(event.begin_ms for event in part.events if event.source == "start.wav")
        speech = [e for e in part.events if e.kind == "speech" and e.begin_ms < begin_ms]
        silent_ms = begin_ms - part.begin_ms - sum(e.end_ms - e.begin_ms for e in speech)
        assert silent_ms >= 3000 * len(turn.area["stretch"])


def test_it_is_never_silent_for_more_than_about_20_seconds(session):
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    for before, after in itertools.pairwise(speech):
        assert after.begin_ms - before.end_ms <= 22_000, before.text


def test_no_sentence_of_a_phrase_is_said_twice(session):
    phrases = session.texts.wording["phrases"]
    once = [text for name in ("soften", "move_again", "inhale", "exhale", "half_time", "hold",
                              "doctor", "stop", "tones", "release", "causes", "eyes_open")
            for variant in phrases[name] for text in sentences(variant)]  # fmt: skip
    counted = Counter(spoken(session.timeline.events))
    assert [text for text in once if counted[text] > 1] == []


def test_what_comes_before_lying_down_is_named(session):
    (arrival,) = session.parts("settle")
    said = " ".join(spoken(arrival.events))
    assert session.method["spoken"] in said or session.asked.options.method == "thumb"
    (area,) = {turn.area["id"]: turn.area for turn in session.turns}.values()
    texts = " ".join(
        [*area["find"], *area["place"][session.asked.options.method], *area["stretch"]]
    )
    for word, prop in session.texts.wording["props"].items():
        assert (prop in said) == bool(re.search(rf"\b{word}", texts, re.IGNORECASE))


def test_brief_sessions_have_no_chatter():
    brief = made(request("calf", area="upper-calf", method="fascia-ball", guidance="brief"))
    said = set(spoken(brief.timeline.events))
    phrases = texts_of("en").wording["phrases"]
    assert not said & {*phrases["soften"], *phrases["causes"], *phrases["scan"], *phrases["tones"]}


def test_the_thumb_kneads_in_every_second_hold_and_the_hand_rests():
    session = made(request("jaw", area="cheek", method="thumb", side="left"))
    said = spoken(session.parts("press")[0].events)
    phrases = texts_of("en").wording["phrases"]
    assert len([text for text in said if text in phrases["knead"]]) == 2
    assert sum("Round" in text for text in said) == 4


def test_the_roller_rolls_for_a_minute_before_it_rests():
    session = made(request("calf", area="upper-calf", method="foam-roller", side="left"))
    (part,) = session.parts("press")
    begin_ms, *_ = [event.begin_ms for event in part.events if event.source == "start.wav"]
    end_ms, *_ = [event.begin_ms for event in part.events if event.source == "end.wav"]
    assert end_ms - begin_ms == 60_000
    first = next(e.text for e in part.events if e.kind == "speech" and e.begin_ms > begin_ms)
    assert first in texts_of("en").wording["phrases"]["roll"]


def test_the_warnings_that_every_region_shares_leave_room_for_its_own():
    for language in ("en", "de"):
        phrases = texts_of(language).wording["phrases"]
        said = " ".join((*phrases["doctor"], *phrases["stop"], *phrases["pressure_standard"]))
        assert len(said.split()) <= 75
