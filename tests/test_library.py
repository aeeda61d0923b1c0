"""What authors write: regions, methods and phrases, shipped or the user's own."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest
from sessions import request

from voiceguide import library
from voiceguide.errors import LibraryError, RequestError
from voiceguide.library import Region
from voiceguide.script import sentences
from voiceguide.script.treatment import treatment

SCRIPTS = Path(__file__).parents[1] / "scripts"
REGION_FILES = sorted(SCRIPTS.glob("*/regions/*.toml"))
WORDING_FILES = sorted(SCRIPTS.glob("*/phrases.toml"))
MOST_WORDS = 25

TOES = """
name = "Toes"
spoken = "your toes"
summary = "Knots below the toes"
cautions = ["Never press a numb foot."]

[complaints]
toe-cramps = ["ball"]

[[areas]]
id = "ball"
name = "the ball of the foot"
anatomy = "flexor hallucis brevis"
two_sided = true
cautions = ["Spare the joints."]
find = ["Feel along your {left|right} foot."]
mobilize = ["Bend your toes."]
mobilize_again = ["Bend them.", "Toes down.", "Once more."]
stretch = ["Kneel on your {left|right} toes."]

[areas.place]
trigger-tool = ["Stand on the tool."]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a file of the user's own scripts folder; give its path."""
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))

    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def shipped(path: Path) -> Region:
    return library.load(path.parents[1].name).region(path.stem)


def texts_of(region: Region) -> list[str]:
    """Return all that a listener may hear of a region."""
    found = [f"{region.spoken}.", *region.cautions, *(region.pressure or ())]
    for area in region.areas:
        found += [area.name, *area.cautions, *area.find, *area.mobilize, *area.mobilize_again]
        found += [*area.stretch, *(text for texts in area.place.values() for text in texts)]
    return found


def test_there_are_regions():
    assert {"calf", "lower-back", "neck"} <= library.load("en").region_files.keys()
    assert "en" in library.languages()


