"""What the page may ask for: anyone may send anything, and only what the library has goes on."""

from __future__ import annotations

import json

import pytest
from test_best import install

from voiceguide.errors import VoiceguideError
from voiceguide.phone import choices, wanted


def read(**asked: object) -> dict[str, object]:
    return wanted.read(json.dumps(asked).encode())


def test_what_differs_from_the_defaults_is_taken():
    asked = read(target="calf", side="left", level="standard", minutes=12, guidance="full")
    assert asked == {"target": "calf", "side": "left", "minutes": 12}
    assert read(target="breathing", pace="4-6") == {"target": "breathing", "pace": "4-6"}


@pytest.mark.parametrize("name", ["library", "variables", "max_length", "seed"])
def test_what_could_name_files_of_this_machine_or_cost_it_much_is_no_option(name):
    with pytest.raises(VoiceguideError, match=f"unknown option “{name}”"):
        read(target="calf", **{name: "/etc"})


@pytest.mark.parametrize("path", ["/etc/passwd", "my-voice", "rain.wav"])
@pytest.mark.parametrize("name", ["bed", "voice"])
def test_a_bed_and_a_voice_are_those_that_are_offered_and_never_files(name, path):
    with pytest.raises(VoiceguideError, match=f"{name}: must be one of"):
        read(target="calf", **{name: path})
    assert read(target="calf", bed="rain", voice="default")["bed"] == "rain"


@pytest.mark.parametrize(
    "target", ["my.ssml", "../calf", "-", "/etc/passwd", "calf/x", "my.ssml.jinja", "", None, 3]
)
def test_a_target_is_a_name_of_the_library_and_never_a_file(target):
    with pytest.raises(VoiceguideError, match="target: must be a name such as calf"):
        read(target=target)


@pytest.mark.parametrize("minutes", [0.9, 180.5, -5, 1e9])
def test_a_session_lasts_from_1_to_180_minutes(minutes):
    with pytest.raises(
        VoiceguideError, match=r"minutes.* must be (between 1 and 180|minutes, such as)"
    ):
        read(target="calf", minutes=minutes)
    assert read(target="calf", minutes=180)["minutes"] == 180
    assert read(target="calf", minutes=1)["minutes"] == 1


def test_a_long_value_is_refused_before_it_is_looked_at():
    with pytest.raises(VoiceguideError, match="area: must have at most 60 characters"):
        read(target="calf", area="x" * 61)


@pytest.mark.parametrize(
    ("body", "says"), [(b"{", "not JSON"), (b"[]", "must be an object"), (b"[" * 9000, "not JSON")]
)
def test_what_is_no_object_is_refused(body, says):
    with pytest.raises(VoiceguideError, match=says):
        wanted.read(body)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"target": "nose"}, "no region or complaint “nose”"),
        ({"target": "calf", "side": "up"}, "side up: must be left, right or both"),
        ({"target": "breathing", "side": "left"}, "side"),
        ({"target": "calf", "pace": "4-6"}, "pace"),
    ],
)
def test_what_the_library_cannot_give_is_refused(asked, says):
    with pytest.raises(VoiceguideError, match=says):
        read(**asked)


def test_a_target_does_not_tell_which_files_this_machine_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").write_bytes(b"PK")
    with pytest.raises(VoiceguideError, match="no region or complaint “notes”"):
        read(target="notes")


def test_a_session_is_named_by_all_that_it_is_made_of():
    plain = wanted.session_name({"target": "calf"}, "1")
    names = {
        plain,
        wanted.session_name({"target": "calf", "side": "left"}, "1"),
        wanted.session_name({"target": "calf"}, "2"),
    }
    assert len(names) == 3
    assert plain == wanted.session_name({"target": "calf"}, "1")
    assert plain.startswith("calf-")
    assert wanted.session_name({"target": "calf-pain"}, "1").startswith("calf-")


def test_a_playlist_is_named_by_what_was_chosen_and_treats_all_areas():
    asked = {"target": "neck", "side": "left", "minutes": 12.5}
    assert wanted.playlist_name(asked) == "neck-left-12-5-min"
    with pytest.raises(VoiceguideError, match="area: each track of a playlist has its own"):
        wanted.playlist_name({"target": "neck", "area": "base-of-skull"})


def test_a_voice_that_is_installed_later_makes_other_sessions(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path))
    before = choices.stamp()
    install(tmp_path / "voices", "de_DE-somebody-medium", 300)
    assert choices.stamp() != before
