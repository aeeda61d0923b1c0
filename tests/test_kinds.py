"""Kinds of session: massage and breathing ship; another one is a folder in a listener's library."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide

from voiceguide import Playlist, Session, doctor, script
from voiceguide.catalogue import work
from voiceguide.errors import LibraryError, RequestError, ScriptError, VoiceguideError
from voiceguide.library import missing
from voiceguide.library.kinds import kind_texts, kinds
from voiceguide.options import chosen
from voiceguide.phone import choices, wanted

KIND = """
about = "itself"
options = ["guidance"]
title = "{{ kind.name }}: {{ count }}"
album = "Walks"

[variables.count]
help = "How many times to turn."
default = 2
least = 1
most = 9

[variables.way]
help = "Which way."
default = "home"
choices = ["home", "out"]

[choices.turns]
values = "range(1, 50)"
default = "count"

[[tracks]]
name = "short"
title = "Short"

[[tracks]]
name = "long"
title = "Long"
"""

BEDS = "beds are rain, ocean, drone, or a file of your own"

TEMPLATE = """{% import "cues.ssml.jinja" as cue with context %}
<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="{{ language }}">
{{ cue.chapter(wording.chapters.walk) }}
{% for _ in range(turns) %}
{{ cue.say(pick("turn", way=way)) }}<break strength="x-strong"/>
{% endfor %}
</speak>
"""

TEXTS = """
name = "Walking"
summary = "walk, and turn"
[chapters]
walk = "Walk"
[phrases]
turn = ["Turn and walk <way>."]
"""


@pytest.fixture
def walking(tmp_path):
    """A library with a kind of its own; its folder."""
    folder = tmp_path / "mine"
    kind = folder / "kinds/walking"
    kind.mkdir(parents=True)
    (kind / "kind.toml").write_text(KIND, "utf-8")
    (kind / "session.ssml.jinja").write_text(TEMPLATE, "utf-8")
    (kind / "en.toml").write_text(TEXTS, "utf-8")
    return folder


def kinds_of(library: Path) -> dict[str, object]:
    """Return the kinds of a library; raises the error of one that is wrong."""
    problems = {}
    found = kinds(library, problems)
    for error in problems.values():
        raise error
    return found


def breaths(session: Session) -> list[tuple[str, int]]:
    """Return the parts of the breath, and how long each lasts."""
    marks = [mark for mark in session.timeline.marks if mark.kind in ("inhale", "hold", "exhale")]
    return [(mark.kind, mark.end_ms - mark.begin_ms) for mark in marks]


# Breathing


@pytest.mark.parametrize(
    ("pace", "cycle"),
    [
        ("4-6", [("inhale", 4000), ("exhale", 6000)]),
        ("calm", [("inhale", 4000), ("exhale", 6000)]),
        ("coherent", [("inhale", 5000), ("exhale", 5000)]),
        ("box", [("inhale", 4000), ("hold", 4000), ("exhale", 4000), ("hold", 4000)]),
        ("4-7-8", [("inhale", 4000), ("hold", 7000), ("exhale", 8000)]),
        ("3.5-1-5-2", [("inhale", 3500), ("hold", 1000), ("exhale", 5000), ("hold", 2000)]),
    ],
)
def test_the_breath_is_paced_as_was_asked(pace, cycle):
    session = Session("breathing", pace=pace, minutes=3)
    found = breaths(session)
    assert session.timeline.duration_ms == 180_000
    assert len(found) >= 5 * len(cycle)
    assert found == cycle * (len(found) // len(cycle))


def test_breaths_are_heard_as_tones_from_begin_to_end():
    session = Session("breathing", pace="box", minutes=3)
    tones = {
        (event.begin_ms, event.end_ms, event.source)
        for event in session.timeline.events
        if event.source in ("inhale.wav", "exhale.wav")
    }
    parts = [mark for mark in session.timeline.marks if mark.kind in ("inhale", "exhale")]
    assert tones == {(mark.begin_ms, mark.end_ms, f"{mark.kind}.wav") for mark in parts}


def test_a_breathing_session_lasts_as_long_as_was_asked_to_the_sample(tmp_path):
    path = tmp_path / "breathing.mp3"
    done = voiceguide("render", "breathing", "--pace", "4-6", "--minutes", "5", "-o", path)
    assert done.returncode == 0, done.stderr
    assert len(decode(path)) == 300_000 * FRAMES_PER_MS


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [3, 3.7, 10, 20, 60])
@pytest.mark.parametrize("pace", ["calm", "box", "4-7-8"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_breathing_has_any_length(minutes, pace, language):
    session = Session("breathing", pace=pace, minutes=minutes, language=language)
    assert session.timeline.duration_ms == minutes * 60_000


@pytest.mark.parametrize(("pace", "count"), [("calm", 26), ("box", 17), ("4-7-8", 15)])
def test_without_a_length_breathing_takes_about_five_minutes_and_a_half(pace, count):
    timeline = Session("breathing", pace=pace).timeline
    assert 300_000 < timeline.duration_ms < 400_000
    assert sum(mark.kind == "inhale" for mark in timeline.marks) == count


def test_breathing_says_when_to_stop_and_warns_who_should_not_hold_the_breath():
    for language, words in (
        ("en", ("dizzy", "pregnancy")),
        ("de", ("schwindlig", "schwanger")),
    ):
        for guidance in ("full", "brief"):
            session = Session("breathing", pace="box", language=language, guidance=guidance)
            text = " ".join(utterance.text for _, utterance in session.utterances)
            assert all(word in text for word in words)


def test_the_breathing_playlist_has_a_track_for_each_pace():
    playlist = Playlist("breathing", minutes=14)
    titles = [session.title for session in playlist.sessions]
    assert titles == [
        "Breathing: calm",
        "Breathing: coherent",
        "Breathing: box",
        "Breathing: 4-7-8",
    ]
    assert sum(one.timeline.duration_ms for one in playlist.sessions) == 14 * 60_000
    assert playlist._stems() == ["01-calm", "02-coherent", "03-box", "04-4-7-8"]


def test_a_pace_is_refused_where_every_track_has_its_own():
    with pytest.raises(RequestError, match="pace: each track of a playlist has its own"):
        Playlist("breathing", pace="4-6")


def test_a_track_may_have_the_own_options_of_its_kind(walking):
    path = walking / "kinds/walking/kind.toml"
    own = KIND.replace('"Short"', '"{{ way }}"\noptions = {way = "out"}').replace(
        'name = "long"', 'name = "long"\noptions = {way = "home", count = 4}'
    )
    path.write_text(own, "utf-8")
    playlist = Playlist("walking", library=walking, variables={"count": 3})
    assert [[one.text for _, one in session.utterances] for session in playlist.sessions] == [
        ["Turn and walk out."] * 3,
        ["Turn and walk home."] * 4,
    ]
    assert [session.title for session in playlist.sessions] == ["out", "Long"]
    with pytest.raises(RequestError, match="way: each track of a playlist has its own"):
        Playlist("walking", library=walking, variables={"way": "out"})
    with pytest.raises(RequestError, match="way: each track of a playlist has its own"):
        wanted.playlist_name({"target": "walking", "library": walking, "variables": {"way": "out"}})
    [offered] = [
        one for one in json.loads(choices._choices("en", "", walking))["kinds"]
        if one["id"] == "walking"
    ]  # fmt: skip
    assert offered["track_options"] == ["variables.count", "variables.way"]

    path.write_text(own.replace("count = 4", "count = 10, cuont = 1"), "utf-8")
    with pytest.raises(LibraryError) as raised:
        kinds_of(walking)
    what = "tracks #2.options.cuont: unknown option “cuont”; did you mean count?"
    assert str(raised.value) == f"{path}:29: {what}"
    path.write_text(own.replace("count = 4", "count = 10"), "utf-8")
    with pytest.raises(LibraryError) as raised:
        Playlist("walking", library=walking)
    assert str(raised.value) == f"{path}:29: tracks #2.options.count: count 10: must be at most 9"


# What suits which kind


def test_kinds_are_listed_with_the_options_that_suit_them():
    listed = json.loads(voiceguide("kinds", "--format", "json").stdout)
    assert [(one["id"], one["about"], one["options"]) for one in listed] == [
        ("breathing", "itself", ["pace", "guidance"]),
        (
            "massage",
            "region",
            ["method", "area", "side", "level", "guidance", "explain", "prepare", "holds", "ask"],
        ),
    ]
    assert all(one["name"] and one["summary"] for one in listed)
    german = json.loads(voiceguide("kinds", "--language", "de", "--format", "json").stdout)
    assert [one["name"] for one in german] == ["Atmen", "Massage"]
    for line in voiceguide("kinds").stdout.splitlines():
        assert len(line) <= 80


@pytest.mark.parametrize(
    ("target", "option", "says"),
    [
        ("breathing", {"side": "left"}, "side does not apply to breathing, only to massage"),
        ("breathing", {"method": "thumb"}, "method does not apply to breathing, only to massage"),
        ("calf", {"pace": "box"}, "pace does not apply to massage, only to breathing"),
    ],
)
def test_an_option_that_does_not_suit_is_refused(target, option, says):
    with pytest.raises(RequestError, match=says):
        Session(target, **option).prepare()


def test_phrases_of_a_kind_can_be_recorded(tmp_path):
    done = voiceguide("phrases", "breathing", "--pace", "box", "-o", tmp_path / "voice")
    assert done.returncode == 0, done.stderr
    assert "Breathe out." in (tmp_path / "voice/phrases.csv").read_text("utf-8-sig")


# A kind of one's own


def test_a_kind_can_lie_in_a_library(walking):
    session = Session("walking", library=walking, variables={"count": 3, "way": "out"})
    assert [one.text for _, one in session.utterances] == ["Turn and walk out."] * 3
    assert session.title == "Walking: 3"
    assert session.tags.album == "Walks"
    assert "walking" in voiceguide("kinds", "--library", walking).stdout
    fitted = Session("walking", library=walking, minutes=1)
    assert fitted.timeline.duration_ms == 60_000
    assert len(fitted.utterances) > 5
    tracks = Playlist("walking", library=walking).sessions
    assert [track.title for track in tracks] == ["Short", "Long"]


def test_sessions_and_playlists_with_other_options_of_their_own_have_other_names(walking):
    names, paths = set(), set()
    for given in ({}, {"way": "out"}, {"way": "home"}, {"way": "out", "count": 3}):
        options = {"library": walking, "variables": given, "guidance": "brief"}
        names.add(Playlist("walking", **options).name)
        asked = {"target": "walking", **options}
        assert wanted.playlist_name(asked) in names  # as the page calls it
        paths.add(Session("walking", **options).default_path.name)
    assert {name[:13] for name in names} == {"walking-brief"}
    assert all(re.fullmatch(r"walking-brief(-[0-9a-f]{16})?", name) for name in names)
    assert (len(names), len(paths)) == (4, 4)


def test_a_kind_without_texts_in_a_language_is_called_as_in_english(walking):
    kind = kinds(walking)["walking"]
    assert not (walking / "kinds/walking/de.toml").exists()
    assert kind_texts(kind, "de", walking).name == "Walking"
    assert kind_texts(kind, "de", walking) == kind_texts(kind, "en", walking)


def test_a_kind_does_not_speak_english_in_a_session_of_another_language(walking):
    says = re.escape(f"{walking}/kinds/walking/de.toml is missing")
    for make in (Session, Playlist):
        with pytest.raises(LibraryError, match=says):
            make("walking", library=walking, language="de").prepare()
    findings = list(doctor.examine("de", walking))
    assert [one.says for one in findings if not one.works] == [
        f"{walking}/kinds/walking/de.toml is missing"
    ]
    (walking / "kinds/walking/de.toml").write_text(
        TEXTS.replace("Turn and", "Kehr um und"), "utf-8"
    )
    heard = [one.text for _, one in Session("walking", library=walking, language="de").utterances]
    assert heard == ["Kehr um und walk home."] * 2


def test_texts_that_a_shipped_kind_lacks_are_told_where_the_language_is(tmp_path, monkeypatch):
    shutil.copytree("scripts/en", tmp_path / "config/scripts/fr")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path / "config"))
    says = f"{tmp_path}/config/scripts/kinds/breathing/fr.toml is missing"
    with pytest.raises(LibraryError, match=re.escape(says)):
        Session("breathing", language="fr").prepare()
    assert says in list(missing("fr"))
    (tmp_path / "mine").mkdir()
    assert says in list(missing("fr", tmp_path / "mine"))


def test_a_kind_without_any_texts_makes_no_session(walking):
    (walking / "kinds/walking/en.toml").unlink()
    with pytest.raises(LibraryError, match=r"/kinds/walking/en\.toml is missing$"):
        _ = Session("walking", library=walking).script


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("way", "up", "must be home or out"), ("count", 0, "must be at least 1"),
     ("count", 10, "must be at most 9"), ("count", "many", "must be a number")],
)  # fmt: skip
def test_the_options_of_an_own_kind_have_the_values_that_it_names(walking, name, value, says):
    with pytest.raises(RequestError, match=f"{name}.*{says}"):
        Session("walking", library=walking, variables={name: value}).prepare()


def test_the_options_of_an_own_kind_are_flags(walking):
    help_ = " ".join(voiceguide("script", "--library", walking, "--help").stdout.split())
    assert re.search(r"--count <?int.* How many times to turn\. \[default: 2\]", help_)
    assert "--way <home|out>" in help_
    done = voiceguide("script", "walking", "--library", walking, "--count", 4, "--way", "out")
    assert done.stdout.count("Turn and walk out.") == 4
    done = voiceguide("script", "walking", f"--library={walking}", "--count", 12)
    assert done.returncode == 1
    assert done.stderr == "voiceguide: --count 12: must be at most 9\n"
    assert "--count" not in voiceguide("script", "--help").stdout


def test_kinds_in_a_library_of_the_settings_are_listed_with_flags(walking, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_LIBRARY", str(walking))
    done = voiceguide("script", "walking", "--way", "out")
    assert done.stdout.count("Turn and walk out.") == 2, done.stderr
    assert "walk, and turn" in voiceguide("kinds").stdout
    monkeypatch.setenv("VOICEGUIDE_SIDE", "up")  # wrong settings are told as ever
    assert voiceguide("script", "walking").stderr.startswith("voiceguide: VOICEGUIDE_SIDE=up: must")


def test_two_kinds_may_have_an_option_of_one_name_each_in_its_own_way(walking):
    shutil.copytree(walking / "kinds/walking", walking / "kinds/wandering")
    own = KIND.replace('["home", "out"]', '["up", "down"]').replace('"home"', '"up"')
    own = own.replace("default = 2\nleast = 1\nmost = 9", "default = true")
    own = own.replace('default = "count"', 'default = "1"')
    (walking / "kinds/wandering/kind.toml").write_text(own, "utf-8")

    def script(kind, *options):
        return voiceguide("script", kind, "--library", walking, *options)

    assert script("walking", "--way", "out", "--count", 3).stdout.count("Turn and walk out.") == 3
    assert "Turn and walk down." in script("wandering", "--way", "down", "--count", "no").stdout
    says = "voiceguide: --way up: must be home or out\n"
    assert script("walking", "--way", "up").stderr == says
    help_ = " ".join(script("walking", "-h").stdout.split())
    assert "Which way. [default: home]; or Which way. [default: up]" in help_


def test_an_own_kind_in_the_configuration_needs_no_library(walking, tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    walking.rename(tmp_path / "config/scripts")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path / "config"))
    done = voiceguide("script", "walking", "--count", 1)
    assert done.stdout.count("Turn and walk home.") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('about = "itself"', 'about = "me"', r"kind\.toml:2: about: must be region or itself"),
        ('["guidance"]', '["guidence"]', r"options #1: unknown option “guidence”; did you mean g"),
        ('["guidance"]', '["bed"]', r"options #1: “bed” applies to every kind; leave it out"),
        ("[variables.count]", "[variables.side]", r"side: is already an option"),
        ('"range(1, 50)"', '"rang(1)"', r"choices\.turns\.values: “rang” is not defined"),
        ('default = "count"', 'default = "cuont"', r"choices\.turns\.default: .*cuont"),
    ],
)
def test_what_is_wrong_in_a_kind_is_told(walking, old, new, says):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace(old, new), "utf-8")
    length = [] if "default" in old else ["--minutes", 1]
    done = voiceguide("script", "walking", "--library", walking, *length)
    assert done.returncode == 1
    assert re.search(says, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_kind_that_is_wrong_does_not_stop_the_others(walking):
    (walking / "kinds/walking/kind.toml").write_text(KIND.replace('"itself"', '"me"'), "utf-8")
    assert Session("calf", library=walking).script
    assert Session("breathing", library=walking).script
    with pytest.raises(
        LibraryError, match=r"walking/kind\.toml:2: about: must be region or itself"
    ):
        _ = Session("walking", library=walking).script
    done = voiceguide("kinds", "--library", walking)
    assert (done.returncode, "breathing" in done.stdout) == (1, True)
    assert "walking/kind.toml:2: about" in done.stderr


@pytest.mark.parametrize(
    ("file", "says"),
    [("kind.toml", ":1: about: is missing"), ("en.toml", ":1: summary: is missing")],
)
def test_a_kind_that_is_wrong_hides_no_other_from_lists_and_the_page(
    walking, tmp_path, monkeypatch, file, says
):
    (walking / "kinds/walking" / file).write_text('name = "Walking"', "utf-8")
    done = voiceguide("kinds", "--library", walking, "--format", "json")
    listed = [one["id"] for one in json.loads(done.stdout)]
    assert (done.returncode, listed) == (1, ["breathing", "massage"])
    assert f"walking/{file}{says}" in done.stderr
    walking.rename(tmp_path / "scripts")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))
    offered = json.loads(choices.as_json("en"))["kinds"]
    assert [one["id"] for one in offered] == ["breathing", "massage"]
    assert "Breathing" in choices.page("en")


def test_nothing_is_published_as_all_while_a_kind_is_wrong(walking, tmp_path):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace('"itself"', '"me"'), "utf-8")
    done = voiceguide("publish", "all", "--library", walking, "-o", tmp_path / "site")
    first, *lines = done.stderr.splitlines()
    assert (done.returncode, first) == (1, "voiceguide: nothing was published:")
    assert lines == [f"{path}:2: about: must be region or itself"]
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("spoiled", "text", "says"),
    [
        ("kind.toml", 'about = "me"', ":1: about: must be region or itself"),
        ("kind.toml", None, " is missing"),
        ("session.ssml.jinja", None, " is missing"),
        ("en.toml", None, " is missing"),
        ("en.toml", TEXTS.replace("summary", "sumary"), ":3: unknown key “sumary”; did you mean"),
    ],
)
def test_doctor_finds_what_is_wrong_with_a_kind(walking, spoiled, text, says):
    path = walking / "kinds/walking" / spoiled
    path.unlink() if text is None else path.write_text(text, "utf-8")
    found = itertools.takewhile(lambda one: one.part != "sounds", doctor.examine("en", walking))
    assert f"{path}{says}" in "\n".join(one.says for one in found if not one.works)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("session.ssml.jinja", "{% endfor %}", "{% endfr %}", "session.ssml.jinja:6: Encountered"),
        ("session.ssml.jinja", "</speak>", "</spaek>", "the script of walking:9:3: <speak> on"),
        ("session.ssml.jinja", 'pick("turn"', 'pick("trn"', "session.ssml.jinja:5: {}/en.toml: "),
        ("kind.toml", "{{ count }}", "{{ cuont }}", "kind.toml:4: title: “cuont” is not defined"),
        ("kind.toml", "range(1, 50)", "range(1, x)", "kind.toml:19: choices.turns.values: “x” is"),
        ("kind.toml", '"Short"', '"{{ x }}"', "kind.toml:24: tracks #1.title: “x” is not defined"),
    ],
)
def test_doctor_writes_a_session_of_each_kind(walking, file, old, new, says):
    examined = {one.part: one for one in doctor.examine("en", walking)}
    assert examined["kinds"].says == "breathing, massage, walking: each can be written"
    path = walking / "kinds/walking" / file
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    examined = {one.part: one for one in doctor.examine("en", walking)}
    assert not examined["kinds"].works
    home = f"{path.parent}/" if says.startswith(file) else ""
    assert examined["kinds"].says.startswith(home + says.format(path.parent))


def test_doctor_lists_what_a_translation_of_a_kind_lacks(walking):
    path = walking / "kinds/walking/de.toml"
    path.write_text(
        TEXTS.replace("walk = ", "wlk = ").replace("<way>", "<weg>")
        + 'begin = ["Begin <at> once."]\n',
        "utf-8",
    )
    lacking = [one for one in missing("de", walking) if "walking" in one]
    says = "phrases.turn #1: <weg> is not filled in here; available: <way>"
    assert lacking == [f"{path}: chapters.walk is missing", f"{path}:7: {says}"]
    done = voiceguide("script", "walking", "--library", walking, "--language", "de")
    what = f"{path}: chapters.walk is missing, but a template needs it"
    assert done.stderr == f"voiceguide: {path.parent / 'session.ssml.jinja'}:3: {what}\n"


def test_a_hidden_folder_is_no_kind_that_is_wrong(walking):
    (walking / "kinds/.git").mkdir()
    texts = next(one for one in doctor.examine("en", walking) if one.part == "texts")
    assert texts.works, texts.says


def test_all_mistakes_of_a_kind_are_told_at_once(walking):
    path = walking / "kinds/walking/kind.toml"
    wrong = (
        KIND.replace('["guidance"]', '["guidence"]')
        .replace('title = "{{ kind.name }}: {{ count }}"\n', "")
        .replace('default = "home"', 'default = "up"')
        .replace('name = "short"\n', "")
    )
    path.write_text(wrong, "utf-8")
    with pytest.raises(LibraryError) as raised:
        _ = Session("walking", library=walking).script
    assert str(raised.value).replace(str(path), "").splitlines() == [
        ":1: title: is missing",
        ":3: options #1: unknown option “guidence”; did you mean guidance?",
        ":12: variables.way: default up: must be home or out",
        ':21: tracks #1: a track without each = "area" needs a name',
    ]


def test_a_kind_whose_folder_has_a_name_that_does_not_suit_is_told(walking):
    kind = (walking / "kinds/walking").rename(walking / "kinds/Körper Reise")
    path = kind / "kind.toml"
    path.write_text('id = "x"\n' + KIND, "utf-8")
    with pytest.raises(LibraryError) as raised:
        kinds_of(walking)
    assert str(raised.value).replace(f"{path}:", "").splitlines() == [
        "1: id: is the name of the folder; leave it out",
        "1: the name of the folder: must be lower-case words joined by hyphens: koerper-reise",
    ]


def test_a_template_in_another_encoding_is_told_with_its_line(walking):
    path = walking / "kinds/walking/session.ssml.jinja"
    path.write_bytes(TEMPLATE.replace("</speak>", "Grüße</speak>").encode("latin-1"))
    done = voiceguide("script", "walking", "--library", walking)
    what = "is not UTF-8; save the file in that encoding"
    assert done.stderr == f"voiceguide: {path}:7: {what}\n"


def test_an_option_whose_name_does_not_suit_is_told_what_does(walking):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace("variables.way", 'variables."Weg-Länge"'), "utf-8")
    with pytest.raises(LibraryError) as raised:
        kinds_of(walking)
    what = "must be lower-case letters, digits and _, such as weg_laenge"
    assert str(raised.value) == f'{path}:13: variables."Weg-Länge": {what}'


def test_the_page_about_kinds_makes_one(tmp_path):
    page = (Path(__file__).parents[1] / "docs/kinds.md").read_text("utf-8")
    home = tmp_path / "kinds/body-scan"
    home.mkdir(parents=True)
    for name in ("kind.toml", "en.toml", "session.ssml.jinja"):
        section = page[page.index(f"## {name}") :]
        text = re.search(r"```\w+\n(.*?)```", section, re.DOTALL)[1]
        (home / name).write_text(text, "utf-8")
    examined = {one.part: one for one in doctor.examine("en", tmp_path)}
    assert examined["texts"].works
    assert examined["kinds"].says == "body-scan, breathing, massage: each can be written"
    arguments = ("body-scan", "--library", tmp_path, "--posture", "sitting", "--rounds", "2")
    said = voiceguide("script", *arguments).stdout
    assert "Body scan: sitting" in said
    assert "Sit upright, and let your hands rest." in said
    assert said.count("feet.") == 2
    for minutes in (3, 10):
        session = Session("body-scan", library=tmp_path, minutes=minutes)
        assert session.timeline.duration_ms == minutes * 60_000
    playlist = Playlist("body-scan", library=tmp_path)
    assert [one.title for one in playlist.sessions] == ["Body scan: lying", "Body scan: sitting"]


@pytest.mark.slow
def test_own_options_are_published_with_the_kinds_that_have_them(walking, tmp_path):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace('"Short"', '"Short"\noptions = {way = "out"}'), "utf-8")
    arguments = ("publish", "walking", "--library", walking, "--guidance", "tones", "-o")
    site = tmp_path / "site"
    done = voiceguide(*arguments, site, "breathing", "--minutes", 2, "--way", "out")
    assert done.returncode == 0, done.stderr
    assert "out." in (site / "sessions/walking.vtt").read_text("utf-8")
    done = voiceguide(*arguments, site, "--playlists", "--count", 3)
    tracks = [path.read_text("utf-8") for path in site.glob("playlists/*walk*/0*.vtt")]
    assert [track.count("Turn") for track in tracks] == [3, 3]
    done = voiceguide(*arguments, tmp_path / "other", "breathing", "--set", "cuont=3")
    says = "--set cuont: nothing that is named has this variable"
    assert done.stderr.splitlines() == ["voiceguide: nothing was published:", says]
    (tmp_path / "settings.toml").write_text("[variables]\ncuont = 3\n", "utf-8")
    environment = {**os.environ, "VOICEGUIDE_CONFIG_DIR": str(tmp_path)}
    done = voiceguide(*arguments, tmp_path / "other", "breathing", env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["class", "format", "help", "set"])
def test_an_option_that_cannot_be_a_flag_is_told_and_stops_nothing_else(walking, tmp_path, name):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace("[variables.way]", f"[variables.{name}]"), "utf-8")
    config = tmp_path / "config"
    config.mkdir()
    (config / "settings.toml").write_text(f"library = '{walking.as_posix()}'\n", "utf-8")
    environment = {**os.environ, "VOICEGUIDE_CONFIG_DIR": str(config)}
    done = voiceguide("script", "breathing", "--format", "text", env=environment)
    assert done.returncode == 0, done.stderr
    done = voiceguide("script", "walking", env=environment)
    says = f"kind.toml:13: variables.{name}: means something else on the command line; choose"
    assert says in done.stderr


def test_a_library_of_a_language_in_the_settings_is_listed_and_gives_flags(walking, tmp_path):
    (walking / "kinds/walking/de.toml").write_text(TEXTS, "utf-8")
    config = tmp_path / "config"
    config.mkdir()
    (config / "settings.toml").write_text(f"[de]\nlibrary = '{walking.as_posix()}'\n", "utf-8")
    environment = {**os.environ, "VOICEGUIDE_CONFIG_DIR": str(config)}
    assert "walking" in voiceguide("kinds", "--language", "de", env=environment).stdout
    assert "walking" not in voiceguide("kinds", env=environment).stdout
    arguments = ("script", "walking", "--language", "de", "--way", "out")
    assert "walk out" in voiceguide(*arguments, env=environment).stdout


def test_a_template_may_ask_whether_there_is_a_chapter(walking):
    path = walking / "kinds/walking/session.ssml.jinja"
    asks = '{{ wording.chapters.run | default("Run!") }} {{ wording.chapters.run is defined }}'
    path.write_text(TEMPLATE.replace("{% endfor %}", "{% endfor %}" + asks), "utf-8")
    assert "Run! False" in Session("walking", library=walking).script


def test_a_kind_is_found_by_its_name_in_any_language(walking):
    german = TEXTS.replace('"Walking"', '"Geh-Übung"')
    (walking / "kinds/walking/de.toml").write_text(german, "utf-8")
    for language in ("en", "de"):
        session = Session("geh übung", library=walking, language=language)
        assert "walk home" in session.script


def test_a_library_may_have_sounds_of_its_own(walking):
    sounds = walking / "sounds"
    sounds.mkdir()
    shutil.copy(Path(__file__).parents[1] / "sounds/start.wav", sounds / "bowl.wav")
    shutil.copy(Path(__file__).parents[1] / "sounds/start.wav", sounds / "bell.wav")  # for ours
    template = walking / "kinds/walking/session.ssml.jinja"
    bells = '<audio src="bowl.wav"/><audio src="bell.wav"/></speak>'
    template.write_text(TEMPLATE.replace("</speak>", bells), "utf-8")
    heard = [one for one in Session("walking", library=walking).timeline.events if one.source]
    assert [one.source for one in heard] == ["bowl.wav", "bell.wav"]
    assert [one.end_ms - one.begin_ms for one in heard] == [700, 700]
    script = walking.parent / "my.txt"
    script.write_text("[sound: bowl.wav]", "utf-8")
    assert Session(script, library=walking).timeline.duration_ms == 700
    before = work.made_with("en", walking, None)
    shutil.copy(Path(__file__).parents[1] / "sounds/half.wav", sounds / "bowl.wav")
    changed = work.made_with("en", walking, None)
    (sounds / "gong").mkdir()
    (sounds / "gong/gong.MP3").write_bytes(b"a gong")
    assert len({str(one) for one in (before, changed, work.made_with("en", walking, None))}) == 3


def test_names_that_templates_know_already_are_refused_for_options_and_choices(walking):
    path = walking / "kinds/walking/kind.toml"
    taken = '[variables.kind]\nhelp = "K."\ndefault = 1\n[choices.way]\nvalues = "[1]"\n'
    taken += 'default = "1"\n[choices.pick]\nvalues = "[1]"\ndefault = "1"\n[[tracks]]'
    path.write_text(KIND.replace("[[tracks]]", taken, 1), "utf-8")
    with pytest.raises(LibraryError) as raised:
        kinds_of(walking)
    assert str(raised.value).replace(str(path), "").splitlines() == [
        ":22: variables.kind: is known to every template; choose another name",
        ":25: choices.way: is already an option; choose another name",
        ":28: choices.pick: is known to every template; choose another name",
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("chapters.walk", "chapters.cold", "3: {}: chapters.cold is missing, but a template"),
        ('"turn"', '"trun"', "5: {}: phrases.trun is missing, but a template"),
    ],
)
def test_what_is_wrong_in_a_kinds_template_is_told_with_its_own_line(walking, old, new, says):
    path = walking / "kinds/walking/session.ssml.jinja"
    path.write_text(TEMPLATE.replace(old, new), "utf-8")
    with pytest.raises((LibraryError, ScriptError)) as raised:
        _ = Session("walking", library=walking).script
    assert str(raised.value) == f"{path}:{says.format(path.parent / 'en.toml')} needs it"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "turn",
            "{library}/kinds/walking/en.toml: phrases.turn: the template gives no value for <way>",
        ),
        (
            "also_tool",
            "{package}/en/phrases.toml: phrases.also_tool: the template gives no value for <tool>",
        ),
    ],
)
def test_a_phrase_that_lacks_a_value_is_told_with_the_file_it_is_in(walking, name, says):
    path = walking / "kinds/walking/session.ssml.jinja"
    path.write_text(TEMPLATE.replace('"turn", way=way', f'"{name}"'), "utf-8")
    with pytest.raises(LibraryError) as raised:
        _ = Session("walking", library=walking).script
    package = Path(__file__).parents[1] / "scripts"
    assert str(raised.value) == f"{path}:5: {says.format(library=walking, package=package)}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{{ kind.name }}:", "{{ kind.nom.x }}:", "4: title: "),
        ('"Walks"', '"{{ x.y }}"', "5: album: “x” is not defined"),
        ('"count"', '"cuont"', "20: choices.turns.default: “cuont” is unknown"),
        ('"Long"', '"Long"\noptions = {pace = "4"}', "29: tracks #2.options.pace: pace 4: must be"),
        ('"Short"', '"{{ x.y }}"', "24: tracks #1.title: “x” is not defined"),
    ],
)
def test_what_is_wrong_in_a_kind_is_told_with_its_folder_line_and_key(walking, old, new, says):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace(old, new), "utf-8")
    command = "playlist" if "#" in says else "script"
    done = voiceguide(command, "walking", "--library", walking, cwd=walking)
    assert done.stderr.startswith(f"voiceguide: {path}:{says}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("bed_level = 3", "bed_level: bed_level needs bed"),
        ('bed = "none", bed_level = 3', "bed_level: bed_level needs bed"),
        ('side = "left"', "side: side does not apply to walking, only to massage"),
        ("minutes = 3", "minutes: is the length of all tracks together; leave it out"),
        ('bed = "rian"', f"bed: bed rian: no such file; did you mean rain? {BEDS}"),
    ],
)
def test_an_option_of_a_track_that_does_not_suit_is_told_with_its_place(walking, given, says):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace('"Long"', f'"Long"\noptions = {{{given}}}'), "utf-8")
    says = f"{path}:29: tracks #2.options.{says}"
    done = voiceguide("playlist", "walking", "--library", walking, cwd=walking)
    assert (done.returncode, done.stderr) == (1, f"voiceguide: {says}\n")
    findings = doctor.examine("en", walking)
    assert next(one.says for one in findings if one.part == "kinds") == says


def test_all_options_of_tracks_that_do_not_suit_are_told_at_once(walking):
    path = walking / "kinds/walking/kind.toml"
    own = KIND.replace('"Short"', '"Short"\noptions = {minutes = 3, bed = "none", rate = 9}')
    path.write_text(own.replace('"Long"', '"Long"\noptions = {bed = "nope.mp3"}'), "utf-8")
    with pytest.raises(LibraryError) as raised:
        Playlist("walking", library=walking)
    assert [line.partition(" tracks ")[::2] for line in str(raised.value).splitlines()] == [
        (f"{path}:25:", "#1.options.minutes: is the length of all tracks together; leave it out"),
        (f"{path}:25:", "#1.options.rate: rate 9: must be between 80 and 450"),
        (f"{path}:30:", f"#2.options.bed: bed nope.mp3: no such file; {BEDS}"),
    ]


def test_a_track_may_have_music_of_ones_own(walking, tmp_path):
    music = tmp_path / "my.wav"
    shutil.copy(Path(__file__).parents[1] / "sounds/bell.wav", music)
    own = KIND.replace('"Long"', f'"Long"\noptions = {{bed = "{music.as_posix()}"}}')
    (walking / "kinds/walking/kind.toml").write_text(own, "utf-8")
    _, long = Playlist("walking", library=walking).sessions
    assert long.plan.bed.path == music


def test_the_level_of_a_track_is_for_the_bed_that_is_asked_for(walking):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace('"Long"', '"Long"\noptions = {bed_level = 3}'), "utf-8")
    assert len(Playlist("walking", library=walking, bed="rain").sessions) == 2


def test_a_level_is_for_the_tracks_that_have_a_bed(walking):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace('"Short"', '"Short"\noptions = {bed = "none"}'), "utf-8")
    given = {"library": walking, "bed": "rain", "bed_level": -6}
    short, long = Playlist("walking", **given).sessions
    assert short.plan.bed is None
    assert long.plan.bed.gain_db == Session("walking", **given).plan.bed.gain_db


def test_a_bed_that_a_track_lacks_does_not_stop_what_is_no_track(walking):
    path = walking / "kinds/walking/kind.toml"
    path.write_text(KIND.replace('"Long"', '"Long"\noptions = {bed = "nope.mp3"}'), "utf-8")
    request = script.Request("walking", chosen({"library": walking}))
    assert [one.name for one in script.about(request).tracks] == ["short", "long"]
    with pytest.raises(LibraryError, match=r"nope\.mp3: no such file"):
        script.about(request, with_files=True)


def test_a_phrase_that_is_missing_is_told_with_its_library(tmp_path):
    (tmp_path / "en").mkdir()
    shipped = (Path(__file__).parents[1] / "scripts/en/phrases.toml").read_text("utf-8")
    path = tmp_path / "en/phrases.toml"
    path.write_text(re.sub("(?m)^hold = ", "held = ", shipped), "utf-8")
    with pytest.raises(VoiceguideError) as raised:
        _ = Session("calf", library=tmp_path).script
    assert str(raised.value) == f"{path}: phrases.hold is missing, but a template needs it"


# A kind's own options, from any place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("default", "limits", "given", "value"),
    [
        ('"4"', 'choices = ["4", "6"]', "6", "6"),
        ("false", "", "true", "True"),
        ("true", "", "false", "False"),
        ("2", "least = 1", "3", "3"),
        ("2", "least = 1", "0", "must be at least 1"),
        ("2", "most = 9", "10", "must be at most 9"),
        ("false", "", "perhaps", "must be true or false"),
    ],
)
def test_a_kinds_own_option_is_read_as_its_default_is(walking, default, limits, given, value):
    kind = walking / "kinds/walking"
    own = f'help = "Sure?"\ndefault = {default}\n{limits}\n'
    (kind / "kind.toml").write_text(
        KIND.replace("[choices.turns]", f"[variables.sure]\n{own}\n[choices.turns]"), "utf-8"
    )
    template = TEMPLATE.replace("way=way", "way=sure|string")
    (kind / "session.ssml.jinja").write_text(template, "utf-8")
    done = voiceguide(
        "script", "walking", "--library", walking, "--set", f"sure={given}", "--format", "ssml"
    )
    assert value in (done.stderr if value.startswith("must") else done.stdout)


def test_an_option_named_as_one_of_a_command_is_set_by_name(walking):
    kind = walking / "kinds/walking/kind.toml"
    kind.write_text(KIND.replace("[variables.way]", "[variables.force]"), "utf-8")
    template = kind.with_name("session.ssml.jinja")
    template.write_text(TEMPLATE.replace("way=way", "way=force"), "utf-8")
    arguments = ("walking", "--library", walking, "--format", "ssml")
    assert "walk home" in voiceguide("script", *arguments).stdout
    assert "walk out" in voiceguide("script", *arguments, "--set", "force=out").stdout


def test_settings_count_for_playlists_and_plans_but_for_what_each_track_has_of_its_own(
    walking, tmp_path, monkeypatch
):
    own = KIND.replace('"Short"', '"Short"\noptions = {way = "out", guidance = "full"}').replace(
        '"Long"', '"Long"\noptions = {way = "home", guidance = "brief"}'
    )
    (walking / "kinds/walking/kind.toml").write_text(own, "utf-8")
    config = f"library = '{walking.as_posix()}'\nguidance = \"tones\"\n"
    config += '[variables]\ncount = 4\nway = "out"\nof_another = 1\n'
    (tmp_path / "settings.toml").write_text(config, "utf-8")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))

    def heard(command, *options):
        done = voiceguide(command, "walking", *options, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        tracks = sorted((tmp_path / done.stdout.splitlines()[0]).parent.glob("*.vtt"))
        texts = [path.read_text("utf-8") for path in tracks]
        return [(text.count("out."), text.count("home.")) for text in texts]

    assert heard("playlist") == [(4, 0), (0, 4)]
    assert heard("playlist", "--count", 3) == [(3, 0), (0, 3)]
    assert heard("plan", "--weeks", 1) == [(4, 0), (4, 0)]
    for command, given, says in [
        ("playlist", "way=out", "--way: each track of a playlist has its own; leave it out"),
        ("playlist", "of_another=1", "--set of_another: walking has no variable “of_another”"),
        ("plan", "of_another=1", "--set of_another: walking has no variable “of_another”"),
    ]:
        done = voiceguide(command, "walking", "--set", given, cwd=tmp_path)
        assert done.stderr.startswith(f"voiceguide: {says}"), done.stderr


@pytest.mark.parametrize("command", ["playlist", "publish --playlists"])
def test_the_level_in_the_settings_stops_no_tracks_that_all_have_a_bed_of_their_own(
    walking, tmp_path, monkeypatch, command
):
    own = KIND.replace('"Short"', '"Short"\noptions = {bed = "rain"}').replace(
        '"Long"', '"Long"\noptions = {bed = "ocean"}'
    )
    (walking / "kinds/walking/kind.toml").write_text(own, "utf-8")
    (tmp_path / "settings.toml").write_text('bed = "drone"\nbed_level = -6\n', "utf-8")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))
    done = voiceguide(*command.split(), "walking", "--library", walking, "-o", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in sorted((tmp_path / "made").rglob("0*.mp3"))] == [
        "01-short.mp3", "02-long.mp3",
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["Breathing", "BREATHING", "Atmen", "atmen"])
def test_a_kind_is_found_in_other_spellings_as_regions_are(target):
    assert "Breathe in." in Session(target).script


def test_a_misspelled_kind_is_suggested():
    with pytest.raises(RequestError, match="did you mean breathing"):
        _ = Session("breathin").script