@pytest.mark.parametrize("path", REGION_FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
class TestEveryShippedRegion:
    def test_names_itself_and_warns(self, path):
        region = shipped(path)
        assert region.id == path.stem
        assert region.name
        assert region.spoken
        assert 0 < len(region.summary) <= 60
        assert region.cautions

    def test_has_one_to_four_areas_with_names_of_their_own(self, path):
        areas = shipped(path).areas
        assert 1 <= len({area.id for area in areas}) == len(areas) <= 4

    def test_says_all_that_a_treatment_needs(self, path):
        region = shipped(path)
        methods = library.load(path.parents[1].name).methods
        for area in region.areas:
            assert len(area.mobilize_again) >= 3
            for texts in (area.cautions, area.find, area.mobilize, area.stretch):
                assert texts
            assert area.place.keys() & methods.keys(), f"no method for {area.name}"
            assert all(area.place.values())

    def test_is_found_by_each_of_its_complaints(self, path):
        language = path.parents[1].name
        for complaint in shipped(path).complaints:
            assert library.load(language).region(complaint).id == path.stem

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_speaks_in_short_finished_sentences(self, path, side):
        for sentence in sentences(texts_of(shipped(path)), side):
            assert len(sentence.split()) <= MOST_WORDS, sentence
            assert not re.search(r"[{}|<>]|TODO|XXX", sentence)
        for text in texts_of(shipped(path)):
            assert text == text.strip()

    def test_ends_each_sentence(self, path):
        region = shipped(path)
        names = {area.name for area in region.areas}
        assert all(text[-1] in ".!?" for text in texts_of(region) if text not in names)


@pytest.mark.parametrize("path", WORDING_FILES, ids=lambda path: path.parent.name)
def test_every_phrase_is_short_and_has_known_placeholders_only(path):
    known = {"<region>", "<area>", "<tool>", "<round>", "<rounds>"}
    for variants in library.load(path.parent.name).wording.phrases.values():
        assert len(set(variants)) == len(variants)
        assert set(re.findall(r"<[^>]*>", " ".join(variants))) <= known
        for sentence in sentences(variants, "left"):
            assert len(sentence.split()) <= MOST_WORDS, sentence
            assert sentence[-1] in ".!?"


@pytest.mark.parametrize("language", library.languages())
def test_every_method_says_what_it_is_and_for_whom(language):
    methods = library.load(language).methods.values()
    assert [method.id for method in methods] == [
        "trigger-tool", "fascia-ball", "thumb", "foam-roller",
    ]  # fmt: skip
    for method in methods:
        assert method.name
        assert method.summary
        assert method.for_whom
        for sentence in sentences([f"{method.spoken}.", *(method.mobilize or ())], "left"):
            assert len(sentence.split()) <= MOST_WORDS
            assert sentence[-1] in ".!?"


@pytest.mark.parametrize("language", library.languages())
def test_what_recurs_has_three_variants_at_least(language):
    phrases = library.load(language).wording.phrases
    always_the_same = {"explain", "stop", "stop_stretch", "doctor", "seek_help"}
    for key, variants in phrases.items():
        if not key.startswith("pressure_") and key not in always_the_same:
            assert len(variants) >= 3, key


@pytest.mark.parametrize("language", library.languages())
def test_no_tool_is_used_where_it_does_not_suit(language):
    texts = library.load(language)
    jaw = {method for area in texts.region("jaw").areas for method in area.place}
    assert jaw == {"thumb"}
    assert texts.region("head").area("temple").place.keys() == {"thumb"}
    rolled = {
        region.id for region in texts.regions() for area in region.areas
        if "foam-roller" in area.place
    }  # fmt: skip
    assert rolled.isdisjoint({"head", "jaw", "neck", "hand", "inner-elbow", "outer-elbow"})
    assert {"calf", "front-thigh", "back-thigh", "hip"} <= rolled


# Finding


EVERY_PLACE = {
    "head": ["head", "tension-headache", "migraine"],
    "jaw": ["jaw", "jaw-pain", "tinnitus"],
    "neck": ["neck", "neck-pain", "radiating-neck-pain"],
    "shoulder": ["shoulder", "shoulder-pain"],
    "shoulder-blade": ["shoulder-blade", "shoulder-blade-pain"],
    "upper-arm": ["upper-arm", "arm-pain"],
    "forearm": ["forearm", "lower-arm"],
    "outer-elbow": ["outer-elbow", "tennis-elbow"],
    "inner-elbow": ["inner-elbow", "golfers-elbow"],
    "hand": ["hand", "hand-pain", "tingling-hand", "numb-hand"],
    "lower-back": ["lower-back", "lower-back-pain", "radiating-back-pain"],
    "hip": ["hip", "hip-pain"],
    "groin": ["groin", "groin-pain"],
    "outer-thigh": ["outer-thigh"],
    "front-thigh": ["front-thigh", "leg-pain"],
    "back-thigh": ["back-thigh"],
    "knee": ["knee", "knee-pain"],
    "calf": ["calf", "calf-pain"],
    "foot": ["foot", "foot-pain"],
}
"""The places and complaints of the domain page."""


@pytest.mark.parametrize("language", library.languages())
@pytest.mark.parametrize("region", EVERY_PLACE)
def test_every_place_and_complaint_is_found_with_every_method_that_suits(language, region):
    texts = library.load(language)
    for target in EVERY_PLACE[region]:
        found = texts.region(target)
        assert found.id == region
        suited = {method for area in found.areas_for(target) for method in area.place}
        for method in texts.methods:
            asked = request(target, method=method, language=language)
            if method in suited:
                assert treatment(asked, texts).method.id == method
            else:
                with pytest.raises(
                    RequestError, match=r"does not suit .*; what suits: "
                ) as refused:
                    treatment(asked, texts)
                assert set(str(refused.value).split(": ")[-1].split(", ")) == suited


@pytest.mark.parametrize("language", library.languages())
def test_every_complaint_leads_to_areas_of_one_region(language):
    texts = library.load(language)
    complaints = [name for region in texts.regions() for name in region.complaints]
    assert len(complaints) == len(set(complaints))
    for complaint in complaints:
        assert texts.region(complaint).areas_for(complaint)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("calv", "calf"), ("lowerback", "lower-back"), ("stif-neck", "stiff-neck"),
        ("tenis-elbow", "tennis-elbow"), ("golfer-elbow", "golfers-elbow"),
        ("migrane", "migraine"), ("tinitus", "tinnitus"), ("head-ache", "headache"),
        ("shoulderblade", "shoulder-blade"), ("back_pain", "back-pain"), ("sholder", "shoulder"),
    ],
)  # fmt: skip
def test_a_near_miss_is_answered_with_what_was_meant(wrong, near):
    with pytest.raises(RequestError, match=f"“{wrong}”; did you mean .*{near}"):
        library.load("en").region(wrong)


@pytest.mark.parametrize("language", library.languages())
def test_a_name_without_one_of_its_letters_is_a_near_miss(language):
    texts = library.load(language)
    for name in itertools.chain(*EVERY_PLACE.values()):
        with pytest.raises(RequestError, match=rf"did you mean (.* )?{name}[ ?]"):
            texts.region(name[0] + name[2:])


def test_what_is_like_nothing_is_answered_with_all_there_is():
    with pytest.raises(RequestError, match=r"there are: back-thigh, .*neck.*, calf-pain"):
        library.load("en").region("qqqq")


def test_unknown_areas_methods_and_languages_are_answered_alike():
    texts = library.load("en")
    with pytest.raises(RequestError, match="no area “uper-calf” in calf; did you mean upper-calf"):
        texts.region("calf").area("uper-calf")
    with pytest.raises(RequestError, match="no method “triger-tool”; did you mean trigger-tool"):
        texts.method("triger-tool")
    with pytest.raises(RequestError, match=r"no texts in language “qq”; there are: .*en"):
        library.load("qq")


@pytest.mark.parametrize(
    "trick", ["../en", "en/../en", "en/", "./en", "..", ".", "", "/etc", "en\n", "en\0", "sessions"]
)
def test_a_language_is_no_path(trick):
    with pytest.raises(RequestError, match="no texts in language"):
        library.load(trick)


# The user's own files


def test_the_users_region_is_there_beside_the_shipped_ones(own):
    own("en/regions/toes.toml", TOES)
    texts = library.load("en")
    assert texts.region("toes").name == "Toes"
    assert texts.region("toe-cramps").id == "toes"
    assert {"calf", "toes", "neck"} <= {region.id for region in texts.regions()}


def test_the_users_region_goes_before_the_shipped_one(own):
    own("en/regions/calf.toml", TOES.replace('"Toes"', '"My calf"'))
    texts = library.load("en")
    assert texts.region("calf").name == "My calf"
    assert [region.id for region in texts.regions()].count("calf") == 1
    assert texts.region("neck").name == "Neck"


def test_the_users_phrases_and_methods_go_before_the_shipped_ones(own):
    phrases = (SCRIPTS / "en/phrases.toml").read_text("utf-8")
    own("en/phrases.toml", phrases.replace('"Keep breathing."', '"Breathe on."'))
    own("en/methods.toml", (SCRIPTS / "en/methods.toml").read_text().replace("Trigger", "Magic"))
    texts = library.load("en")
    assert "Breathe on." in texts.wording.phrases["stretch_late"]
    assert texts.method("trigger-tool").name == "Magic tool"


def test_a_language_of_the_users_own_is_found(own, tmp_path):
    shutil.copytree(SCRIPTS / "en", tmp_path / "scripts/tlh")
    own("tlh/regions/toes.toml", TOES)
    assert "tlh" in library.languages()
    assert library.load("tlh").region("toes").spoken == "your toes"
    assert "toes" not in library.load("en").region_files


def test_a_folder_that_is_named_goes_before_the_users_own(own, tmp_path):
    own("en/regions/toes.toml", TOES)
    named = tmp_path / "named"
    (named / "en/regions").mkdir(parents=True)
    (named / "en/regions/toes.toml").write_text(TOES.replace('"Toes"', '"Other toes"'), "utf-8")
    assert library.load("en", named).region("toes").name == "Other toes"
    assert library.load("en").region("toes").name == "Toes"
    assert {"calf", "toes"} <= library.load("en", named).region_files.keys()
    with pytest.raises(RequestError, match="is no folder"):
        library.load("en", tmp_path / "none")


# What is wrong is named


WRONG = {
    "a missing name": ('name = "Toes"\n', "", "name: Field required"),
    "a missing text of an area": ('mobilize = ["Bend your toes."]', "", r"areas\.0\.mobilize: "),
    "a missing table": (
        '[areas.place]\ntrigger-tool = ["Stand on the tool."]',
        "",
        "areas.0.place",
    ),
    "a wrong type": ("two_sided = true", 'two_sided = "both"', r"areas\.0\.two_sided: .*bool"),
    "a text for a list": ('["Bend your toes."]', '"Bend."', r"areas\.0\.mobilize: .*list"),
    "an empty list": ('["Bend your toes."]', "[]", r"areas\.0\.mobilize: .*at least 1"),
    "an empty text": ('["Bend your toes."]', '[" "]', r"areas\.0\.mobilize\.0: is empty"),
    "too few reminders": (', "Once more."', "", r"areas\.0\.mobilize_again: .*at least 3"),
    "an unknown key": ("[complaints]", "[complains]", "complains: Extra"),
    "an unknown key of an area": ("find =", 'fnd = ["x"]\nfind =', r"areas\.0\.fnd: Extra"),
    "an id with a space": ('id = "ball"', 'id = "the ball"', r"areas\.0\.id: "),
    "a complaint with a capital": ("toe-cramps =", "Cramps =", r"complaints\.Cramps\.\[key\]: "),
    "a complaint without a list": ('["ball"]', '"ball"', r"complaints\.toe-cramps: .*list"),
    "an unknown area in a complaint": (
        '["ball"]',
        '["ball", "heel"]',
        r"complaints\.toe-cramps: there is no area “heel”",
    ),
    "a long summary": ("below the toes", "x" * 61, "summary: .*60"),
    "a lone brace": ("{left|right} foot", "{left foot", r"areas\.0\.find\.0: has a brace"),
    "no choice": ("{left|right} foot", "{left} foot", r"areas\.0\.find\.0: has a brace"),
    "three sides": ("{left|right} foot", "{a|b|c} foot", r"areas\.0\.find\.0: has a brace"),
    "nested braces": ("{left|right} foot", "{a|{b|c}} foot", r"areas\.0\.find\.0: has a brace"),
    "a side in a caution": ("a numb foot", "a {left|right} foot", r"cautions\.0: cannot have"),
    "a side in a name": ('"the ball', '"the {left|right} ball', r"areas\.0\.name: cannot have"),
    "sides where there are none": (
        "two_sided = true",
        "two_sided = false",
        r"areas\.0: has no two sides, but says “Feel along your \{left\|right\} foot.”",
    ),
    "broken TOML": ('name = "Toes"', 'name = "Toes', r"is not valid TOML.*line 2"),
    "a key twice": ('name = "Toes"', 'name = "Toes"\nname = "Feet"', r"is not valid TOML.*line 3"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_region_is_named_with_its_key_and_others_still_load(own, old, new, says):
    assert old in TOES
    path = own("en/regions/toes.toml", TOES.replace(old, new))
    texts = library.load("en")
    with pytest.raises(LibraryError, match=says) as raised:
        texts.region("toes")
    assert str(raised.value).startswith(f"{path}: ")
    problems: list[LibraryError] = []
    assert {"calf", "neck"} <= {region.id for region in texts.regions(problems)}
    assert list(map(str, problems)) == [str(raised.value)]
    assert texts.region("stiff-neck").id == "neck"


def test_several_mistakes_are_counted(own):
    own("en/regions/toes.toml", 'name = "Toes"')
    with pytest.raises(LibraryError, match=r"toes\.toml: spoken: Field required \(and 3 more\)"):
        library.load("en").region("toes")


def test_a_file_that_is_not_utf_8_is_named(own):
    path = own("en/regions/toes.toml", TOES.replace("Toes", "Füße").encode("latin-1"))
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: is not valid TOML in UTF-8"):
        library.load("en").region("toes")


def test_a_file_that_cannot_be_read_is_named(own):
    path = own("en/regions/toes.toml", TOES)
    path.unlink()
    path.mkdir()
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: cannot be read"):
        library.load("en").region("toes")


def test_wrong_phrases_and_methods_are_named_with_their_key(own):
    phrases = own("en/phrases.toml", 'language_name = "English"\n[sides]\n[chapters]\n')
    with pytest.raises(LibraryError, match=f"{re.escape(str(phrases))}: phrases: Field required"):
        _ = library.load("en").wording
    phrases.write_text(phrases.read_text() + '[phrases]\nhold = ["Stay {there."]', "utf-8")
    with pytest.raises(
        LibraryError, match=rf"{re.escape(str(phrases))}: phrases\.hold\.0: has a brace"
    ):
        _ = library.load("en").wording
    methods = own("en/methods.toml", '[[methods]]\nid = "thumb"\n')
    with pytest.raises(
        LibraryError, match=rf"{re.escape(str(methods))}: methods\.0\.name: Field required"
    ):
        _ = library.load("en").methods


def test_a_language_without_phrases_says_which_file_is_missing(own):
    own("qq/regions/toes.toml", TOES)
    assert "qq" not in library.languages()
    with pytest.raises(LibraryError, match=r"phrases\.toml is missing in .*qq"):
        _ = library.load("qq").wording


def test_a_region_is_called_as_its_file(own):
    path = own("en/regions/toes.toml", 'id = "knee"' + TOES)
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: id"):
        library.load("en").region("toes")


def test_two_areas_with_one_name_are_refused(own):
    own("en/regions/toes.toml", TOES + TOES[TOES.index("[[areas]]") :])
    with pytest.raises(LibraryError, match="ball"):
        library.load("en").region("toes")
